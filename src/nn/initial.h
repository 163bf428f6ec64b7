// What the weights of a block start from.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "nn/model.h"

namespace iclab::nn {

/// The initial value of the weight `name` ("blocks.0.attn.W_Q"), of that shape, in a linear map
/// from `fan_in` numbers. Biases are the weights whose last part begins with "b_".
using Initial = std::function<Value(Builder& b, const std::string& name,
                                    const program::Shape& shape, std::int64_t fan_in)>;

/// Weights and biases uniform in +-1/sqrt(fan_in): the start of PyTorch's linear maps.
Initial uniform_initial();

/// Weights N(0, deviation^2), biases 0: the start of GPT-2 with deviation 0.02.
Initial normal_initial(double deviation);

bool is_bias(const std::string& name);

/// The weight `name`, started so.
Value declare(Builder& b, Weights& weights, const std::string& name, const program::Shape& shape,
              std::int64_t fan_in, const Initial& initial);

/// x (T, n) W (n, m), plus the bias (m) if there is one; the weights `prefix` + ".W_" + letter and
/// ".b_" + letter.
Value linear(Builder& b, Weights& weights, const std::string& prefix, const std::string& letter,
             Value x, std::int64_t outputs, bool bias, const Initial& initial);

}  // namespace iclab::nn
