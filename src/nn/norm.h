// Normalisation of tokens.
#pragma once

#include <string>

#include "nn/model.h"

namespace iclab::nn {

enum class Norm {
  kNone,   // x itself, no weights
  kLayer,  // (x - mean) / sqrt(variance + 1e-5) * w + b along the last axis (biased variance)
  kRms,    // x / sqrt(mean x^2 + 1e-5) * w
};

/// Weights `prefix`.w (D) = 1 and .b (D) = 0; the result is named `prefix`.normalized.
Value norm(Builder& b, Weights& weights, const std::string& prefix, Value x, Norm kind);

}  // namespace iclab::nn
