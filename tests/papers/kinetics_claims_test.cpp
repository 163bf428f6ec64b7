// What the claims of arXiv 2412.00104 read from a series.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "papers/differential-kinetics/criterion.h"
#include "papers/differential-kinetics/passages.h"
#include "papers/differential-kinetics/runs.h"

namespace iclab::papers::differential_kinetics {
namespace {

const std::vector<std::int64_t> kSteps{0, 10, 20, 30, 40, 50, 60};

TEST(KineticsRuns, TheThresholdIsTheCutWithTheFewestErrors) {
  EXPECT_DOUBLE_EQ(observed_threshold({0.5, -1, 1, -0.2}, {1, 0, 1, 0}), 0.15);
  // One run below the cut acquired: the cut stays where the others say.
  EXPECT_DOUBLE_EQ(observed_threshold({-2, -1, 0, 1, 2, 3}, {1, 0, 0, 0, 1, 1}), 1.5);
  EXPECT_EQ(observed_threshold({0, 1}, {1, 1}), -INFINITY);
  EXPECT_EQ(observed_threshold({0, 1}, {0, 0}), INFINITY);
}

TEST(KineticsRuns, CriticalItemsInterpolateTheMeanInLogK) {
  const std::vector<double> K{64, 256};
  const std::vector<std::vector<double>> accuracy{{0.5, 0.5}, {1.0, 1.0}};
  const std::vector<size_t> both{0, 1};
  EXPECT_NEAR(critical_items(K, accuracy, both), 128, 1e-9);
  EXPECT_TRUE(std::isnan(critical_items(K, {{0.5, 0.5}, {0.6, 0.6}}, both)));
  EXPECT_NEAR(critical_items(K, {{0.5, 0.5}, {1.0, 0.5}}, std::vector<size_t>{0}), 128, 1e-9) << "of the seeds picked";
}

TEST(KineticsPassages, LostAfterTheLastValueAtTheLevel) {
  const std::vector<double> values{0.5, 0.9, 0.7, 0.75, 0.74, 0.6, 0.5};
  EXPECT_EQ(last_at_or_above(kSteps, values, 0.75), 30);
  EXPECT_EQ(last_at_or_above(kSteps, values, 0.95), 0);
  EXPECT_EQ(last_at_or_above(kSteps, values, 0.4), 60);
  EXPECT_TRUE(std::isnan(last_at_or_above({}, {}, 0.75)));
}

TEST(KineticsPassages, RiseAndFallTakesBothEndsOfTheFall) {
  const std::vector<double> values{0.5, 0.96, 1.0, 0.92, 0.89, 0.91, 0.69};
  const RiseAndFall found = rise_and_fall(values, 0.95, 0.9, 0.7);
  EXPECT_EQ(found.above.begin, 1U);
  EXPECT_EQ(found.above.end, 4U);
  EXPECT_EQ(found.fall.begin, 4U);
  EXPECT_EQ(found.fall.end, 7U);
}

TEST(KineticsPassages, AFallThatSkipsTheStretchIsOneMeasurement) {
  const RiseAndFall found = rise_and_fall(std::vector<double>{0.96, 0.6}, 0.95, 0.9, 0.7);
  EXPECT_EQ(found.fall.begin, 1U);
  EXPECT_EQ(found.fall.end, 2U);
}

TEST(KineticsPassages, WhatNeverRoseOrNeverFellHasNoFall) {
  EXPECT_TRUE(rise_and_fall(std::vector<double>{0.5, 0.8, 0.5}, 0.95, 0.9, 0.7).fall.empty());
  EXPECT_TRUE(rise_and_fall(std::vector<double>{0.5, 0.8, 0.5}, 0.95, 0.9, 0.7).above.empty());
  const RiseAndFall stayed = rise_and_fall(std::vector<double>{0.5, 0.99, 0.85}, 0.95, 0.9, 0.7);
  EXPECT_TRUE(stayed.fall.empty());
  EXPECT_EQ(stayed.above.end, 2U);
  EXPECT_TRUE(rise_and_fall({}, 0.95, 0.9, 0.7).fall.empty());
}

TEST(KineticsPassages, SlopeOfAnExponential) {
  std::vector<double> x, values;
  for (int i = 0; i < 9; ++i) {
    x.push_back(0.3 * i * i);
    values.push_back(2.5 * std::exp(-1.7 * x.back()));
  }
  EXPECT_NEAR(log_slope(x, values), -1.7, 1e-12);
  values[4] = 0;  // has no logarithm
  EXPECT_NEAR(log_slope(x, values), -1.7, 1e-12);
  EXPECT_TRUE(std::isnan(log_slope(std::vector<double>{1, 2}, std::vector<double>{1, 0})));
}

TEST(KineticsPassages, SumsOfWhatCameBefore) {
  EXPECT_EQ(sums_before(std::vector<double>{1, 2, 4}, 0.5), (std::vector<double>{0, 0.5, 1.5}));
  EXPECT_TRUE(sums_before({}, 2).empty());
}

TEST(KineticsPassages, MeansOfTheLatestValues) {
  const std::vector<std::int64_t> steps{2, 3, 4, 5}, at{3, 4, 6, 7};
  const std::vector<double> means = trailing_means(steps, std::vector<double>{1, 3, 5, 9}, at, 2);
  ASSERT_EQ(means.size(), 4U);
  EXPECT_TRUE(std::isnan(means[0]));  // step 1 has no value
  EXPECT_EQ(means[1], 2);             // of steps 2 and 3
  EXPECT_EQ(means[2], 7);             // of steps 4 and 5
  EXPECT_TRUE(std::isnan(means[3]));
  EXPECT_TRUE(std::isnan(trailing_means({}, {}, at, 2)[1]));
}

}  // namespace
}  // namespace iclab::papers::differential_kinetics
