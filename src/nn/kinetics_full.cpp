#include "nn/kinetics_full.h"

#include <fmt/format.h>

#include "nn/attention.h"
#include "nn/norm.h"
#include "nn/perceptron.h"

namespace iclab::nn {
namespace {

using program::concat;

class KineticsFull : public Model {
 public:
  explicit KineticsFull(const Settings& settings)
      : hidden_(settings.integer("hidden")), layers_(settings.integer("layers")),
        one_hot_(settings.text("label") == "one-hot") {}

  // Named: "tokens", "ln.normalized" (N + 1, d), attention's in "blocks.L.attn", "pattern" (N + 1) of the last, "mlp.out".
  Value predict(Builder& b, Weights& weights, const tasks::Prompt& prompt) const override {
    const Value tokens = norm(b, weights, "ln", this->tokens(b, prompt), Norm::kLayer);
    const Value asking = attending(b, weights, tokens);
    return b.name(memory(b, weights, asking), "mlp.out");
  }

  // Nothing is added to the target by attention.
  Value predict_alone(Builder& b, Weights& weights, const tasks::Prompt& prompt) const override {
    Value target = norm(b, weights, "ln", asking_token(b, prompt), Norm::kLayer);
    if (layers_ == 2) target = between(b, weights, target);
    return memory(b, weights, target);
  }

 private:
  static Value last(Value tokens) { return slice(tokens, 0, tokens.shape()[0] - 1, 1); }

  // The target's row (1, d) after all attention.
  Value attending(Builder& b, Weights& weights, Value tokens) const {
    if (layers_ == 2) {
      AttentionOptions options = this->options();
      options.causal = true;
      const Value attended = attention(b, weights, "blocks.0.attn", tokens, options);
      tokens = b.name(between(b, weights, tokens + attended), "blocks.0.mlp.out");
    }
    const std::string prefix = fmt::format("blocks.{}.attn", layers_ - 1);
    AttentionOptions options = this->options();
    options.query_only = true;
    const Value attended = attention(b, weights, prefix, tokens, options);
    b.name(reshape(b.named(prefix + ".pattern"), {tokens.shape()[0]}), "pattern");
    return last(tokens) + attended;
  }

  // What the second layer sees of rows (T, d) of the first.
  Value between(Builder& b, Weights& weights, Value rows) const {
    return perceptron(b, weights, "blocks.0.mlp", rows, hidden_, rows.shape()[1]);
  }

  static AttentionOptions options() {
    AttentionOptions options;
    options.biases = false;
    options.scale = 1.0;
    options.output = false;
    return options;
  }

  Value memory(Builder& b, Weights& weights, Value row) const {
    return reshape(perceptron(b, weights, "mlp", row, hidden_, 1), {});
  }

  // (N + 1, d), the target last.
  Value tokens(Builder& b, const tasks::Prompt& prompt) const {
    const Value items = prompt["items"];
    const Value labels = reshape(prompt["labels"], {items.shape()[0], 1});
    const Value columns =
        one_hot_ ? concat({0.5 - 0.5 * labels, 0.5 + 0.5 * labels}, 1) : labels;
    return b.name(concat({concat({items, columns}, 1), asking_token(b, prompt)}, 0), "tokens");
  }

  // The target's row, with 0 in place of a label.
  Value asking_token(Builder& b, const tasks::Prompt& prompt) const {
    const Value target = prompt["query"];
    return concat({reshape(target, {1, target.shape()[0]}), b.constant({1, one_hot_ ? 2 : 1}, {0.0})}, 1);
  }

  std::int64_t hidden_, layers_;
  bool one_hot_;
};

}  // namespace

ModelEntry kinetics_full_entry() {
  Parameter hidden{.name = "hidden", .kind = Kind::kInteger, .help = "width H of the perceptrons"};
  hidden.fallback = std::int64_t{512};
  hidden.minimum = 1;
  hidden.maximum = 1e5;
  Parameter label{.name = "label", .kind = Kind::kText, .help = "a token's label: two columns, or the number itself"};
  label.fallback = std::string("one-hot");
  label.choices = {"one-hot", "scalar"};
  Parameter layers{.name = "layers", .kind = Kind::kInteger,
                   .help = "layers of attention; the first of two has a causal mask and a perceptron of its own"};
  layers.fallback = std::int64_t{1};
  layers.minimum = 1;
  layers.maximum = 2;
  return {"kinetics-full", "Softmax attention of a labelled item over LayerNorm tokens, then a perceptron",
          "arXiv 2412.00104", {hidden, label, layers},
          [](const Settings& settings) { return std::make_unique<KineticsFull>(settings); }};
}

}  // namespace iclab::nn
