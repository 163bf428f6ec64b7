#include "theory/one_eigenvalue.h"

#include <algorithm>
#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <cmath>
#include <limits>
#include <numbers>

namespace iclab::theory {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// What v u must reach, as a part of Lambda/m.
double part(double phi) { return phi / (1 + std::sqrt(1 - phi)); }  // 1 - sqrt(1-phi)

// At v u = z Lambda/m the drop from r is (Lambda^2/m)(2z - z^2): 0 where a start has it already,
// undefined where it is on the other side of the optimum without it.
double started(double z, double phi) { return z * (2 - z) >= phi ? 0 : kUndefined; }

// sqrt(D + sqrt(D^2 + 4 p^2)), D = root^2, where the squares may be no doubles.
double root_of_end(double root, double p) {
  const double scale = std::fmax(root, std::sqrt(2 * p));
  const double a = root / scale, b = std::sqrt(2 * p) / scale;
  return scale * std::sqrt(a * a + std::hypot(a * a, b * b));
}

}  // namespace

double OneEigenvalue::Lambda() const {
  return std::sqrt(static_cast<double>(r) / static_cast<double>(K));
}

double OneEigenvalue::m() const {
  return (1 + 1 / n) / static_cast<double>(K) + (static_cast<double>(r) + sigma2) / n;
}

// log(q*/q0): finite for every v0, while its square may be no double.
double OneEigenvalue::log_rise(double v0) const {
  return std::log(Lambda() / m()) - 2 * std::log(v0);
}

double OneEigenvalue::logistic_risk(double v0, double t) const {
  const double best = Lambda() / m(), passed = 4 * Lambda() * t;
  const double z = 1 / (std::exp(log_rise(v0) - passed) - std::expm1(-passed));
  return static_cast<double>(r) - Lambda() * best * (2 * z - z * z);
}

double OneEigenvalue::logistic_plateau(double v0, double phi) const {
  const double rise = log_rise(v0), log_z = std::log(part(phi));
  if (-rise >= log_z) return started(std::exp(-rise), phi);
  const double log_left = std::log1p(-phi) / 2;  // of 1 - z
  return (rise + std::log1p(-std::exp(-rise)) + log_z - log_left) / (4 * Lambda());
}

double OneEigenvalue::quadrature_plateau(double v0, double u0, double phi) const {
  const double product = part(phi) * Lambda() / m();
  if (v0 * u0 >= product) return started(v0 * u0 * m() / Lambda(), phi);

  // The flow is symmetric in v and u: the smaller, x, is integrated (in ln x), y = sqrt(x^2 + D).
  const double low = std::min(v0, u0), high = std::max(v0, u0);
  const double root = std::sqrt(high - low) * std::sqrt(high + low);  // of D
  // x_phi^2 = (-D + sqrt(D^2 + 4 product^2))/2, written without cancellation.
  const double end = product * std::numbers::sqrt2 / root_of_end(root, product);
  const auto integrand = [&](double log_x) {
    const double x = std::exp(log_x), y = std::hypot(x, root);
    return x / (2 * y * (Lambda() - m() * x * y));
  };
  return boost::math::quadrature::gauss_kronrod<double, 61>::integrate(integrand, std::log(low),
                                                                       std::log(end), 20, 1e-13);
}

}  // namespace iclab::theory
