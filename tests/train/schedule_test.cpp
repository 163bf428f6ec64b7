#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace iclab::train {
namespace {

using Given = std::map<std::string, Setting>;

RateFactor factor(const std::string& kind, const Given& given) {
  const ScheduleEntry& entry = find_rate_schedule(kind);
  return entry.make(resolve(entry.parameters, given, kind, [](const std::string& key) { return key; }));
}

Given steps(std::int64_t warmup, std::int64_t count, double end) {
  return {{"warmup", warmup}, {"steps", count}, {"end", end}};
}

TEST(RateSchedule, ConstantRisesAndStays) {
  const RateFactor plain = factor("constant", {}), warm = factor("constant", {{"warmup", std::int64_t{4}}});
  EXPECT_EQ(plain(0), 1);
  EXPECT_EQ(plain(1'000'000), 1);
  EXPECT_EQ(warm(0), 0.25);
  EXPECT_EQ(warm(2), 0.75);
  EXPECT_EQ(warm(3), 1);
  EXPECT_EQ(warm(4), 1);
}

TEST(RateSchedule, LinearFallsToItsEndAndStays) {
  const RateFactor f = factor("linear", steps(2, 10, 0.5));
  EXPECT_EQ(f(0), 0.5);
  EXPECT_EQ(f(1), 1);
  EXPECT_EQ(f(2), 1);
  EXPECT_EQ(f(6), 0.75);
  EXPECT_EQ(f(10), 0.5);
  EXPECT_EQ(f(99), 0.5);
}

TEST(RateSchedule, CosineIsHalfAWave) {
  const RateFactor f = factor("cosine", steps(0, 1000, 0.1));
  for (std::int64_t t = 0; t <= 1000; ++t)
    // The cosine's error is a unit in its last place; a few roundings more.
    EXPECT_NEAR(f(t), 0.1 + 0.9 * (1 + std::cos(std::numbers::pi * static_cast<double>(t) / 1000)) / 2,
                4 * 0x1p-52);
  EXPECT_EQ(f(0), 1);
  EXPECT_EQ(f(2000), f(1000));
}

TEST(RateSchedule, StepMultipliesAtEveryNth) {
  const RateFactor f = factor("step", {{"every", std::int64_t{10}}, {"factor", 0.5}, {"warmup", std::int64_t{2}}});
  EXPECT_EQ(f(0), 0.5);
  EXPECT_EQ(f(9), 1);
  EXPECT_EQ(f(10), 0.5);
  EXPECT_EQ(f(35), 0.125);
}

TEST(RateSchedule, RefusesWhatDoesNotFit) {
  EXPECT_THROW(factor("linear", steps(10, 10, 0)), UsageError);
  EXPECT_NO_THROW(factor("linear", steps(9, 10, 0)));
  EXPECT_THROW(find_rate_schedule("cosin"), UsageError);
}

}  // namespace
}  // namespace iclab::train
