#include "theory/kinetics_decay.h"

#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>

#include "theory/special.h"

namespace iclab::theory {
namespace {

// w of the stationary state: sqrt(beta (1 + e^beta/(N-1))), without forming e^beta.
double w_of(double beta, double N) {
  return std::sqrt(beta) * std::hypot(1, std::exp(beta / 2) / std::sqrt(N - 1));
}

// d log h / d beta = 1/(2 beta) + e/(2(1+e)) - 1/(1+e).
double extremum(double N, double low, double high) {
  const auto slope = [&](double beta) {
    return 1 / (2 * beta) + 0.5 - 1.5 * logistic(std::log(N - 1) - beta);
  };
  std::uintmax_t iterations = 100;
  const auto [a, b] = boost::math::tools::toms748_solve(
      slope, low, high, boost::math::tools::eps_tolerance<double>(), iterations);
  return std::midpoint(a, b);
}

}  // namespace

double h_decay(double beta, double N) {
  return w_of(beta, N) * (1 + (N - 1) * std::exp(-beta));
}

DecayFold decay_fold(double N) {
  // The slope is above 0 at 1/4, below at 1.2 for N >= 8, above again from e = 2 on.
  constexpr double kBetween = 1.2;
  DecayFold fold{};
  fold.beta_top = extremum(N, 0.25, kBetween);
  fold.h_top = h_decay(fold.beta_top, N);
  fold.beta_fold = extremum(N, kBetween, std::log(2 * (N - 1)));
  fold.h_fold = h_decay(fold.beta_fold, N);
  fold.w_fold = w_of(fold.beta_fold, N);
  return fold;
}

double w_decay_saturated(double c3, double lambda) {
  return c3 == 0 ? 0 : lambert_w_of_exp(std::log(c3) - std::log(lambda));
}

PostAcquisition post_acquisition(std::span<const double> s, std::span<const double> c3,
                                 double w_a) {
  PostAcquisition way;
  double w = w_a, time = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    if (i > 0) {
      const double before = std::exp(w), half = s[i] / 2 - s[i - 1] / 2;
      w += (c3[i - 1] + c3[i]) * half;
      time += (before + std::exp(w)) * half;
    }
    way.w.push_back(w);
    way.time.push_back(time);
    way.loss.push_back(c3[i] * std::exp(-w));
  }
  return way;
}

}  // namespace iclab::theory
