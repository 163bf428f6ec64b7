// A perceptron of three layers on each row.
#pragma once

#include <string>

#include "nn/model.h"

namespace iclab::nn {

/// relu(relu(x W_1 + b_1) W_2 + b_2) W_3 + b_3 for rows x (T, d): (T, outputs). Weights `prefix`.W_1 (d, hidden),
/// .b_1, .W_2 (hidden, hidden), .b_2, .W_3 (hidden, outputs), .b_3, uniform in +-1/sqrt(fan-in).
Value perceptron(Builder& b, Weights& weights, const std::string& prefix, Value rows, std::int64_t hidden,
                 std::int64_t outputs);

}  // namespace iclab::nn
