#include "nn/transformer.h"

#include <fmt/format.h>

#include "base/error.h"
#include "nn/block.h"

namespace iclab::nn {
namespace {

using program::Stream;

constexpr double kGpt2Deviation = 0.02;

Norm norm_of(const std::string& name) {
  return name == "layer" ? Norm::kLayer : name == "rms" ? Norm::kRms : Norm::kNone;
}

Activation activation_of(const std::string& name) {
  return name == "relu"   ? Activation::kRelu
         : name == "gelu" ? Activation::kGelu
                          : Activation::kGeluTanh;
}

// x_1, [y_1, 0..0], x_2, ..., x_query: (2n - 1, d) for n points.
Value interleaved(const tasks::Prompt& prompt) {
  for (const std::string part : {"x", "y", "x_query"})
    if (!prompt.has(part))
      throw UsageError(
          fmt::format("model 'transformer' needs the prompt's parts 'x', 'y' and 'x_query', or "
                      "'tokens'; this task gives no '{}'",
                      part));
  const Value x = prompt["x"];
  const std::int64_t examples = x.shape()[0], d = x.shape()[1];
  const program::Shape token{examples, 1, d};
  const Value labels = pad(reshape(prompt["y"], {examples, 1}), 1, 0, d);
  const Value pairs = program::concat({reshape(x, token), reshape(labels, token)}, 1);
  return program::concat({reshape(pairs, {2 * examples, d}), reshape(prompt["x_query"], {1, d})},
                         0);
}

class Transformer : public Model {
 public:
  explicit Transformer(const Settings& settings)
      : layers_(settings.integer("layers")),
        width_(settings.integer("width")),
        learned_positions_(settings.text("positions") == "learned"),
        biases_(settings.boolean("biases")),
        vocabulary_(settings.integer("vocabulary")),
        outputs_(settings.integer("outputs")),
        initial_(settings.text("init") == "gpt2" ? normal_initial(kGpt2Deviation)
                                                 : uniform_initial()) {
    const std::int64_t heads = settings.integer("heads");
    if (width_ % heads != 0)
      throw UsageError(
          fmt::format("model 'transformer': width {} is no multiple of heads {}", width_, heads));
    if (outputs_ == 0) outputs_ = vocabulary_ > 0 ? vocabulary_ : 1;
    block_.attention.heads = heads;
    block_.attention.causal = settings.boolean("causal");
    if (settings.text("positions") == "rotary") {
      if (width_ / heads % 2 != 0)
        throw UsageError(
            fmt::format("model 'transformer': rotary positions turn pairs; width / heads is {}, "
                        "accepted is an even number",
                        width_ / heads));
      block_.attention.positions = AttentionOptions::Positions::kRotary;
    }
    block_.attention.biases = block_.mlp.biases = biases_;
    block_.attention.initial = block_.mlp.initial = initial_;
    block_.has_mlp = !settings.has("mlp") || settings.integer("mlp") > 0;
    block_.mlp.width = settings.has("mlp") ? settings.integer("mlp") : 4 * width_;
    block_.mlp.activation = activation_of(settings.text("activation"));
    block_.norm = norm_of(settings.text("norm"));
    block_.norm_first = settings.text("norm_position") == "pre";
  }

  Value predict(Builder& b, Weights& weights, const tasks::Prompt& prompt) const override {
    const Value all = read_out(b, weights, prompt);
    return b.name(index(all, 0, all.shape()[0] - 1), "prediction");
  }

  Value predict_positions(Builder& b, Weights& weights,
                          const tasks::Prompt& prompt) const override {
    Value all = read_out(b, weights, prompt);
    if (!prompt.has("tokens")) all = slice(all, 0, 0, (all.shape()[0] + 1) / 2, 2);
    return b.name(all, "predictions");
  }

  bool sees_later_points() const override { return !block_.attention.causal; }

 private:
  Value embedded(Builder& b, Weights& weights, const tasks::Prompt& prompt) const {
    const Value tokens = prompt.has("tokens") ? prompt["tokens"] : interleaved(prompt);
    if (tokens.dtype() == program::DType::kReal)
      return linear(b, weights, "embed", "E", tokens, width_, biases_, initial_);
    if (vocabulary_ == 0)
      throw UsageError("model 'transformer' needs the setting 'vocabulary' for this task's tokens");
    const Value table =
        declare(b, weights, "embed.W_E", {vocabulary_, width_}, 1, normal_initial(kGpt2Deviation));
    return gather(table, tokens);
  }

  Value with_positions(Builder& b, Weights& weights, Value tokens) const {
    if (!learned_positions_) return tokens;
    const std::int64_t t = tokens.shape()[0];
    const Value all =
        declare(b, weights, "pos_embed.W_pos", {t, width_}, 1, normal_initial(kGpt2Deviation));
    if (all.shape()[0] < t)
      throw UsageError(
          fmt::format("model 'transformer' has learned {} positions; this prompt has {} tokens",
                      all.shape()[0], t));
    return tokens + b.name(slice(all, 0, 0, t), "pos_embed.out");
  }

  // What is read out at every token: (T), or (T, outputs).
  Value read_out(Builder& b, Weights& weights, const tasks::Prompt& prompt) const {
    const Value tokens = b.name(embedded(b, weights, prompt), "embed.out");
    Value x = with_positions(b, weights, tokens);
    for (std::int64_t layer = 0; layer < layers_; ++layer)
      x = block(b, weights, fmt::format("blocks.{}", layer), x, block_);
    if (block_.norm_first) x = norm(b, weights, "ln_final", x, block_.norm);
    const Value out =
        b.name(linear(b, weights, "unembed", "U", x, outputs_, biases_, initial_), "unembed.out");
    return outputs_ == 1 ? index(out, 1, 0) : out;
  }

  std::int64_t layers_, width_;
  bool learned_positions_, biases_;
  std::int64_t vocabulary_, outputs_;
  Initial initial_;
  BlockOptions block_;
};

Parameter count(const std::string& name, double least, std::optional<std::int64_t> fallback,
                const std::string& help) {
  Parameter parameter{.name = name, .kind = Kind::kInteger, .help = help};
  if (fallback) parameter.fallback = *fallback;
  parameter.minimum = least;
  parameter.maximum = 1e6;
  return parameter;
}

// A program has the operations of each block: thousands would take minutes to compile.
Parameter layers() {
  Parameter parameter = count("layers", 1, {}, "blocks L");
  parameter.maximum = 1000;
  return parameter;
}

Parameter choice(const std::string& name, std::vector<std::string> choices,
                 const std::string& help) {
  Parameter parameter{.name = name, .kind = Kind::kText, .help = help};
  parameter.fallback = choices.front();
  parameter.choices = std::move(choices);
  return parameter;
}

Parameter yes(const std::string& name, const std::string& help) {
  Parameter parameter{.name = name, .kind = Kind::kBoolean, .help = help};
  parameter.fallback = true;
  return parameter;
}

}  // namespace

ModelEntry transformer_entry() {
  Parameter mlp = count("mlp", 0, {}, "width of the perceptrons; 4 width if not given, 0: none");
  mlp.optional = true;
  return {
      "transformer",
      "Transformer of GPT-2's shape; softmax attention",
      "arXiv 2208.01066, 2606.06814",
      {layers(), count("heads", 1, {}, "heads H; they divide the width"),
       count("width", 1, {}, "residual stream D"), mlp,
       choice("activation", {"gelu", "gelu-tanh", "relu"}, "of the perceptrons"),
       choice("norm", {"layer", "rms", "none"}, "LayerNorm, RMSNorm or none"),
       choice("norm_position", {"pre", "post"},
              "before each layer and at the end, or after each sum"),
       yes("causal", "a token sees itself and those before it"),
       choice("positions", {"learned", "rotary", "none"}, "how tokens know their place"),
       yes("biases", "linear maps have biases"),
       choice(
           "init", {"uniform", "gpt2"},
           "uniform: linear maps in +-1/sqrt(fan-in); gpt2: N(0, 0.02^2), biases 0; positions and "
           "token embeddings N(0, 0.02^2) in both"),
       count("vocabulary", 0, 0, "tokens there are, for tasks of tokens"),
       count("outputs", 0, 0, "numbers read out at a position; 0: the vocabulary, or 1")},
      [](const Settings& settings) { return std::make_unique<Transformer>(settings); }};
}

}  // namespace iclab::nn
