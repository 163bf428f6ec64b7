#include "nn/norm.h"

namespace iclab::nn {

Value norm(Builder& b, Weights& weights, const std::string& prefix, Value x, Norm kind) {
  if (kind == Norm::kNone) return x;
  const program::Shape shape{x.shape().back()};
  const Value w = weights.declare(prefix + ".w", [&] { return b.constant(shape, {1.0}); });
  if (kind == Norm::kRms) return b.name(rms_norm(x) * w, prefix + ".normalized");
  const Value shift = weights.declare(prefix + ".b", [&] { return b.constant(shape, {0.0}); });
  return b.name(layer_norm(x) * w + shift, prefix + ".normalized");
}

}  // namespace iclab::nn
