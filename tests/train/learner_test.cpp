#include "train/learner.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "nn/model.h"
#include "probes/probe.h"
#include "program/executor.h"
#include "tasks/task.h"
#include "tests/train/settings_of.h"
#include "train/optimizer.h"

namespace iclab::train {
namespace {

Training training(const std::string& loss = "logistic", std::int64_t batch = 16) {
  Training t;
  t.optimizer = choice(find_optimizer("sgd"), {{"lr", 0.1}});
  t.loss = loss;
  t.batch = batch;
  return t;
}

Choice item_label(Given given = {{"fresh_items", true}}) {
  given.insert({{"context", std::int64_t{1}}, {"dim", std::int64_t{2}}});
  return choice(tasks::find_task("item-label"), given);
}

Choice kinetics_minimal(Given given) {
  given.insert({"hidden", std::int64_t{1}});
  return choice(nn::find_model("kinetics-minimal"), given);
}

Choice probe(const std::string& kind, const Given& given = {}) {
  return choice(probes::find_probe(kind), given);
}

// The first series of a probe at the initial weights.
double first_measurement(const Learner& learner, const Choice& probe) {
  std::vector<Measurement> measured;
  learner.start(1, 0, "", {{0, probe, {0}}}, 1, {})->advance(0, measured);
  return measured.at(0).value;
}

// ---- fractions ------------------------------------------------------------------------------------

// One item in the context, the target itself: attention cannot be wrong.
TEST(Fraction, OfWhatIsAlwaysRightIsOne) {
  for (const bool is_double : {false, true}) {
    const Learner learner(item_label(), kinetics_minimal({{"w", 100.0}, {"beta", 1.0}}), training(), is_double);
    for (const std::int64_t prompts : {1, 100, 1000, 3333, 10'000, 100'000})
      EXPECT_EQ(first_measurement(learner, probe("accuracy", {{"prompts", prompts}})), 1) << prompts;
    EXPECT_EQ(first_measurement(learner, probe("accuracy", {{"set", std::string("batch")}})), 1);
  }
}

TEST(Fraction, IsWhatAStopRuleCompares) {
  const Learner learner(item_label(), kinetics_minimal({{"w", 100.0}, {"beta", 1.0}}), training(), false);
  const ProbeRequest request{0, probe("accuracy", {{"prompts", std::int64_t{10'000}}}), {0, 1}};
  const auto status = [&](double above) {
    std::vector<Measurement> measured;
    const auto run = learner.start(1, 0, "", {request}, 1, {{.probe = 0, .series = "accuracy", .above = above, .below = {}}});
    run->advance(1, measured);
    return run->status();
  };
  EXPECT_EQ(status(0.999999), RunStatus::kStopped);
  EXPECT_EQ(status(1), RunStatus::kFinished) << "never above 1";
}

TEST(Fraction, OfTiesIsOneHalf) {
  // A ReLU that is off says exactly 0: half of the prompts are ties, the labels of the others are random.
  const Choice task = choice(tasks::find_task("gaussian-tokens"),
                             {{"tokens", std::int64_t{4}}, {"dim", std::int64_t{3}}, {"labels", std::string("sign")}});
  const Choice model = choice(nn::find_model("one-layer-transformer"), {{"hidden", std::int64_t{1}}});
  constexpr std::int64_t kPrompts = 100'000;
  const Learner learner(task, model, training(), false);
  const double deviation = 0.5 / std::sqrt(static_cast<double>(kPrompts));  // at most, were no prompt a tie
  EXPECT_NEAR(first_measurement(learner, probe("accuracy", {{"prompts", kPrompts}})), 0.5, 5 * deviation);
}

// An output of a probe, of a model whose weights are all 0.
template <class T>
std::vector<double> output_without_weights(const Stage& stage, size_t output) {
  program::Executor<T> executor(stage.plan);
  executor.begin(program::make_keys(1, 0));
  executor.run(0);
  return {executor.output(output).begin(), executor.output(output).end()};
}

// Where every item is a tie, halves of the weights are summed: if in the weights' own order, to exactly half their sum.
TEST(Fraction, OfWeightedItemsHasBothSumsInOneOrder) {
  for (const std::int64_t items : {2, 62, 1000, 4098}) {
    SCOPED_TRACE(items);
    const auto sums = [&]<class T>(T) {
      const Learner learner(item_label({{"items", items}, {"zipf", 1.1}}), kinetics_minimal({}), training(), sizeof(T) == 8);
      const Stage stage = learner.compile_probe(probe("memory"));
      EXPECT_TRUE(stage.is_fraction.back());
      return output_without_weights<T>(stage, stage.series.size() - 1);
    };
    const auto narrow = sums(0.0F), wide = sums(0.0);
    EXPECT_EQ(narrow.at(0) / narrow.at(1), 0.5);
    EXPECT_EQ(wide.at(0) / wide.at(1), 0.5);
    EXPECT_NEAR(wide.at(1), static_cast<double>(items), static_cast<double>(items * items) * 0x1p-52);
  }
}

TEST(Fraction, CountsMorePromptsThanSinglePrecisionHolds) {
  constexpr std::int64_t kPrompts = (std::int64_t{1} << 24) + 3;
  const Learner learner(item_label(), kinetics_minimal({{"w", 100.0}, {"beta", 1.0}}), training(), false);
  const Stage stage = learner.compile_probe(probe("accuracy", {{"prompts", kPrompts}}));
  ASSERT_TRUE(stage.is_fraction[0]);
  const std::vector<double> sums = output_without_weights<float>(stage, 0);
  ASSERT_EQ(sums.size(), 6u) << "pairs of three parts";
  EXPECT_EQ(sums[1] + sums[3] + sums[5], kPrompts);
  EXPECT_EQ(sums[0] + sums[2] + sums[4], 0.5 * kPrompts) << "all of them are ties";
}

// ---- notes ----------------------------------------------------------------------------------------

TEST(Learner, NotesThatPromptsShareItems) {
  const auto notes = [](const Given& task, const Given& given) {
    return Learner(item_label(task), kinetics_minimal({}), training(), false).notes(probe("accuracy", given));
  };
  const Given novel{{"set", std::string("novel")}, {"prompts", std::int64_t{16384}}};
  const Given items{{"items", std::int64_t{16}}};
  EXPECT_EQ(notes(items, novel),
            std::vector<std::string>{"probe 'accuracy', set 'novel': 16384 prompts share 16 novel items; the standard error "
                                     "of its accuracy is up to 0.125"});
  EXPECT_TRUE(notes({{"items", std::int64_t{16384}}}, novel).empty()) << "as many items as prompts";
  EXPECT_TRUE(notes({{"items", std::int64_t{16}}, {"copies", std::int64_t{1}}}, novel).empty()) << "new items in each prompt";
  EXPECT_TRUE(notes({{"fresh_items", true}}, novel).empty());
  EXPECT_TRUE(notes(items, {}).empty()) << "the run's own items";
}

// ---- what is refused --------------------------------------------------------------------------------

std::string refusal(const Choice& task, const Choice& model, const Training& training, bool is_double = false) {
  try {
    Learner(task, model, training, is_double);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Learner, RefusesNumbersThatSinglePrecisionCannotHold) {
  const auto with = [](const Given& optimizer, const Group& group = {.match = "*"}) {
    Training t = training();
    t.optimizer = choice(find_optimizer("adam"), optimizer);
    t.groups = {group};
    return t;
  };
  const Choice items = item_label(), model = kinetics_minimal({});
  EXPECT_EQ(refusal(items, model, with({{"lr", 0.1}, {"epsilon", 1e-50}})),
            "optimizer 'adam': epsilon: found 1e-50, which float32 turns into 0; accepted are 0 and numbers from "
            "1.17549e-38 to 3.40282e+38 in size, or precision = \"float64\"");
  EXPECT_EQ(refusal(items, model, with({{"lr", 0.1}, {"epsilon", 1e-50}}), true), "");
  for (const double fits : {0.0, 0x1p-126, 3.4028234e38})
    EXPECT_EQ(refusal(items, kinetics_minimal({{"w", -fits}}), with({{"lr", fits}})), "") << fits;
  for (const double lost : {0x0.ffffffp-126, 1e-320, 3.5e38}) {
    EXPECT_NE(refusal(items, kinetics_minimal({{"w", -lost}}), training()), "") << lost;
    EXPECT_NE(refusal(items, model, with({{"lr", 0.1}}, {.match = "*", .lr = lost})), "") << lost;
    EXPECT_NE(refusal(items, model, with({{"lr", 0.1}}, {.match = "*", .weight_decay = lost})), "") << lost;
    Training scaled = training(), clipped = training();
    scaled.gradient_scale = lost;
    clipped.clip = lost;
    EXPECT_NE(refusal(items, model, scaled), "") << lost;
    EXPECT_NE(refusal(items, model, clipped), "") << lost;
  }
}

TEST(Learner, RefusesToTrainNothing) {
  Training t = training();
  t.groups = {{.match = "mlp.*", .frozen = true}, {.match = "beta", .frozen = true}, {.match = "*"}};
  EXPECT_EQ(refusal(item_label(), kinetics_minimal({}), t), "") << "w is trained";
  t.groups.back().frozen = true;
  EXPECT_EQ(refusal(item_label(), kinetics_minimal({}), t),
            "[[train.group]] frozen: every weight is frozen: nothing would be trained");
}

// ---- what a run takes ---------------------------------------------------------------------------------

TEST(Learner, KnowsTheMemoryOfARunThatNoMachineHas) {
  const auto bytes = [](std::int64_t width, const std::string& optimizer) {
    Training t = training("mse", 1);
    t.optimizer = choice(find_optimizer(optimizer), {{"lr", 0.1}});
    const Choice model = choice(nn::find_model("transformer"), {{"layers", std::int64_t{1}}, {"heads", std::int64_t{1}},
                                                                {"width", width}});
    const Choice task = choice(tasks::find_task("linear-regression"), {{"dim", std::int64_t{2}}, {"context", std::int64_t{2}}});
    return Learner(task, model, t, false).bytes({});
  };
  const double weights = 12e12;  // Q, K, V, O and the perceptron of 4 width
  EXPECT_GT(bytes(1'000'000, "sgd"), 4 * 4 * weights) << "weights, gradients, weights before, saved weights";
  EXPECT_GT(bytes(1'000'000, "adam"), 4 * 8 * weights) << "and two moments, saved too";
  EXPECT_LT(bytes(8, "adam"), 10'000'000);
}

TEST(Learner, CountsTheMemoryOfProbes) {
  const Learner learner(item_label(), kinetics_minimal({}), training(), false);
  const Choice accuracy = probe("accuracy");
  const std::int64_t more = learner.bytes(std::vector{accuracy, accuracy}) - learner.bytes(std::vector{accuracy});
  EXPECT_EQ(more, program::Executor<float>(learner.compile_probe(accuracy).plan).bytes());
}

TEST(Learner, IsLimitedToWhatCanBeMeasured) {
  Training t = training("logistic", 1'000'000'000);
  t.accumulate = 10;
  t.fixed_prompts = 10 * t.batch;
  const Learner learner(item_label(), kinetics_minimal({}), t, false);
  const Choice accuracy = probe("accuracy", {{"prompts", std::int64_t{1'000'000'000}}}), few = probe("accuracy");
  const Learner limited = learner.limited(1e8);
  const std::int64_t batch = limited.training().batch;
  EXPECT_EQ(batch, limited.step_plan()->options.batch);
  EXPECT_GT(batch, 1000);
  EXPECT_LT(batch, 10'000'000);
  EXPECT_EQ(limited.training().accumulate, 1);
  EXPECT_EQ(limited.training().fixed_prompts % batch, 0);
  EXPECT_LT(limited.compile_probe(accuracy).plan->options.batch, 10'000'000);
  EXPECT_EQ(limited.compile_probe(few).plan->options.batch, 4096);
  EXPECT_EQ(learner.compile_probe(accuracy).plan->options.batch, 1'000'000'000) << "the learner itself is as it was";
  std::vector<Measurement> measured;
  limited.start(1, 0, "", {{0, accuracy, {0}}}, 3, {})->advance(3, measured);
  EXPECT_FALSE(measured.empty());

  const Learner small(item_label(), kinetics_minimal({}), training(), false);
  EXPECT_EQ(small.limited(1e8).step_plan(), small.step_plan());
}

}  // namespace
}  // namespace iclab::train
