#include "analysis/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/seeds.h"

namespace iclab::analysis {
namespace {

constexpr int kResamples = 2000;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// SplitMix64 (Steele, Lea, Flood 2014): resampling needs the same stream everywhere, not a good
// one.
class Indices {
 public:
  size_t below(size_t count) {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    return static_cast<size_t>(((z >> 32) * static_cast<std::uint64_t>(count)) >> 32);
  }

 private:
  std::uint64_t state_ = 0;
};

}  // namespace

std::vector<double> picked(std::span<const double> values, std::span<const size_t> seeds) {
  std::vector<double> out;
  out.reserve(seeds.size());
  for (const size_t i : seeds) out.push_back(values[i]);
  return out;
}

Estimate exact(double value) { return {value, value, value, 0}; }

double mean(std::span<const double> values) {
  if (values.empty()) return kNaN;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double correlation(std::span<const double> x, std::span<const double> y) {
  const double mean_x = mean(x), mean_y = mean(y);
  double xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : kNaN;
}

double sorted_quantile(std::span<const double> sorted, double q) {
  if (sorted.empty()) return kNaN;
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<size_t>(at);
  const double part = at - static_cast<double>(low);
  if (part == 0) return sorted[low];
  // Not low + part * (high - low): infinity minus infinity is no number.
  return (1 - part) * sorted[low] + part * sorted[low + 1];
}

double median(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  if (std::ranges::any_of(sorted, [](double x) { return std::isnan(x); })) return kNaN;
  std::ranges::sort(sorted);
  return sorted_quantile(sorted, 0.5);
}

Estimate over_seeds(std::int64_t seeds, const SeedStatistic& statistic) {
  const auto count = static_cast<size_t>(std::max<std::int64_t>(seeds, 0));
  std::vector<size_t> all(count);
  std::iota(all.begin(), all.end(), size_t{0});
  Estimate estimate{statistic(all), kNaN, kNaN, seeds};
  if (count == 0) return estimate;

  std::vector<double> values;
  if (seeds < kFewSeeds) {
    values.push_back(estimate.value);
    for (const size_t i : all) values.push_back(statistic(std::span(&i, 1)));
  } else {
    Indices indices;
    std::vector<size_t> sample(count);
    for (int b = 0; b < kResamples; ++b) {
      for (size_t& i : sample) i = indices.below(count);
      values.push_back(statistic(sample));
    }
  }
  // A resample without a value leaves the whole interval undefined.
  if (std::ranges::any_of(values, [](double x) { return std::isnan(x); })) return estimate;
  std::ranges::sort(values);
  estimate.lo = seeds < kFewSeeds ? values.front() : sorted_quantile(values, 0.025);
  estimate.hi = seeds < kFewSeeds ? values.back() : sorted_quantile(values, 0.975);
  return estimate;
}

namespace {

Estimate centre_over_seeds(std::span<const double> values, Centre centre) {
  Estimate estimate = over_seeds(static_cast<std::int64_t>(values.size()),
                                 [&](std::span<const size_t> seeds) { return centre(picked(values, seeds)); });
  estimate.finite = std::ranges::count_if(values, [](double x) { return std::isfinite(x); });
  return estimate;
}

}  // namespace

Estimate mean_over_seeds(std::span<const double> values) { return centre_over_seeds(values, mean); }

Estimate median_over_seeds(std::span<const double> values) { return centre_over_seeds(values, median); }

double ratio_or_never(double a, double b) {
  if (std::isinf(a) || std::isinf(b)) return std::numeric_limits<double>::infinity();
  return a / b;
}

Estimate ratio_over_seeds(std::span<const double> a, std::span<const double> b, Centre centre) {
  const size_t seeds = std::min(a.size(), b.size());
  Estimate estimate = over_seeds(static_cast<std::int64_t>(seeds), [&](std::span<const size_t> sample) {
    return ratio_or_never(centre(picked(a, sample)), centre(picked(b, sample)));
  });
  estimate.finite = 0;
  for (size_t i = 0; i < seeds; ++i) estimate.finite += std::isfinite(a[i]) && std::isfinite(b[i]);
  return estimate;
}

Estimate wilson(std::int64_t successes, std::int64_t trials) {
  if (trials <= 0) return {kNaN, kNaN, kNaN, 0};
  constexpr double z = 1.959963984540054;  // normal quantile at 0.975
  const auto n = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / n;
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {p, std::max(0.0, centre - half), std::min(1.0, centre + half), trials};
}

}  // namespace iclab::analysis
