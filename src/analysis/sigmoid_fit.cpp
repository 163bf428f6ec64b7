#include "analysis/sigmoid_fit.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <unsupported/Eigen/NonLinearOptimization>
#include <vector>

namespace iclab::analysis {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// 1 / (1 + e^-t) and its derivative.
struct Logistic {
  explicit Logistic(double t) {
    const double e = std::exp(-std::fabs(t));
    value = t >= 0 ? 1 / (1 + e) : e / (1 + e);
    slope = e / ((1 + e) * (1 + e));
  }
  double value, slope;
};

// A parameter p in [lo, hi] from a q without bounds: p = lo + (hi - lo) (1 + sin q) / 2.
double inside(const Interval& bound, double q) {
  return bound.lo + (bound.hi - bound.lo) * (1 + std::sin(q)) / 2;
}

double inside_slope(const Interval& bound, double q) {
  return (bound.hi - bound.lo) * std::cos(q) / 2;
}

// The q of a p, kept off the bounds, where q would not move any more.
double outside(const Interval& bound, double p) {
  if (bound.hi <= bound.lo) return 0;
  const double part = std::clamp((p - bound.lo) / (bound.hi - bound.lo), 0.01, 0.99);
  return std::asin(2 * part - 1);
}

// The residuals as Eigen's solver wants them: rows are points, columns q of a, b, c, d.
class Residuals {
 public:
  Residuals(std::span<const double> x, std::span<const double> y, const SigmoidBounds& bounds)
      : x_(x), y_(y), bounds_{bounds.a, bounds.b, bounds.c, bounds.d} {}

  int inputs() const { return 4; }
  int values() const { return static_cast<int>(x_.size()); }

  Sigmoid sigmoid(const Eigen::VectorXd& q) const {
    return {inside(bounds_[0], q[0]), inside(bounds_[1], q[1]), inside(bounds_[2], q[2]),
            inside(bounds_[3], q[3])};
  }

  Eigen::VectorXd start(double a, double b, double c, double d) const {
    return Eigen::Vector4d(outside(bounds_[0], a), outside(bounds_[1], b), outside(bounds_[2], c),
                           outside(bounds_[3], d));
  }

  int operator()(const Eigen::VectorXd& q, Eigen::VectorXd& residual) const {
    const Sigmoid fit = sigmoid(q);
    for (size_t i = 0; i < x_.size(); ++i)
      residual[static_cast<Eigen::Index>(i)] = fit(x_[i]) - y_[i];
    return 0;
  }

  int df(const Eigen::VectorXd& q, Eigen::MatrixXd& J) const {
    const Sigmoid fit = sigmoid(q);
    for (size_t i = 0; i < x_.size(); ++i) {
      const Logistic at(fit.a * (x_[i] - fit.b));
      const double row[] = {fit.d * at.slope * (x_[i] - fit.b), -fit.d * at.slope * fit.a, 1,
                            at.value};
      for (Eigen::Index p = 0; p < 4; ++p)
        J(static_cast<Eigen::Index>(i), p) = row[p] * inside_slope(bounds_[p], q[p]);
    }
    return 0;
  }

 private:
  std::span<const double> x_, y_;
  Interval bounds_[4];
};

Sigmoid fit_from(Residuals& residuals, Eigen::VectorXd q) {
  Eigen::LevenbergMarquardt<Residuals> solver(residuals);
  solver.parameters.ftol = solver.parameters.xtol = 1e-14;
  solver.parameters.maxfev = 2000;
  solver.minimize(q);
  Sigmoid fit = residuals.sigmoid(q);
  Eigen::VectorXd residual(residuals.values());
  residuals(q, residual);
  fit.squares = residual.squaredNorm();
  return fit;
}

}  // namespace

double Sigmoid::operator()(double x) const { return c + d * Logistic(a * (x - b)).value; }

double Sigmoid::midpoint() const { return std::pow(10, b); }

Sigmoid sigmoid_fit(std::span<const double> x, std::span<const double> y,
                    const SigmoidBounds& bounds) {
  std::vector<double> at, values;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) continue;
    at.push_back(x[i]);
    values.push_back(y[i]);
  }
  constexpr size_t kParameters = 4;
  if (at.size() < kParameters) return {kNaN, kNaN, kNaN, kNaN, kNaN};

  const auto [x_low, x_high] = std::ranges::minmax(at);
  const auto [y_low, y_high] = std::ranges::minmax(values);
  constexpr double kSteepness[] = {2, 8, 30};  // over the measured range of x
  constexpr int kPlaces = 10;
  Residuals residuals(at, values, bounds);
  Sigmoid best{.squares = std::numeric_limits<double>::infinity()};
  for (int place = 0; place < kPlaces; ++place)
    for (const double steepness : kSteepness) {
      const double b = x_low + (x_high - x_low) * (place + 0.5) / kPlaces;
      const double a = steepness / std::max(x_high - x_low, 1e-6);
      const Sigmoid fit = fit_from(residuals, residuals.start(a, b, y_low, y_high - y_low));
      if (fit.squares < best.squares) best = fit;
    }
  return best;
}

}  // namespace iclab::analysis
