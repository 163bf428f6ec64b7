#include "nn/one_layer_transformer.h"

#include "nn/attention.h"

namespace iclab::nn {
namespace {

using program::Stream;

class OneLayerTransformer : public Model {
 public:
  explicit OneLayerTransformer(const Settings& settings)
      : hidden_(settings.integer("hidden")), scale_(settings.real("scale")) {}

  Value predict(Builder& b, Weights& weights, const tasks::Prompt& prompt) const override {
    const Value query = prompt["query"];
    const std::int64_t d = query.shape()[0];
    const Value tokens = program::concat({prompt["tokens"], reshape(query, {1, d})}, 0);
    AttentionOptions options;
    options.key_width = options.value_width = d;
    options.output_width = hidden_;
    options.biases = false;
    options.scale = scale_;
    options.query_only = true;
    options.query_is_key = false;
    const Value pre = attention(b, weights, "blocks.0.attn", tokens, options);
    const Value post = b.name(reshape(relu(pre), {hidden_}), "blocks.0.mlp.post");
    return b.name(dot(post, read_out(b)), "prediction");
  }

 private:
  // +1/m and -1/m, half each (one more of the first if m is odd), in random order.
  Value read_out(Builder& b) const {
    const Value order = rank(b.uniform(Stream::kModel, {hidden_}));
    const double share = 1 / static_cast<double>(hidden_);
    return b.name(select(order < b.integer_constant({}, {(hidden_ + 1) / 2}), b.constant(share),
                         b.constant(-share)),
                  "read_out");
  }

  std::int64_t hidden_;
  double scale_;
};

}  // namespace

ModelEntry one_layer_transformer_entry() {
  Parameter hidden{.name = "hidden", .kind = Kind::kInteger, .help = "neurons m of the ReLU layer"};
  hidden.minimum = 1;
  hidden.maximum = 1e5;
  Parameter scale{.name = "scale", .kind = Kind::kReal, .help = "factor of the scores"};
  scale.fallback = 1.0;
  scale.minimum = 0;
  return {"one-layer-transformer", "Softmax attention of the query, a ReLU layer, a fixed read-out",
          "arXiv 2402.15607", {hidden, scale},
          [](const Settings& settings) { return std::make_unique<OneLayerTransformer>(settings); }};
}

}  // namespace iclab::nn
