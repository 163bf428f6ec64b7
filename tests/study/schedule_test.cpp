#include "study/schedule.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "probes/probe.h"
#include "test_files.h"

namespace iclab::study {
namespace {

using testing::ElementsAre;

std::string where(const std::string& name) { return name; }

Schedule schedule(std::initializer_list<std::pair<const std::string, Setting>> given,
                  std::int64_t steps) {
  const std::map<std::string, Setting> settings(given);
  return make_schedule(resolve(schedule_parameters(), settings, "probe", where), steps, where);
}

TEST(Schedule, EveryMeasuresTheLastStepIfItDividesIt) {
  EXPECT_THAT(schedule({{"every", std::int64_t{10}}}, 25).due, ElementsAre(0, 10, 20));
  EXPECT_THAT(schedule({{"every", std::int64_t{5}}}, 10).due, ElementsAre(0, 5, 10));
  EXPECT_THAT(schedule({{"every", std::int64_t{100}}}, 10).due, ElementsAre(0));
}

TEST(Schedule, LogHasZeroOneAndTheLastStep) {
  EXPECT_THAT(schedule({{"at", std::string("log")}, {"points", std::int64_t{4}}}, 1000).due,
              ElementsAre(0, 1, 10, 100, 1000));
  EXPECT_THAT(schedule({{"at", std::string("log")}, {"points", std::int64_t{50}}}, 3).due,
              ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(schedule({{"at", std::string("log")}, {"points", std::int64_t{2}}}, 1).due,
              ElementsAre(0, 1));
}

TEST(Schedule, LogMayGrowByAFactor) {
  const std::pair<const std::string, Setting> at{"at", std::string("log")};
  EXPECT_THAT(schedule({at, {"from", std::int64_t{20}}, {"factor", 2.0}}, 100).due, ElementsAre(0, 20, 40, 80));
  EXPECT_THAT(schedule({at, {"from", std::int64_t{20}}, {"factor", 1.02}}, 22).due, ElementsAre(0, 20, 21, 22));
  EXPECT_THAT(schedule({at, {"from", std::int64_t{3}}, {"factor", 2.0}, {"every", std::int64_t{5}}}, 12).due,
              ElementsAre(0, 3, 5, 6, 10, 12));
}

TEST(Schedule, RefusesFactorsThatDoNotFit) {
  const std::pair<const std::string, Setting> at{"at", std::string("log")}, from{"from", std::int64_t{20}},
      factor{"factor", 2.0}, points{"points", std::int64_t{5}}, every{"every", std::int64_t{5}};
  EXPECT_THROW(schedule({at, from}, 100), UsageError);
  EXPECT_THROW(schedule({at, factor}, 100), UsageError);
  EXPECT_THROW(schedule({every, from, factor}, 100), UsageError);
  EXPECT_THROW(schedule({at, points, from, factor}, 100), UsageError);
  EXPECT_THROW(schedule({at, points, every}, 100), UsageError);
  EXPECT_THROW(schedule({{"at", std::string("linear")}, from, factor}, 100), UsageError);
  EXPECT_THROW(schedule({at, from, factor}, 19), UsageError) << "the first step is beyond the last";
  EXPECT_THROW(schedule({at, from, {"factor", 1.0}}, 100), UsageError);
  EXPECT_THROW(schedule({at, {"from", std::int64_t{1}}, {"factor", 1.0 + 1e-9}}, 100), UsageError) << "too many";
}

TEST(Schedule, LinearHasBothEnds) {
  EXPECT_THAT(schedule({{"at", std::string("linear")}, {"points", std::int64_t{4}}}, 10).due,
              ElementsAre(0, 3, 7, 10));
}

TEST(Schedule, EndIsTheLastStepAndKnownAsSuch) {
  const Schedule end = schedule({{"at", std::string("end")}}, 10);
  EXPECT_THAT(end.due, ElementsAre(10));
  EXPECT_TRUE(end.at_end);
  EXPECT_EQ(end.text, "at end");
}

// exp and log are within 4 ulp; i/(n-1) and the product add one rounding each, amplified by |log|.
TEST(Schedule, LogPointsLieOnTheCurve) {
  const double low = 1e-3, high = 1e5;
  const std::vector<double> points = log_points(low, high, 13);
  EXPECT_EQ(points.front(), low);
  EXPECT_EQ(points.back(), high);
  const double tolerance = 16 * std::log(high) * std::numeric_limits<double>::epsilon();
  for (int i = 0; i < 13; ++i) {
    const double exact = low * std::pow(high / low, i / 12.0);
    EXPECT_NEAR(points[static_cast<size_t>(i)] / exact, 1, tolerance) << i;
  }
}

TEST(Schedule, RoundsHalvesUpAndDropsEqualNeighbours) {
  EXPECT_THAT(rounded({0.4, 0.5, 1.4, 2.5}), ElementsAre(0, 1, 3));
}

// The keys of a schedule stand beside a probe's own settings.
TEST(Schedule, NoProbeHasASettingOfThatName) {
  std::vector<std::string> reserved{"kind", "name"};
  for (const Parameter& p : schedule_parameters()) reserved.push_back(p.name);
  for (const probes::ProbeEntry& entry : probes::probe_registry())
    for (const Parameter& p : entry.parameters)
      EXPECT_EQ(std::ranges::count(reserved, p.name), 0) << entry.name << " " << p.name;
}

}  // namespace
}  // namespace iclab::study
