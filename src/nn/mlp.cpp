#include "nn/mlp.h"

namespace iclab::nn {

Value activate(Value a, Activation function) {
  switch (function) {
    case Activation::kRelu:
      return relu(a);
    case Activation::kGelu:
      return gelu(a);
    case Activation::kGeluTanh:
      break;
  }
  return gelu_tanh(a);
}

Value mlp(Builder& b, Weights& weights, const std::string& prefix, Value tokens,
          const MlpOptions& options) {
  const std::int64_t d = tokens.shape().back();
  const std::int64_t width = options.width > 0 ? options.width : 4 * d;
  const std::int64_t outputs = options.output_width > 0 ? options.output_width : d;
  const auto map = [&](const std::string& letter, Value x, std::int64_t to) {
    return linear(b, weights, prefix, letter, x, to, options.biases, options.initial);
  };
  const Value pre = b.name(map("in", tokens, width), prefix + ".pre");
  const Value post = b.name(activate(pre, options.activation), prefix + ".post");
  return b.name(map("out", post, outputs), prefix + ".out");
}

}  // namespace iclab::nn
