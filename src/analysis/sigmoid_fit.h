// A sigmoid through measured accuracies: where a transition lies and how sharp it is.
#pragma once

#include <limits>
#include <span>

namespace iclab::analysis {

struct Interval {
  double lo, hi;
};

/// Where the parameters of sigmoid_fit may lie: as in the authors' code for differential learning
/// kinetics (differential-kinetics.md, section 1.3). Small runs want a wider b.
struct SigmoidBounds {
  Interval a{-1, 100}, b{2, 5}, c{0, 1}, d{0, 100};
};

/// y = c + d / (1 + exp(-a (x - b))); x is log10 of the quantity that is swept.
struct Sigmoid {
  double a = 0, b = 0, c = 0, d = 0;
  double squares = std::numeric_limits<double>::infinity();  // sum of (y - fit)^2

  double operator()(double x) const;
  /// 10^b, the quantity at the middle of the transition.
  double midpoint() const;
};

/// Least squares by Levenberg and Marquardt within the bounds, the best of 30 starts (b along the
/// measured x, a from gentle to steep). Points whose y is no number are left out; fewer than 4
/// others: all NaN. Between two points that a jump separates b is not determined: one of its values
/// is returned, always the same.
Sigmoid sigmoid_fit(std::span<const double> x, std::span<const double> y,
                    const SigmoidBounds& bounds = {});

}  // namespace iclab::analysis
