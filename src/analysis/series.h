// Measurements after the fact over a series of (step, value): passages, drops, slowest descent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace iclab::analysis {

/// What a first passage that did not happen returns.
inline constexpr double kNever = std::numeric_limits<double>::infinity();

/// The first measured step with value <= level; kNever if there is none.
double first_at_or_below(std::span<const std::int64_t> steps, std::span<const double> values,
                         double level);

/// The same with value < level.
double first_below(std::span<const std::int64_t> steps, std::span<const double> values,
                   double level);

/// The first measured step with value > level; kNever if there is none.
double first_above(std::span<const std::int64_t> steps, std::span<const double> values,
                   double level);

/// The first step t at which the mean of the `window` values at steps t - window .. t - 1 is < level;
/// kNever if there is none. The series has a value at every step from its first one on.
double first_mean_below(std::span<const std::int64_t> steps, std::span<const double> values,
                        std::size_t window, double level);

/// The level start - drop * (start - floor) that a fraction `drop` of the way down reaches.
double drop_level(double start, double floor, double drop);

/// The value where the series descends most slowly between two times: the middle value of the
/// interval [i, i+1] with the smallest (v_i - v_(i+1)) / (s_(i+1) - s_i) among those inside [from,
/// to]. NaN if no interval lies inside.
double value_at_slowest_descent(std::span<const std::int64_t> steps, std::span<const double> values,
                                double from, double to);

/// The first x at which the piecewise linear curve through (x_i, y_i), x ascending, takes the value
/// `level`; NaN if it never does.
double crossing(std::span<const double> x, std::span<const double> y, double level);

/// The integral of the piecewise linear curve through (x_i, y_i), x ascending, from x_0 to each x_i.
std::vector<double> cumulative_trapezoid(std::span<const double> x, std::span<const double> y);

/// The least-squares slope of log y on log x: the exponent of a power law. NaN if a number is not
/// above 0 or not finite, or if there are not two different x.
double log_log_slope(std::span<const double> x, std::span<const double> y);

}  // namespace iclab::analysis
