#include "nn/block.h"

#include <functional>

namespace iclab::nn {

Value block(Builder& b, Weights& weights, const std::string& prefix, Value tokens,
            const BlockOptions& options) {
  using Layer = std::function<Value(Value)>;
  // The stream after a layer; `kept` is what the layer's result is added to.
  const auto around = [&](const std::string& ln, Value x, const Layer& layer) {
    const auto kept = [&](Value result) {
      const std::int64_t rows = x.shape()[0], asked = result.shape()[0];
      return slice(x, 0, rows - asked, asked);
    };
    if (options.norm_first) {
      const Value result = layer(norm(b, weights, prefix + ln, x, options.norm));
      return kept(result) + result;
    }
    const Value result = layer(x);
    return norm(b, weights, prefix + ln, kept(result) + result, options.norm);
  };

  const Value pre = b.name(tokens, prefix + ".resid_pre");
  const Value attended = around(".ln1", pre, [&](Value x) {
    return attention(b, weights, prefix + ".attn", x, options.attention);
  });
  if (!options.has_mlp) return b.name(attended, prefix + ".resid_post");
  const Value mid = b.name(attended, prefix + ".resid_mid");
  const Value post = around(
      ".ln2", mid, [&](Value x) { return mlp(b, weights, prefix + ".mlp", x, options.mlp); });
  return b.name(post, prefix + ".resid_post");
}

}  // namespace iclab::nn
