#include "theory/special.h"

#include <boost/math/special_functions/lambert_w.hpp>
#include <cmath>
#include <limits>
#include <numbers>

namespace iclab::theory {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// erfcx(x) = (1 - 1/(2x^2) + 1*3/(2x^2)^2 - 1*3*5/(2x^2)^3 + ...) / (x sqrt(pi)); from x = 20 on ten
// terms are exact to rounding.
double erfcx_far(double x) {
  const double q = 1 / (2 * x * x);
  double sum = 0;
  for (int k = 10; k >= 1; --k) sum = -(2 * k - 1) * q * (1 + sum);
  return (1 + sum) / (x * std::sqrt(std::numbers::pi));
}

constexpr double kFar = 20;

}  // namespace

double logistic(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}

double softplus(double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x))); }

double erfcx(double x) { return x < kFar ? std::exp(x * x) * std::erfc(x) : erfcx_far(x); }

double log_erfcx(double x) {
  return x < kFar ? x * x + std::log(std::erfc(x)) : std::log(erfcx_far(x));
}

double normal_upper_quantile(double log_tail) {
  // log P(Z > x) = -x^2/2 + log(erfcx(x / sqrt 2) / 2) is concave, and at sqrt(-2 log_tail) below
  // the value sought: Newton's steps from there fall to the root without passing it.
  double x = std::sqrt(-2 * log_tail);
  for (int i = 0; i < 60; ++i) {
    const double scaled = erfcx(x / std::numbers::sqrt2);
    const double excess = log_tail + x * x / 2 - std::log(scaled / 2);
    const double step = excess * scaled / std::sqrt(2 / std::numbers::pi);
    x = std::fmax(x - step, 0);
    if (std::fabs(step) <= 2 * kEpsilon * x) break;
  }
  return x;
}

double lambert_w_of_exp(double y) {
  constexpr double kLargest = 700;  // e^y is a double
  if (y < kLargest) return boost::math::lambert_w0(std::exp(y));
  // W = y - log W contracts by 1/W, so by 700 and more.
  double w = y - std::log(y);
  for (int i = 0; i < 8; ++i) w = y - std::log(w);
  return w;
}

void CompensatedSum::add(double x) {
  const double sum = sum_ + x;
  lost_ += std::fabs(sum_) >= std::fabs(x) ? (sum_ - sum) + x : (x - sum) + sum_;
  sum_ = sum;
}

}  // namespace iclab::theory
