#include "nn/transformer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "program/rewrite.h"
#include "tests/nn/scene.h"

namespace iclab::nn {
namespace {

using iclab::testing::Numbers;
using Given = std::map<std::string, Setting>;

constexpr std::int64_t d = 3, n = 4, T = 2 * n + 1, kBatch = 2;

std::unique_ptr<Model> make(const Given& more = {}) {
  Given given{{"layers", std::int64_t{2}}, {"heads", std::int64_t{2}}, {"width", std::int64_t{8}}};
  for (const auto& [key, value] : more) given[key] = value;
  const ModelEntry& entry = find_model("transformer");
  return entry.make(
      resolve(entry.parameters, given, "model", [](const std::string& key) { return key; }));
}

const std::vector<Given> kForms = {
    {},
    {{"norm", std::string("rms")},
     {"positions", std::string("rotary")},
     {"activation", std::string("relu")}},
    {{"norm_position", std::string("post")},
     {"biases", false},
     {"activation", std::string("gelu-tanh")}},
    {{"norm", std::string("none")}, {"positions", std::string("none")}, {"mlp", std::int64_t{0}}},
    {{"causal", false}, {"heads", std::int64_t{1}}, {"init", std::string("gpt2")}},
};

TEST(Transformer, PredictsAtTheQueryWhatItPredictsAtTheLastPosition) {
  for (const Given& form : kForms) {
    Scene s;
    const tasks::Prompt prompt = s.regression(kBatch, n, d);
    const auto model = make(form);
    const Value last = model->predict(s.b, s.weights, prompt);
    const Value all = model->predict_positions(s.b, s.weights, prompt);
    EXPECT_EQ(last.shape(), program::Shape{});
    EXPECT_EQ(all.shape(), program::Shape{n + 1});
    s.give_weights(2);
    const auto values = s.evaluate({last, all}, kBatch);
    for (size_t p = 0; p < kBatch; ++p) EXPECT_EQ(values[0][p], values[1][p * (n + 1) + n]);
  }
}

TEST(Transformer, APredictionSeesTheExamplesBeforeIt) {
  Scene s;
  const tasks::Prompt prompt = s.regression(1, n, d);
  const Value all = make()->predict_positions(s.b, s.weights, prompt);
  s.give_weights(2);
  const Numbers before = s.evaluate({all}, 1)[0];
  s.inputs["y"][2] += 1;
  const Numbers after = s.evaluate({all}, 1)[0];
  for (size_t i = 0; i <= n; ++i) EXPECT_EQ(before[i] == after[i], i <= 2) << i;
}

const std::vector<std::string> kNames = {"embed.out",
                                         "pos_embed.out",
                                         "blocks.0.resid_pre",
                                         "blocks.0.ln1.normalized",
                                         "blocks.0.attn.q",
                                         "blocks.0.attn.k",
                                         "blocks.0.attn.v",
                                         "blocks.0.attn.scores",
                                         "blocks.0.attn.pattern",
                                         "blocks.0.attn.z",
                                         "blocks.0.attn.out",
                                         "blocks.0.resid_mid",
                                         "blocks.0.ln2.normalized",
                                         "blocks.0.mlp.pre",
                                         "blocks.0.mlp.post",
                                         "blocks.0.mlp.out",
                                         "blocks.0.resid_post",
                                         "blocks.1.attn.pattern",
                                         "blocks.1.resid_post",
                                         "ln_final.normalized",
                                         "unembed.out",
                                         "prediction",
                                         "embed.W_E",
                                         "blocks.0.ln1.w",
                                         "blocks.1.attn.W_Q",
                                         "blocks.1.mlp.b_in",
                                         "pos_embed.W_pos",
                                         "unembed.W_U"};

TEST(Transformer, InnerValuesCanBeAskedForAndReplaced) {
  Scene plain;
  const Value prediction = make()->predict(plain.b, plain.weights, plain.regression(kBatch, n, d));
  plain.give_weights(2);
  std::vector<Value> asked{prediction};
  for (const std::string& name : kNames) asked.push_back(plain.b.named(name));
  const auto values = plain.evaluate(asked, kBatch);

  for (size_t i = 0; i < kNames.size(); ++i) {
    Scene s;
    s.b.intervene(kNames[i]);
    const Value replaced = make()->predict(s.b, s.weights, s.regression(kBatch, n, d));
    s.give_weights(2);
    s.inputs[kNames[i]] = values[1 + i];
    const Numbers same = s.evaluate({replaced}, kBatch)[0];
    for (size_t p = 0; p < kBatch; ++p)  // the plain program may sum in another order
      EXPECT_NEAR(same[p], values[0][p], 1e-12 * (1 + std::fabs(values[0][p]))) << kNames[i];
    if (kNames[i] == "blocks.0.attn.scores") continue;  // softmax forgets what all scores share
    for (double& x : s.inputs[kNames[i]]) x = 0.25 - 0.5 * x;
    EXPECT_NE(s.evaluate({replaced}, kBatch)[0], same) << kNames[i];
  }
}

double flops(const std::vector<Value>& outputs) {
  std::vector<int> ids;
  for (const Value& output : outputs) ids.push_back(output.id());
  const program::Rewritten cheap = program::rewrite(outputs[0].builder().program(), ids);
  double total = 0;
  for (int id = 0; id < static_cast<int>(cheap.builder->program().nodes.size()); ++id)
    if (cheap.builder->program()[id].op == program::Op::kProduct)
      total += program::flops(cheap.builder->program(), id);
  return total;
}

TEST(Transformer, OnlyTheRowsSomebodyReadsAreComputed) {
  constexpr double D = 8, M = 32;
  Scene s;
  const tasks::Prompt prompt = s.regression(kBatch, n, d);
  const auto model = make({{"layers", std::int64_t{1}}});
  const Value last = model->predict(s.b, s.weights, prompt);
  const Value all = model->predict_positions(s.b, s.weights, prompt);
  // Read-in, then query, key, value, scores, mix, output and perceptron, then read-out.
  const auto products = [&](double rows) {
    return 2 * (T * d * D + 2 * T * D * D + rows * (2 * D * D + 2 * T * D + 2 * D * M + D));
  };
  EXPECT_EQ(flops({s.b.named("unembed.out")}), products(T));
  EXPECT_EQ(flops({all}), products(n + 1));
  EXPECT_EQ(flops({last}), products(1));
}

TEST(Transformer, WeightsStartAsSaid) {
  for (const std::string init : {"uniform", "gpt2"}) {
    Scene s;
    (void)make({{"init", init}})->predict(s.b, s.weights, s.regression(1, n, d));
    for (const auto& weight : s.weights.all()) {
      const Numbers start = iclab::testing::evaluate(s.b, {weight.initial}, 1)[0];
      const bool norm = weight.name.find("ln") != std::string::npos;
      const bool bias = weight.name.find(".b_") != std::string::npos;
      const auto all = [&](auto condition) { return std::ranges::all_of(start, condition); };
      if (norm) {
        const double one = weight.name.ends_with(".w") ? 1 : 0;
        EXPECT_TRUE(all([&](double x) { return x == one; })) << weight.name;
      } else if (init == "gpt2" && bias) {
        EXPECT_TRUE(all([](double x) { return x == 0; })) << weight.name;
      } else if (init == "gpt2" || weight.name == "pos_embed.W_pos") {
        EXPECT_TRUE(all([](double x) { return x != 0 && std::fabs(x) < 6 * 0.02; })) << weight.name;
      } else {
        const double fan_in =
            weight.name.starts_with("embed")                                           ? d
            : weight.name.ends_with("mlp.W_out") || weight.name.ends_with("mlp.b_out") ? 32
                                                                                       : 8;
        const double bound = 1 / std::sqrt(fan_in);
        EXPECT_TRUE(all([&](double x) { return x != 0 && std::fabs(x) <= bound; })) << weight.name;
        const double largest =
            std::fabs(*std::ranges::max_element(start, {}, [](double x) { return std::fabs(x); }));
        if (start.size() < 64) continue;  // the largest of 64 is below half with probability 2^-64
        EXPECT_GT(largest, bound / 2) << weight.name;
      }
    }
  }
}

TEST(Transformer, ReadsTokensAndPredictsTheNext) {
  Scene s;
  tasks::Prompt prompt;
  prompt.set("tokens", s.b.integer_constant({4}, {2, 0, 4, 2}));
  const auto model = make({{"vocabulary", std::int64_t{5}}});
  EXPECT_EQ(model->predict_positions(s.b, s.weights, prompt).shape(), (program::Shape{4, 5}));
  EXPECT_EQ(model->predict(s.b, s.weights, prompt).shape(), (program::Shape{5}));
  s.give_weights(4);
  const Numbers embedded = s.evaluate({s.b.named("embed.out")}, 1)[0];
  for (size_t j = 0; j < 8; ++j) {
    EXPECT_EQ(embedded[j], s.inputs["embed.W_E"][2 * 8 + j]);
    EXPECT_EQ(embedded[8 + j], s.inputs["embed.W_E"][j]);
  }
  EXPECT_THROW((void)make()->predict(s.b, s.weights, prompt), UsageError);
}

// Weights of a training with n examples, asked for prompts of another length.
std::int64_t points_at(std::int64_t length) {
  Scene trained;
  (void)make()->predict(trained.b, trained.weights, trained.regression(1, n, d));
  Scene s;
  for (const auto& weight : trained.weights.all())
    (void)s.weights.declare(weight.name, [&] { return s.b.constant(weight.value.shape(), {0.1}); });
  return make()->predict_positions(s.b, s.weights, s.regression(1, length, d)).shape()[0];
}

TEST(Transformer, ShorterPromptsUseTheFirstPositions) {
  EXPECT_EQ(points_at(n - 1), n);
  EXPECT_THROW((void)points_at(n + 1), UsageError);
}

TEST(Transformer, RefusesWhatDoesNotFit) {
  EXPECT_THROW((void)make({{"heads", std::int64_t{3}}}), UsageError);
  EXPECT_THROW((void)make({{"heads", std::int64_t{8}}, {"positions", std::string("rotary")}}),
               UsageError);
  Scene s;
  tasks::Prompt statistics;
  statistics.set("h", s.b.constant({d}, {0.5}));
  EXPECT_THROW((void)make()->predict(s.b, s.weights, statistics), UsageError);
  EXPECT_THROW((void)make()->effective_matrix(s.b, s.weights, d), UsageError);
}

}  // namespace
}  // namespace iclab::nn
