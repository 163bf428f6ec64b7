// Statistics over seeds: centres, and intervals that say how sure they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace iclab::analysis {

/// A value with the interval in which it lies.
struct Estimate {
  double value = 0, lo = 0, hi = 0;
  std::int64_t seeds = 0;   // 0: exact, no seeds enter
  std::int64_t finite = -1;  // of them, those with a finite value; -1: not known, as the statistic joins several numbers
};

/// A number without uncertainty.
Estimate exact(double value);

/// NaN if empty. An infinite value ("never") makes it infinite.
double mean(std::span<const double> values);

/// Middle value, or the mean of the two middle ones; "never" is +infinity and sorts last. NaN if
/// empty or if any value is NaN.
double median(std::span<const double> values);

/// Pearson's correlation of pairs. NaN below two of them or if either does not vary.
double correlation(std::span<const double> x, std::span<const double> y);

/// Quantile by linear interpolation between order statistics, q in [0, 1]; values sorted, may end
/// in infinities.
double sorted_quantile(std::span<const double> sorted, double q);

/// A statistic of a selection of seeds: indices into the caller's arrays, with repetitions.
using SeedStatistic = std::function<double(std::span<const size_t>)>;

/// The values of these seeds.
std::vector<double> picked(std::span<const double> values, std::span<const size_t> seeds);

/// The statistic over seeds 0..seeds-1 with its 95 % percentile bootstrap interval (2000 resamples
/// from a fixed stream: the same input gives the same interval everywhere). Below 5 seeds (base/seeds.h): smallest
/// and largest value over the single seeds, widened to hold the estimate. A statistic that joins
/// several arms by index is a paired one.
Estimate over_seeds(std::int64_t seeds, const SeedStatistic& statistic);

/// A value a seed, of all seeds: +infinity for "never", NaN for a seed without a value, which leaves none for all of them.
Estimate mean_over_seeds(std::span<const double> values);
Estimate median_over_seeds(std::span<const double> values);

/// The ratio of two arms' means or medians, paired by seed. +infinity ("never") if either is
/// infinite.
using Centre = double (*)(std::span<const double>);
Estimate ratio_over_seeds(std::span<const double> a, std::span<const double> b, Centre centre);

/// a / b, +infinity if either is infinite.
double ratio_or_never(double a, double b);

/// Wilson's 95 % interval of a fraction (Wilson 1927).
Estimate wilson(std::int64_t successes, std::int64_t trials);

}  // namespace iclab::analysis
