#include "study/results.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "study/runner.h"
#include "test_files.h"

namespace iclab::study {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A study of four seeds whose runs the tests write themselves.
const std::string kStudy = R"([study]
name = "four"
seeds = 4
[task]
kind = "linear-regression"
dim = 3
context = 8
[model]
kind = "linear-attention"
form = "factored"
[train]
optimizer = { kind = "sgd", lr = 0.01 }
batch = 32
steps = 100
[[probe]]
kind = "mse"
prompts = 16
every = 50
[[probe]]
name = "end"
kind = "risk"
at = "end"
[[probe]]
kind = "weight"
of = "V"
every = 50
)";

class Results : public testing::Test {
 protected:
  Study study(const std::vector<std::string>& overrides = {}) const { return parse_study(kStudy, "four.toml", overrides); }

  // Adds a run that ended so, with a value at each step of each output.
  void add(std::int64_t seed, train::RunStatus status, std::int64_t step,
           const std::vector<std::pair<std::string, std::pair<std::int64_t, double>>>& values) {
    const Study s = study();
    const Point& point = s.points[0];
    const std::vector<StoredRun> runs{{.id = s.run_id(point, seed), .identity = "{}"}};
    store_.add_runs(runs);
    Progress progress;
    progress.run = runs[0].id;
    progress.status = status;
    progress.step = step;
    progress.cause = status == train::RunStatus::kDiverged ? "the loss was not finite" : "";
    for (const auto& [output, value] : values) {
      const size_t probe = output.starts_with("mse") ? 0 : output == "risk" ? 1 : 2;
      progress.measured.push_back({point.probes[probe].id, {0, output, value.first, 0, value.second}});
    }
    store_.save(progress);
  }

  PointResults results(const std::vector<std::string>& overrides = {}) {
    studies_.push_back(std::make_unique<Study>(study(overrides)));
    return results_of(*studies_.back(), store_, 1).at(0);
  }

  static const Output& output(const PointResults& results, const std::string& label) {
    for (const Output& one : results.outputs)
      if (one.label == label) return one;
    throw Error("no output " + label);
  }

  const TestFolder folder_;
  Store store_{folder_.path(), Store::Access::kWrite};
  std::vector<std::unique_ptr<Study>> studies_;
};

TEST_F(Results, ADivergedRunCountsAmongAllSeeds) {
  for (std::int64_t seed = 0; seed < 3; ++seed)
    add(seed, train::RunStatus::kFinished, 100, {{"mse", {50, 1}}, {"mse", {100, 2.0 + static_cast<double>(seed)}}});
  add(3, train::RunStatus::kDiverged, 70, {{"mse", {50, 9}}, {"risk", {70, 1e30}}, {"V", {50, 5}}});
  const PointResults point = results();

  const Sample middle = point.at(output(point, "mse"), 50);
  EXPECT_THAT(middle.values, ElementsAre(1, 1, 1, 9));
  EXPECT_EQ(middle.counted(), "4 of 4 runs");

  // Its loss is infinite, so that it takes its rank among the four; of its weights nothing is known.
  const Sample last = point.at_end(output(point, "mse"));
  EXPECT_THAT(last.values, ElementsAre(2, 3, 4, kInfinity));
  EXPECT_EQ(last.counted(), "3 of 4 runs; 1 diverged");
  EXPECT_EQ(last.first_step, 100);
  EXPECT_EQ(last.last_step, 100);
  EXPECT_TRUE(std::isnan(point.at_end(output(point, "weight.V")).values[3]));

  // What it measured at its own end is no value at the end of training.
  EXPECT_EQ(point.at_end(output(point, "end")).values[3], kInfinity);
  EXPECT_EQ(point.runs[3].state, RunState::kDiverged);
  EXPECT_EQ(point.runs[3].why, "the loss was not finite");
}

TEST_F(Results, AnOverflowedValueIsNotReplacedByAnOlderOne) {
  add(0, train::RunStatus::kFinished, 100,
      {{"mse", {50, 1e20}}, {"mse_squared", {50, 1e40}}, {"mse", {100, 1e30}}});
  const Sample last = results().at_end(output(results(), "mse.mse_squared"));
  EXPECT_EQ(last.absent[0], Absence::kNotFinite);
  EXPECT_EQ(last.absent[1], Absence::kWaiting);
  EXPECT_EQ(last.missing(), "1 not finite, 3 waiting");
  EXPECT_EQ(last.valued(), 0);
}

TEST_F(Results, AStoppedRunHasItsValueWhereItStopped) {
  add(0, train::RunStatus::kStopped, 60, {{"mse", {50, 3}}, {"risk", {60, 0.5}}});
  add(1, train::RunStatus::kFinished, 100, {{"mse", {50, 4}}, {"mse", {100, 2}}, {"risk", {100, 0.7}}});
  const PointResults point = results();
  const Sample end = point.at_end(output(point, "end"));
  EXPECT_EQ(end.values[0], 0.5);
  EXPECT_EQ(end.values[1], 0.7);
  EXPECT_EQ(end.first_step, 60);
  EXPECT_EQ(end.last_step, 100);
  // At a later step it is said to have stopped.
  const Sample later = point.at(output(point, "mse"), 100);
  EXPECT_EQ(later.absent[0], Absence::kStopped);
  EXPECT_TRUE(std::isnan(later.values[0]));
  EXPECT_EQ(later.counted(), "1 of 4 runs; 1 stopped, 2 waiting");
}

TEST_F(Results, AStudyOfFewerStepsSeesNothingBeyondThem) {
  add(0, train::RunStatus::kFinished, 100, {{"mse", {50, 3}}, {"mse", {100, 2}}, {"risk", {100, 0.7}}});
  add(1, train::RunStatus::kDiverged, 70, {{"mse", {50, 3}}});
  const PointResults point = results({"train.steps=50"});
  EXPECT_EQ(point.runs[0].state, RunState::kFinished);
  EXPECT_EQ(point.runs[1].state, RunState::kFinished);  // at step 50 it had not diverged
  EXPECT_EQ(point.runs[0].step, 50);
  EXPECT_EQ(point.at_end(output(point, "mse")).values[0], 3);
  EXPECT_EQ(point.at_end(output(point, "mse")).last_step, 50);
  EXPECT_EQ(point.at_end(output(point, "end")).absent[0], Absence::kWaiting);  // to be measured at step 50
  EXPECT_THAT(output(point, "mse").runs[0].steps(), ElementsAre(50));
}

TEST_F(Results, AFailedRunSaysWhy) {
  const Study s = study();
  const std::vector<StoredRun> runs{{.id = s.run_id(s.points[0], 0), .identity = "{}"}};
  store_.add_runs(runs);
  Progress progress;
  progress.run = runs[0].id;
  progress.error = "no room";
  store_.save(progress);
  const PointResults point = results();
  EXPECT_EQ(point.runs[0].state, RunState::kFailed);
  EXPECT_EQ(point.runs[0].why, "no room");
}

TEST(Shards, AreEvenAndKeepTheirRunsAsSeedsAreAdded) {
  for (const std::int64_t shards : {1, 2, 3, 4, 7, 12, 64})
    for (const std::int64_t points : {1, 2, 4, 6, 7, 24}) {
      constexpr std::int64_t kSeeds = 24;
      std::vector<std::int64_t> runs(static_cast<size_t>(shards));
      for (std::int64_t point = 0; point < points; ++point) {
        std::vector<std::int64_t> of_point(static_cast<size_t>(shards));
        for (std::int64_t seed = 0; seed < kSeeds; ++seed) {
          const auto shard = static_cast<size_t>(shard_of(point, seed, points, shards));
          ++runs[shard];
          ++of_point[shard];
        }
        EXPECT_LE(std::ranges::max(of_point) - std::ranges::min(of_point), 1) << points << " " << shards;
      }
      const std::int64_t even = points * kSeeds / shards;
      EXPECT_LE(std::ranges::max(runs), even + 2) << points << " " << shards;
    }
}

TEST_F(Results, RunsOfOtherShardsAreElsewhere) {
  add_portion(store_, "four", 1, 2);
  const PointResults point = results();
  std::vector<RunState> states;
  for (const RunView& run : point.runs) states.push_back(run.state);
  EXPECT_THAT(states, ElementsAre(RunState::kElsewhere, RunState::kWaiting, RunState::kElsewhere, RunState::kWaiting));
  add_portion(store_, "four", 0, 2);
  for (const RunView& run : results().runs) EXPECT_EQ(run.state, RunState::kWaiting);
}

TEST(RunView, HasAStateForEveryRun) {
  const auto state = [](train::RunStatus status, std::int64_t step, const std::string& error = "") {
    return view_of(StoredRun{.id = "x", .status = status, .step = step, .error = error}, 100).state;
  };
  EXPECT_EQ(view_of({}, 100).state, RunState::kWaiting);
  EXPECT_EQ(state(train::RunStatus::kRunning, 0), RunState::kWaiting);
  EXPECT_EQ(state(train::RunStatus::kRunning, 10), RunState::kRunning);
  EXPECT_EQ(state(train::RunStatus::kFinished, 50), RunState::kRunning);  // to be extended
  EXPECT_EQ(state(train::RunStatus::kFinished, 300), RunState::kFinished);
  EXPECT_EQ(state(train::RunStatus::kStopped, 100), RunState::kStopped);
  EXPECT_EQ(state(train::RunStatus::kStopped, 101), RunState::kFinished);
  EXPECT_EQ(state(train::RunStatus::kDiverged, 99), RunState::kDiverged);
  EXPECT_EQ(state(train::RunStatus::kDiverged, 100), RunState::kFinished);
  EXPECT_EQ(state(train::RunStatus::kRunning, 10, "failed so"), RunState::kFailed);
}

TEST(Output, NoTwoLabelsAreEqual) {
  // A probe named as another of its outputs, and one whose main output has its kind's name.
  const std::string text = R"([study]
name = "labels"
[task]
kind = "gaussian-tokens"
tokens = 4
dim = 4
labels = "sign"
[model]
kind = "one-layer-transformer"
hidden = 4
[train]
optimizer = { kind = "sgd", lr = 0.01 }
loss = "logistic"
batch = 16
steps = 2
[[probe]]
name = "loss"
kind = "accuracy"
prompts = 16
at = "end"
)";
  const TestFolder folder;
  Store store(folder.path(), Store::Access::kWrite);
  const Study study = parse_study(text, "labels.toml");
  run_study(study, store, {});
  std::vector<std::string> labels;
  for (const Output& output : results_of(study, store, 1).at(0).outputs) labels.push_back(output.label);
  EXPECT_THAT(labels, ElementsAre("loss", "loss.loss", "loss.residual"));
}

}  // namespace
}  // namespace iclab::study
