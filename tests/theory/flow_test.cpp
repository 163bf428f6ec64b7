#include "theory/flow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace iclab::theory {
namespace {

double first(const State& x) { return x[0]; }

// Steps of error 1e-11 of the state, of which these flows take fewer than 100.
constexpr double kTolerance = 100 * 1e-11;

Flow decay(double start) {
  return {.velocity = [](const State& x, State& dx) { dx[0] = -x[0]; }, .start = {start}};
}

TEST(FirstTimes, OfADecayAreLogarithms) {
  const std::vector<double> levels{0.5, 1e-6, 0.9, 2.0, 1.0};
  const std::vector<double> times = first_times(decay(1), first, levels);
  EXPECT_NEAR(times[0], std::log(2), kTolerance);
  EXPECT_NEAR(times[1], std::log(1e6), 14 * kTolerance);  // atol 1e-14 against 1e-6 does not matter
  EXPECT_NEAR(times[2], -std::log(0.9), kTolerance);
  EXPECT_EQ(times[3], 0);
  EXPECT_EQ(times[4], 0);
}

TEST(FirstTimes, KeepTheirRelativeErrorFromATinyStart) {
  // x grows from 1e-12 to 1: -x falls to -1 at ln(1e12).
  const Flow growth{.velocity = [](const State& x, State& dx) { dx[0] = x[0]; }, .start = {1e-12}};
  const double level = -1;
  const double time = first_times(growth, [](const State& x) { return -x[0]; }, {&level, 1})[0];
  EXPECT_NEAR(time, 12 * std::numbers::ln10, kTolerance);
}

TEST(FirstTimes, AreThoseOfTheFirstOfManyCrossings) {
  const Flow circle{.velocity =
                        [](const State& x, State& dx) {
                          dx = {-x[1], x[0]};
                        },
                    .start = {1, 0}};
  const std::vector<double> levels{0, -1 + 1e-4};
  const std::vector<double> times = first_times(circle, first, levels);
  EXPECT_NEAR(times[0], std::numbers::pi / 2, kTolerance);
  // Where the curve is nearly flat an error of x becomes one of t divided by the slope sqrt(2e-4).
  EXPECT_NEAR(times[1], std::acos(-1 + 1e-4), kTolerance / std::sqrt(2e-4));
}

TEST(FirstTimes, AreNaNWhereTheFlowNeverComes) {
  const std::vector<double> levels{-0.1, 0.5, std::nan("")};
  const std::vector<double> times = first_times(decay(1), first, levels);
  EXPECT_TRUE(std::isnan(times[0]));
  EXPECT_FALSE(std::isnan(times[1]));
  EXPECT_TRUE(std::isnan(times[2]));
}

TEST(FirstTimes, AFlowThatLeavesADoublesRangeIsAnError) {
  const Flow flow{.velocity = [](const State& x, State& dx) { dx[0] = x[0] * std::nan(""); }, .start = {1}};
  const double level = 0.5;
  EXPECT_THROW(first_times(flow, [](const State& x) { return x[0]; }, {&level, 1}), Error);
}

// The fast entry is the small one: a step that suits the large one would throw it far away.
TEST(FirstTimes, BeginWithStepsThatSuitTheSmallestEntry) {
  const Flow flow{.velocity =
                      [](const State& x, State& dx) {
                        dx[0] = 0;
                        dx[1] = x[1] * (1 - x[1]);
                      },
                  .start = {1, 1e-200}};
  const double level = -0.5;
  const double half = first_times(flow, [](const State& x) { return -x[1]; }, {&level, 1})[0];
  EXPECT_NEAR(half, 200 * std::log(10), 1e-8 * half);
}

TEST(FirstTimes, AFlowAtRestStaysThere) {
  const Flow rest{.velocity = [](const State&, State& dx) { dx[0] = 0; }, .start = {1}};
  const double level = 0;
  EXPECT_TRUE(std::isnan(first_times(rest, first, {&level, 1})[0]));
}

TEST(ValuesAt, FollowTheFlowInAnyOrder) {
  const std::vector<double> times{3, 0, 1e-5, 20, 3};
  const std::vector<double> values = values_at(decay(2), first, times);
  for (size_t i = 0; i < times.size(); ++i)
    EXPECT_NEAR(values[i], 2 * std::exp(-times[i]), kTolerance) << times[i];
  EXPECT_EQ(values[1], 2);
}

}  // namespace
}  // namespace iclab::theory
