#include "theory/kinetics_memoriser.h"

#include <algorithm>
#include <boost/math/tools/toms748_solve.hpp>
#include <boost/numeric/odeint/stepper/generation/generation_controlled_runge_kutta.hpp>
#include <boost/numeric/odeint/stepper/generation/generation_runge_kutta_fehlberg78.hpp>
#include <boost/numeric/odeint/stepper/generation/make_controlled.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_fehlberg78.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "theory/kinetics_attention.h"
#include "theory/kinetics_mean_field.h"
#include "theory/special.h"

namespace iclab::theory {
namespace {

namespace odeint = boost::numeric::odeint;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// ---- attention beside a memoriser ----

using State = std::vector<double>;  // w, beta
using Stepper = odeint::runge_kutta_fehlberg78<State>;

// One interval of the series: its length in tau, and c2 at its ends.
struct Interval {
  double length, c2_begin, c2_end;
};

class Attention {
 public:
  Attention(double N, double n, double mu, State start)
      : N_(N), n_(n), mu_(mu), threshold_(beta_threshold(N, n)), state_(std::move(start)) {}

  bool acquired() const { return state_[1] >= threshold_; }
  const State& state() const { return state_; }

  // Through the interval, or to the tau inside it at which beta reaches the threshold.
  std::optional<double> pass(const Interval& interval) {
    const auto system = [this, &interval](const State& x, State& dx, double tau) {
      const double c2 = std::lerp(interval.c2_begin, interval.c2_end, tau / interval.length);
      // Trial steps beyond the threshold must not leave a double's range; no step ends there.
      const double copies = n_ * std::exp(std::min(x[1], threshold_ + 1));
      dx[0] = (copies + mu_ - c2 * x[0]) / N_;
      dx[1] = x[0] * copies / N_;
    };
    double tau = 0, step = first_step(system, interval);
    while (tau < interval.length) {
      step = std::min(step, interval.length - tau);
      const State before = state_;
      const double begin = tau;
      while (controlled_.try_step(system, state_, tau, step) == odeint::fail) {
      }
      if (interval.length - tau <= 2 * kEpsilon * interval.length) tau = interval.length;

      const auto beta_after = [&](double length) { return after(system, before, begin, length)[1]; };
      double length = tau - begin;
      if (!acquired()) {
        // Where w turns negative beta has passed its highest point.
        if (!(before[0] > 0 && state_[0] < 0)) continue;
        length = root([&](double x) { return -after(system, before, begin, x)[0]; }, length);
        if (beta_after(length) < threshold_) continue;
      }
      length = root([&](double x) { return beta_after(x) - threshold_; }, length);
      state_ = after(system, before, begin, length);
      state_[1] = threshold_;
      return begin + length;
    }
    return std::nullopt;
  }

 private:
  template <class System>
  double first_step(const System& system, const Interval& interval) const {
    State speed(2);
    system(state_, speed, 0);
    const double fastest = std::max(std::fabs(speed[0]) / (1 + std::fabs(state_[0])),
                                    std::fabs(speed[1]));
    return std::min(interval.length, 0.1 / std::max(fastest, 1 / N_));
  }

  template <class System>
  State after(const System& system, const State& before, double begin, double length) const {
    State result(2);
    Stepper().do_step(system, before, begin, result, length);
    return result;
  }

  // Where an increasing function, negative at 0 and not at `high`, is 0.
  template <class F>
  static double root(const F& f, double high) {
    const double at_low = f(0), at_high = f(high);
    if (at_low >= 0) return 0;
    if (at_high <= 0) return high;
    std::uintmax_t iterations = 100;
    const auto [a, b] = boost::math::tools::toms748_solve(
        f, 0.0, high, at_low, at_high, boost::math::tools::eps_tolerance<double>(), iterations);
    return std::midpoint(a, b);
  }

  double N_, n_, mu_, threshold_;
  State state_;
  odeint::result_of::make_controlled<Stepper>::type controlled_ =
      odeint::make_controlled(1e-13, 1e-12, Stepper());
};

}  // namespace

double g_lookup(double s) {
  // g + (e^g - 1) = s is convex and increasing: Newton's steps from a g that is too large (s/2 and
  // log(1 + s) are) fall to the root.
  double g = std::min(s / 2, std::log1p(s));
  for (int i = 0; i < 60; ++i) {
    const double rise = std::expm1(g);
    const double step = (g + rise - s) / (2 + rise);
    g -= step;
    if (std::fabs(step) <= 2 * kEpsilon * g) break;
  }
  return g;
}

double I_lookup(double t, std::int64_t K, double alpha) {
  const auto count = static_cast<double>(K);
  if (alpha == 0) return count * g_lookup(t / count);
  // The largest p_k has weight 1, so that no power overflows.
  const double log_of_largest = alpha > 0 ? 0 : std::log(count);
  const auto weight = [&](double k) { return std::exp(-alpha * (std::log(k) - log_of_largest)); };
  CompensatedSum total, I;
  for (double k = 1; k <= count; ++k) total.add(weight(k));
  for (double k = 1; k <= count; ++k) I.add(g_lookup(weight(k) / total.value() * t));
  return I.value();
}

double p_acquire(double I_inf, double N, double sigma_beta, double n) {
  const double log_ratio = std::log(I_inf) + std::log(n / N) - std::log(std::numbers::pi / 2) / 2;
  return std::erfc(-log_ratio / sigma_beta / std::numbers::sqrt2) / 2;
}

double k_star(double N, double A, double nu, double beta0, double w0, double n) {
  return std::exp((log_tau_star(N, beta0, w0, n) - std::log(A)) / nu);
}

double expected_copies(double N, double K) {
  return N / K + std::exp(N * std::log1p(-1 / K)) * (1 + (N - 1) / (K - 1));
}

FromMemoriser t_icl_from_memoriser(const MemoriserSeries& series, double N, double eta,
                                   double beta0, double w0, double n, double mu) {
  const auto& [t, c1, c2] = series;
  const auto advance = [&](size_t i) { return eta * (c1[i] + c1[i + 1]) / 2 * (t[i + 1] - t[i]); };
  FromMemoriser result{.t_icl = kInfinity, .tau_end = 0, .w = w0, .beta = beta0};
  for (size_t i = 0; i + 1 < t.size(); ++i) result.tau_end += advance(i);
  if (!std::isfinite(result.tau_end))
    throw UsageError(
        "[t_icl_from_memoriser] t: found a time tau = eta sum c1 beyond a double's range, accepted are "
        "series within it");

  Attention attention(N, n, mu, {w0, beta0});
  if (attention.acquired()) result.t_icl = t[0];
  for (size_t i = 0; i + 1 < t.size() && std::isinf(result.t_icl); ++i) {
    const Interval interval{advance(i), c2[i], c2[i + 1]};
    if (!(interval.length > 0)) continue;
    if (const std::optional<double> tau = attention.pass(interval))
      result.t_icl = t[i] + (t[i + 1] - t[i]) * (*tau / interval.length);
  }
  result.w = attention.state()[0];
  result.beta = attention.state()[1];
  return result;
}

}  // namespace iclab::theory
