#include "theory/stiff_flow.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/tools/toms748_solve.hpp>
#include <boost/numeric/odeint/stepper/bulirsch_stoer.hpp>
#include <boost/numeric/odeint/stepper/rosenbrock4.hpp>
#include <boost/numeric/odeint/stepper/rosenbrock4_controller.hpp>
#include <boost/numeric/odeint/util/ublas_wrapper.hpp>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>

#include "base/error.h"

namespace iclab::theory {
namespace {

namespace odeint = boost::numeric::odeint;

// Not Fehlberg's 7(8) as in flow.cpp: its estimate does not see the error of a plain integral, and
// one entry here is the time, the integral of the others.
using Explicit = odeint::bulirsch_stoer<StiffState>;
using Implicit = odeint::rosenbrock4<double>;

constexpr double kAbsolute = 1e-13, kRelative = 1e-12;
// The estimate of the implicit method is of order 3: it exaggerates, and 1e-10 is 1e-10 at the end.
constexpr double kImplicit = 1e-11;
constexpr double kStiff = 30;  // a step is below 0.1 for its error: above this for its stability
constexpr double kFirst = 1e-3;
constexpr long kMaxTries = 200'000;

bool is_finite(const StiffState& x) {
  return std::all_of(x.begin(), x.end(), [](double value) { return std::isfinite(value); });
}

auto system_of(const StiffFlow& flow) {
  return [&flow](const StiffState& x, StiffState& dx, double) { flow.velocity(x, dx); };
}

auto slopes_of(const StiffFlow& flow) {
  return [&flow](const StiffState& x, StiffJacobian& J, double, StiffState& explicit_time) {
    flow.jacobian(x, J);
    std::fill(explicit_time.begin(), explicit_time.end(), 0.0);
  };
}

}  // namespace

StiffIntegration::StiffIntegration(const StiffFlow& flow)
    : flow_(flow), state_(flow.start), begin_(flow.start) {
  StiffState speed(state_.size());
  flow_.velocity(state_, speed);
  double fastest = 1;
  for (const double v : speed) fastest = std::max(fastest, std::fabs(v));
  length_ = kFirst / fastest;
}

bool StiffIntegration::is_stiff(const StiffState& x) const {
  StiffJacobian J(x.size(), x.size());
  flow_.jacobian(x, J);
  return -J(0, 0) > kStiff;
}

bool StiffIntegration::step_explicitly() {
  Explicit stepper(kAbsolute, kRelative);
  double passed = 0;
  return stepper.try_step(system_of(flow_), state_, passed, length_) == odeint::success;
}

bool StiffIntegration::step_implicitly() {
  odeint::rosenbrock4_controller<Implicit> stepper(kImplicit, kImplicit);
  double passed = 0;
  return stepper.try_step(std::pair(system_of(flow_), slopes_of(flow_)), state_, passed, length_) ==
         odeint::success;
}

void StiffIntegration::advance() {
  begin_ = state_;
  implicit_ = is_stiff(state_);
  for (;;) {
    if (++tries_ > kMaxTries)
      throw Error(fmt::format("[theory] a flow took more than {} steps; accepted are parameters for "
                              "which it is faster",
                              kMaxTries));
    last_ = length_;
    const bool done = implicit_ ? step_implicitly() : step_explicitly();
    if (done && is_finite(state_)) return;
    // An error estimate that is no number refuses nothing: such a step is taken back here.
    if (done) {
      state_ = begin_;
      length_ = last_ / 4;
    }
  }
}

StiffState StiffIntegration::after(double length) const {
  StiffState result(begin_.size());
  if (implicit_) {
    StiffState error(begin_.size());
    Implicit().do_step(std::pair(system_of(flow_), slopes_of(flow_)), begin_, 0, result, length,
                       error);
  } else {
    Explicit stepper(kAbsolute, kRelative);
    result = begin_;
    double passed = 0, next = length;
    while (passed < length) {
      next = std::min(next, length - passed);
      if (stepper.try_step(system_of(flow_), result, passed, next) == odeint::success &&
          length - passed <= 4e-16 * length)
        break;
    }
  }
  return result;
}

StiffState StiffIntegration::crossing(const std::function<double(const StiffState&)>& measure,
                                      double level) const {
  const auto excess = [&](double length) { return measure(after(length)) - level; };
  const double at_begin = measure(begin_) - level, at_end = measure(state_) - level;
  if (at_begin == 0) return begin_;
  if (at_end == 0) return state_;
  std::uintmax_t iterations = 100;
  const auto [low, high] = boost::math::tools::toms748_solve(
      excess, 0.0, last_, at_begin, at_end, boost::math::tools::eps_tolerance<double>(), iterations);
  return after(std::midpoint(low, high));
}

}  // namespace iclab::theory
