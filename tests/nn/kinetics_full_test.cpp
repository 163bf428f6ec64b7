// The full model of differential-kinetics.md, section 2.3, against its formula in plain loops, whose gradients are dual
// numbers', and against the golden file; through the program that training executes.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "nn/kinetics_full.h"
#include "program/executor.h"
#include "tests/evaluate.h"
#include "train/compile.h"
#include "train/loss.h"

namespace iclab::nn {
namespace {

using iclab::testing::Numbers;
using iclab::testing::some_numbers;
using nlohmann::json;
using program::Rate;

// ---- the formula ----

// A number and its derivative by one weight.
struct Dual {
  double x = 0, slope = 0;
};
Dual operator+(Dual a, Dual b) { return {a.x + b.x, a.slope + b.slope}; }
Dual operator*(Dual a, Dual b) { return {a.x * b.x, a.slope * b.x + a.x * b.slope}; }
Dual operator/(Dual a, Dual b) { return {a.x / b.x, (a.slope - a.x / b.x * b.slope) / b.x}; }
Dual exp(Dual a) { return {std::exp(a.x), a.slope * std::exp(a.x)}; }
Dual relu(Dual a) { return a.x > 0 ? a : Dual{}; }
Dual softplus(Dual a) { return {std::log1p(std::exp(a.x)), a.slope / (1 + std::exp(-a.x))}; }

using Row = std::vector<Dual>;
using Rows = std::vector<Row>;
using Given = std::map<std::string, Row>;  // weights by name, row-major (in, out)

Row times(const Row& row, const Row& w) {
  Row out(w.size() / row.size());
  for (size_t i = 0; i < row.size(); ++i)
    for (size_t j = 0; j < out.size(); ++j) out[j] = out[j] + row[i] * w[i * out.size() + j];
  return out;
}

Row plus(const Row& a, const Row& b) {
  Row out(a.size());
  for (size_t i = 0; i < a.size(); ++i) out[i] = a[i] + b[i];
  return out;
}

Row three_layers(const Given& w, const std::string& prefix, Row x) {
  for (const std::string letter : {"1", "2", "3"}) {
    x = plus(times(x, w.at(prefix + ".W_" + letter)), w.at(prefix + ".b_" + letter));
    if (letter != "3")
      for (Dual& a : x) a = relu(a);
  }
  return x;
}

Row normalized(const Given& w, const Numbers& u) {
  const auto d = static_cast<double>(u.size());
  double mean = 0, variance = 0;
  for (const double a : u) mean += a / d;
  for (const double a : u) variance += (a - mean) * (a - mean) / d;
  Row v;
  for (size_t i = 0; i < u.size(); ++i)
    v.push_back(Dual{(u[i] - mean) / std::sqrt(variance + 1e-5)} * w.at("ln.w")[i] + w.at("ln.b")[i]);
  return v;
}

// What the token `i` attends to among the first `seen`; `pattern` if asked for.
Row attended(const Given& w, const std::string& prefix, const Rows& v, size_t i, size_t seen,
             Numbers* pattern = nullptr) {
  const Row q = times(v[i], w.at(prefix + ".W_Q"));
  Row sum(v[i].size());
  Dual total;
  Numbers weights;
  for (size_t j = 0; j < seen; ++j) {
    const Row k = times(v[j], w.at(prefix + ".W_K")), value = times(v[j], w.at(prefix + ".W_V"));
    Dual score;
    for (size_t c = 0; c < k.size(); ++c) score = score + q[c] * k[c];
    const Dual a = exp(score);
    weights.push_back(a.x);
    total = total + a;
    for (size_t c = 0; c < sum.size(); ++c) sum[c] = sum[c] + a * value[c];
  }
  for (Dual& x : sum) x = x / total;
  if (pattern)
    for (const double a : weights) pattern->push_back(a / total.x);
  return sum;
}

struct Case {
  std::int64_t layers;
  bool one_hot;
  std::int64_t batch, context, dim, hidden;
};

using Tokens = std::vector<Numbers>;  // (N + 1, d), the target last

Tokens tokens_of(const Case& c, const std::map<std::string, Numbers>& parts, std::int64_t prompt) {
  Tokens tokens;
  for (std::int64_t j = 0; j <= c.context; ++j) {
    const bool target = j == c.context;
    const Numbers& from = parts.at(target ? "query" : "items");
    const std::int64_t row = target ? prompt : prompt * c.context + j;
    Numbers u(from.begin() + row * c.dim, from.begin() + (row + 1) * c.dim);
    const double label =
        target ? 0 : parts.at("labels")[static_cast<size_t>(prompt * c.context + j)];
    if (!c.one_hot) u.push_back(label);
    if (c.one_hot) u.push_back(label < 0 ? 1 : 0);
    if (c.one_hot) u.push_back(label > 0 ? 1 : 0);
    tokens.push_back(std::move(u));
  }
  return tokens;
}

struct Answer {
  Dual prediction, alone;
  Numbers pattern;
};

Answer formula(const Case& c, const Given& w, const Tokens& tokens) {
  Rows v;
  for (const Numbers& u : tokens) v.push_back(normalized(w, u));
  Row alone = v.back();
  if (c.layers == 2) {
    Rows next;
    for (size_t i = 0; i < v.size(); ++i)
      next.push_back(three_layers(w, "blocks.0.mlp", plus(v[i], attended(w, "blocks.0.attn", v, i, i + 1))));
    v = next;
    alone = three_layers(w, "blocks.0.mlp", alone);
  }
  const std::string last = c.layers == 2 ? "blocks.1.attn" : "blocks.0.attn";
  Answer answer;
  const Row h = plus(v.back(), attended(w, last, v, v.size() - 1, v.size(), &answer.pattern));
  answer.prediction = three_layers(w, "mlp", h)[0];
  answer.alone = three_layers(w, "mlp", alone)[0];
  return answer;
}

// ---- the model ----

class Scene {
 public:
  explicit Scene(const Case& c) : c_(c), model_(make(c)) {
    part("items", {c.context, c.dim});
    part("labels", {c.context});
    part("query", {c.dim});
    part("target", {});
    for (const std::string signs : {"labels", "target"})
      for (double& x : parts_[signs]) x = x < 0 ? -1 : 1;
    prediction_ = model_->predict(b_, weights_, prompt_);
    for (std::uint64_t seed = 40; const auto& weight : weights_.all())
      parts_[weight.name] = some_numbers(program::elements(weight.value.shape()), ++seed);
  }

  static std::unique_ptr<Model> make(const Case& c) {
    const ModelEntry entry = kinetics_full_entry();
    const std::map<std::string, Setting> given{{"hidden", c.hidden},
                                               {"layers", c.layers},
                                               {"label", std::string(c.one_hot ? "one-hot" : "scalar")}};
    return entry.make(resolve(entry.parameters, given, "model", [](const std::string& key) { return key; }));
  }

  Given given() const {
    Given w;
    for (const auto& weight : weights_.all())
      for (const double x : parts_.at(weight.name)) w[weight.name].push_back({x});
    return w;
  }

  // Loss and gradients in the order of the weights, then predictions and patterns of all prompts.
  std::vector<Numbers> step(program::Layout layout) {
    const Value loss = prompt_mean(train::compared("logistic", prediction_, prompt_["target"]));
    const std::vector<Value> more{prediction_, b_.named("pattern")};
    const auto chosen = train::compile_step(loss, weights_, more, c_.batch, true);
    program::PlanOptions options = chosen->options;
    options.layout = layout;
    program::Executor<double> executor(program::make_plan(chosen->program, chosen->outputs, options));
    for (const auto& [name, value] : prompt_.parts()) executor.set_prompt_input(name, parts_.at(name));
    for (const auto& weight : weights_.all())
      std::ranges::copy(parts_.at(weight.name), executor.input(weight.name).begin());
    executor.begin({});
    executor.run(0);
    std::vector<Numbers> outputs;
    for (size_t i = 0; i < chosen->outputs.size(); ++i)
      outputs.emplace_back(executor.output(i).begin(), executor.output(i).end());
    return outputs;
  }

  // Predictions from the query alone.
  Numbers alone() const {
    Builder b;
    Weights weights;
    tasks::Prompt prompt;
    prompt.set("query", b.input("query", {c_.dim}, Rate::kPrompt));
    return testing::evaluate(b, {model_->predict_alone(b, weights, prompt)}, c_.batch, parts_)[0];
  }

  Builder& builder() { return b_; }
  Weights& weights() { return weights_; }
  std::map<std::string, Numbers>& parts() { return parts_; }

 private:
  void part(const std::string& name, const program::Shape& shape) {
    prompt_.set(name, b_.input(name, shape, Rate::kPrompt));
    parts_[name] = some_numbers(c_.batch * program::elements(shape), parts_.size() + 1);
  }

  Case c_;
  std::unique_ptr<Model> model_;
  Builder b_;
  Weights weights_;
  tasks::Prompt prompt_;
  Value prediction_;
  std::map<std::string, Numbers> parts_;  // inputs by name
};

double largest_of(const Numbers& numbers) {
  double largest = 0;
  for (const double x : numbers) largest = std::max(largest, std::fabs(x));
  return largest;
}

// To some hundred roundings of the largest entry, or of `scale`.
void expect_near(const Numbers& got, const Numbers& want, const std::string& what, double scale = 0) {
  ASSERT_EQ(got.size(), want.size()) << what;
  const double tolerance = 1000 * 0x1p-52 * std::max(largest_of(want), scale);
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], tolerance) << what << " " << i;
}

class KineticsFull : public ::testing::TestWithParam<Case> {};

TEST_P(KineticsFull, IsItsFormulaWithAllGradients) {
  const Case c = GetParam();
  Scene scene(c);
  Given w = scene.given();
  std::vector<Tokens> tokens;
  for (std::int64_t p = 0; p < c.batch; ++p) tokens.push_back(tokens_of(c, scene.parts(), p));
  const auto loss = [&] {
    Dual sum;
    for (size_t p = 0; p < tokens.size(); ++p)
      sum = sum + softplus(Dual{-scene.parts()["target"][p]} * formula(c, w, tokens[p]).prediction);
    return sum / Dual{static_cast<double>(c.batch)};
  };
  std::vector<Numbers> gradients;
  for (const auto& weight : scene.weights().all()) {
    Numbers& gradient = gradients.emplace_back();
    for (Dual& x : w[weight.name]) {
      x.slope = 1;
      gradient.push_back(loss().slope);
      x.slope = 0;
    }
  }
  double largest = 0;  // what small gradients are differences of
  for (const Numbers& gradient : gradients) largest = std::max(largest, largest_of(gradient));
  Numbers predictions, patterns, alone;
  for (const Tokens& one : tokens) {
    const Answer answer = formula(c, w, one);
    predictions.push_back(answer.prediction.x);
    alone.push_back(answer.alone.x);
    patterns.insert(patterns.end(), answer.pattern.begin(), answer.pattern.end());
  }
  for (const program::Layout layout : {program::Layout::kLanes, program::Layout::kOrdinary}) {
    SCOPED_TRACE(program::name(layout));
    const std::vector<Numbers> outputs = scene.step(layout);
    expect_near(outputs[0], {loss().x}, "loss");
    for (size_t i = 0; i < gradients.size(); ++i)
      expect_near(outputs[1 + i], gradients[i], scene.weights().all()[i].name, largest);
    expect_near(outputs[1 + gradients.size()], predictions, "prediction");
    expect_near(outputs[2 + gradients.size()], patterns, "pattern");
  }
  expect_near(scene.alone(), alone, "alone");
}

INSTANTIATE_TEST_SUITE_P(Forms, KineticsFull,
                         ::testing::Values(Case{1, true, 3, 5, 4, 6}, Case{1, false, 19, 4, 3, 5},
                                           Case{2, true, 3, 4, 2, 3}, Case{2, false, 2, 5, 3, 4}));

TEST(KineticsFull, StartsAsPyTorchsLinearMapsDo) {
  Scene scene({1, true, 1, 4, 7, 11});
  std::vector<std::string> names;
  for (const auto& weight : scene.weights().all()) names.push_back(weight.name);
  EXPECT_EQ(names, (std::vector<std::string>{"ln.w", "ln.b", "blocks.0.attn.W_Q", "blocks.0.attn.W_K",
                                             "blocks.0.attn.W_V", "mlp.W_1", "mlp.b_1", "mlp.W_2", "mlp.b_2",
                                             "mlp.W_3", "mlp.b_3"}));
  const std::map<std::string, double> fan_in{{"blocks.0.attn.W_Q", 9}, {"blocks.0.attn.W_K", 9},
                                             {"blocks.0.attn.W_V", 9}, {"mlp.W_1", 9},
                                             {"mlp.b_1", 9},           {"mlp.W_2", 11},
                                             {"mlp.b_2", 11},          {"mlp.W_3", 11},
                                             {"mlp.b_3", 11}};
  for (const auto& weight : scene.weights().all()) {
    const Numbers start = testing::evaluate(scene.builder(), {weight.initial}, 1)[0];
    if (!fan_in.contains(weight.name)) {
      EXPECT_EQ(start, Numbers(9, weight.name == "ln.w" ? 1.0 : 0.0));
      continue;
    }
    const double bound = 1 / std::sqrt(fan_in.at(weight.name));
    EXPECT_LE(largest_of(start), bound) << weight.name;
    EXPECT_GT(largest_of(start), start.size() > 20 ? 0.7 * bound : 0) << weight.name;
  }
}

// ---- the golden file ----

// (out, in) as (in, out); vectors and numbers as they are.
Numbers transposed(const json& w) {
  Numbers numbers;
  if (!w[0].is_array()) return w.get<Numbers>();
  for (size_t i = 0; i < w[0].size(); ++i)
    for (const json& row : w) numbers.push_back(row[i]);
  return numbers;
}

Numbers flat(const json& a) {
  Numbers numbers;
  if (a.is_number()) return {a.get<double>()};
  for (const json& part : a)
    for (const double x : flat(part)) numbers.push_back(x);
  return numbers;
}

TEST(KineticsFull, IsTheGoldenFiles) {
  std::ifstream in(ICLAB_SOURCE_DIR "/tests/golden/differential-kinetics.json");
  const json file = json::parse(in);
  const std::map<std::string, std::string> names{
      {"ln.w", "ln_g"},   {"ln.b", "ln_b"},  {"blocks.0.attn.W_Q", "Wq"}, {"blocks.0.attn.W_K", "Wk"},
      {"mlp.W_1", "W1"},  {"mlp.b_1", "b1"}, {"blocks.0.attn.W_V", "Wv"}, {"mlp.W_2", "W2"},
      {"mlp.b_2", "b2"},  {"mlp.W_3", "W3"}, {"mlp.b_3", "b3"}};
  constexpr double kTolerance = 1e-10;
  const auto expect = [&](const Numbers& got, const Numbers& want, const std::string& what) {
    ASSERT_EQ(got.size(), want.size()) << what;
    for (size_t i = 0; i < want.size(); ++i)
      EXPECT_NEAR(got[i], want[i], kTolerance * std::max(std::fabs(want[i]), 1e-3)) << what << " " << i;
  };
  ASSERT_EQ(file["models"].size(), 2u);
  for (const json& entry : file["models"]) {
    const json& config = entry["config"];
    const Case c{1, config["label_dim"] == 2, config["B"], config["N"], config["D"], config["H"]};
    Scene scene(c);
    const json& full = entry["full"];
    for (const auto& [name, theirs] : names) scene.parts()[name] = transposed(full["params"][theirs]);
    auto& parts = scene.parts();
    parts["items"].clear();
    parts["query"].clear();
    for (const json& sequence : entry["batch"]["x"])
      for (size_t j = 0; j < sequence.size(); ++j)
        for (const double x : sequence[j]) parts[j + 1 == sequence.size() ? "query" : "items"].push_back(x);
    parts["labels"] = flat(entry["batch"]["labels"]);
    parts["target"] = flat(entry["batch"]["y"]);
    for (std::int64_t p = 0; p < c.batch; ++p)
      EXPECT_EQ(json(tokens_of(c, parts, p)), full["tokens"][static_cast<size_t>(p)]);

    const std::vector<Numbers> outputs = scene.step(program::Layout::kOrdinary);
    expect(outputs[0], {full["loss"].get<double>()}, "loss");
    size_t i = 0;
    for (const auto& weight : scene.weights().all())
      expect(outputs[++i], transposed(full["grad"][names.at(weight.name)]), weight.name);
    expect(outputs[++i], flat(full["logits"]), "logits");
    expect(outputs[++i], flat(full["attention"]), "attention");
  }
}

}  // namespace
}  // namespace iclab::nn
