// tests/nn/skeleton_model_test.cpp
#include <gtest/gtest.h>

#include <cmath>

#include "nn/model.h"
#include "program/executor.h"
#include "tests/evaluate.h"
#include "train/compile.h"
#include "train/loss.h"

namespace iclab::nn {
namespace {

// ---- src/nn/neighbours.cpp ----

// Labels weighted by how near their inputs are: f = sum_i softmax_i(beta x_i . x_q) y_i.
class Neighbours : public Model {
 public:
  explicit Neighbours(const Settings& settings) : beta_(settings.real("beta")) {}

  Value predict(Builder& b, Weights& weights, const tasks::Prompt& prompt) const override {
    const Value x = prompt["x"], y = prompt["y"], x_query = prompt["x_query"];
    const Value beta = weights.declare("beta", [&] { return b.constant(beta_); });
    const Value scores = b.name(beta * matmul(x, x_query), "scores");  // (n)
    const Value pattern = b.name(softmax(scores), "pattern");          // (n)
    return b.name(dot(pattern, y), "prediction");
  }

 private:
  double beta_;
};

ModelEntry neighbours_entry() {
  Parameter beta{.name = "beta", .kind = Kind::kReal, .help = "initial sharpness beta"};
  beta.fallback = 1.0;
  beta.minimum = 0;
  return {"neighbours",
          "Labels weighted by a softmax of overlaps",
          "",
          {beta},
          [](const Settings& settings) { return std::make_unique<Neighbours>(settings); }};
}

// ---- tests/nn/neighbours_test.cpp ----

using testing::Numbers;

constexpr std::int64_t kDim = 2, kContext = 3, kBatch = 4;

struct Scene {
  Builder b;
  Weights weights;
  tasks::Prompt prompt;
  Value prediction;
  std::map<std::string, Numbers> inputs{{"beta", {0.7}}};

  explicit Scene(const std::string& replaced = "") {
    b.intervene(replaced);
    const std::map<std::string, program::Shape> parts{
        {"x", {kContext, kDim}}, {"y", {kContext}}, {"x_query", {kDim}}, {"target", {}}};
    for (const auto& [name, shape] : parts) {
      inputs[name] = testing::some_numbers(kBatch * program::elements(shape), inputs.size());
      prompt.set(name, b.input(name, shape, program::Rate::kPrompt));
    }
    const ModelEntry entry = neighbours_entry();
    const auto where = [](const std::string& key) { return "[model] " + key; };
    const auto model = entry.make(resolve(entry.parameters, {}, "model 'neighbours'", where));
    prediction = model->predict(b, weights, prompt);
  }
  Value loss() { return prompt_mean(train::compared("mse", prediction, prompt["target"])); }
};

TEST(Neighbours, IsItsFormula) {
  Scene s;
  const Numbers got = testing::evaluate(s.b, {s.prediction}, kBatch, s.inputs)[0];
  for (size_t p = 0; p < kBatch; ++p) {
    double sum = 0, weight = 0;
    for (size_t i = 0; i < kContext; ++i) {
      double overlap = 0;
      for (size_t j = 0; j < kDim; ++j)
        overlap += s.inputs["x"][(p * kContext + i) * kDim + j] * s.inputs["x_query"][p * kDim + j];
      weight += std::exp(0.7 * overlap);
      sum += std::exp(0.7 * overlap) * s.inputs["y"][p * kContext + i];
    }
    EXPECT_NEAR(got[p], sum / weight, 16 * kContext * 0x1p-52);
  }
}

TEST(Neighbours, AnEvenPatternGivesTheMean) {
  Scene s("pattern");  // replaced by an input
  s.inputs["pattern"] = Numbers(kBatch * kContext, 1.0 / kContext);
  const Numbers got = testing::evaluate(s.b, {s.prediction}, kBatch, s.inputs)[0];
  for (size_t p = 0; p < kBatch; ++p) {
    double sum = 0;
    for (size_t i = 0; i < kContext; ++i) sum += s.inputs["y"][p * kContext + i];
    EXPECT_NEAR(got[p], sum / kContext, 4 * kContext * 0x1p-52);
  }
}

TEST(Neighbours, TrainsByTheSlopeOfItsLoss) {
  Scene s;
  program::Executor<double> step(train::compile_step(s.loss(), s.weights, {}, kBatch, true));
  for (const std::string part : {"x", "y", "x_query", "target"})
    step.set_prompt_input(part, s.inputs[part]);
  const auto loss_at = [&](double beta) {
    step.input("beta")[0] = beta;
    step.begin({});
    step.run(0);
    return step.output(0)[0];
  };
  // Central differences: an error of h^2 and the loss's rounding / h.
  constexpr double h = 1e-5;
  const double slope = (loss_at(0.7 + h) - loss_at(0.7 - h)) / (2 * h);
  loss_at(0.7);
  EXPECT_NEAR(step.output(1)[0], slope, 10 * h * h);
}

}  // namespace
}  // namespace iclab::nn
