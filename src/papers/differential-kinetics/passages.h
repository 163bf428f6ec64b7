// Passages of a run's series over the steps: when something is lost, between which measurements it falls, at what
// rate it decays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace iclab::papers::differential_kinetics {

/// The last step with a value >= level; 0 if there is none, NaN of an empty series.
double last_at_or_above(std::span<const std::int64_t> steps, std::span<const double> values, double level);

/// A stretch of measurements, [begin, end).
struct Stretch {
  std::size_t begin = 0, end = 0;
  bool empty() const { return begin >= end; }
};

/// How a series rises above `risen` for the first time, stays, and falls from `high` to `low`.
struct RiseAndFall {
  Stretch above;  // from the first value > risen up to the first one < high after it, or to the series' end
  Stretch fall;   // from the first value < high after the rise to the first one < low, both included; empty if
                  // the series does not get there
};
RiseAndFall rise_and_fall(std::span<const double> values, double risen, double high, double low);

/// The least squares slope of log(values) against x; NaN with fewer than two positive values.
double log_slope(std::span<const double> x, std::span<const double> values);

/// What came before each value: 0, scale v_0, scale (v_0 + v_1), ...
std::vector<double> sums_before(std::span<const double> values, double scale);

}  // namespace iclab::papers::differential_kinetics
