// A transformer block: attention, then a perceptron, each around a residual stream.
#pragma once

#include <string>

#include "nn/attention.h"
#include "nn/mlp.h"
#include "nn/norm.h"

namespace iclab::nn {

struct BlockOptions {
  AttentionOptions attention;
  MlpOptions mlp;
  bool has_mlp = true;
  Norm norm = Norm::kLayer;
  bool norm_first = true;  // x + f(norm x); false: norm(x + f x)
};

/// Tokens (T, D) -> (T, D), or (1, D) for the last token with attention.query_only. The parts are
/// `prefix`.ln1, .attn, .ln2, .mlp; values .resid_pre, .resid_mid, .resid_post (the stream before,
/// between and after; without a perceptron there is no .resid_mid).
Value block(Builder& b, Weights& weights, const std::string& prefix, Value tokens,
            const BlockOptions& options);

}  // namespace iclab::nn
