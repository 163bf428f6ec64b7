// Test vectors of the models recomputed by the program that training executes, in float64 (differential-kinetics.md,
// section 7).
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "nn/model.h"
#include "papers/compiled_step.h"
#include "papers/differential-kinetics/verify.h"
#include "program/functions.h"

namespace iclab::papers::differential_kinetics {
namespace {

using program::Builder;
using program::Rate;
using program::Shape;
using program::Value;

constexpr std::int64_t kMaxWidth = 100'000, kMaxSteps = 10'000'000;

// The prompts of a case.
struct Batch {
  std::int64_t D, N, H, B, label_columns;
  std::vector<double> x, labels, y;

  explicit Batch(Case& entry) {
    Case config = entry.object("config");
    D = config.integer("D", 1, kMaxWidth);
    N = config.integer("N", 1, kMaxWidth);
    H = config.integer("H", 1, kMaxWidth);
    B = config.integer("B", 1, kMaxWidth);
    label_columns = config.integer("label_dim", 1, 2);
    if (config.has("ln_eps") && config.number("ln_eps") != 1e-5)
      throw Error(fmt::format("{}.ln_eps: found {}, accepted is 1e-5", config.path(), config.number("ln_eps")));
    Case batch = entry.object("batch");
    x = batch.numbers("x", {B, N + 1, D});
    labels = batch.numbers("labels", {B, N});
    y = batch.numbers("y", {B});
  }

  // Rows `first` to `last` of every prompt's x.
  std::vector<double> rows(std::int64_t first, std::int64_t last) const {
    std::vector<double> some;
    for (std::int64_t p = 0; p < B; ++p) {
      const auto begin = x.begin() + p * (N + 1) * D;
      some.insert(some.end(), begin + first * D, begin + last * D);
    }
    return some;
  }
};

// A weight of the model and its key in the file, where matrices are (out, in): ours are (in, out).
struct WeightKey {
  std::string weight, key;
  bool is_matrix = false;
};

std::vector<WeightKey> perceptron_keys() {
  std::vector<WeightKey> keys;
  for (const std::string layer : {"1", "2", "3"}) {
    keys.push_back({"mlp.W_" + layer, "W" + layer, true});
    keys.push_back({"mlp.b_" + layer, "b" + layer});
  }
  return keys;
}

std::vector<WeightKey> minimal_keys() {
  std::vector<WeightKey> keys = perceptron_keys();
  keys.push_back({"beta", "beta"});
  keys.push_back({"w", "w"});
  return keys;
}

std::vector<WeightKey> full_keys() {
  std::vector<WeightKey> keys = perceptron_keys();
  keys.push_back({"ln.w", "ln_g"});
  keys.push_back({"ln.b", "ln_b"});
  for (const std::string letter : {"Q", "K", "V"}) {
    std::string key = "W" + letter;
    key[1] = static_cast<char>(key[1] - 'A' + 'a');
    keys.push_back({"blocks.0.attn.W_" + letter, key, true});
  }
  return keys;
}

std::vector<double> transposed(const std::vector<double>& m, std::int64_t rows, std::int64_t columns) {
  std::vector<double> turned(m.size());
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      turned[static_cast<size_t>(j * rows + i)] = m[static_cast<size_t>(i * columns + j)];
  return turned;
}

// One model on a case's batch, from the weights of the file.
class ModelStep {
 public:
  ModelStep(const Batch& batch, const std::string& kind, const std::map<std::string, Setting>& settings,
            const std::vector<WeightKey>& keys, Case& parameters, const std::vector<std::string>& named)
      : batch_(batch), keys_(keys) {
    const nn::ModelEntry& entry = nn::find_model(kind);
    const auto where = [](const std::string& key) { return key; };
    model_ = entry.make(resolve(entry.parameters, settings, kind, where));
    tasks::Prompt prompt;
    prompt.set("items", builder_.input("items", {batch.N, batch.D}, Rate::kPrompt));
    prompt.set("labels", builder_.input("labels", {batch.N}, Rate::kPrompt));
    prompt.set("query", builder_.input("query", {batch.D}, Rate::kPrompt));
    const Value y = builder_.input("y", {}, Rate::kPrompt);
    const Value logits = model_->predict(builder_, weights_, prompt);
    std::vector<Value> more{logits};
    for (const std::string& name : named) more.push_back(builder_.named(name));
    step_.emplace(prompt_mean(program::logistic_loss(y, logits)), weights_, more, batch.B);
    for (const WeightKey& key : keys_) set(key, parameters);
    step_->prompts("items", batch.rows(0, batch.N));
    step_->prompts("query", batch.rows(batch.N, batch.N + 1));
    step_->prompts("labels", batch.labels);
    step_->prompts("y", batch.y);
    step_->run();
  }

  CompiledStep& operator*() { return *step_; }

  // As the file has it.
  Json gradient(const WeightKey& key) const {
    const Shape shape = this->shape(key);
    const std::vector<double> numbers = step_->gradient(key.weight);
    if (!key.is_matrix) return nested(numbers, shape);
    return nested(transposed(numbers, shape[0], shape[1]), {shape[1], shape[0]});
  }

  // Losses of `steps` descents, one more than these; at each `each` is told.
  void descend(std::int64_t steps, double lr, const std::function<void(CompiledStep&)>& each) {
    each(*step_);
    for (std::int64_t t = 0; t < steps; ++t) {
      step_->descend(lr);
      step_->run();
      each(*step_);
    }
  }

 private:
  // Without leading ones: attention's matrices are (heads, in, out).
  Shape shape(const WeightKey& key) const {
    const auto all = weights_.all();
    Shape shape = std::ranges::find(all, key.weight, &nn::Weights::Weight::name)->value.shape();
    while (key.is_matrix && shape.size() > 2) shape.erase(shape.begin());
    return shape;
  }

  void set(const WeightKey& key, Case& parameters) {
    const Shape shape = this->shape(key);
    if (!key.is_matrix) return step_->weight(key.weight, parameters.numbers(key.key, shape));
    const std::vector<double> numbers = parameters.numbers(key.key, {shape[1], shape[0]});
    step_->weight(key.weight, transposed(numbers, shape[1], shape[0]));
  }

  const Batch& batch_;
  std::vector<WeightKey> keys_;
  Builder builder_;
  nn::Weights weights_;
  std::unique_ptr<nn::Model> model_;
  std::optional<CompiledStep> step_;
};

void check_gradients(Case& part, const ModelStep& step, const std::vector<WeightKey>& keys, Comparison& comparison) {
  Case gradients = part.object("grad");
  for (const WeightKey& key : keys)
    gradients.check_each(comparison, key.key, kClosed, [&] { return step.gradient(key); });
  gradients.finish(comparison);
}

void verify_minimal(Case& entry, const Batch& batch, const std::string& section, const std::string& attention,
                    Comparison& comparison) {
  Case part = entry.object(section), parameters = entry.object("minimal_params");
  const std::map<std::string, Setting> settings{{"hidden", batch.H}, {"attention", attention}};
  ModelStep step(batch, "kinetics-minimal", settings, minimal_keys(), parameters, {"mlp.out", "pattern"});
  const std::int64_t keys = batch.N + (attention == "self" ? 1 : 0);
  part.check_each(comparison, "logits", kClosed, [&] { return nested((*step).more(0), {batch.B}); });
  part.check_each(comparison, "phi", kClosed, [&] { return nested((*step).more(1), {batch.B}); });
  part.check_each(comparison, "attention", kClosed, [&] { return nested((*step).more(2), {batch.B, keys}); });
  part.check_each(comparison, "loss", kClosed, [&] { return Json((*step).loss()); });
  check_gradients(part, step, minimal_keys(), comparison);
  part.finish(comparison);
}

std::map<std::string, Setting> full_settings(const Batch& batch) {
  return {{"hidden", batch.H}, {"label", std::string(batch.label_columns == 2 ? "one-hot" : "scalar")}};
}

void verify_full(Case& entry, const Batch& batch, Comparison& comparison) {
  Case part = entry.object("full");
  Case parameters = part.object("params");
  ModelStep step(batch, "kinetics-full", full_settings(batch), full_keys(), parameters, {"tokens", "pattern"});
  const std::int64_t tokens = batch.N + 1;
  part.check_each(comparison, "logits", kClosed, [&] { return nested((*step).more(0), {batch.B}); });
  part.check_each(comparison, "tokens", kClosed,
             [&] { return nested((*step).more(1), {batch.B, tokens, batch.D + batch.label_columns}); });
  part.check_each(comparison, "attention", kClosed, [&] { return nested((*step).more(2), {batch.B, tokens}); });
  part.check_each(comparison, "loss", kClosed, [&] { return Json((*step).loss()); });
  check_gradients(part, step, full_keys(), comparison);
  part.finish(comparison);
}

void verify_minimal_descent(Case& entry, const Batch& batch, Comparison& comparison) {
  Case part = entry.object("minimal_gd"), parameters = entry.object("minimal_params");
  ModelStep step(batch, "kinetics-minimal", {{"hidden", batch.H}}, minimal_keys(), parameters, {});
  part.inputs({"columns"});
  part.check_each(comparison, "rows", kDescent, [&] {
    Json rows = Json::array();
    step.descend(part.integer("steps", 0, kMaxSteps), part.number("eta"), [&](CompiledStep& at) {
      rows.push_back({at.loss(), at.weight("w")[0], at.weight("beta")[0]});
    });
    return rows;
  });
  part.finish(comparison);
}

void verify_full_descent(Case& entry, const Batch& batch, Comparison& comparison) {
  Case part = entry.object("full_gd"), full = entry.object("full");
  Case parameters = full.object("params");
  ModelStep step(batch, "kinetics-full", full_settings(batch), full_keys(), parameters, {});
  part.check_each(comparison, "loss", kDescent, [&] {
    Json losses = Json::array();
    step.descend(part.integer("steps", 0, kMaxSteps), part.number("eta"),
                 [&](CompiledStep& at) { losses.push_back(at.loss()); });
    return losses;
  });
  part.finish(comparison);
}

}  // namespace

void verify_model(Case& entry, Comparison& comparison) {
  const Batch batch(entry);
  entry.inputs({"minimal_params"});
  if (entry.has("minimal")) verify_minimal(entry, batch, "minimal", "context", comparison);
  if (entry.has("minimal_self")) verify_minimal(entry, batch, "minimal_self", "self", comparison);
  if (entry.has("full")) verify_full(entry, batch, comparison);
  if (entry.has("minimal_gd")) verify_minimal_descent(entry, batch, comparison);
  if (entry.has("full_gd")) verify_full_descent(entry, batch, comparison);
}

}  // namespace iclab::papers::differential_kinetics
