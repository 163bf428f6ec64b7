#include "papers/differential-kinetics/passages.h"

#include <cmath>

namespace iclab::papers::differential_kinetics {

double last_at_or_above(std::span<const std::int64_t> steps, std::span<const double> values, double level) {
  if (values.empty()) return std::nan("");
  for (size_t i = values.size(); i-- > 0;)
    if (values[i] >= level) return static_cast<double>(steps[i]);
  return 0;
}

RiseAndFall rise_and_fall(std::span<const double> values, double risen, double high, double low) {
  const size_t count = values.size();
  size_t rise = 0;
  while (rise < count && !(values[rise] > risen)) ++rise;
  size_t first = rise;
  while (first < count && !(values[first] < high)) ++first;
  size_t last = first;
  while (last < count && !(values[last] < low)) ++last;
  RiseAndFall found{.above = {rise, first}, .fall = {}};
  if (last < count) found.fall = {first, last + 1};
  return found;
}

double log_slope(std::span<const double> x, std::span<const double> values) {
  double count = 0, mean_x = 0, mean_y = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] > 0)) continue;
    ++count;
    mean_x += x[i];
    mean_y += std::log(values[i]);
  }
  if (count < 2) return std::nan("");
  mean_x /= count;
  mean_y /= count;
  double xy = 0, xx = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] > 0)) continue;
    xy += (x[i] - mean_x) * (std::log(values[i]) - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
  }
  return xy / xx;
}

std::vector<double> sums_before(std::span<const double> values, double scale) {
  std::vector<double> sums;
  double total = 0;
  for (const double value : values) {
    sums.push_back(scale * total);
    total += value;
  }
  return sums;
}

}  // namespace iclab::papers::differential_kinetics
