#include "study/runner.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <thread>

#include "full_disk.h"
#include "study/sqlite.h"
#include "study/stored_studies.h"
#include "test_files.h"

namespace iclab::study {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using train::RunStatus;

constexpr auto kWrite = Store::Access::kWrite;

// Twelve runs of three optimisers, growing prompts and random initial weights.
const std::string kManyRuns = R"(
[study]
name = "many"
seeds = 2
[task]
kind = "subspace-regression"
dim = 6
rank = 2
context = { from = 2, to = 6, every = 40 }
basis = "haar"
[model]
kind = "linear-attention"
form = "factored"
init = "random"
alpha = 0.3
[train]
optimizer = { lr = 0.002 }
batch = 40
steps = 300
[[probe]]
kind = "risk"
every = 25
[[probe]]
kind = "mse"
prompts = 100
at = "linear"
points = 4
[[probe]]
kind = "loss"
every = 7
[[probe]]
kind = "effective-matrix"
at = "end"
[sweep]
"task.components" = [1, 3]
"train.optimizer.kind" = ["sgd", "momentum", "adam"]
)";

Study many(const std::vector<std::string>& overrides = {}) {
  return parse_study(kManyRuns, "many.toml", overrides);
}

RunnerOptions threads(int count) {
  RunnerOptions options;
  options.threads = count;
  return options;
}

// The hash of a study run at once into a store of its own.
std::string hash_of(const Study& study, const RunnerOptions& options = {}) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  run_study(study, store, options);
  return store.sha256();
}

void expect_same_run(const Store& a, const Store& b, const std::string& id) {
  ASSERT_TRUE(a.run(id) && b.run(id));
  EXPECT_EQ(a.run(id)->status, b.run(id)->status);
  EXPECT_EQ(a.run(id)->step, b.run(id)->step);
  EXPECT_EQ(a.checkpoint(id), b.checkpoint(id));
  const auto v = a.weights(id), w = b.weights(id);
  ASSERT_EQ(v.size(), w.size());
  ASSERT_FALSE(v.empty());
  for (size_t i = 0; i < v.size(); ++i) EXPECT_EQ(v[i].bytes, w[i].bytes);
  const auto s = a.series(id), t = b.series(id);
  ASSERT_EQ(s.size(), t.size());
  for (size_t i = 0; i < s.size(); ++i) {
    EXPECT_EQ(s[i].name, t[i].name);
    EXPECT_EQ(s[i].steps, t[i].steps);
    EXPECT_EQ(s[i].values, t[i].values);
  }
}

// ---- bits ---------------------------------------------------------------------------------------

TEST(Runner, ThreadsDoNotChangeBits) {
  const std::string one = hash_of(many(), threads(1));
  EXPECT_EQ(hash_of(many(), threads(2)), one);
  EXPECT_EQ(hash_of(many(), threads(5)), one);
  EXPECT_NE(hash_of(many({"study.seed=1"}), threads(2)), one);
}

TEST(Runner, ARunIsTheSameAloneOrAmongOthers) {
  const TestFolder a, b;
  Store all(a.path(), kWrite), alone(b.path(), kWrite);
  run_study(many(), all, {});
  const Study one =
      many({"sweep.task.components=[3]", "sweep.train.optimizer.kind=[\"adam\"]", "study.seeds=1"});
  EXPECT_EQ(run_study(one, alone, {}).computed, 1);
  expect_same_run(all, alone, one.run_id(one.points[0], 0));
}

TEST(Runner, ShardsTogetherAreTheStudy) {
  const TestFolder whole, parts;
  Store all(whole.path(), kWrite);
  const Study study = many();
  run_study(study, all, {});
  std::int64_t computed = 0;
  for (int shard = 0; shard < 5; ++shard) {
    Store store(parts / std::to_string(shard), kWrite);
    RunnerOptions options;
    options.shard = shard;
    options.shards = 5;
    computed += run_study(study, store, options).computed;
    for (const StoredRun& run : store.runs()) expect_same_run(all, store, run.id);
  }
  EXPECT_EQ(computed, 12);
  RunnerOptions wrong;
  wrong.shard = 2;
  wrong.shards = 2;
  EXPECT_THAT(message_of<UsageError>([&] { run_study(study, all, wrong); }),
              HasSubstr("found 2 of 2"));
}

TEST(Runner, IndependentPointsDrawApart) {
  const auto first_loss = [](const std::vector<std::string>& overrides) {
    const TestFolder folder;
    Store store(folder.path(), kWrite);
    const Study study = many(overrides);
    run_study(study, store, {});
    std::vector<double> values;
    for (const size_t point : {0, 1})
      values.push_back(
          store.series(study.run_id(study.points[point], 0), study.points[0].probes[2].id, "loss")
              ->values[0][0]);
    return values;
  };
  const auto paired = first_loss({}), apart = first_loss({"study.independent=true"});
  EXPECT_EQ(paired[0], paired[1]);
  EXPECT_NE(apart[0], apart[1]);
}

// ---- nothing lost -------------------------------------------------------------------------------

TEST(Runner, KilledAtAnyInstantItEndsWithTheSameBits) {
  const Study study = many({"train.steps=50000"});
  const std::string expected = hash_of(study);
  const TestFolder folder;
  std::minstd_rand random(7);
  int killed = 0;
  for (int kill_number = 0; kill_number < 8; ++kill_number) {
    const pid_t child = fork();
    if (child == 0) {
      RunnerOptions options = threads(2);
      options.checkpoint_seconds = 0.005;
      try {
        Store store(folder.path(), kWrite);
        run_study(study, store, options);
      } catch (const std::exception&) {
        _exit(1);
      }
      _exit(0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10 + random() % 400));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) != 0)
        << "the killed process failed by itself";
    killed += WIFSIGNALED(status);
  }
  EXPECT_GT(killed, 0);
  Store store(folder.path(), kWrite);
  const RunnerSummary summary = run_study(study, store, {});
  EXPECT_EQ(summary.failed, 0);
  EXPECT_EQ(store.sha256(), expected);
}

TEST(Runner, StopsWhenAskedAndGoesOn) {
  const Study study = many({"train.steps=3000", "sweep.train.optimizer.kind=[\"adam\"]"});
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  constexpr int kStops = 5;
  std::int64_t steps = 0;
  for (int call = 0; call <= kStops; ++call) {
    std::stop_source source;
    RunnerOptions options = threads(2);
    options.stop = source.get_token();
    std::jthread asks;
    if (call < kStops)
      asks = std::jthread([&source] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        source.request_stop();
      });
    steps += run_study(study, store, options).steps;
  }
  EXPECT_EQ(steps, 4 * 3000);  // no step was done twice
  EXPECT_EQ(store.sha256(), hash_of(study));
}

TEST(Runner, FullDiskStopsTheStudyAndLosesNothing) {
  const Study study = many();
  const TestFolder folder;
  {
    Store store(folder.path(), kWrite);
    run_study(many({"train.steps=10"}), store, {});
  }
  {
    FullDisk disk(8'000);
    Store store(folder.path(), kWrite);
    EXPECT_THAT(message_of<Error>([&] { run_study(study, store, {}); }),
                HasSubstr("the disk is full"));
  }
  Store store(folder.path(), kWrite);
  run_study(study, store, {});
  for (const Point& point : study.points) EXPECT_EQ(store.run(study.run_id(point, 0))->step, 300);
}

// ---- only what is new ---------------------------------------------------------------------------

TEST(Runner, ComputesNothingTwice) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  const RunnerSummary first = run_study(many(), store, {});
  EXPECT_EQ(first.computed, 12);
  EXPECT_EQ(first.steps, 12 * 300);
  const std::string hash = store.sha256();
  const RunnerSummary second = run_study(many(), store, {});
  EXPECT_EQ(second.computed, 0);
  EXPECT_EQ(second.already_there, 12);
  EXPECT_EQ(second.steps, 0);
  EXPECT_EQ(store.sha256(), hash);
}

TEST(Runner, MoreSeedsAndValuesComputeOnlyTheNew) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  run_study(many({"sweep.task.components=[1]", "study.seeds=1"}), store, {});
  const RunnerSummary summary = run_study(many(), store, {});
  EXPECT_EQ(summary.already_there, 3);
  EXPECT_EQ(summary.computed, 9);
  EXPECT_EQ(summary.steps, 9 * 300);
  EXPECT_EQ(store.sha256(), hash_of(many()));
}

// "at end" of the shorter run stays in the store; all else is as if run at once.
TEST(Runner, MoreStepsGoOnFromTheEnd) {
  const TestFolder folder, other;
  Store store(folder.path(), kWrite), fresh(other.path(), kWrite);
  run_study(many({"train.steps=100"}), store, {});
  EXPECT_EQ(status(many(), store).running, 12);
  const RunnerSummary summary = run_study(many(), store, {});
  EXPECT_EQ(summary.steps, 12 * 200);
  const Study study = many();
  run_study(study, fresh, {});
  const std::string id = study.run_id(study.points[5], 1);
  EXPECT_EQ(store.checkpoint(id), fresh.checkpoint(id));
  const auto& probes = study.points[5].probes;
  EXPECT_EQ(store.series(id, probes[0].id, "risk")->values,
            fresh.series(id, probes[0].id, "risk")->values);
  EXPECT_EQ(store.series(id, probes[2].id, "loss")->values,
            fresh.series(id, probes[2].id, "loss")->values);
  EXPECT_THAT(store.series(id, probes[3].id, "effective_matrix")->steps, ElementsAre(100, 300));
}

TEST(Runner, FewerStepsAreAlreadyThere) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  const std::string text = with(with(kManyRuns, "at = \"linear\"\npoints = 4", "every = 50"),
                                "at = \"end\"", "every = 50");
  run_study(parse_study(text, "s.toml"), store, {});
  const RunnerSummary summary = run_study(
      parse_study(text, "s.toml", std::vector<std::string>{"train.steps=100"}), store, {});
  EXPECT_EQ(summary.already_there, 12);
  EXPECT_EQ(summary.steps, 0);
}

TEST(Runner, NewProbesAreMeasuredByReplay) {
  const std::string text = with(
      kManyRuns, "[[probe]]\nkind = \"mse\"\nprompts = 100\nat = \"linear\"\npoints = 4\n", "");
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  run_study(parse_study(text, "s.toml"), store, {});
  const RunnerSummary summary = run_study(many(), store, {});
  EXPECT_EQ(summary.computed, 12);
  EXPECT_EQ(store.sha256(), hash_of(many()));
  EXPECT_EQ(run_study(many(), store, {}).steps, 0);
}

TEST(Runner, NewProbesAndMoreStepsTogether) {
  const std::string text = with(kManyRuns, "[[probe]]\nkind = \"loss\"\nevery = 7\n", "");
  const auto without_end = [](const std::string& t) {
    return with(t, "at = \"end\"", "every = 300");
  };
  const auto no_mse = [](const std::string& t) {
    return with(t, "at = \"linear\"\npoints = 4", "every = 100");
  };
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  run_study(
      parse_study(no_mse(without_end(text)), "s.toml", std::vector<std::string>{"train.steps=90"}),
      store, {});
  const Study study = parse_study(no_mse(without_end(kManyRuns)), "s.toml");
  run_study(study, store, {});
  EXPECT_EQ(store.sha256(), hash_of(study));
}

// With a rule that never holds, whose mean spans the interruption.
TEST(Runner, AnInterruptedRunIsReplayedForNewProbes) {
  const auto measured_every = [](const std::string& steps) {
    return many({"probe.loss.every=" + steps, "sweep.task.components=[3]", "train.steps=2000",
                 "train.stop={probe=\"risk\", below=-1.0, mean=5}"});
  };
  const Study before = measured_every("100"), after = measured_every("10");
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  std::stop_source source;
  RunnerOptions options = threads(1);
  options.stop = source.get_token();
  options.progress = [&](const RunnerProgress&) { source.request_stop(); };
  const RunnerSummary summary = run_study(before, store, options);
  EXPECT_TRUE(summary.stopped || summary.computed == 6);
  run_study(after, store, {});
  EXPECT_EQ(store.sha256(), hash_of(after));
}

// It holds a step after the end of the stored part, within whose window new probes are replayed.
TEST(Runner, NewProbesLeaveAStoppingRulesMeanAsItIs) {
  const std::string text = with(with(kManyRuns, "at = \"end\"", "every = 300"),
                                "at = \"linear\"\npoints = 4", "every = 100");
  const auto study = [](const std::string& of, std::int64_t steps) {
    return parse_study(of, "s.toml",
                       std::vector<std::string>{
                           "sweep.train.optimizer.kind=[\"adam\"]", "sweep.task.components=[1]",
                           "study.seeds=1", "train.optimizer.lr=0.02", "probe.risk.every=7",
                           "train.stop={probe=\"risk\", below=0.5, mean=3}",
                           "train.steps=" + std::to_string(steps)});
  };
  const Study whole = study(text, 300);
  const std::string id = whole.run_id(whole.points[0], 0);
  const TestFolder at_once, in_parts;
  Store one(at_once.path(), kWrite), other(in_parts.path(), kWrite);
  run_study(whole, one, {});
  ASSERT_EQ(one.run(id)->status, RunStatus::kStopped);
  const std::int64_t end = one.run(id)->step;
  ASSERT_GT(end, 2 * 7);

  const std::string without_loss = with(text, "[[probe]]\nkind = \"loss\"\nevery = 7\n", "");
  run_study(study(without_loss, end - 1), other, {});
  ASSERT_EQ(other.run(id)->status, RunStatus::kFinished);
  run_study(whole, other, {});
  EXPECT_EQ(other.sha256(), one.sha256());
}

TEST(Runner, AReplayThatDiffersIsAnError) {
  const TestFolder folder;
  {
    Store store(folder.path(), kWrite);
    run_study(many({"probe.loss.every=100"}), store, {});
  }
  Database(folder / "store.sqlite", Database::Access::kWrite)
      .execute("UPDATE weights SET data = zeroblob(length(data)) WHERE run = 3; "
               "UPDATE runs SET checksum = '', seal = '' WHERE number = 3");  // as another build might have saved it
  Store store(folder.path(), kWrite);
  EXPECT_THAT(message_of<Error>([&] { run_study(many(), store, {}); }),
              HasSubstr("replayed to step 300 it has other weights than the store"));
}

TEST(Runner, ADamagedRunEndsTheStudyAndIsNoFailureOfTheRun) {
  const TestFolder folder;
  {
    Store store(folder.path(), kWrite);
    run_study(many({"probe.loss.every=100"}), store, {});
  }
  Database(folder / "store.sqlite", Database::Access::kWrite)
      .execute("UPDATE weights SET data = zeroblob(length(data)) WHERE run = 3");
  Store store(folder.path(), kWrite);
  EXPECT_THAT(message_of<Damaged>([&] { run_study(many(), store, {}); }), HasSubstr("is damaged"));
  EXPECT_EQ(status(many(), store).failed, 0);
}

TEST(Runner, PointsThatDifferInProbesAloneShareTheirRuns) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  const Study study =
      many({"sweep.probe.risk.test_context=[4, 8, 16]", "sweep.task.components=[1]"});
  ASSERT_EQ(study.points.size(), 9U);
  EXPECT_EQ(run_study(study, store, {}).computed, 6);
  for (const Point& point : study.points) {
    const auto risk = store.series(study.run_id(point, 0), point.probes[0].id, "risk");
    ASSERT_TRUE(risk);
    EXPECT_EQ(risk->steps, point.probes[0].due);
  }
}

// ---- ends ---------------------------------------------------------------------------------------

TEST(Runner, ADivergedRunDisturbsNobody) {
  const TestFolder folder, other;
  Store store(folder.path(), kWrite), fresh(other.path(), kWrite);
  const Study study =
      many({"sweep.train.optimizer.lr=[0.002, 1e6]", "sweep.train.optimizer.kind=[\"sgd\"]"});
  const RunnerSummary summary = run_study(study, store, {});
  EXPECT_EQ(summary.diverged, 4);
  EXPECT_EQ(summary.computed, 8);
  EXPECT_EQ(summary.failed, 0);
  EXPECT_EQ(status(study, store).diverged, 4);
  EXPECT_EQ(status(study, store).done, 4);

  run_study(many({"sweep.train.optimizer.kind=[\"sgd\"]"}), fresh, {});
  for (const size_t point : {0, 2})
    expect_same_run(store, fresh, study.run_id(study.points[point], 1));

  // Its last finite weights and its end are kept, and nothing that is not finite.
  const std::string id = study.run_id(study.points[1], 0);
  EXPECT_LT(store.run(id)->step, 300);
  for (const train::Tensor& tensor : store.weights(id)) {
    std::vector<float> values(tensor.bytes.size() / sizeof(float));
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    for (const float value : values) EXPECT_TRUE(std::isfinite(value));
  }
  for (const Series& series : store.series(id))
    for (const auto& values : series.values)
      for (const double value : values) EXPECT_TRUE(std::isfinite(value)) << series.name;
  const std::string hash = store.sha256();
  EXPECT_EQ(run_study(study, store, {}).steps, 0);
  EXPECT_EQ(store.sha256(), hash);
}

TEST(Runner, AStoppedRunIsMeasuredWhereItStops) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  const std::vector<std::string> base{"sweep.train.optimizer.kind=[\"adam\"]",
                                      "sweep.task.components=[1]", "study.seeds=1",
                                      "train.optimizer.lr=0.02"};
  std::vector<std::string> rule = base;
  rule.push_back("train.stop={probe=\"risk\", below=0.9}");
  const Study study = many(rule);
  run_study(study, store, {});
  const std::string id = study.run_id(study.points[0], 0);
  ASSERT_EQ(store.run(id)->status, RunStatus::kStopped);
  const std::int64_t at = store.run(id)->step;
  ASSERT_GT(at, 0);
  ASSERT_LT(at, 300);
  EXPECT_LT(store.series(id, study.points[0].probes[0].id, "risk")->values.back()[0], 0.9);
  EXPECT_THAT(store.series(id, study.points[0].probes[3].id, "effective_matrix")->steps,
              ElementsAre(at));

  // A probe added later measures at the same end.
  const Study more =
      parse_study(with(kManyRuns, "kind = \"mse\"\nprompts = 100\nat = \"linear\"\npoints = 4",
                       "kind = \"mse\"\nprompts = 50\nat = \"end\""),
                  "many.toml", rule);
  EXPECT_EQ(run_study(more, store, {}).computed, 1);
  EXPECT_EQ(store.run(id)->status, RunStatus::kStopped);
  EXPECT_THAT(store.series(id, more.points[0].probes[1].id, "mse")->steps, ElementsAre(at));
  EXPECT_EQ(run_study(more, store, {}).steps, 0);
}

TEST(Runner, APointThatDoesNotFitFailsAlone) {
  const std::string text =
      with(kManyRuns, "kind = \"risk\"\n", "kind = \"risk\"\ntest = \"complement\"\n");
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  // Three components of rank 2 span all six directions: there is no complement.
  const Study middle =
      parse_study(text, "many.toml", std::vector<std::string>{"sweep.task.components=[1, 3, 2]"});
  const RunnerSummary summary = run_study(middle, store, {});
  EXPECT_EQ(summary.failed, 6);
  EXPECT_EQ(summary.computed, 12);
  EXPECT_EQ(status(middle, store).failed, 6);
  const std::string id = middle.run_id(middle.points[3], 0);
  EXPECT_THAT(store.run(id)->error,
              StartsWith("many.toml (at the sweep's point task.components = 3, "
                         "train.optimizer.kind = 'sgd'): "));

  const TestFolder none;
  Store empty(none.path(), kWrite);
  EXPECT_THAT(message_of<UsageError>([&] { run_study(parse_study(text, "many.toml"), empty, {}); }),
              StartsWith("many.toml (at the sweep's point task.components = 3"));
  EXPECT_TRUE(empty.runs().empty());
}

TEST(Runner, GroupsAndStopSeriesAreCheckedBeforeAnythingIsWritten) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  const auto error = [&](const std::string& more) {
    const Study study =
        parse_study(with(kSmallStudy, "steps = 40", "steps = 40\n" + more), "s.toml");
    return message_of<UsageError>([&] { run_study(study, store, {}); });
  };
  EXPECT_THAT(error("[[train.group]]\nmatch = \"Z*\"\nlr = 1"),
              HasSubstr("match = \"Z*\" matches no weight"));
  EXPECT_THAT(error("stop = { probe = \"risk\", series = \"rsik\", below = 1 }"),
              StartsWith("s.toml: [train] stop series: found 'rsik', accepted are the series of "
                         "probe 'risk': risk; did"));
  EXPECT_TRUE(store.runs().empty());
}

// ---- the study in the store, progress, estimate -------------------------------------------------

TEST(Runner, TheStoreKnowsItsStudies) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  EXPECT_TRUE(stored_studies(store).empty());
  run_study(many({"study.seeds=1", "train.steps=5"}), store, {});
  run_study(parse_study(kSmallStudy, "small.toml"), store, {});
  const std::vector<Study> studies = stored_studies(store);
  ASSERT_EQ(studies.size(), 2U);
  EXPECT_EQ(studies[0].name, "many");
  EXPECT_EQ(studies[0].seeds, 1);
  EXPECT_EQ(studies[0].points[0].steps, 5);
  EXPECT_EQ(studies[1].name, "small");
  EXPECT_EQ(status(studies[1], store).done, 2);
  EXPECT_EQ(status(many({"study.seeds=3"}), store).waiting, 12);
}

TEST(Runner, ReportsItsProgress) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  std::vector<RunnerProgress> seen;
  RunnerOptions options = threads(2);
  options.progress = [&](const RunnerProgress& progress) { seen.push_back(progress); };
  run_study(many({"train.stop={probe=\"risk\", below=0.9}"}), store, options);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().runs_done, 12);
  EXPECT_EQ(seen.back().runs_total, 12);
  EXPECT_EQ(seen.back().steps_done,
            seen.back().steps_total);  // what stopped early is not left to do
  for (size_t i = 1; i < seen.size(); ++i) EXPECT_GE(seen[i].steps_done, seen[i - 1].steps_done);
}

TEST(Runner, AnExceptionOfTheCallerEndsTheStudy) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  RunnerOptions options = threads(2);
  options.progress = [](const RunnerProgress&) { throw std::runtime_error("enough"); };
  EXPECT_THROW(run_study(many({"train.steps=1000000"}), store, options), std::runtime_error);
}

TEST(Runner, EstimatesFromAMeasuredSecond) {
  const Estimate estimate = study::estimate(many({"train.steps=1000"}), threads(1));
  EXPECT_EQ(estimate.runs, 12);
  EXPECT_EQ(estimate.steps, 12'000);
  EXPECT_GT(estimate.bytes, 0);
  EXPECT_GT(estimate.seconds, 0);
  RunnerOptions shard;
  shard.shard = 4;
  shard.shards = 5;
  EXPECT_EQ(study::estimate(many(), shard).runs, 2);
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

TEST(Runner, AnEstimateMeasuresFewPromptsOfMany) {
  Estimate large, huge;
  const auto with_batch = [](const std::string& batch) {
    return many({"train.batch=" + batch, "train.accumulate=10", "probe.1.prompts=1000000000"});
  };
  // A tenth of a second or so for each of the updates and evaluations that are measured; in full they take minutes.
  EXPECT_LT(seconds_of([&] { large = study::estimate(with_batch("10000000"), threads(1)); }), 30);
  EXPECT_LT(seconds_of([&] { huge = study::estimate(with_batch("100000000"), threads(1)); }), 30);
  EXPECT_GT(huge.seconds, 3 * large.seconds) << "ten times the prompts of updates, as many of evaluations";
}

TEST(Runner, AnEstimateRefusesWhatDoesNotFitIntoTheMachine) {
  const std::string wide = R"(
[task]
kind = "linear-regression"
dim = 3
context = 8
[model]
kind = "transformer"
layers = 1
heads = 1
width = 1_000_000
[train]
optimizer = { kind = "sgd", lr = 0.01 }
batch = 1
steps = 1
)";
  try {
    study::estimate(parse_study(wide, "wide.toml"), threads(1));
    FAIL() << "such a machine is news";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), StartsWith("wide.toml: a run needs about "));
    EXPECT_THAT(error.what(), HasSubstr(" GB of memory, this machine has "));
  }
}

// The most memory that a process has held once it has run the study.
double peak_bytes(const Study& study) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      const TestFolder folder;
      Store store(folder.path(), kWrite);
      run_study(study, store, threads(1));
    } catch (const std::exception&) {
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  rusage used{};
  wait4(child, &status, 0, &used);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return static_cast<double>(used.ru_maxrss) * 1024;
}

TEST(Runner, MemoryGrowsNeitherWithRunsNorWithSteps) {
  const std::string wide = with(with(kSmallStudy, "dim = 3", "dim = 20"), "context = 8", "context = 40");
  const auto study = [&](int seeds, int steps) {
    return parse_study(wide, "wide.toml",
                       std::vector{fmt::format("study.seeds={}", seeds), fmt::format("train.steps={}", steps),
                                   std::string("train.batch=256")});
  };
  const double few = peak_bytes(study(4, 2));
  const double bytes_of_a_run = static_cast<double>(estimate(study(1, 2), threads(1)).bytes);
  EXPECT_LT(peak_bytes(study(204, 2)) - few, 0.1 * 200 * bytes_of_a_run);
  EXPECT_LT(peak_bytes(study(4, 500)) - few, bytes_of_a_run);
}

}  // namespace
}  // namespace iclab::study
