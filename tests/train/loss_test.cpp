#include "train/loss.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/evaluate.h"

namespace iclab::train {
namespace {

using program::Builder;
using program::Value;
using Given = std::map<std::string, Setting>;

template <class Entry>
auto make(const Entry& entry, const Given& given) {
  const auto same = [](const std::string& key) { return key; };
  return entry.make(resolve(entry.parameters, given, entry.name, same));
}

std::unique_ptr<tasks::Task> task(const std::string& kind, const std::string& labels = "normal") {
  Given given{{"dim", std::int64_t{3}}};
  if (kind == "gaussian-tokens") {
    given["tokens"] = std::int64_t{4};
    given["labels"] = labels;
  }
  if (kind == "linear-regression") given["context"] = std::int64_t{5};
  if (kind == "item-label") {
    given["context"] = std::int64_t{5};
    given["items"] = std::int64_t{8};
  }
  return make(tasks::find_task(kind), given);
}

std::unique_ptr<nn::Model> transformer(Given given = {}) {
  given["layers"] = given["heads"] = std::int64_t{1};
  given["width"] = std::int64_t{4};
  return make(nn::find_model("transformer"), given);
}

// The mean over the prompts of a batch of what a loss says of each.
double mean_loss(const std::string& loss, const tasks::Task& task, const nn::Model& model) {
  Builder b;
  nn::Weights weights;
  const Value value = loss_of(b, weights, task, model, loss);
  std::map<std::string, testing::Numbers> inputs;
  for (const auto& weight : weights.all())
    inputs[weight.name] = testing::some_numbers(program::elements(weight.value.shape()), 3);
  return testing::evaluate(b, {value}, 4, inputs)[0][0];
}

// Predictions and a part of the prompts, for the same weights and streams.
std::vector<testing::Numbers> measured(const tasks::Task& task, const nn::Model& model,
                                       const std::string& part, bool positions) {
  Builder b;
  nn::Weights weights;
  const tasks::Prompt prompt = task.sample(b);
  const Value f =
      positions ? model.predict_positions(b, weights, prompt) : model.predict(b, weights, prompt);
  std::map<std::string, testing::Numbers> inputs;
  for (const auto& weight : weights.all())
    inputs[weight.name] = testing::some_numbers(program::elements(weight.value.shape()), 3);
  return testing::evaluate(b, {f, prompt[part]}, 4, inputs);
}

TEST(Loss, ComparesThePartOfThePromptItNames) {
  const auto tokens = task("gaussian-tokens", "sign");
  const auto model = transformer();
  using Formula = double (*)(double f, double y);
  const std::vector<std::tuple<std::string, std::string, Formula>> losses = {
      {"mse", "target", [](double f, double y) { return (f - y) * (f - y); }},
      {"mse-positions", "targets", [](double f, double y) { return (f - y) * (f - y); }},
      {"logistic", "target", [](double f, double y) { return std::log1p(std::exp(-y * f)); }},
      {"logistic-positions", "targets",
       [](double f, double y) { return std::log1p(std::exp(-y * f)); }},
      {"hinge", "target", [](double f, double y) { return std::max(0.0, 1 - y * f); }}};
  for (const auto& [loss, part, formula] : losses) {
    const auto values = measured(*tokens, *model, part, part == "targets");
    double want = 0;
    for (size_t i = 0; i < values[0].size(); ++i)
      want += formula(values[0][i], values[1][i]) / static_cast<double>(values[0].size());
    EXPECT_NEAR(mean_loss(loss, *tokens, *model), want, 64 * 0x1p-52 * want) << loss;
  }
}

TEST(Loss, CountsAPromptByItsWeight) {
  const auto weighted = make(
      tasks::find_task("subspace-regression"),
      {{"dim", std::int64_t{3}}, {"context", std::int64_t{5}}, {"classes", std::string("0/0,1,2@2")},
       {"assignment", std::string("even")}, {"weights", std::string("power")}});
  const auto model = transformer();
  const auto f = measured(*weighted, *model, "target", false);
  const auto weight = measured(*weighted, *model, "weight", false)[1];
  double want = 0;
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(weight[i], i % 2 == 0 ? 1 : 1.0 / 12);
    want += weight[i] * (f[0][i] - f[1][i]) * (f[0][i] - f[1][i]) / 4;
  }
  EXPECT_NEAR(mean_loss("mse", *weighted, *model), want, 64 * 0x1p-52 * want);
}

// Three of five examples are there, and the query.
TEST(Loss, OverPositionsCountsThePointsOfACurriculum) {
  const auto growing = make(tasks::find_task("linear-regression"),
                            {{"dim", std::int64_t{3}}, {"context", std::int64_t{5}},
                             {"context.curriculum", std::vector<std::int64_t>{3, 2, 10}}});
  const auto model = transformer();
  const auto of_all = measured(*growing, *model, "targets", true);
  const auto of_query = measured(*growing, *model, "target", false);
  double all = 0, query = 0;
  for (size_t i = 0; i < 24; ++i)
    if (i % 6 < 3 || i % 6 == 5) all += std::pow(of_all[0][i] - of_all[1][i], 2) / 16;
  for (size_t i = 0; i < 4; ++i) query += std::pow(of_query[0][i] - of_query[1][i], 2) / 4;
  EXPECT_NEAR(mean_loss("mse-positions", *growing, *model), all, 64 * 0x1p-52 * all);
  EXPECT_NEAR(mean_loss("mse", *growing, *model), query, 64 * 0x1p-52 * query);
}

void expect_refusal(const std::string& loss, const std::string& task_kind, const nn::Model& model,
                    const std::string& words) {
  Builder b;
  nn::Weights weights;
  try {
    (void)loss_of(b, weights, *task(task_kind), model, loss);
    ADD_FAILURE() << loss;
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
  }
}

TEST(Loss, RefusesWhatDoesNotFit) {
  const auto linear = make(nn::find_model("linear-attention"), {{"form", std::string("factored")}});
  expect_refusal("mse-positions", "item-label", *linear, "needs the prompt's part 'targets'");
  expect_refusal("mse-positions", "gaussian-tokens", *linear, "at the query alone");
  expect_refusal("cross-entropy", "gaussian-tokens", *transformer(),
                 "integer targets; this task's are real");
  expect_refusal("mse", "gaussian-tokens", *transformer({{"outputs", std::int64_t{2}}}),
                 "predicts (2) for targets ()");
  expect_refusal("population", "gaussian-tokens", *linear, "linear regression");
  for (const std::string loss : {"logistic", "logistic-positions", "hinge", "hinge-positions"})
    for (const std::string kind : {"gaussian-tokens", "linear-regression"})
      expect_refusal(loss, kind, *transformer(), "is for targets -1 and 1");
  for (const std::string loss : {"mse-positions", "cross-entropy-positions"})
    expect_refusal(loss, "linear-regression", *transformer({{"causal", false}}), "accepted is causal = true");
  const auto weighted = make(tasks::find_task("subspace-regression"),
                             {{"dim", std::int64_t{3}}, {"context", std::int64_t{5}}, {"weights", std::string("power")}});
  Builder population;
  nn::Weights weights;
  EXPECT_THROW(loss_of(population, weights, *weighted, *linear, "population"), UsageError) << "it would not weigh them";
  Builder b;
  const Value logits = b.constant({3}, {0.5}), classes = b.integer_constant({3}, {0, 1, 2});
  EXPECT_THROW((void)compared("cross-entropy", logits, classes), UsageError);
  EXPECT_NO_THROW((void)compared("cross-entropy", logits, index(classes, 0, 1)));
}

}  // namespace
}  // namespace iclab::train
