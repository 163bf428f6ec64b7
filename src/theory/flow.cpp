#include "theory/flow.h"

#include <algorithm>
#include <boost/math/tools/minima.hpp>
#include <boost/math/tools/toms748_solve.hpp>
#include <boost/numeric/odeint/stepper/generation/generation_controlled_runge_kutta.hpp>
#include <boost/numeric/odeint/stepper/generation/generation_runge_kutta_fehlberg78.hpp>
#include <boost/numeric/odeint/stepper/generation/make_controlled.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_fehlberg78.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace iclab::theory {
namespace {

namespace odeint = boost::numeric::odeint;

constexpr double kRelativeTolerance = 1e-11;
constexpr double kAbsoluteTolerance = 1e-14;
constexpr std::int64_t kMaxSteps = 2'000'000;
constexpr double kNever = std::numeric_limits<double>::quiet_NaN();

double largest(const State& x) {
  double norm = 0;
  for (const double value : x) norm = std::max(norm, std::abs(value));
  return norm;
}

bool is_finite(const State& x) {
  return std::ranges::all_of(x, [](double value) { return std::isfinite(value); });
}

// Steps of controlled size; any point of the last step can be had by one step from its beginning.
class Integration {
 public:
  explicit Integration(const Flow& flow)
      : system_([velocity = flow.velocity](const State& x, State& dx, double) { velocity(x, dx); }),
        controlled_(
            odeint::make_controlled(absolute_tolerance(flow.start), kRelativeTolerance, Stepper())),
        state_(flow.start),
        begin_(flow.start) {
    State speed(state_.size());
    flow.velocity(state_, speed);
    // A thousandth of the time in which some entry moves by itself (by the largest, if it is 0): never
    // too long a start.
    double shortest = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < speed.size(); ++i)
      if (speed[i] != 0)
        shortest = std::min(shortest, (state_[i] != 0 ? std::abs(state_[i]) : largest(state_)) / std::abs(speed[i]));
    step_ = std::isfinite(shortest) && shortest > 0 ? 1e-3 * shortest : 1;
  }

  double time() const { return time_; }
  const State& state() const { return state_; }
  const State& begin() const { return begin_; }

  // False at a fixed point.
  bool advance() {
    begin_ = state_;
    begin_time_ = time_;
    while (step_ > 0) {
      const double tried = step_;
      if (controlled_.try_step(system_, state_, time_, step_) == odeint::fail) continue;
      if (is_finite(state_)) return state_ != begin_;
      // An error estimate that is no number refuses nothing: such a step is taken back here.
      state_ = begin_;
      time_ = begin_time_;
      step_ = tried / 4;
    }
    throw Error("[theory] a flow leaves a double's range; accepted are parameters with which it stays there");
  }

  // x + dt f(x).
  State tangent(const State& x, double dt) const {
    State moved(x.size());
    system_(x, moved, 0);
    for (size_t i = 0; i < x.size(); ++i) moved[i] = x[i] + dt * moved[i];
    return moved;
  }

  // The state at `t` within the last step.
  State at(double t) {
    State result(begin_.size());
    single_.do_step(system_, begin_, begin_time_, result, t - begin_time_);
    return result;
  }

 private:
  using Stepper = odeint::runge_kutta_fehlberg78<State>;
  using Controlled = odeint::result_of::make_controlled<Stepper>::type;

  // Small starts grow exponentially, and their relative error with them.
  static double absolute_tolerance(const State& start) {
    double tolerance = kAbsoluteTolerance;
    for (const double x : start)
      if (x != 0) tolerance = std::min(tolerance, kRelativeTolerance * std::abs(x));
    return tolerance;
  }

  std::function<void(const State&, State&, double)> system_;
  Controlled controlled_;
  Stepper single_;
  State state_, begin_;
  double time_ = 0, begin_time_ = 0, step_ = 0;
};

// A point of the last step and the measure there.
struct Point {
  double time, value;
};

// The time between two points at which the measure falls to the level: above it at `from`, not at
// `to`.
double crossing(Integration& flow, const Measure& measure, double level, Point from, Point to) {
  if (from.time == to.time) return to.time;  // after a wait so long that the step is a rounding of it
  const auto excess = [&](double t) { return measure(flow.at(t)) - level; };
  std::uintmax_t iterations = 100;
  const auto [low, high] = boost::math::tools::toms748_solve(
      excess, from.time, to.time, from.value - level, to.value - level,
      boost::math::tools::eps_tolerance<double>(), iterations);
  return std::midpoint(low, high);
}

// The lowest point of the last step: its end, unless the measure falls at first and rises at last.
Point lowest(Integration& flow, const Measure& measure, Point from, Point to) {
  const double near = 1e-3 * (to.time - from.time);
  if (!(measure(flow.tangent(flow.begin(), near)) < from.value &&
        measure(flow.tangent(flow.state(), -near)) < to.value))
    return to;
  const auto value = [&](double t) { return measure(flow.at(t)); };
  const auto [time, least] = boost::math::tools::brent_find_minima(
      value, from.time, to.time, std::numeric_limits<double>::digits / 2);
  return {time, least};
}

}  // namespace

std::vector<double> first_times(const Flow& flow, const Measure& measure,
                                std::span<const double> levels) {
  std::vector<double> times(levels.size(), kNever);
  Point from{0, measure(flow.start)};
  size_t waiting = 0;
  for (size_t i = 0; i < levels.size(); ++i) {
    if (from.value <= levels[i])
      times[i] = 0;
    else if (!std::isnan(levels[i]))
      ++waiting;
  }

  Integration integration(flow);
  for (std::int64_t step = 0; waiting > 0 && step < kMaxSteps; ++step) {
    if (!integration.advance()) break;
    const Point end{integration.time(), measure(integration.state())};
    const Point low = lowest(integration, measure, from, end);
    for (size_t i = 0; i < levels.size(); ++i) {
      if (!std::isnan(times[i]) || !(low.value <= levels[i])) continue;
      times[i] = crossing(integration, measure, levels[i], from, low);
      --waiting;
    }
    from = end;
  }
  return times;
}

std::vector<double> values_at(const Flow& flow, const Measure& measure,
                              std::span<const double> times) {
  std::vector<size_t> order(times.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return times[i]; });

  std::vector<double> values(times.size());
  Integration integration(flow);
  for (const size_t i : order) {
    while (integration.time() < times[i]) integration.advance();
    values[i] = measure(integration.at(times[i]));
  }
  return values;
}

}  // namespace iclab::theory
