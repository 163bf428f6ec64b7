#include "analysis/series.h"

#include <cmath>
#include <cstddef>
#include <numeric>

namespace iclab::analysis {

double first_at_or_below(std::span<const std::int64_t> steps, std::span<const double> values,
                         double level) {
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] <= level) return static_cast<double>(steps[i]);
  return kNever;
}

double first_below(std::span<const std::int64_t> steps, std::span<const double> values,
                   double level) {
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] < level) return static_cast<double>(steps[i]);
  return kNever;
}

double first_above(std::span<const std::int64_t> steps, std::span<const double> values,
                   double level) {
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] > level) return static_cast<double>(steps[i]);
  return kNever;
}

double first_mean_below(std::span<const std::int64_t> steps, std::span<const double> values,
                        std::size_t window, double level) {
  // Added as a stopping rule adds them (train/trainer.cpp): a run that it ended is found here.
  for (size_t end = window; end <= values.size(); ++end) {
    const std::span<const double> latest = values.subspan(end - window, window);
    const double sum = std::accumulate(latest.begin(), latest.end(), 0.0);
    if (sum / static_cast<double>(window) < level) return static_cast<double>(steps[end - 1] + 1);
  }
  return kNever;
}

double drop_level(double start, double floor, double drop) {
  return start - drop * (start - floor);
}

double value_at_slowest_descent(std::span<const std::int64_t> steps, std::span<const double> values,
                                double from, double to) {
  double slowest = kNever, value = std::numeric_limits<double>::quiet_NaN();
  for (size_t i = 0; i + 1 < values.size(); ++i) {
    const auto begin = static_cast<double>(steps[i]), end = static_cast<double>(steps[i + 1]);
    if (begin < from || end > to) continue;
    const double descent = (values[i] - values[i + 1]) / (end - begin);
    if (descent >= slowest) continue;
    slowest = descent;
    value = (values[i] + values[i + 1]) / 2;
  }
  return value;
}

double crossing(std::span<const double> x, std::span<const double> y, double level) {
  for (size_t i = 0; i < y.size(); ++i) {
    if (y[i] == level) return x[i];
    if (i + 1 == y.size() || (y[i] < level) == (y[i + 1] < level)) continue;
    return x[i] + (x[i + 1] - x[i]) * (level - y[i]) / (y[i + 1] - y[i]);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> cumulative_trapezoid(std::span<const double> x, std::span<const double> y) {
  std::vector<double> integral(x.size());
  for (size_t i = 1; i < x.size(); ++i)
    integral[i] = integral[i - 1] + (y[i - 1] + y[i]) / 2 * (x[i] - x[i - 1]);
  return integral;
}

double log_log_slope(std::span<const double> x, std::span<const double> y) {
  const auto count = static_cast<double>(x.size());
  double mean_x = 0, mean_y = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    mean_x += std::log(x[i]) / count;
    mean_y += std::log(y[i]) / count;
  }
  double xx = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double dx = std::log(x[i]) - mean_x;
    xx += dx * dx;
    xy += dx * (std::log(y[i]) - mean_y);
  }
  const double slope = xy / xx;
  return xx > 0 && std::isfinite(slope) ? slope : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace iclab::analysis
