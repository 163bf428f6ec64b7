#include "nn/initial.h"

#include <cmath>

namespace iclab::nn {

using program::Stream;

bool is_bias(const std::string& name) {
  return name.compare(name.rfind('.') + 1, 2, "b_") == 0;  // npos + 1 = 0
}

Initial uniform_initial() {
  return [](Builder& b, const std::string&, const program::Shape& shape, std::int64_t fan_in) {
    const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
    return 2 * bound * b.uniform(Stream::kModel, shape) - bound;
  };
}

Initial normal_initial(double deviation) {
  return [deviation](Builder& b, const std::string& name, const program::Shape& shape,
                     std::int64_t) {
    return is_bias(name) ? b.constant(shape, {0.0}) : deviation * b.normal(Stream::kModel, shape);
  };
}

Value declare(Builder& b, Weights& weights, const std::string& name, const program::Shape& shape,
              std::int64_t fan_in, const Initial& initial) {
  return weights.declare(name, [&] { return initial(b, name, shape, fan_in); });
}

Value linear(Builder& b, Weights& weights, const std::string& prefix, const std::string& letter,
             Value x, std::int64_t outputs, bool bias, const Initial& initial) {
  const std::int64_t inputs = x.shape().back();
  const Value w = declare(b, weights, prefix + ".W_" + letter, {inputs, outputs}, inputs, initial);
  const Value product = matmul(x, w);
  if (!bias) return product;
  return product + declare(b, weights, prefix + ".b_" + letter, {outputs}, inputs, initial);
}

}  // namespace iclab::nn
