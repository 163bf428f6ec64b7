// The models of one layer against their formulas, with weights given.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "nn/model.h"
#include "tests/evaluate.h"

namespace iclab::nn {
namespace {

using iclab::testing::evaluate;
using iclab::testing::Numbers;
using iclab::testing::some_numbers;
using program::Rate;
using program::Shape;

std::unique_ptr<Model> make(const std::string& kind, const std::map<std::string, Setting>& given) {
  const ModelEntry& entry = find_model(kind);
  return entry.make(resolve(entry.parameters, given, kind, [](const std::string& key) { return key; }));
}

// A prompt of inputs, and everything a model needs to predict from it.
struct Scene {
  Builder b;
  tasks::Prompt prompt;
  Weights weights;
  std::map<std::string, Numbers> numbers;

  void part(const std::string& name, const Shape& shape) {
    prompt.set(name, b.input(name, shape, Rate::kPrompt));
    numbers[name] = some_numbers(program::elements(shape), numbers.size() + 1);
  }
  double predict(const Model& model) {
    const Value prediction = model.predict(b, weights, prompt);
    for (const auto& weight : weights.all())
      numbers[weight.name] = some_numbers(program::elements(weight.value.shape()), numbers.size() + 1);
    return evaluate(b, {prediction}, 1, numbers)[0][0];
  }
};

// row (n) times w (n, m).
Numbers times(const Numbers& row, const Numbers& w) {
  Numbers out(w.size() / row.size());
  for (size_t i = 0; i < row.size(); ++i)
    for (size_t j = 0; j < out.size(); ++j) out[j] += row[i] * w[i * out.size() + j];
  return out;
}

// relu(row w + bias)
Numbers layer(const Numbers& row, const Numbers& w, const Numbers& bias) {
  Numbers out = times(row, w);
  for (size_t j = 0; j < out.size(); ++j) out[j] = std::max(out[j] + bias[j], 0.0);
  return out;
}

// The mean of rows (n, width) under softmax of the scores (n).
Numbers softmax_mean(const Numbers& scores, const Numbers& rows) {
  const size_t width = rows.size() / scores.size();
  Numbers mean(width);
  double total = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    total += std::exp(scores[i]);
    for (size_t j = 0; j < width; ++j) mean[j] += std::exp(scores[i]) * rows[i * width + j];
  }
  for (double& x : mean) x /= total;
  return mean;
}

// Chains of at most 20 roundings on numbers of order 10.
constexpr double kRounding = 200 * 0x1p-52;

TEST(KineticsMinimal, IsItsFormula) {
  constexpr size_t kItems = 4, kDim = 3;
  Scene scene;
  scene.part("items", {kItems, kDim});
  scene.part("labels", {kItems});
  scene.part("query", {kDim});
  const double z = scene.predict(*make("kinetics-minimal", {{"hidden", std::int64_t{5}}}));
  auto& n = scene.numbers;
  const Numbers& query = n["query"];
  const Numbers hidden = layer(layer(query, n["mlp.W_1"], n["mlp.b_1"]), n["mlp.W_2"], n["mlp.b_2"]);
  Numbers scores(kItems);
  for (size_t i = 0; i < kItems; ++i)
    for (size_t j = 0; j < kDim; ++j) scores[i] += n["beta"][0] * n["items"][i * kDim + j] * query[j];
  const double memory = times(hidden, n["mlp.W_3"])[0] + n["mlp.b_3"][0];
  EXPECT_NEAR(z, memory + n["w"][0] * softmax_mean(scores, n["labels"])[0], kRounding);
}

// The target is one more key, with label 0; without attention only the MLP answers, from the same weights.
TEST(KineticsMinimal, MayAttendToTheTargetOrToNothing) {
  constexpr size_t kItems = 4, kDim = 3;
  const auto output = [&](const std::string& attention, std::map<std::string, Numbers>& numbers) {
    Scene scene;
    scene.part("items", {kItems, kDim});
    scene.part("labels", {kItems});
    scene.part("query", {kDim});
    const double z = scene.predict(*make("kinetics-minimal", {{"hidden", std::int64_t{5}}, {"attention", attention}}));
    numbers = scene.numbers;
    return z;
  };
  std::map<std::string, Numbers> n, none;
  const double self = output("self", n), memory = output("none", none);
  EXPECT_FALSE(none.contains("beta") || none.contains("w"));
  for (const auto& [name, numbers] : none) EXPECT_EQ(numbers, n[name]) << name;

  Numbers scores(kItems + 1), labels = n["labels"];
  labels.push_back(0);
  const auto score = [&](size_t i, const double* key) {
    for (size_t j = 0; j < kDim; ++j) scores[i] += n["beta"][0] * key[j] * n["query"][j];
  };
  for (size_t i = 0; i < kItems; ++i) score(i, &n["items"][i * kDim]);
  score(kItems, n["query"].data());
  EXPECT_NEAR(self, memory + n["w"][0] * softmax_mean(scores, labels)[0], kRounding);
}

TEST(KineticsMinimal, TakesOverlapsWhereThePromptHasThem) {
  Scene scene;
  scene.part("overlaps", {4});
  scene.part("labels", {4});
  scene.part("query", {3});
  const double z = scene.predict(*make("kinetics-minimal", {{"hidden", std::int64_t{5}}}));
  auto& n = scene.numbers;
  const Numbers hidden = layer(layer(n["query"], n["mlp.W_1"], n["mlp.b_1"]), n["mlp.W_2"], n["mlp.b_2"]);
  Numbers scores = n["overlaps"];
  for (double& s : scores) s *= n["beta"][0];
  const double memory = times(hidden, n["mlp.W_3"])[0] + n["mlp.b_3"][0];
  EXPECT_NEAR(z, memory + n["w"][0] * softmax_mean(scores, n["labels"])[0], kRounding);
}

// The initial weight of a model with these settings, in a run of that seed.
double initial(const std::string& weight, std::map<std::string, Setting> given, std::uint64_t seed) {
  given["hidden"] = std::int64_t{2};
  Builder b;
  tasks::Prompt prompt;
  prompt.set("overlaps", b.constant({2}, {0.5}));
  prompt.set("labels", b.constant({2}, {1.0}));
  prompt.set("query", b.constant({3}, {0.5}));
  Weights weights;
  make("kinetics-minimal", given)->predict(b, weights, prompt);
  for (const auto& one : weights.all())
    if (one.name == weight) return evaluate(b, {one.initial}, 1, {}, seed)[0][0];
  return std::nan("");
}

TEST(KineticsMinimal, StartsWhereItIsTold) {
  EXPECT_EQ(initial("w", {}, 0), 0);
  EXPECT_EQ(initial("w", {{"w", -1.5}}, 0), -1.5);
  EXPECT_EQ(initial("beta", {{"beta", 0.5}}, 0), 0.5);
  const double beta = initial("beta", {}, 0);
  EXPECT_NE(beta, initial("beta", {}, 1)) << "beta belongs to the seed";
  EXPECT_EQ(initial("beta", {{"beta_spread", 2.0}}, 0), 2 * beta);
  EXPECT_THROW(make("kinetics-minimal", {{"beta", 0.5}, {"beta_spread", 2.0}}), UsageError);
  EXPECT_THROW(make("kinetics-minimal", {{"attention", "none"}, {"beta", 0.5}}), UsageError);
  EXPECT_THROW(make("kinetics-minimal", {{"attention", "none"}, {"w", 0.5}}), UsageError);
}

TEST(OneLayerTransformer, IsItsFormula) {
  constexpr size_t kTokens = 4, kDim = 3;
  constexpr double kScale = 0.7;
  Scene scene;
  scene.part("tokens", {kTokens, kDim});
  scene.part("query", {kDim});
  // Two neurons: one is read with +1/2, the other with -1/2.
  const double f = scene.predict(*make("one-layer-transformer", {{"hidden", std::int64_t{2}}, {"scale", kScale}}));
  auto& n = scene.numbers;
  const auto w = [&](const std::string& name) { return n["blocks.0.attn." + name]; };
  const Numbers q = times(n["query"], w("W_Q"));
  Numbers scores(kTokens);
  for (size_t i = 0; i < kTokens; ++i) {
    const auto token = n["tokens"].begin() + static_cast<std::ptrdiff_t>(i * kDim);
    const Numbers k = times(Numbers(token, token + kDim), w("W_K"));
    for (size_t j = 0; j < kDim; ++j) scores[i] += kScale * q[j] * k[j];
  }
  const Numbers neurons =
      layer(times(softmax_mean(scores, n["tokens"]), w("W_V")), w("W_O"), {0.0, 0.0});
  EXPECT_NEAR(std::fabs(f), std::fabs(neurons[0] - neurons[1]) / 2, kRounding);
  EXPECT_GT(std::fabs(f), 1e-3);
}

}  // namespace
}  // namespace iclab::nn
