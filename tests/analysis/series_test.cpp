#include "analysis/series.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace iclab::analysis {
namespace {

TEST(Series, FirstPassage) {
  const std::vector<std::int64_t> steps{0, 10, 20, 30};
  const std::vector<double> values{4, 3, 2, 2.5};
  EXPECT_EQ(first_at_or_below(steps, values, 3), 10);
  EXPECT_EQ(first_below(steps, values, 3), 20);
  EXPECT_EQ(first_at_or_below(steps, values, 4), 0);
  EXPECT_EQ(first_at_or_below(steps, values, 1), kNever);
  EXPECT_EQ(first_at_or_below({}, {}, 1), kNever);
}

TEST(Series, FirstMeanBelow) {
  const std::vector<std::int64_t> steps{0, 1, 2, 3, 4, 5};
  const std::vector<double> values{4, 4, 0, 4, 1, 1};
  EXPECT_EQ(first_mean_below(steps, values, 1, 4), 3);
  EXPECT_EQ(first_mean_below(steps, values, 2, 2), 6) << "2 itself is not below";
  EXPECT_EQ(first_mean_below(steps, values, 3, 3), 3) << "no mean before there are three values";
  EXPECT_EQ(first_mean_below(steps, values, 4, 1.5), kNever);
  EXPECT_EQ(first_mean_below(steps, values, 7, 100), kNever);
}

TEST(Series, DropLevel) {
  EXPECT_EQ(drop_level(10, 2, 0.25), 8);
  EXPECT_EQ(drop_level(10, 2, 1), 2);
}

TEST(Series, SlowestDescentFindsTheShelf) {
  // A staircase 10 -> 6 (shelf) -> 0; the flat ends lie outside the window.
  const std::vector<std::int64_t> steps{0, 10, 20, 30, 40, 50, 60};
  const std::vector<double> values{10, 10, 6.2, 6, 5.9, 1, 1};
  EXPECT_NEAR(value_at_slowest_descent(steps, values, 10, 50), 5.95, 6 * 4e-16);
  EXPECT_TRUE(std::isnan(value_at_slowest_descent(steps, values, 11, 19)));
}

TEST(Series, Crossing) {
  const std::vector<double> x{1, 2, 3, 4}, y{1.2, 1.1, 0.9, 0.8};
  EXPECT_NEAR(crossing(x, y, 1), 2.5, 2.5 * 1e-15);
  EXPECT_EQ(crossing(x, y, 0.9), 3);
  EXPECT_TRUE(std::isnan(crossing(x, y, 2)));
}

TEST(Series, Trapezoid) {
  const std::vector<double> x{0, 1, 3, 3, 4}, y{2, 4, 0, 1, 1};
  EXPECT_EQ(cumulative_trapezoid(x, y), (std::vector<double>{0, 3, 7, 7, 8}));
}

TEST(Series, SlopeInLogs) {
  std::vector<double> x, y;
  for (const double k : {64, 128, 256, 512, 1024}) {
    x.push_back(k);
    y.push_back(0.9 * std::pow(k, 0.82));
  }
  EXPECT_NEAR(log_log_slope(x, y), 0.82, 1e-14);
  // The quick law of differential-kinetics.md, section 4 (C6): 0.82 over K = 64-1024.
  EXPECT_NEAR(log_log_slope(x, std::vector<double>{22.4, 40.4, 67.6, 120, 221}), 0.82, 0.005);
  // A point off the line by e in the middle of three leaves the slope alone.
  EXPECT_NEAR(log_log_slope(std::vector<double>{1, 2, 4}, std::vector<double>{1, 6, 16}), 2, 1e-14);
  EXPECT_TRUE(std::isnan(log_log_slope(x, std::vector<double>{1, 2, 0, 4, 5})));
  EXPECT_TRUE(std::isnan(log_log_slope(x, std::vector<double>{1, 2, -3, 4, 5})));
  EXPECT_TRUE(std::isnan(log_log_slope(x, std::vector<double>{1, 2, kNever, 4, 5})));
  EXPECT_TRUE(std::isnan(log_log_slope(std::vector<double>{2, 2}, std::vector<double>{1, 3})));
  EXPECT_TRUE(std::isnan(log_log_slope({}, {})));
}

}  // namespace
}  // namespace iclab::analysis
