// A multilayer perceptron on each token.
#pragma once

#include <string>

#include "nn/initial.h"
#include "nn/model.h"

namespace iclab::nn {

enum class Activation { kRelu, kGelu, kGeluTanh };  // gelu: a Phi(a), exact or its form by tanh

Value activate(Value a, Activation function);

struct MlpOptions {
  std::int64_t width = 0;         // M; 0: 4 D
  std::int64_t output_width = 0;  // 0: D
  Activation activation = Activation::kGelu;
  bool biases = true;
  Initial initial = uniform_initial();
};

/// f(x W_in + b_in) W_out + b_out for tokens (T, D). Weights `prefix`.W_in (D, M), .b_in (M),
/// .W_out (M, D), .b_out (D); values `prefix`.pre, .post, .out.
Value mlp(Builder& b, Weights& weights, const std::string& prefix, Value tokens,
          const MlpOptions& options);

}  // namespace iclab::nn
