#include "study/study.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "study/schedule.h"
#include "test_files.h"

namespace iclab::study {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

Study small(const std::vector<std::string>& overrides = {}, const std::string& more = "") {
  return parse_study(kSmallStudy + more, "small.toml", overrides);
}

std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return message_of<UsageError>([&] { parse_study(text, "s.toml", overrides); });
}

TEST(Study, ReadsEveryTable) {
  const Study study = parse_study(with(kSmallStudy, "steps = 40", R"(steps = 40
gradient_scale = 2
stop = { probe = "risk", below = 0.1 }
[[train.group]]
match = "v"
lr = 0.5
[[train.group]]
match = "*"
frozen = true)"),
                                  "small.toml", {});
  EXPECT_EQ(study.name, "small");
  EXPECT_EQ(study.seeds, 2);
  EXPECT_EQ(study.seed, 0U);
  EXPECT_FALSE(study.independent);
  ASSERT_EQ(study.points.size(), 1U);
  const Point& point = study.points[0];
  EXPECT_EQ(point.task.kind, "linear-regression");
  EXPECT_EQ(point.task.settings.integer("dim"), 3);
  EXPECT_EQ(point.model.settings.text("form"), "factored");
  EXPECT_EQ(point.training.optimizer.kind, "adam");
  EXPECT_EQ(point.training.optimizer.settings.real("beta1"), 0.9);
  EXPECT_EQ(point.training.batch, 32);
  EXPECT_EQ(point.training.gradient_scale, 2);
  ASSERT_EQ(point.training.groups.size(), 2U);
  EXPECT_EQ(point.training.groups[0].lr, 0.5);
  EXPECT_FALSE(point.training.groups[0].frozen);
  EXPECT_TRUE(point.training.groups[1].frozen);
  EXPECT_EQ(point.steps, 40);
  EXPECT_FALSE(point.is_double);
  ASSERT_EQ(point.probes.size(), 2U);
  EXPECT_THAT(point.probes[0].due, ElementsAre(0, 10, 20, 30, 40));
  ASSERT_EQ(point.stops.size(), 1u);
  EXPECT_EQ(point.stops[0].probe, 0);
  EXPECT_EQ(point.stops[0].below, 0.1);
  EXPECT_EQ(point.stops[0].mean, 1);
  EXPECT_FALSE(point.stops[0].above);
}

TEST(Study, ReadsHowAnUpdateIsMade) {
  const Study study = small({"train.schedule={kind=\"cosine\", warmup=5, end=0.1}", "train.clip=1.5",
                             "train.accumulate=2", "train.data={fixed=96}"});
  const train::Training& training = study.points[0].training;
  ASSERT_TRUE(training.schedule);
  EXPECT_EQ(training.schedule->kind, "cosine");
  EXPECT_EQ(training.schedule->settings.integer("steps"), 40) << "those of the study";
  EXPECT_EQ(training.schedule->settings.integer("warmup"), 5);
  EXPECT_EQ(training.schedule->settings.real("end"), 0.1);
  EXPECT_EQ(training.clip, 1.5);
  EXPECT_EQ(training.accumulate, 2);
  EXPECT_EQ(training.fixed_prompts, 96);
  EXPECT_EQ(small({"train.data=fresh"}).points[0].training.fixed_prompts, 0);
}

TEST(Study, SweepsSchedulesAndData) {
  const Study study = small({"train.schedule={steps=30}", "sweep.train.schedule.kind=[\"linear\", \"cosine\"]",
                             "sweep.train.data.fixed=[32, 64]", "sweep.train.clip=[0.5, 1]",
                             "sweep.train.accumulate=[1, 2]", "sweep.train.schedule.end=[0, 0.1]"});
  ASSERT_EQ(study.points.size(), 32U);
  const train::Training& last = study.points.back().training;
  EXPECT_EQ(last.schedule->kind, "cosine");
  EXPECT_EQ(last.schedule->settings.real("end"), 0.1);
  EXPECT_EQ(last.fixed_prompts, 64);
  EXPECT_EQ(last.clip, 1);
  EXPECT_EQ(last.accumulate, 2);
}

TEST(Study, ATasksParameterMayGrow) {
  const std::string curriculum = "task.dim={from=2, to=5, every=100}";
  const std::vector<std::string> swept{"task.context={from=3, to=9, by=2, every=50}",
                                       "sweep.task.dim.from=[1, 5]"};
  const Study study =
      parse_study(with(kSmallStudy, "dim = 3", "dim = { from = 2, to = 5, every = 100 }"),
                  "small.toml", swept);
  ASSERT_EQ(study.points.size(), 2U);
  const Settings& task = study.points[0].task.settings;
  EXPECT_EQ(task.integer("dim"), 5);
  EXPECT_THAT(task.integers("dim.curriculum"), ElementsAre(1, 1, 100));
  EXPECT_EQ(task.integer("context"), 9);
  EXPECT_THAT(task.integers("context.curriculum"), ElementsAre(3, 2, 50));
  EXPECT_THAT(study.points[1].task.settings.integers("dim.curriculum"), ElementsAre(5, 1, 100));
  EXPECT_THAT(
      error_of(kSmallStudy, {"task.dim={from=2, to=5, every=100}", "sweep.task.dim=[4, 5]"}),
      HasSubstr("\"task.dim\": not swept: dim is a table; a curriculum is swept by its keys, as "
                "task.dim.from; accepted are"));

  const auto id = [](const std::vector<std::string>& overrides) {
    const Study one = small(overrides);
    return one.run_id(one.points[0], 0);
  };
  EXPECT_NE(id({"task.dim=5"}), id({curriculum}));
  EXPECT_NE(id({curriculum, "task.dim.every=50"}), id({curriculum}));
  EXPECT_EQ(id({curriculum, "task.dim.by=1"}), id({curriculum}));
}

TEST(Study, AScheduleThatEndsWithTheStudyMakesAnotherRun) {
  const auto id = [](const std::vector<std::string>& overrides) {
    const Study study = small(overrides);
    return study.run_id(study.points[0], 0);
  };
  const std::string ends = "train.schedule={kind=\"linear\"}", at_40 = "train.schedule={kind=\"linear\", steps=40}",
                    never = "train.schedule={kind=\"step\", every=10, factor=0.5}";
  EXPECT_NE(id({ends}), id({ends, "train.steps=80"})) << "longer is slower";
  EXPECT_EQ(id({ends}), id({at_40, "train.steps=80"})) << "the same run, extended";
  EXPECT_EQ(id({never}), id({never, "train.steps=80"}));
  EXPECT_EQ(id({}), id({"train.schedule={kind=\"constant\"}"})) << "the rate as it is";
  EXPECT_EQ(id({}), id({"train.data=fresh", "train.accumulate=1"}));
}

TEST(Study, CrossesAxesLastFastest) {
  const Study study =
      small({}, "[sweep]\n\"task.dim\" = [2, 3]\n\"model.alpha\" = [0.1, 1, 2.5]\n");
  ASSERT_EQ(study.points.size(), 6U);
  EXPECT_EQ(study.axes[0].key, "task.dim");
  EXPECT_EQ(study.points[1].axes[0].second, Setting(std::int64_t{2}));
  EXPECT_EQ(study.points[1].axes[1].second, Setting(1.0));  // in the parameter's kind
  EXPECT_EQ(study.points[1].model.settings.real("alpha"), 1.0);
  EXPECT_EQ(study.points[4].task.settings.integer("dim"), 3);
  EXPECT_EQ(&study.at({{"task.dim", std::int64_t{3}}, {"model.alpha", std::int64_t{1}}}),
            &study.points[4]);
  EXPECT_THAT(message_of<Error>([&] {
                study.at({{"task.dim", std::int64_t{3}}});
              }),
              HasSubstr("3 points with task.dim = 3, accepted is exactly one"));
  EXPECT_THAT(
      message_of<Error>([&] {
        study.at({{"task.din", std::int64_t{3}}});
      }),
      HasSubstr("no axis 'task.din'; there are task.dim, model.alpha; did you mean 'task.dim'?"));
}

TEST(Study, UnquotedSweepKeysAreTheSame) {
  const Study a =
      small({}, "[sweep]\n\"task.dim\" = [2, 3]\n\"train.optimizer.lr\" = [0.1, 0.2]\n");
  const Study b = small({}, "[sweep]\ntask.dim = [2, 3]\ntrain.optimizer.lr = [0.1, 0.2]\n");
  ASSERT_EQ(b.points.size(), 4U);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(a.points[i].identity(), b.points[i].identity());
}

TEST(Study, ZipMovesAxesTogether) {
  const Study study = small({}, R"([sweep]
"task.dim" = [2, 3]
"train.batch" = [16, 64]
"model.alpha" = [0.1, 0.2, 0.3]
zip = [["task.dim", "train.batch"]]
)");
  ASSERT_EQ(study.points.size(), 6U);
  EXPECT_EQ(study.points[3].task.settings.integer("dim"), 3);
  EXPECT_EQ(study.points[3].training.batch, 64);
  EXPECT_EQ(study.points[3].model.settings.real("alpha"), 0.1);
}

TEST(Study, GeneratesValues) {
  const auto values = [](const std::string& line) {
    return small({}, "[sweep]\n" + line + "\n").axes[0].values;
  };
  const auto integers = [&](const std::string& line) {
    std::vector<std::int64_t> out;
    for (const Setting& value : values(line)) out.push_back(std::get<std::int64_t>(value));
    return out;
  };
  EXPECT_THAT(integers("\"task.context\" = { range = [2, 6] }"), ElementsAre(2, 3, 4, 5, 6));
  EXPECT_THAT(integers("\"task.context\" = { range = [9, 2, -3] }"), ElementsAre(9, 6, 3));
  EXPECT_THAT(integers("\"task.context\" = { logspace = [1, 1000, 4] }"),
              ElementsAre(1, 10, 100, 1000));
  EXPECT_THAT(integers("\"task.context\" = { logspace = [1, 4, 6] }"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(integers("\"task.context\" = { linspace = [1, 2, 5] }"), ElementsAre(1, 2));
  EXPECT_THAT(values("\"task.noise\" = { linspace = [0, 1, 3] }"), ElementsAre(0.0, 0.5, 1.0));
  EXPECT_EQ(values("\"task.noise\" = { logspace = [0.5, 2, 1] }"), std::vector<Setting>{0.5});
}

// What a generator means, a list means too: the same points, runs and cells.
TEST(Study, GeneratesTheNumbersThatWouldBeTyped) {
  const auto values = [](const std::string& generator) {
    const Study study = small({}, "[sweep]\n\"task.noise\" = { " + generator + " }\n");
    std::vector<double> reals;
    for (const Setting& value : study.axes[0].values) reals.push_back(std::get<double>(value));
    return reals;
  };
  const std::vector<double> decades = values("logspace = [1e-4, 1e-1, 7]");
  ASSERT_EQ(decades.size(), 7U);
  for (const auto& [i, typed] : {std::pair<size_t, double>{0, 1e-4}, {2, 1e-3}, {4, 1e-2}, {6, 1e-1}})
    EXPECT_EQ(decades[i], typed);
  EXPECT_EQ(decades[1], log_points(1e-4, 1e-1, 7)[1]) << "no short number: as it was";
  EXPECT_THAT(values("logspace = [1e-12, 1e6, 19]"),
              ElementsAre(1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1,
                          1e2, 1e3, 1e4, 1e5, 1e6));
  EXPECT_THAT(values("logspace = [0.5, 8, 5]"), ElementsAre(0.5, 1.0, 2.0, 4.0, 8.0));
  EXPECT_THAT(values("linspace = [0.1, 0.5, 5]"), ElementsAre(0.1, 0.2, 0.3, 0.4, 0.5));
  EXPECT_THAT(values("linspace = [0, 1, 11]"),
              ElementsAre(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0));
  const double third = 1.0 / 3, typed_end = 0.30000000000000004;
  EXPECT_THAT(values("linspace = [0, 1, 4]"), ElementsAre(0.0, third, 2 * third, 1.0));
  EXPECT_THAT(values("linspace = [0.1, 0.30000000000000004, 3]"), ElementsAre(0.1, 0.2, typed_end));
}

TEST(Study, SweepsOptimizersGroupsStopsAndProbes) {
  const Study study = parse_study(with(kSmallStudy, "steps = 40", R"(steps = 40
stop = { probe = "risk", below = 0.1 }
[[train.group]]
match = "v")") + R"([sweep]
"train.optimizer.beta1" = [0.8, 0.9]
"train.group.0.lr" = [0.1, 0.2]
"train.stop.below" = [0.3, 0.4]
"train.stop.mean" = [7]
"probe.risk.test_context" = [4, 5]
"model.form" = ["factored", "separate"]
)",
                                  "s.toml");
  ASSERT_EQ(study.points.size(), 32U);
  const Point& last = study.points.back();
  EXPECT_EQ(last.training.optimizer.settings.real("beta1"), 0.9);
  EXPECT_EQ(last.training.groups[0].lr, 0.2);
  EXPECT_EQ(last.stops[0].below, 0.4);
  EXPECT_EQ(last.stops[0].mean, 7);
  EXPECT_EQ(last.probes[0].choice.settings.integer("test_context"), 5);
  EXPECT_EQ(last.model.settings.text("form"), "separate");
}

TEST(Study, KindsAreSwept) {
  const Study study =
      parse_study(with(kSmallStudy, "{ kind = \"adam\", lr = 0.01 }", "{ lr = 0.01 }") +
                      "[sweep]\n\"train.optimizer.kind\" = [\"sgd\", \"adam\"]\n",
                  "s.toml");
  EXPECT_EQ(study.points[0].training.optimizer.kind, "sgd");
  EXPECT_EQ(study.points[1].training.optimizer.kind, "adam");
}

TEST(Study, OverridesAreAppliedBeforeChecks) {
  const Study study =
      small({"task.dim=5", "study.seeds = 7", "model.form=merged", "probe.risk.every=20",
             "probe.1.points=2", "train.optimizer={kind=\"sgd\", lr=0.5}",
             "sweep.task.noise=[0.1, 0.2]"});
  EXPECT_EQ(study.points[1].task.settings.integer("dim"), 5);
  EXPECT_EQ(study.points[1].task.settings.real("noise"), 0.2);
  EXPECT_EQ(study.seeds, 7);
  EXPECT_EQ(study.points[0].model.settings.text("form"), "merged");
  EXPECT_THAT(study.points[0].probes[0].due, ElementsAre(0, 20, 40));
  EXPECT_THAT(study.points[0].probes[1].due, ElementsAre(0, 1, 40));
  EXPECT_EQ(study.points[0].training.optimizer.kind, "sgd");
  EXPECT_EQ(study.overrides.size(), 7U);
  const Study other = small({"sweep.\"task.dim\"=[4]"}, "[sweep]\n\"task.dim\" = [2, 3]\n");
  EXPECT_EQ(other.points.size(), 1U);
}

TEST(Study, RunsAreTheSameIfTheyDifferInStepsOrProbesAlone) {
  const Study a = small(), b = small({"train.steps=80", "probe.0.every=5", "study.seeds=9"});
  EXPECT_EQ(a.run_id(a.points[0], 1), b.run_id(b.points[0], 1));
  const std::vector<std::string> changes = {"task.noise=0.1",
                                            "model.alpha=0.2",
                                            "train.batch=33",
                                            "study.seed=1",
                                            "train.optimizer.lr=0.02",
                                            "study.precision=float64",
                                            "train.gradient_scale=2",
                                            "train.schedule={kind=\"linear\"}",
                                            "train.schedule={kind=\"cosine\"}",
                                            "train.schedule={kind=\"constant\", warmup=3}",
                                            "train.clip=1",
                                            "train.accumulate=2",
                                            "train.data={fixed=64}",
                                            "study.independent=true",
                                            "train.stop={probe=\"risk\", below=0.1}",
                                            "train.stop={probe=\"risk\", below=0.1, mean=3}"};
  std::set<std::string> ids{a.run_id(a.points[0], 0), a.run_id(a.points[0], 1)};
  for (const std::string& change : changes) {
    const Study changed = small({change});
    EXPECT_TRUE(ids.insert(changed.run_id(changed.points[0], 1)).second) << change;
  }
}

TEST(Study, ARunMayHaveSeveralStopRules) {
  const std::string two = "train.stop=[{probe=\"risk\", below=0.1}, {probe=\"loss\", above=9.0, mean=2}]";
  const Study study = small({two}), one = small({"train.stop=[{probe=\"risk\", below=0.1}]"}),
              same = small({"train.stop={probe=\"risk\", below=0.1}"});
  ASSERT_EQ(study.points[0].stops.size(), 2u);
  EXPECT_EQ(study.points[0].stops[1].above, 9.0);
  EXPECT_EQ(study.points[0].stops[1].mean, 2);
  EXPECT_NE(study.run_id(study.points[0], 0), one.run_id(one.points[0], 0));
  EXPECT_EQ(one.run_id(one.points[0], 0), same.run_id(same.points[0], 0)) << "a list of one";
  EXPECT_THAT(error_of(kSmallStudy, {"train.stop=[{probe=\"risk\", below=0.1}, {probe=\"rsik\", above=1}]"}),
              HasSubstr("[train] stop probe: found 'rsik', the name of no probe"));
  EXPECT_THAT(error_of(kSmallStudy, {"train.stop=[1]"}), HasSubstr("accepted are at most"));
  EXPECT_THAT(error_of(kSmallStudy, {"train.stop=[]"}), HasSubstr("found an empty list, accepted is a table or a list"));
}

TEST(Study, WhereARunStopsDependsOnWhenItIsMeasured) {
  const std::string stop = "train.stop={probe=\"risk\", below=0.1}";
  const Study a = small({stop}), b = small({stop, "probe.risk.every=5"}),
              c = small({stop, "train.steps=80"});
  EXPECT_NE(a.run_id(a.points[0], 0), b.run_id(b.points[0], 0));
  EXPECT_EQ(a.run_id(a.points[0], 0), c.run_id(c.points[0], 0));
}

TEST(Study, PopulationTrainingHasNoBatch) {
  const std::string text = with(kSmallStudy, "batch = 32\n", "loss = \"population\"\n");
  const Study a = parse_study(text, "s.toml"),
              b = parse_study(text, "s.toml", std::vector<std::string>{"train.batch=9"});
  EXPECT_EQ(a.run_id(a.points[0], 0), b.run_id(b.points[0], 0));
}

TEST(Study, IndependentPointsHaveTheirOwnStreams) {
  const Study shared = small({"sweep.task.noise=[0.1, 0.2]"});
  EXPECT_EQ(shared.salt(shared.points[0]), "");
  const Study apart = small({"sweep.task.noise=[0.1, 0.2]", "study.independent=true"});
  EXPECT_EQ(apart.salt(apart.points[0]).size(), 64U);
  EXPECT_NE(apart.salt(apart.points[0]), apart.salt(apart.points[1]));
}

TEST(Study, TheFilesOfTheExamplesAreRead) {
  const std::filesystem::path folder = std::string(ICLAB_SOURCE_DIR) + "/examples";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    EXPECT_NO_THROW(read_study(entry.path())) << entry.path();
  }
}

// ---- errors: each with file and line, what was found, what is accepted --------------------------

struct Bad {
  const char* part;  // of kSmallStudy; "" appends
  const char* by;
  const char* message;   // its beginning
  const char* end = "";  // of it: what lies between may grow with the registries
};

class BadStudy : public testing::TestWithParam<Bad> {};

TEST_P(BadStudy, IsRefused) {
  const Bad& bad = GetParam();
  const std::string text = *bad.part ? with(kSmallStudy, bad.part, bad.by) : kSmallStudy + bad.by;
  EXPECT_THAT(error_of(text), AllOf(StartsWith(bad.message), EndsWith(bad.end)));
}

INSTANTIATE_TEST_SUITE_P(
    Keys, BadStudy,
    testing::Values(
        Bad{"[study]", "[studdy]",
            "s.toml:1: unknown key 'studdy'; accepted are the tables study, task, model, train, "
            "probe, sweep; did you mean 'study'?"},
        Bad{"seeds = 2", "sedes = 2",
            "s.toml:3: [study] sedes: unknown key of [study]; accepted are name, seeds, seed, "
            "precision, independent; did you mean 'seeds'?"},
        Bad{"dim = 3", "dmi = 3",
            "s.toml:7: [task] dmi: unknown key of task 'linear-regression'; accepted are kind, "
            "dim, "
            "context"},
        Bad{"alpha = 0.3", "alhpa = 0.3",
            "s.toml:13: [model] alhpa: unknown key of model 'linear-attention'"},
        Bad{"batch = 32", "bacth = 32",
            "s.toml:17: [train] bacth: unknown key of [train]; accepted are optimizer, "
            "schedule, batch, accumulate, data, steps, loss, gradient_scale, clip, stop, group; did you mean 'batch'?"},
        Bad{"lr = 0.01", "rl = 0.01",
            "s.toml:16: [train] optimizer rl: unknown key of optimizer 'adam'"},
        Bad{"every = 10", "evry = 10",
            "s.toml:22: [[probe]] evry: unknown key of probe 'risk'; accepted are kind, name, "
            "every, at, points, from, factor, steps, test"},
        Bad{"steps = 40", "steps = 40\nstop = { probe = \"risk\", abve = 1 }",
            "s.toml:19: [train] stop abve: unknown key"},
        Bad{"steps = 40", "steps = 40\n[[train.group]]\nmtch = \"v\"",
            "s.toml:20: [[train.group]] mtch: unknown key"},
        Bad{"dim = 3\n", "",
            "s.toml:5: [task] dim: missing; task 'linear-regression' needs it (an integer"},
        Bad{"kind = \"linear-regression\"\n", "",
            "s.toml:5: [task] kind: missing; accepted is kind = \"NAME\""},
        Bad{"batch = 32\n", "", "s.toml:15: [train] batch: missing; loss 'mse' needs it"},
        Bad{"steps = 40\n", "", "s.toml:15: [train] steps: missing"},
        Bad{"optimizer = { kind = \"adam\", lr = 0.01 }\n", "",
            "s.toml:15: [train] optimizer: missing, a study needs it"},
        Bad{"[task]\nkind = \"linear-regression\"\ndim = 3\ncontext = 8\n", "",
            "s.toml: [task]: missing, a study needs it"}));

INSTANTIATE_TEST_SUITE_P(
    Values, BadStudy,
    testing::Values(
        Bad{"seeds = 2", "seeds = \"two\"",
            "s.toml:3: [study] seeds: found 'two', accepted is an integer"},
        Bad{"seeds = 2", "seeds = 0",
            "s.toml:3: [study] seeds: found 0, accepted is a number at least 1"},
        Bad{"seeds = 2", "seeds = -1", "s.toml:3: [study] seeds: found -1"},
        Bad{"seeds = 2", "seeds = 2.5",
            "s.toml:3: [study] seeds: found 2.5, accepted is an integer"},
        Bad{"seeds = 2", "seeds = 2_000_000",
            "s.toml:3: [study] seeds: found 2000000, accepted is a number at least 1 and at "
            "most 1000000"},
        Bad{"seeds = 2", "seeds = 1979-05-27", "s.toml:3: found a date or time, accepted are"},
        Bad{"seeds = 2", "precision = \"float16\"",
            "s.toml:3: [study] precision: found 'float16', accepted is one of float32, "
            "float64"},
        Bad{"dim = 3", "dim = 0",
            "s.toml:7: [task] dim: found 0, accepted is a number at least 1 and at most 4096"},
        Bad{"lr = 0.01", "lr = 1e-50",
            "s.toml:16: [train] optimizer lr: found 1e-50, which float32 turns into 0; accepted are 0 and numbers from "
            "1.17549e-38 to 3.40282e+38 in size, or precision = \"float64\""},
        Bad{"alpha = 0.3", "alpha = 1e39", "s.toml:13: [model] alpha: found 1e+39, which float32 turns into infinity"},
        Bad{"dim = 3", "dim = 3\nnoise = 1e-38", "s.toml:8: [task] noise: found 1e-38, which float32 turns into 0"},
        Bad{"steps = 40", "steps = 40\n[[train.group]]\nmatch = \"v\"\nlr = 1e-50",
            "s.toml:21: [train] group lr: found 1e-50"},
        Bad{"dim = 3", "dim = [3]", "s.toml:7: [task] dim: found [3], accepted is an integer"},
        Bad{"dim = 3", "dim = { a = 1 }",
            "s.toml:7: [task] dim a: unknown key of the curriculum of dim; accepted are from, to, "
            "by, every"},
        Bad{"alpha = 0.3", "alpha = { a = 1 }",
            "s.toml:13: [model] alpha: found a table, accepted is a value"},
        Bad{"dim = 3", "dim = 3\nnoise = { from = 1, to = 2, every = 3 }",
            "s.toml:8: [task] noise: found a table, accepted is a value; of task 'linear-regression' "
            "may grow: context, dim"},
        Bad{"kind = \"linear-regression\"\ndim = 3",
            "kind = \"subspace-regression\"\ndim = { from = 1, to = 3, every = 10 }",
            "s.toml:7: [task] dim: found a table, accepted is a value; of task 'subspace-regression' "
            "may grow: context"},
        Bad{"dim = 3", "dim = { from = 5, to = 3, every = 10 }",
            "s.toml:7: [task] dim: found from = 5 above to = 3; accepted is at most that"},
        Bad{"dim = 3", "dim = { from = 1, to = 3 }",
            "s.toml:7: [task] dim every: missing; the curriculum of dim needs it"},
        Bad{"dim = 3", "dim = { from = 0, to = 3, every = 10 }",
            "s.toml:7: [task] dim from: found 0, accepted is a number at least 1"},
        Bad{"dim = 3", "dim = { from = 1, to = 4_000, every = 1_000_000 }",
            "s.toml:7: [task] dim: found 3999 rises, one every 1000000 steps; accepted are at most"},
        Bad{"dim = 3", "dim = { from = 1, to = 5_000, every = 10 }",
            "s.toml:7: [task] dim: found 5000, accepted is a number at least 1 and at most 4096"},
        Bad{"dim = 3", "dim = 3\n\"dim.curriculum\" = [4, 1, 10]",
            "s.toml:5: [task]: dim.curriculum: found from = 4 above to = 3; accepted is at most that"},
        Bad{"dim = 3", "dim = { from = 1, to = 3, every = 10 }\nsampler = \"statistics\"",
            "s.toml:5: [task]: [task] sampler 'statistics' has no curriculum; accepted is 'prompts'"},
        Bad{"dim = 3", "dmi = { from = 1, to = 3, every = 10 }",
            "s.toml:7: [task] dmi: found a table, accepted is a value; of task 'linear-regression' "
            "may grow: context, dim; did you mean 'dim'?"},
        Bad{"dim = 3", "dim = { from = 1, to = 3, every = 10 }\n\"dim.curriculum\" = [1, 1, 20]",
            "s.toml:7: [task] dim: found a curriculum and dim.curriculum too, accepted is one"},
        Bad{"", "[sweep]\n\"task.dim.from\" = [1, 2]\n",
            "s.toml:29: 'from' stands in a value (3), accepted is a key of a table"},
        Bad{"dim = 3", "dim = [\"a\"]",
            "s.toml:7: [task] dim: found ['a'], accepted is a value or a list of numbers"},
        Bad{"dim = 3", "dim = 1180591620717411303424",
            "s.toml:7: found \"dim = 1180591620717411303424\": not TOML: "},
        Bad{"alpha = 0.3", "alpha = nan",
            "s.toml:13: [model] alpha: found nan, accepted is a number"},
        Bad{"alpha = 0.3", "alpha = inf",
            "s.toml:13: [model] alpha: found inf, accepted is a number"},
        Bad{"alpha = 0.3", "alpha = -0.3",
            "s.toml:13: [model] alpha: found -0.3, accepted is a number at least 0"},
        Bad{"alpha = 0.3", "alpha = 1e400", "s.toml:13: "},
        Bad{"lr = 0.01", "lr = true",
            "s.toml:16: [train] optimizer lr: found true, accepted is a real number"},
        Bad{"steps = 40", "steps = 0",
            "s.toml:18: [train] steps: found 0, accepted is a number at least 1"},
        Bad{"steps = 40", "steps = 5_000_000_000",
            "s.toml:18: [train] steps: found 5000000000, accepted is a number"},
        Bad{"batch = 32", "batch = 0", "s.toml:17: [train] batch: found 0"},
        Bad{"{ kind = \"adam\", lr = 0.01 }", "\"adam\"",
            "s.toml:16: [train] optimizer: found 'adam', accepted is a table"},
        Bad{"[[probe]]\nkind = \"risk\"", "[probe]\nkind = \"risk\"", "s.toml:24: "},
        Bad{"[[probe]]\nkind = \"risk\"\nevery = 10\n\n[[probe]]\nkind = \"loss\"",
            "[probe]\nkind = \"loss\"",
            "s.toml:20: [[probe]]: found a table, accepted is a list of tables; write [[probe]]"},
        Bad{"steps = 40", "steps = 40\n[train.group]\nmatch = \"v\"",
            "s.toml:19: [[train.group]]: found a table, accepted is a list of tables; write "
            "[[train.group]]"},
        Bad{"[task]", "[[task]]",
            "s.toml:5: [task]: found [a table], accepted is one table, no list of them"},
        Bad{"[model]\nkind = \"linear-attention\"", "[model]\nkind = 3",
            "s.toml:11: [model] kind: found 3, accepted is text"},
        Bad{"name = \"small\"", "name = \"\"",
            "s.toml:2: [study] name: found '', accepted is the name of a folder"},
        Bad{"name = \"small\"", "name = \"../small\"",
            "s.toml:2: [study] name: found '../small', accepted is the name of a folder"},
        Bad{"name = \"small\"", "name = \"a/b\"", "s.toml:2: [study] name: found 'a/b'"},
        Bad{"name = \"small\"", "name = \"a\\nb\"", "s.toml:2: [study] name: found 'a"}));

INSTANTIATE_TEST_SUITE_P(
    Names, BadStudy,
    testing::Values(
        Bad{"kind = \"linear-regression\"", "kind = \"linear-regresion\"",
            "s.toml:6: [task] kind: unknown task 'linear-regresion'; accepted are ",
            "; did you mean 'linear-regression'?"},
        Bad{"kind = \"linear-attention\"", "kind = \"linear-atention\"",
            "s.toml:11: [model] kind: unknown model 'linear-atention'; accepted are ",
            "; did you mean 'linear-attention'?"},
        Bad{"kind = \"risk\"", "kind = \"rsik\"",
            "s.toml:21: [[probe]] kind: unknown probe 'rsik'; accepted are "},
        Bad{"kind = \"adam\"", "kind = \"adm\"",
            "s.toml:16: [train] optimizer kind: unknown optimizer 'adm'; accepted are sgd, "
            "momentum, adam, adamw; did you mean 'adam'?"},
        Bad{"batch = 32", "loss = \"msee\"",
            "s.toml:17: [train] loss: found 'msee', accepted is one of mse, ",
            "; did you mean 'mse'?"},
        Bad{"form = \"factored\"", "form = \"factord\"",
            "s.toml:12: [model] form: found 'factord', accepted is one of merged, "
            "factored, separate, full; did you mean 'factored'?"},
        Bad{"steps = 40", "steps = 40\nstop = { probe = \"rik\", above = 1 }",
            "s.toml:19: [train] stop probe: found 'rik', the name of no probe; accepted is one of "
            "risk, loss; did you mean 'risk'?"},
        Bad{"steps = 40", "steps = 40\nstop = { probe = \"risk\" }",
            "s.toml:19: [train] stop: found neither above nor below, accepted is one or both"}));

INSTANTIATE_TEST_SUITE_P(
    Updates, BadStudy,
    testing::Values(
        Bad{"steps = 40", "steps = 40\nschedule = { kind = \"cosin\" }",
            "s.toml:19: [train] schedule kind: unknown schedule 'cosin'; accepted are constant, linear, "
            "cosine, step; did you mean 'cosine'?"},
        Bad{"steps = 40", "steps = 40\nschedule = \"cosine\"",
            "s.toml:19: [train] schedule: found 'cosine', accepted is a table"},
        Bad{"steps = 40", "steps = 40\nschedule = { warmup = 3 }",
            "s.toml:19: [train] schedule kind: missing; accepted is kind = \"NAME\""},
        Bad{"steps = 40", "steps = 40\nschedule = { kind = \"linear\", warmp = 3 }",
            "s.toml:19: [train] schedule warmp: unknown key of schedule 'linear'; accepted are kind, "
            "warmup, end, steps; did you mean 'warmup'?"},
        Bad{"steps = 40", "steps = 40\nschedule = { kind = \"linear\", warmup = 40 }",
            "s.toml:19: [train] schedule: found steps = 40 and warmup = 40, accepted are more steps than "
            "those of the warm-up"},
        Bad{"steps = 40", "steps = 40\nschedule = { kind = \"step\", every = 3 }",
            "s.toml:19: [train] schedule factor: missing; schedule 'step' needs it"},
        Bad{"steps = 40", "steps = 40\nclip = 0",
            "s.toml:19: [train] clip: found 0, accepted is a number above 0"},
        Bad{"steps = 40", "steps = 40\naccumulate = 0",
            "s.toml:19: [train] accumulate: found 0, accepted is a number at least 1"},
        Bad{"steps = 40", "steps = 40\naccumulate = 100_000_000",
            "s.toml:19: [train] accumulate: found 100000000 batches of 32 prompts, accepted are at most"},
        Bad{"batch = 32", "loss = \"population\"\naccumulate = 2",
            "s.toml:18: [train] accumulate: found with loss 'population', which draws no prompts"},
        Bad{"batch = 32", "loss = \"population\"\ndata = { fixed = 2 }",
            "s.toml:18: [train] data: found with loss 'population', which draws no prompts"},
        Bad{"steps = 40", "steps = 40\ndata = \"frsh\"",
            "s.toml:19: [train] data: found 'frsh', accepted is \"fresh\" or { fixed = N }; did you mean "
            "'fresh'?"},
        Bad{"steps = 40", "steps = 40\ndata = 64",
            "s.toml:19: [train] data: found 64, accepted is \"fresh\" or { fixed = N }"},
        Bad{"steps = 40", "steps = 40\ndata = { fixd = 64 }",
            "s.toml:19: [train] data fixd: unknown key of [train] data; accepted are fixed; did you mean "
            "'fixed'?"},
        Bad{"steps = 40", "steps = 40\ndata = {}", "s.toml:19: [train] data fixed: missing"},
        Bad{"steps = 40", "steps = 40\ndata = { fixed = 50 }",
            "s.toml:19: [train] data: found fixed = 50, accepted is a multiple of batch = 32, such as 64"},
        Bad{"", "[sweep]\n\"train.schedule\" = [1]\n",
            "s.toml:29: [sweep] \"train.schedule\": not swept: schedule is a table"},
        Bad{"", "[sweep]\n\"train.schedule.end\" = [1]\n",
            "s.toml: [train] schedule: missing, a study needs it"}));

INSTANTIATE_TEST_SUITE_P(
    Probes, BadStudy,
    testing::Values(
        Bad{"every = 10\n", "",
            "s.toml:20: [[probe]] every: found 0 of the keys every, at, steps; accepted is exactly "
            "one"},
        Bad{"every = 10", "every = 10\nat = \"end\"",
            "s.toml:23: [[probe]] at: found 2 of the keys"},
        Bad{"every = 10", "every = 0",
            "s.toml:22: [[probe]] every: found 0, accepted is a number at least 1"},
        Bad{"every = 10", "steps = [0, 50]",
            "s.toml:22: [[probe]] steps: found 50, accepted are steps from 0 to train.steps = 40"},
        Bad{"every = 10", "steps = [3, 3]",
            "s.toml:22: [[probe]] steps: found 3 after 3, accepted are ascending steps"},
        Bad{"every = 10", "steps = []",
            "s.toml:22: [[probe]] steps: found [], accepted is at least one step"},
        Bad{"every = 10", "steps = [-1]", "s.toml:22: [[probe]] steps: found -1"},
        Bad{"points = 5\n", "",
            "s.toml:24: [[probe]] points: missing; at = \"log\" needs points = N"},
        Bad{"every = 10", "every = 10\npoints = 4",
            "s.toml:23: [[probe]] points: found points without at"},
        Bad{"at = \"log\"", "at = \"lag\"",
            "s.toml:26: [[probe]] at: found 'lag', accepted is one of log, linear, end"},
        Bad{"", "[[probe]]\nkind = \"risk\"\nat = \"end\"\n",
            "s.toml:28: [[probe]]: found the probe 'risk' with the same settings as at s.toml:20; "
            "accepted is each once"},
        Bad{"", "[[probe]]\nkind = \"mse\"\nname = \"a.b\"\nat = \"end\"\n",
            "s.toml:30: [[probe]] name: found 'a.b'"}));

INSTANTIATE_TEST_SUITE_P(
    Sweeps, BadStudy,
    testing::Values(
        Bad{"", "[sweep]\n\"task.dim\" = []\n",
            "s.toml:29: [sweep] \"task.dim\": found an empty list, accepted is at least one"},
        Bad{"", "[sweep]\n\"task.dim\" = 3\n",
            "s.toml:29: [sweep] \"task.dim\": found 3, accepted is a list of values or a table"},
        Bad{"", "[sweep]\n\"task.dmi\" = [1]\n",
            "s.toml:29: [sweep] \"task.dmi\": unknown key of task 'linear-regression'; "},
        Bad{"", "[sweep]\n\"tsk.dim\" = [1]\n",
            "s.toml:29: [sweep] \"tsk.dim\": not swept: 'tsk.dim' is no setting; accepted"},
        Bad{"", "[sweep]\n\"\" = [1]\n", "s.toml:29: [sweep] \"\": not swept: the key has no name; accepted"},
        Bad{"", "[sweep]\n\"task.dim\" = [1,\n 0]\n",
            "s.toml:30: [sweep] \"task.dim\": found 0, accepted is a number at least 1"},
        Bad{"", "[sweep]\n\"task.dim\" = [1, \"a\"]\n",
            "s.toml:29: [sweep] \"task.dim\": found 'a', accepted is an integer"},
        Bad{"", "[sweep]\n\"task.noise\" = [0.1, nan]\n",
            "s.toml:29: [sweep] \"task.noise\": found nan"},
        Bad{"", "[sweep]\n\"task.dim\" = [2, 3, 2]\n",
            "s.toml:29: [sweep] \"task.dim\": found 2 twice, accepted is each value once"},
        Bad{"", "[sweep]\n\"study.seeds\" = [1, 2]\n",
            "s.toml:29: [sweep] \"study.seeds\": not swept: settings of [study]"},
        Bad{"", "[sweep]\n\"train.steps\" = [1, 2]\n",
            "s.toml:29: [sweep] \"train.steps\": not swept: a study has one number"},
        Bad{"", "[sweep]\n\"probe.risk.every\" = [1, 2]\n",
            "s.toml:29: [sweep] \"probe.risk.every\": not swept: a probe's"},
        Bad{"", "[sweep]\n\"probe.rsik.test_context\" = [1, 2]\n",
            "s.toml:29: [sweep] \"probe.rsik.test_context\": found 'rsik', "
            "which names 0 items"},
        Bad{"", "[sweep]\n\"task.dim\" = { logspac = [1, 2, 3] }\n",
            "s.toml:29: [sweep] \"task.dim\": found a table with logspac, "
            "accepted is one of logspace, linspace, range; did you"},
        Bad{"", "[sweep]\n\"task.dim\" = { logspace = [0, 2, 3] }\n",
            "s.toml:29: [sweep] \"task.dim\" logspace: found [0, 2, 3], "
            "accepted are ends above 0"},
        Bad{"", "[sweep]\n\"task.dim\" = { logspace = [1, 2] }\n",
            "s.toml:29: [sweep] \"task.dim\" logspace: found [1, 2], accepted "
            "is a list of 3 finite numbers"},
        Bad{"", "[sweep]\n\"task.dim\" = { linspace = [1, 2, 0] }\n",
            "s.toml:29: [sweep] \"task.dim\" linspace: found 0 values"},
        Bad{"", "[sweep]\n\"task.dim\" = { linspace = [1, 1e300, 3] }\n",
            "s.toml:29: [sweep] \"task.dim\" linspace: found 1e+300"},
        Bad{"", "[sweep]\n\"task.dim\" = { range = [3, 1] }\n",
            "s.toml:29: [sweep] \"task.dim\" range: found [3, 1], an empty range"},
        Bad{"", "[sweep]\n\"task.dim\" = { range = [1, 3, 0] }\n",
            "s.toml:29: [sweep] \"task.dim\" range: found [1, 3, 0], an empty"},
        Bad{"", "[sweep]\n\"task.dim\" = { range = [1.5, 3] }\n",
            "s.toml:29: [sweep] \"task.dim\" range: found 1.5, accepted is an"},
        Bad{"",
            "[sweep]\n\"task.context\" = { range = [1, 1000] }\n\"train.batch\" = { range = [1, "
            "20000] }\n",
            "s.toml:28: [sweep]: found 20000000 points, accepted are at most 100000"},
        Bad{"", "[sweep]\n\"task.context\" = { range = [1, 9000000000000000] }\n",
            "s.toml:29: [sweep] \"task.context\" range: found "
            "9000000000000000 values, accepted are at most"},
        Bad{"",
            "[sweep]\n\"task.dim\" = [1, 2]\n\"train.batch\" = [1, 2, 3]\nzip = [[\"task.dim\", "
            "\"train.batch\"]]\n",
            "s.toml:31: [sweep] zip: found 2 values of 'task.dim' and 3 of 'train.batch'; accepted "
            "are equal numbers"},
        Bad{"", "[sweep]\n\"task.dim\" = [1, 2]\nzip = [[\"task.dim\", \"task.dum\"]]\n",
            "s.toml:30: [sweep] zip: found 'task.dum', "
            "accepted are axes of this sweep: task.dim"},
        Bad{"", "[sweep]\n\"task.dim\" = [1, 2]\nzip = [[\"task.dim\", \"task.dim\"]]\n",
            "s.toml:30: [sweep] zip: found 'task.dim' twice"},
        Bad{"", "[sweep]\n\"task.dim\" = [1, 2]\nzip = [\"task.dim\"]\n",
            "s.toml:30: [sweep] zip: found 'task.dim', accepted is [["},
        Bad{"", "[sweep]\n\"task.dim\" = [1, 2]\ntask.dim = [3]\n",
            "s.toml:30: [sweep] \"task.dim\": swept twice"},
        Bad{"", "sweep = 3\n", "s.toml:28: "}));

INSTANTIATE_TEST_SUITE_P(
    Toml, BadStudy,
    testing::Values(
        Bad{"dim = 3", "dim = 3\ndim = 4",
            "s.toml:8: found \"dim = 4\": this key was given before; accepted is each key once"},
        Bad{"dim = 3", "dim = ", "s.toml:7: found \"dim =\": not TOML: "},
        Bad{"[task]", "[task", "s.toml:5: found \"[task\": not TOML: "},
        Bad{"dim = 3", "dim = \"\xff\"",
            "s.toml:7: found bytes that are not UTF-8; accepted is UTF-8 text"},
        Bad{"dim = 3", "dim \xc3\xa9 = 3", "s.toml:7: found \"dim \xc3\xa9 = 3\": not TOML: "},
        Bad{"dim = 3", "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a = 3",
            "s.toml:7: found a key of more than 16 parts"}));

TEST(Study, DoublePrecisionHoldsWhatSingleDoesNot) {
  const std::string tiny = with(kSmallStudy, "lr = 0.01", "lr = 1e-50");
  EXPECT_NO_THROW(parse_study(tiny, "s.toml", std::vector<std::string>{"study.precision=float64"}));
  EXPECT_THAT(error_of(kSmallStudy + "[sweep]\n\"train.optimizer.lr\" = [0.1, 1e-50]\n"),
              StartsWith("s.toml:29: [train] optimizer lr: found 1e-50"));
  const std::string rule = with(kSmallStudy, "steps = 40", "steps = 40\nstop = { probe = \"risk\", below = 1e-50 }");
  EXPECT_NO_THROW(parse_study(rule, "s.toml")) << "rules are compared in double precision";
}

TEST(Study, TheLastPointsAreChecked) {
  const std::string text = with(
      with(kSmallStudy, "kind = \"linear-regression\"", "kind = \"subspace-regression\"\nrank = 2"),
      "dim = 3", "dim = 4");
  EXPECT_THAT(error_of(text + "[sweep]\n\"task.components\" = [1, 2, 3]\n"),
              testing::AllOf(StartsWith("s.toml:5: [task]: task 'subspace-regression': "),
                             HasSubstr("(at the sweep's point task.components = 3)")));
}

// Two series of one name would be mixed in every table and figure.
TEST(Study, ProbesHaveNamesOfTheirOwn) {
  const std::string two = kSmallStudy + "[[probe]]\nkind = \"risk\"\nnormalised = false\nevery = 5\n";
  EXPECT_EQ(error_of(two),
            "s.toml:28: [[probe]]: found the name 'risk' of the probe at s.toml:20; accepted is a "
            "name of its own: name = \"...\"");
  EXPECT_EQ(error_of(two + "name = \"loss\"\n"),
            "s.toml:32: [[probe]] name: found the name 'loss' of the probe at s.toml:24; accepted is "
            "a name of its own: name = \"...\"");
  EXPECT_NO_THROW(parse_study(two + "name = \"raw\"\n", "s.toml"));
}

TEST(Study, ANameOfAProbeIsOnePrintableLine) {
  const auto named = [](const std::string& name) {
    return with(kSmallStudy, "every = 10", "every = 10\nname = \"" + name + "\"");
  };
  EXPECT_THAT(error_of(named("a\\nb")),
              HasSubstr("s.toml:23: [[probe]] name: found 'a\\x0ab', accepted is a name without dots "
                        "and control characters"));
  EXPECT_THAT(error_of(named("a\\u0000b")), HasSubstr("found 'a\\x00b'"));
  EXPECT_EQ(parse_study(named("損失"), "s.toml").points[0].probes[0].name, "損失");
}

// batch = 4.0 and steps = 1e6 are what people write.
TEST(Study, AWholeRealIsTheInteger) {
  const Study as_reals = small({"train.batch=32.0", "train.steps=4e1", "probe.risk.every=1e1", "task.dim=3.0"});
  EXPECT_EQ(as_reals.points[0].steps, 40);
  EXPECT_EQ(as_reals.points[0].training.batch, 32);
  EXPECT_EQ(as_reals.run_id(as_reals.points[0], 0), small().run_id(small().points[0], 0));
  EXPECT_THAT(small({"probe.risk={kind=\"risk\", steps=[0, 2e1, 40.0]}"}).points[0].probes[0].due,
              ElementsAre(0, 20, 40));
  const Study swept = small({"sweep.task.dim=[2, 3.0, 1e1]"});
  EXPECT_EQ(swept.axes[0].values[2], Setting(std::int64_t{10}));
  EXPECT_EQ(swept.run_id(swept.points[1], 0), small().run_id(small().points[0], 0));
}

TEST(Study, WhatIsNotWholeIsNoInteger) {
  const auto bad = [](const std::string& batch) {
    return error_of(with(kSmallStudy, "batch = 32", "batch = " + batch));
  };
  EXPECT_EQ(bad("4.5"), "s.toml:17: [train] batch: found 4.5, accepted is an integer");
  EXPECT_EQ(bad("1e30"), "s.toml:17: [train] batch: found 1e+30, accepted is an integer");
  EXPECT_EQ(bad("inf"), "s.toml:17: [train] batch: found inf, accepted is an integer");
  EXPECT_EQ(error_of(with(kSmallStudy, "kind = \"adam\"", "kind = 4.0")),
            "s.toml:16: [train] optimizer kind: found 4.0, accepted is text");
}

TEST(Study, ListsAndFilesThatAreTooLong) {
  std::string list = "steps = [";
  for (int i = 0; i <= 100'000; ++i) list += "1,";
  EXPECT_THAT(error_of(with(kSmallStudy, "every = 10", list + "]")),
              StartsWith("s.toml:22: found a list of 100001 items, accepted are at most 100000"));
  EXPECT_THAT(error_of(std::string(2'000'000, '#')),
              StartsWith("s.toml: found 2000000 bytes, accepted are at most"));
  EXPECT_THAT(error_of(with(with(kSmallStudy, "every = 10", "every = 1"), "steps = 40",
                            "steps = 2_000_000")),
              StartsWith("s.toml:22: [[probe]] every: found 1, which measures 2000001 times"));
  EXPECT_THAT(
      error_of(with(with(kSmallStudy, "every = 10", "every = 1"), "steps = 40", "steps = 900_000") +
               "[sweep]\n\"task.context\" = { range = [1, 100] }\n"),
      StartsWith("s.toml: [[probe]]: found "));
  EXPECT_THAT(error_of(with(kSmallStudy, "seeds = 2", "seeds = 20_000") +
                       "[sweep]\n\"task.context\" = { range = [1, 60] }\n"),
              StartsWith("s.toml: [study] seeds: found 60 points of 20000 seeds, accepted are at "
                         "most 1000000 runs"));
}

TEST(Study, BadOverrides) {
  const auto bad = [](const std::string& assignment, const std::string& more = "") {
    return error_of(kSmallStudy + more, {assignment});
  };
  EXPECT_THAT(bad("task.dim"),
              StartsWith("--set task.dim: found no '=', accepted is --set key=value"));
  EXPECT_THAT(bad("task.dim=x1"),
              StartsWith("--set task.dim=x1: [task] dim: found 'x1', accepted is an integer"));
  EXPECT_THAT(bad("task.dmi=1"), StartsWith("--set task.dmi=1: [task] dmi: unknown key of task"));
  EXPECT_THAT(bad("task.dim=[1,"), StartsWith("--set task.dim=[1,: not TOML: "));
  EXPECT_THAT(bad("task..dim=1"),
              StartsWith("--set task..dim=1: found the key 'task..dim', accepted are keys"));
  EXPECT_THAT(bad("=1"), StartsWith("--set =1: found the key '', accepted are keys"));
  EXPECT_THAT(bad("task.dim=1\nx=2"),
              testing::AllOf(StartsWith("--set "), HasSubstr("more than one value")));
  EXPECT_THAT(bad("task.dim.x=1"),
              HasSubstr("'x' stands in a value (3), accepted is a key of a table"));
  EXPECT_THAT(bad("probe.rsik.every=1"),
              HasSubstr("found 'rsik', which names 0 items; accepted are positions from 0 to 1 "
                        "and risk, loss; did you mean 'risk'?"));
  EXPECT_THAT(bad("nosuch.x=1"),
              StartsWith("--set nosuch.x=1: unknown key 'nosuch'; accepted are the tables"));
  EXPECT_THAT(bad("task.dim=4", "[sweep]\n\"task.dim\" = [2, 3]\n"),
              StartsWith("--set task.dim=4: 'task.dim' is swept (s.toml:29); accepted is --set "
                         "'sweep.task.dim=[...]'"));
}

TEST(Study, BadFiles) {
  const TestFolder folder;
  const auto bad = [&](const std::string& name) {
    return message_of<UsageError>([&] { read_study(folder / name); });
  };
  EXPECT_THAT(bad("none.toml"), HasSubstr("none.toml: no such file; accepted is a study file"));
  EXPECT_THAT(bad(""), HasSubstr("is a folder, accepted is a study file"));
  write_text(folder / "study.toml", kSmallStudy);
  EXPECT_EQ(read_study(folder / "study.toml").text, kSmallStudy);
  EXPECT_THAT(bad("study.toml/x"), HasSubstr("no such file"));
}

}  // namespace
}  // namespace iclab::study
