#include "theory/one_eigenvalue.h"

#include <algorithm>
#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <cmath>
#include <limits>

namespace iclab::theory {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// What v u must reach, as a part of Lambda/m.
double part(double phi) { return phi / (1 + std::sqrt(1 - phi)); }  // 1 - sqrt(1-phi)

// At v u = z Lambda/m the drop from r is (Lambda^2/m)(2z - z^2): 0 where a start has it already,
// undefined where it is on the other side of the optimum without it.
double started(double z, double phi) { return 2 * z - z * z >= phi ? 0 : kUndefined; }

}  // namespace

double OneEigenvalue::Lambda() const {
  return std::sqrt(static_cast<double>(r) / static_cast<double>(K));
}

double OneEigenvalue::m() const {
  return (1 + 1 / n) / static_cast<double>(K) + (static_cast<double>(r) + sigma2) / n;
}

double OneEigenvalue::logistic_risk(double v0, double t) const {
  const double best = Lambda() / m();
  const double z = 1 / (1 + (best / (v0 * v0) - 1) * std::exp(-4 * Lambda() * t));
  return static_cast<double>(r) - Lambda() * best * (2 * z - z * z);
}

double OneEigenvalue::logistic_plateau(double v0, double phi) const {
  const double z0 = v0 * v0 * m() / Lambda(), z = part(phi);
  if (z0 >= z) return started(z0, phi);
  return std::log((1 / z0 - 1) * z / (1 - z)) / (4 * Lambda());
}

double OneEigenvalue::quadrature_plateau(double v0, double u0, double phi) const {
  const double product = part(phi) * Lambda() / m();
  if (v0 * u0 >= product) return started(v0 * u0 * m() / Lambda(), phi);

  // The flow is symmetric in v and u: the smaller, x, is integrated (in ln x), y = sqrt(x^2 + D).
  const double low = std::min(v0, u0), high = std::max(v0, u0);
  const double D = (high - low) * (high + low);
  // x_phi^2 = (-D + sqrt(D^2 + 4 product^2))/2, written without cancellation.
  const double end = product * std::sqrt(2 / (D + std::hypot(D, 2 * product)));
  const auto integrand = [&](double log_x) {
    const double x = std::exp(log_x), y = std::sqrt(x * x + D);
    return x / (2 * y * (Lambda() - m() * x * y));
  };
  return boost::math::quadrature::gauss_kronrod<double, 61>::integrate(integrand, std::log(low),
                                                                       std::log(end), 20, 1e-13);
}

}  // namespace iclab::theory
