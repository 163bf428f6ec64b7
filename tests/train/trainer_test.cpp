#include "train/trainer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <thread>

#include "base/error.h"
#include "nn/model.h"
#include "probes/probe.h"
#include "tasks/task.h"
#include "tests/allocations.h"
#include "tests/train/settings_of.h"
#include "train/learner.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace iclab::train {
namespace {

Choice task(Given given = {}) {
  given.insert({{"dim", std::int64_t{4}}, {"context", std::int64_t{6}}});
  return choice(tasks::find_task("linear-regression"), given);
}
Choice model(const std::string& form, double alpha = 0.3) {
  return choice(nn::find_model("linear-attention"), {{"form", form}, {"alpha", alpha}});
}
Choice optimizer(const std::string& kind, Given given = {}) {
  given.insert({"lr", 0.05});
  return choice(find_optimizer(kind), given);
}
Choice probe(const std::string& kind, const Given& given = {}) {
  return choice(probes::find_probe(kind), given);
}

Training training(const Choice& how, const std::string& loss = "population", std::int64_t batch = 20) {
  Training t;
  t.optimizer = how;
  t.loss = loss;
  t.batch = batch;
  return t;
}

std::vector<double> numbers(const Run& run) {
  std::vector<double> all;
  for (const Tensor& tensor : run.weights())
    for (size_t at = 0; at < tensor.bytes.size(); at += tensor.is_double ? 8 : 4) {
      double wide = 0;
      float narrow = 0;
      if (tensor.is_double) std::memcpy(&wide, tensor.bytes.data() + at, 8);
      else std::memcpy(&narrow, tensor.bytes.data() + at, 4);
      all.push_back(tensor.is_double ? wide : static_cast<double>(narrow));
    }
  return all;
}

std::vector<double> values(const std::vector<Measurement>& measured, int probe_position = 0) {
  std::vector<double> all;
  for (const Measurement& m : measured)
    if (m.probe == probe_position) all.push_back(m.value);
  return all;
}

std::vector<std::int64_t> steps_of(const std::vector<Measurement>& measured, int probe_position = 0) {
  std::vector<std::int64_t> all;
  for (const Measurement& m : measured)
    if (m.probe == probe_position) all.push_back(m.step);
  return all;
}

std::vector<std::int64_t> every_step(std::int64_t last) {
  std::vector<std::int64_t> due;
  for (std::int64_t step = 0; step <= last; ++step) due.push_back(step);
  return due;
}

// The twin: factored attention on isotropic tasks, W = w I, gradients by hand. C = I_d, M = m I with
// m = 1 + 1/n + d/n (no noise): dJ/dw_ii = 2 v (v w m - 1), dJ/dv = 2 d w (v w m - 1).
struct Twin {
  double d = 4, n = 6, v = 0.3, w = 0.3 / 2;
  double m() const { return 1 + 1 / n + d / n; }
  double grad_w() const { return 2 * v * (v * w * m() - 1); }
  double grad_v() const { return 2 * d * w * (v * w * m() - 1); }
  double loss() const { return d * (v * v * w * w * m() - 2 * v * w + 1); }
};

// One scalar of an optimiser.
struct Scalar {
  double m = 0, v = 0;
  double sgd(double x, double g, double lr) { return x - lr * g; }
  double momentum(double x, double g, double lr) {
    m = 0.9 * m + g;
    return x - lr * m;
  }
  double adam(double x, double g, double lr, int t) {
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    return x - lr * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
  }
  double adamw(double x, double g, double lr, int t) {
    return adam(x - lr * 0.1 * x, g, lr, t);  // weight_decay 0.1
  }
};

TEST(Trainer, OptimisersFollowTheirScalarTwins) {
  constexpr int kSteps = 60;
  for (const std::string kind : {"sgd", "momentum", "adam", "adamw"}) {
    const double lr = kind == "momentum" ? 0.01 : 0.05;
    const double decay = kind == "adamw" ? 0.1 : 0;
    const Learner learner(task(), model("factored"),
                          training(optimizer(kind, {{"lr", lr}, {"weight_decay", decay}})), true);
    const auto run = learner.start(1, 0, "", {{0, probe("loss"), every_step(kSteps)}}, kSteps, {});
    std::vector<Measurement> measured;
    run->advance(kSteps, measured);
    EXPECT_EQ(run->status(), RunStatus::kFinished);

    Twin twin;
    Scalar of_v, of_w;
    for (int t = 0; t <= kSteps; ++t) {
      // Rounding grows at most by the dynamics' own factor; a thousand roundings are far above it.
      ASSERT_NEAR(measured[static_cast<size_t>(t)].value, twin.loss(), 1000 * 0x1p-52 * twin.d) << kind << " " << t;
      const double gv = twin.grad_v(), gw = twin.grad_w();
      const auto update = [&](Scalar& s, double x, double g) {
        return kind == "sgd" ? s.sgd(x, g, lr) : kind == "momentum" ? s.momentum(x, g, lr)
               : kind == "adam" ? s.adam(x, g, lr, t + 1) : s.adamw(x, g, lr, t + 1);
      };
      const double v = update(of_v, twin.v, gv), w = update(of_w, twin.w, gw);
      if (t < kSteps) {
        twin.v = v;
        twin.w = w;
      }
    }
    const std::vector<double> weights = numbers(*run);
    EXPECT_NEAR(weights[0], twin.v, 1000 * 0x1p-52);
    EXPECT_NEAR(weights[1], twin.w, 1000 * 0x1p-52);
  }
}

TEST(Trainer, GradientScaleMultipliesTheGradientNotTheLoss) {
  Training doubled = training(optimizer("sgd", {{"lr", 0.01}}));
  doubled.gradient_scale = 2;
  const Learner a(task(), model("factored"), doubled, true);
  const Learner b(task(), model("factored"), training(optimizer("sgd", {{"lr", 0.02}})), true);
  std::vector<Measurement> of_a, of_b;
  a.start(1, 0, "", {{0, probe("loss"), {0, 9}}}, 9, {})->advance(9, of_a);
  b.start(1, 0, "", {{0, probe("loss"), {0, 9}}}, 9, {})->advance(9, of_b);
  EXPECT_DOUBLE_EQ(of_a[0].value, of_b[0].value);
  EXPECT_NEAR(of_a[1].value, of_b[1].value, 100 * 0x1p-52 * of_b[1].value);
}

// ---- schedules, clipping, fixed prompts, accumulation --------------------------------------------

Choice schedule(const std::string& kind, const Given& given = {}) {
  return choice(find_rate_schedule(kind), given);
}

struct Outcome {
  std::vector<double> losses, weights;
  RunStatus status;
};

// The losses of every step and the last weights.
Outcome outcome(const Training& t, int steps, bool is_double = true, const std::string& form = "factored") {
  const Learner learner(task(), model(form), t, is_double);
  const auto run = learner.start(1, 0, "", {{0, probe("loss"), every_step(steps)}}, steps, {});
  std::vector<Measurement> measured;
  run->advance(steps, measured);
  return {values(measured), numbers(*run), run->status()};
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

// Moments of weights that are no longer trained decay to denormals, which take some processors a hundred cycles each.
TEST(Trainer, AnUpdateFlushesDenormals) {
  Training t = training(optimizer("sgd", {{"lr", 1e308}}));
  t.gradient_scale = 3e-308;  // itself normal; times gradients of 0.04 it is not
  const Learner learner(task(), model("factored", 0.01), t, true);
  const auto run = learner.start(1, 0, "", {}, 1, {});
  const std::vector<double> before = numbers(*run);
  std::vector<Measurement> none;
  run->advance(1, none);
  EXPECT_EQ(run->status(), RunStatus::kFinished);
  EXPECT_EQ(numbers(*run), before);
}

TEST(Trainer, AScheduleMultipliesTheRatesOfAllGroups) {
  Training t = training(optimizer("sgd", {{"lr", 0.05}}));
  t.schedule = schedule("linear", {{"warmup", std::int64_t{2}}, {"steps", std::int64_t{6}}, {"end", 0.1}});
  t.groups = {{"W*", 0.02, {}, false}};
  const Outcome got = outcome(t, 8);
  Twin twin;
  for (const double factor : {0.5, 1.0, 1.0, 0.775, 0.55, 0.325, 0.1, 0.1}) {
    const double gv = twin.grad_v(), gw = twin.grad_w();
    twin.v -= 0.05 * factor * gv;
    twin.w -= 0.02 * factor * gw;
  }
  EXPECT_NEAR(got.weights[0], twin.v, 100 * 0x1p-52);
  EXPECT_NEAR(got.weights[1], twin.w, 100 * 0x1p-52);
}

TEST(Trainer, ClippingShortensTheGradientOfTheTrainedWeights) {
  Training t = training(optimizer("sgd", {{"lr", 0.5}}));
  t.gradient_scale = 3;
  const std::vector<double> start = outcome(t, 0, true, "full").weights, free = outcome(t, 1, true, "full").weights;
  const double length = distance(start, free);
  t.clip = length / 0.5 * 1.001;
  EXPECT_EQ(outcome(t, 1, true, "full").weights, free) << "a shorter gradient is left as it is";
  t.clip = 0.01;
  const std::vector<double> clipped = outcome(t, 1, true, "full").weights;
  EXPECT_NEAR(distance(start, clipped), 0.5 * 0.01, 100 * 0x1p-52);
  for (size_t i = 0; i < start.size(); ++i)  // the same direction
    EXPECT_NEAR((clipped[i] - start[i]) * length, (free[i] - start[i]) * 0.005, 100 * 0x1p-52);

  t = training(optimizer("sgd", {{"lr", 0.5}}));
  t.clip = 0.01;
  t.groups = {{"v", {}, {}, true}};  // a frozen weight has no part in the norm
  EXPECT_NEAR(distance(outcome(t, 0).weights, outcome(t, 1).weights), 0.5 * 0.01, 100 * 0x1p-52);
}

TEST(Trainer, FixedPromptsComeInTurns) {
  Training t = training(optimizer("sgd", {{"lr", 0.0}}), "mse");
  t.fixed_prompts = 60;
  const std::vector<double> losses = outcome(t, 7).losses;
  for (size_t i = 0; i + 3 < losses.size(); ++i) EXPECT_EQ(losses[i], losses[i + 3]);
  EXPECT_NE(losses[0], losses[1]);
  EXPECT_NE(losses[1], losses[2]);
  t.batch = 60;  // all of them at every step; they are the fresh prompts of step 0
  const std::vector<double> all = outcome(t, 2).losses;
  EXPECT_EQ(all[0], all[1]);
  EXPECT_NEAR(all[0], (losses[0] + losses[1] + losses[2]) / 3, 60 * 0x1p-52 * all[0]);
  t.fixed_prompts = 0;
  const std::vector<double> fresh = outcome(t, 2).losses;
  EXPECT_EQ(fresh[0], all[0]);
  EXPECT_NE(fresh[1], all[1]);
}

TEST(Trainer, AccumulatedBatchesAreOneLargeBatch) {
  for (const std::int64_t fixed : {0, 120})
    for (const std::string kind : {"sgd", "adamw"}) {
      Training small = training(optimizer(kind, {{"lr", 0.01}}), "mse", 20);
      small.fixed_prompts = fixed;
      small.clip = 0.5;
      Training large = small;
      small.accumulate = 3;
      large.batch = 60;
      const Outcome a = outcome(small, 10), b = outcome(large, 10);
      // Sums of 60 prompts in another order; ten steps of small rates amplify them little.
      for (size_t i = 0; i < a.losses.size(); ++i)
        EXPECT_NEAR(a.losses[i], b.losses[i], 100 * 60 * 0x1p-52 * b.losses[i]) << kind << " " << fixed;
      for (size_t i = 0; i < a.weights.size(); ++i)
        EXPECT_NEAR(a.weights[i], b.weights[i], 100 * 60 * 0x1p-52) << kind << " " << fixed;
      EXPECT_NE(a.weights, outcome(training(optimizer(kind, {{"lr", 0.01}}), "mse", 20), 10).weights);
    }
}

Choice growing_task() {  // dim 1 to 4, context 2 to 6, whole from step 18 on
  using Integers = std::vector<std::int64_t>;
  return task({{"dim.curriculum", Integers{1, 1, 6}}, {"context.curriculum", Integers{2, 2, 8}}});
}

// All of it at once.
Training elaborate() {
  Training t = training(optimizer("adamw", {{"lr", 0.01}}), "mse", 20);
  t.schedule = schedule("cosine", {{"warmup", std::int64_t{5}}, {"steps", std::int64_t{35}}, {"end", 0.1}});
  t.clip = 0.5;
  t.fixed_prompts = 100;
  t.accumulate = 3;
  return t;
}

TEST(Trainer, AnElaborateRunIsRestoredWithTheSameBits) {
  for (const bool is_double : {false, true}) {
    const Learner learner(growing_task(), model("full"), elaborate(), is_double);
    const auto whole = learner.start(3, 1, "", {}, 40, {}), killed = learner.start(3, 1, "", {}, 40, {}),
               resumed = learner.start(3, 1, "", {}, 40, {});
    std::vector<Measurement> none;
    whole->advance(40, none);
    killed->advance(17, none);
    resumed->restore(killed->save());
    resumed->advance(40, none);
    EXPECT_EQ(resumed->save(), whole->save());
    EXPECT_NE(numbers(*whole), numbers(*killed));
  }
}

TEST(Trainer, ANormThatOverflowsDiverges) {
  Training t = training(optimizer("sgd"));
  t.gradient_scale = 1e300;
  t.clip = 1;
  EXPECT_EQ(outcome(t, 3).status, RunStatus::kFinished) << "a large gradient is clipped";
  t.gradient_scale = 1e308;
  EXPECT_EQ(outcome(t, 3).status, RunStatus::kDiverged);
  t = elaborate();
  t.optimizer = optimizer("sgd", {{"lr", 1e30}});
  EXPECT_EQ(outcome(t, 100, false).status, RunStatus::kDiverged);
}

TEST(Trainer, ACurriculumIsForTrainingAndProbesMeasureTheWholeTask) {
  const Training t = training(optimizer("sgd", {{"lr", 0.0}}), "mse");
  const auto measured = [&](const Choice& of) {
    std::vector<Measurement> all;
    const Learner learner(of, model("full"), t, false);
    const std::vector<ProbeRequest> probes{{0, probe("loss"), every_step(20)},
                                           {1, probe("mse"), {0, 20}}};
    learner.start(1, 0, "", probes, 20, {})->advance(20, all);
    return all;
  };
  const auto whole = measured(task()), growing = measured(growing_task());
  for (const size_t step : {0, 9, 17})
    EXPECT_NE(values(growing)[step], values(whole)[step]) << step;
  EXPECT_EQ(values(growing)[18], values(whole)[18]) << "the third rise, to the whole task";
  EXPECT_EQ(values(growing, 1), values(whole, 1));
  const Training exact = training(optimizer("sgd"), "population");
  EXPECT_THROW(Learner(growing_task(), model("full"), exact, false), UsageError);
}

TEST(Trainer, GroupsHaveTheirOwnRateDecayAndMayBeFrozen) {
  Training t = training(optimizer("sgd", {{"lr", 0.05}}));
  t.groups = {{"v", {}, {}, true}, {"W*", 0.01, 0.5, false}};
  const Learner learner(task(), model("factored"), t, true);
  const auto run = learner.start(1, 0, "", {}, 1, {});
  std::vector<Measurement> none;
  run->advance(1, none);
  const Twin twin;
  EXPECT_EQ(numbers(*run)[0], 0.3) << "frozen";
  EXPECT_NEAR(numbers(*run)[1], twin.w - 0.01 * (twin.grad_w() + 0.5 * twin.w), 10 * 0x1p-52);

  t.groups = {{"w", {}, {}, false}};
  try {
    const Learner wrong(task(), model("factored"), t, true);
    FAIL() << "a group that matches nothing";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("matches no weight; there are v, W"), std::string::npos) << error.what();
  }
}

TEST(Trainer, PatternsMatchNames) {
  EXPECT_TRUE(matches("*", "blocks.0.W_Q"));
  EXPECT_TRUE(matches("blocks.?.W_*", "blocks.0.W_Q"));
  EXPECT_TRUE(matches("*W_Q", "blocks.0.W_Q"));
  EXPECT_FALSE(matches("W_Q", "blocks.0.W_Q"));
  EXPECT_FALSE(matches("W?", "W"));
  EXPECT_TRUE(matches("a*b*c", "aXbYbZc"));
}

TEST(Trainer, PopulationTrainingHasNoPrompts) {
  const Learner exact(task(), model("factored"), training(optimizer("sgd")), false);
  EXPECT_FALSE(exact.step_plan()->has_prompts());
  const Learner sampled(task(), model("factored"), training(optimizer("sgd"), "mse", 33), false);
  EXPECT_TRUE(sampled.step_plan()->has_prompts());
  EXPECT_EQ(sampled.step_plan()->options.batch, 33);
}

TEST(Trainer, ADivergedRunKeepsItsLastFiniteWeights) {
  for (const std::string kind : {"sgd", "momentum", "adam", "adamw"})
    for (const bool is_double : {false, true})
      for (const std::string loss : {"population", "mse"}) {
        const Learner learner(task(), model("factored"), training(optimizer(kind, {{"lr", !kind.starts_with("adam") ? 100.0 : is_double ? 1e200 : 1e30}}), loss),
                              is_double);
        const auto run = learner.start(1, 0, "", {{0, probe("loss"), every_step(1000)}, {1, probe("risk"), every_step(1000)}},
                                       1000, {});
        std::vector<Measurement> measured;
        run->advance(1000, measured);
        const std::string what = fmt::format("{} {} {}", kind, is_double, loss);
        EXPECT_EQ(run->status(), RunStatus::kDiverged) << what;
        EXPECT_LT(run->step(), 1000) << what;
        for (const double x : numbers(*run)) EXPECT_TRUE(std::isfinite(x)) << what;
        for (const Measurement& m : measured) EXPECT_TRUE(std::isfinite(m.value)) << what;
        run->advance(10, measured);
        EXPECT_EQ(run->status(), RunStatus::kDiverged) << "and does not go on";
      }
}

// Why the run diverged, and after a restore of what it saved.
std::string cause(const Choice& task, const Choice& model, const Training& training, bool is_double = false) {
  const Learner learner(task, model, training, is_double);
  const auto run = learner.start(1, 0, "", {}, 1000, {}), restored = learner.start(1, 0, "", {}, 1000, {});
  EXPECT_EQ(run->cause(), "");
  std::vector<Measurement> none;
  run->advance(1000, none);
  restored->restore(run->save());
  EXPECT_EQ(restored->cause(), run->cause());
  return run->cause();
}

TEST(Trainer, ADivergedRunKnowsItsCause) {
  EXPECT_EQ(cause(task(), model("factored"), training(optimizer("sgd"))), "") << "it finishes";
  // (f - y)^2 of f ~ 1e20.
  EXPECT_EQ(cause(task(), model("merged", 1e21), training(optimizer("sgd"), "mse")), "the loss was not finite at step 0");
  // h ~ 1e25 and Gamma ~ 1e-10: f^2 ~ 1e30 is finite, its slope 2 f h x ~ 1e40 is not.
  EXPECT_EQ(cause(task({{"noise", 1e25}}), model("merged", 1e-10), training(optimizer("sgd"), "mse")),
            "the gradient of Gamma was not finite at step 0");
  Training clipped = training(optimizer("sgd"));
  clipped.gradient_scale = 1e308;
  clipped.clip = 1;
  EXPECT_EQ(cause(task(), model("factored", 3), clipped, true), "the norm of the gradient overflowed at step 0");
  Training steep = training(optimizer("sgd", {{"lr", 1e38}}));
  steep.gradient_scale = 1e3;
  EXPECT_EQ(cause(task(), model("factored"), steep), "the updated weights were not finite at step 0");
}

TEST(Trainer, TheCauseNamesTheStep) {
  const Learner learner(task(), model("factored"), training(optimizer("sgd", {{"lr", 100.0}})), false);
  const auto run = learner.start(1, 0, "", {}, 1000, {});
  std::vector<Measurement> none;
  run->advance(1000, none);
  ASSERT_GT(run->step(), 0);
  EXPECT_TRUE(run->cause().ends_with(fmt::format(" at step {}", run->step()))) << run->cause();
}

TEST(Trainer, StopsWhereARuleHolds) {
  const Learner learner(task(), model("factored"), training(optimizer("sgd")), true);
  const auto run = learner.start(1, 0, "", {{5, probe("risk"), every_step(500)}}, 500, {StopRule{5, "", {}, 0.7, 1}});
  std::vector<Measurement> measured;
  run->advance(500, measured);
  EXPECT_EQ(run->status(), RunStatus::kStopped);
  const std::vector<double> risks = values(measured, 5);
  EXPECT_LT(risks.back(), 0.7);
  for (size_t i = 0; i + 1 < risks.size(); ++i) EXPECT_GE(risks[i], 0.7);
  EXPECT_EQ(run->step(), measured.back().step) << "no update after the rule held";
}

TEST(Trainer, StopsAtTheFirstOfSeveralRules) {
  const Learner learner(task(), model("factored"), training(optimizer("sgd")), true);
  const std::vector<ProbeRequest> requests{{5, probe("risk"), every_step(500)}};
  const auto end = [&](const std::vector<StopRule>& rules) {
    const auto run = learner.start(1, 0, "", requests, 500, rules);
    std::vector<Measurement> measured;
    run->advance(500, measured);
    return run->step();
  };
  const StopRule early{5, "", {}, 0.7, 1}, mean{5, "", {}, 0.7, 4}, late{5, "", {}, 0.5, 3};
  ASSERT_LT(end({early}), end({mean}));
  ASSERT_LT(end({mean}), end({late}));
  EXPECT_EQ(end({late, early, mean}), end({early}));
  EXPECT_EQ(end({late, mean}), end({mean}));

  // Each rule goes on where it was after a restore.
  const auto killed = learner.start(1, 0, "", requests, 500, {late, mean}),
             resumed = learner.start(1, 0, "", requests, 500, {late, mean});
  std::vector<Measurement> measured;
  killed->advance(end({mean}) - 2, measured);
  resumed->restore(killed->save());
  resumed->advance(500, measured);
  EXPECT_EQ(resumed->step(), end({mean}));
  const auto other = learner.start(1, 0, "", requests, 500, {late});
  EXPECT_THROW(other->restore(killed->save()), Error) << "of other rules";
}

TEST(Trainer, AProbeOfTheBatchSeesTheStepsOwnPrompts) {
  const Choice items = choice(tasks::find_task("item-label"), {{"items", std::int64_t{8}}, {"context", std::int64_t{4}}, {"dim", std::int64_t{3}}});
  const Choice minimal = choice(nn::find_model("kinetics-minimal"), {{"hidden", std::int64_t{4}}});
  for (const std::int64_t fixed : {0, 40}) {
    Training how = training(optimizer("sgd"), "logistic", 20);
    how.fixed_prompts = fixed;
    const Learner learner(items, minimal, how, true);
    std::vector<Measurement> measured;
    learner.start(1, 0, "", {{0, probe("loss"), every_step(6)}, {1, probe("accuracy", {{"set", std::string("batch")}}), every_step(6)}}, 6, {})
        ->advance(6, measured);
    std::vector<double> training_loss = values(measured), batch_loss;
    for (const Measurement& m : measured)
      if (m.probe == 1 && m.series == "loss") batch_loss.push_back(m.value);
    ASSERT_EQ(training_loss.size(), batch_loss.size());
    for (size_t i = 0; i < batch_loss.size(); ++i) EXPECT_NEAR(batch_loss[i], training_loss[i], 1e-14) << i;
  }
}

TEST(Trainer, MeasuresAtScheduledStepsHoweverItAdvances) {
  const Learner learner(task(), model("merged"), training(optimizer("sgd"), "mse"), false);
  const std::vector<ProbeRequest> requests{{0, probe("loss"), {0, 3, 7, 20}}, {1, probe("risk"), {5, 7}}};
  std::vector<Measurement> at_once, in_pieces;
  learner.start(1, 0, "", requests, 20, {})->advance(20, at_once);
  const auto run = learner.start(1, 0, "", requests, 20, {});
  for (const std::int64_t piece : {0, 1, 0, 2, 4, 1, 100}) run->advance(piece, in_pieces);
  EXPECT_EQ(run->status(), RunStatus::kFinished);
  EXPECT_EQ(steps_of(at_once), (std::vector<std::int64_t>{0, 3, 7, 20}));
  EXPECT_EQ(steps_of(at_once, 1), (std::vector<std::int64_t>{5, 7}));
  EXPECT_EQ(steps_of(in_pieces), steps_of(at_once));
  EXPECT_EQ(values(in_pieces), values(at_once));
  EXPECT_EQ(values(in_pieces, 1), values(at_once, 1));
}

TEST(Trainer, ProbesDoNotChangeTheRun) {
  const Learner learner(task(), model("full"), training(optimizer("adam"), "mse"), false);
  const auto bare = learner.start(1, 2, "", {}, 30, {});
  const auto watched = learner.start(1, 2, "", {{0, probe("loss"), every_step(30)}, {1, probe("mse", {{"prompts", std::int64_t{50}}}), {4, 9}}}, 30, {});
  std::vector<Measurement> measured;
  bare->advance(30, measured);
  watched->advance(30, measured);
  EXPECT_EQ(numbers(*bare), numbers(*watched));
}

TEST(Trainer, ARestoredRunGoesOnWithTheSameBits) {
  for (const std::string kind : {"sgd", "momentum", "adam", "adamw"}) {
    const Learner learner(task(), model("full"), training(optimizer(kind, {{"lr", 0.01}}), "mse", 20), false);
    const std::vector<ProbeRequest> requests{{0, probe("loss"), every_step(40)}};
    std::vector<Measurement> straight, first, second;
    const auto whole = learner.start(3, 1, "", requests, 40, {});
    whole->advance(40, straight);

    const auto killed = learner.start(3, 1, "", requests, 40, {});
    killed->advance(17, first);
    const std::vector<std::byte> state = killed->save();
    const auto resumed = learner.start(3, 1, "", requests, 40, {});
    resumed->restore(state);
    EXPECT_EQ(resumed->step(), 17);
    EXPECT_EQ(resumed->save(), state);
    resumed->advance(40, second);
    EXPECT_EQ(numbers(*resumed), numbers(*whole)) << kind;
    EXPECT_EQ(resumed->save(), whole->save());
    std::vector<double> both = values(first);
    const std::vector<double> rest = values(second);
    both.insert(both.end(), rest.begin(), rest.end());
    EXPECT_EQ(both, values(straight)) << "each step measured once";

    std::vector<std::byte> cut(state.begin(), state.end() - 1);
    EXPECT_THROW(resumed->restore(cut), Error);
    EXPECT_THROW(resumed->restore({}), Error);
    cut = state;
    cut[0] ^= std::byte{1};
    EXPECT_THROW(resumed->restore(cut), Error);
  }
}

// The mean of the latest losses, also where the run was saved within its window.
TEST(Trainer, ARuleOfAMeanHoldsAtTheSameStepAfterARestore) {
  const Learner learner(task(), model("full"), training(optimizer("adam", {{"lr", 0.01}}), "mse", 20), false);
  const std::vector<ProbeRequest> requests{{0, probe("loss"), every_step(200)}};
  std::vector<Measurement> all, some;
  learner.start(3, 1, "", requests, 200, {})->advance(200, all);
  const std::vector<double> losses = values(all);
  constexpr size_t kWindow = 20;
  const auto mean_until = [&](size_t step) {
    const auto end = losses.begin() + static_cast<std::ptrdiff_t>(step) + 1;
    return std::accumulate(end - kWindow, end, 0.0) / kWindow;
  };
  const double level = mean_until(60);
  size_t first = kWindow - 1;
  while (mean_until(first) >= level + 1e-9) ++first;
  ASSERT_GT(first, 30U);

  const StopRule rule{0, "", {}, level + 1e-9, kWindow};
  const auto whole = learner.start(3, 1, "", requests, 200, {rule}),
             killed = learner.start(3, 1, "", requests, 200, {rule}),
             resumed = learner.start(3, 1, "", requests, 200, {rule});
  whole->advance(200, some);
  EXPECT_EQ(whole->status(), RunStatus::kStopped);
  EXPECT_EQ(whole->step(), static_cast<std::int64_t>(first));
  for (const std::int64_t step : {5, 27}) {
    killed->advance(step - killed->step(), some);
    resumed->restore(killed->save());
    resumed->advance(200, some);
    EXPECT_EQ(resumed->save(), whole->save()) << step;
  }
  const auto other = learner.start(3, 1, "", requests, 200, {StopRule{0, "", {}, level, 3}});
  EXPECT_THROW(other->restore(whole->save()), Error) << "of a longer mean";
}

TEST(Trainer, AFinishedRunCanBeExtended) {
  const Learner learner(task(), model("factored"), training(optimizer("adam"), "mse"), false);
  std::vector<Measurement> none;
  const auto brief = learner.start(3, 1, "", {}, 10, {}), full = learner.start(3, 1, "", {}, 25, {}),
             extended = learner.start(3, 1, "", {}, 25, {});
  brief->advance(10, none);
  EXPECT_EQ(brief->status(), RunStatus::kFinished);
  full->advance(25, none);
  extended->restore(brief->save());
  EXPECT_EQ(extended->status(), RunStatus::kRunning);
  extended->advance(25, none);
  EXPECT_EQ(numbers(*extended), numbers(*full));
}

TEST(Trainer, SeedsDifferAndRepeat) {
  const Learner learner(task(), model("factored"), training(optimizer("sgd"), "mse"), false);
  std::vector<Measurement> none;
  const auto weights = [&](std::uint64_t seed, const std::string& salt) {
    const auto run = learner.start(7, seed, salt, {}, 5, {});
    run->advance(5, none);
    return numbers(*run);
  };
  EXPECT_EQ(weights(0, ""), weights(0, ""));
  EXPECT_NE(weights(0, ""), weights(1, ""));
  EXPECT_NE(weights(0, ""), weights(0, "independent"));
}

TEST(Trainer, ABatchesMeanApproachesThePopulationLoss) {
  // The first step's gradient over many prompts against the exact one, through the whole path.
  const Learner exact(task(), model("factored"), training(optimizer("sgd")), true);
  const Learner sampled(task(), model("factored"), training(optimizer("sgd"), "mse", 200'000), true);
  std::vector<Measurement> a, b;
  exact.start(1, 0, "", {{0, probe("loss"), {0}}}, 1, {})->advance(1, a);
  sampled.start(1, 0, "", {{0, probe("loss"), {0}}}, 1, {})->advance(1, b);
  // (f - y)^2 has a standard deviation of a few times its mean: 5 sigma at 2e5 prompts.
  EXPECT_NEAR(b[0].value, a[0].value, 5 * 3 * a[0].value / std::sqrt(2e5));
}

TEST(Learner, CompilesEachProbeOnceAndServesThreads) {
  const Learner learner(task(), model("factored"), training(optimizer("sgd"), "mse"), false);
  const Stage first = learner.compile_probe(probe("risk"));
  EXPECT_EQ(learner.compile_probe(probe("risk")).plan, first.plan);
  EXPECT_NE(learner.compile_probe(probe("risk", {{"normalised", false}})).plan, first.plan);

  std::vector<std::vector<double>> results(4);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < results.size(); ++i)
      threads.emplace_back([&, i] {
        std::vector<Measurement> measured;
        const auto run = learner.start(1, 0, "", {{0, probe("effective-matrix"), {0, 20}}, {1, probe("mse", {{"prompts", std::int64_t{64}}}), {20}}}, 20, {});
        run->advance(20, measured);
        results[i] = values(measured);
      });
  }
  for (const auto& result : results) EXPECT_EQ(result, results[0]);
}

TEST(Learner, RefusesWhatDoesNotFit) {
  EXPECT_THROW(Learner(task({{"sampler", std::string("statistics")}}), model("full"), training(optimizer("sgd"), "mse"), false), UsageError)
      << "full attention needs the prompts";
  EXPECT_THROW((void)find_optimizer("sdg"), UsageError);
}

TEST(Trainer, AStepAllocatesNothing) {
  for (const std::string loss : {"mse", "population"})
    for (const std::string kind : {"sgd", "momentum", "adam", "adamw"}) {
      const Learner learner(task(), model("factored"), training(optimizer(kind, {{"lr", 1e-3}}), loss, 50), false);
      const auto run = learner.start(1, 0, "", {{0, probe("risk"), every_step(1000)}}, 1000, {});
      std::vector<Measurement> measured;
      measured.reserve(2000);
      run->advance(10, measured);
      const std::int64_t before = iclab::testing::allocations();
      run->advance(990, measured);
      EXPECT_EQ(iclab::testing::allocations() - before, 0) << loss << " " << kind;
      EXPECT_EQ(measured.size(), 1001u);
    }
}

TEST(Trainer, AnElaborateStepAllocatesNothing) {
  for (const bool is_double : {false, true}) {
    const Learner learner(task(), model("factored"), elaborate(), is_double);
    const auto run = learner.start(1, 0, "", {{0, probe("loss"), every_step(200)}}, 200, {});
    std::vector<Measurement> measured;
    measured.reserve(300);
    run->advance(10, measured);
    const std::int64_t before = iclab::testing::allocations();
    run->advance(190, measured);
    EXPECT_EQ(iclab::testing::allocations() - before, 0);
    EXPECT_EQ(measured.size(), 201u);
  }
}

}  // namespace
}  // namespace iclab::train
