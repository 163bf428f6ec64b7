#include "analysis/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace iclab::analysis {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Statistics, MedianTreatsNeverAsLast) {
  EXPECT_EQ(median(std::vector<double>{3, kInf, 1}), 3);
  EXPECT_EQ(median(std::vector<double>{4, 1, 2, 3}), 2.5);
  EXPECT_EQ(median(std::vector<double>{1, kInf, kInf}), kInf);
  EXPECT_EQ(median(std::vector<double>{kInf, kInf}), kInf);
  EXPECT_TRUE(std::isnan(median(std::vector<double>{})));
  EXPECT_TRUE(std::isnan(median(std::vector<double>{1, std::nan("")})));
}

TEST(Statistics, QuantilesInterpolate) {
  const std::vector<double> values{0, 10, 20, 30, 40};
  EXPECT_EQ(sorted_quantile(values, 0), 0);
  EXPECT_EQ(sorted_quantile(values, 1), 40);
  EXPECT_NEAR(sorted_quantile(values, 0.975), 39, 40 * 4e-16);
}

TEST(Statistics, FewSeedsGiveTheRange) {
  const Estimate estimate = mean_over_seeds(std::vector<double>{1, 2, 6});
  EXPECT_EQ(estimate.value, 3);
  EXPECT_EQ(estimate.lo, 1);
  EXPECT_EQ(estimate.hi, 6);
  EXPECT_EQ(estimate.seeds, 3);
}

TEST(Statistics, BootstrapOfAMeanHasTheNormalWidth) {
  // 400 values 0..399: standard error of the mean s/sqrt(n), s^2 = (n^2 - 1)/12.
  std::vector<double> values;
  for (int i = 0; i < 400; ++i) values.push_back(i);
  const double error = std::sqrt((400.0 * 400.0 - 1) / 12 / 400);
  const Estimate estimate = mean_over_seeds(values);
  EXPECT_EQ(estimate.value, 199.5);
  // The quantile of 2000 resamples has a standard error of sqrt(.025 * .975 / 2000) / density = .06
  // sigma.
  EXPECT_NEAR(estimate.lo, 199.5 - 1.96 * error, 4 * 0.06 * error);
  EXPECT_NEAR(estimate.hi, 199.5 + 1.96 * error, 4 * 0.06 * error);
}

TEST(Statistics, BootstrapIsDeterministic) {
  const std::vector<double> values{5, 3, 8, 1, 9, 2};
  const Estimate a = median_over_seeds(values), b = median_over_seeds(values);
  EXPECT_EQ(a.lo, b.lo);
  EXPECT_EQ(a.hi, b.hi);
}

TEST(Statistics, PairedStatisticsKeepThePairs) {
  // The ratio of two arms that differ by a factor in every seed has no spread.
  const std::vector<double> a{1, 2, 4, 8, 16, 32};
  const std::vector<double> b{3, 6, 12, 24, 48, 96};
  const Estimate ratio = ratio_over_seeds(b, a, mean);
  EXPECT_EQ(ratio.lo, 3);
  EXPECT_EQ(ratio.hi, 3);
}

TEST(Statistics, ARatioWithNeverIsNever) {
  const std::vector<double> never(6, kInf), some(6, 2.0);
  EXPECT_EQ(ratio_over_seeds(never, some, median).lo, kInf);
  EXPECT_EQ(ratio_over_seeds(some, never, median).lo, kInf);
  EXPECT_EQ(ratio_over_seeds(never, never, median).value, kInf);
}

TEST(Statistics, NoSeedsNoInterval) {
  const Estimate estimate = mean_over_seeds({});
  EXPECT_TRUE(std::isnan(estimate.value));
  EXPECT_TRUE(std::isnan(estimate.lo));
  EXPECT_EQ(estimate.seeds, 0);
}

TEST(Statistics, WilsonMatchesPublishedValues) {
  // Newcombe 1998, table I: 81/263 -> 0.2553 to 0.3662; 0/20 -> 0 to 0.1611.
  const Estimate a = wilson(81, 263), b = wilson(0, 20);
  EXPECT_NEAR(a.lo, 0.2553, 5e-5);
  EXPECT_NEAR(a.hi, 0.3662, 5e-5);
  EXPECT_EQ(b.lo, 0);
  EXPECT_NEAR(b.hi, 0.1611, 5e-5);
}

}  // namespace
}  // namespace iclab::analysis
