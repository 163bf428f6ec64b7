// Attention among the tokens of a prompt: one block whose options cover every paper's form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nn/initial.h"
#include "nn/model.h"

namespace iclab::nn {

struct AttentionOptions {
  enum class Kind { kSoftmax, kLinear };    // linear: pattern = scores / number of keys
  enum class Positions { kNone, kRotary };  // rotary: queries and keys turned by their position

  Kind kind = Kind::kSoftmax;
  std::int64_t heads = 1;         // H
  std::int64_t key_width = 0;     // k; 0: D/H
  std::int64_t value_width = 0;   // v; 0: D/H
  std::int64_t output_width = 0;  // of W_O or W_VO; 0: D
  bool biases = true;
  std::optional<double> scale = {};  // of the scores; 1/sqrt(k) if not given
  bool causal = false;               // a token sees itself and those before it
  bool query_only = false;           // only the last token asks: one row comes out
  bool query_is_key = true;          // false: nobody sees the last token
  Positions positions = Positions::kNone;
  bool folded_query_key = false;     // W_QK (H, D, D) for W_Q W_K^T; no b_Q, b_K
  bool folded_value_output = false;  // W_VO (H, D, output) for W_V W_O; no b_V
  bool output = true;                // false: the heads' z side by side, no W_O, b_O
  Initial initial = uniform_initial();
};

/// Tokens (T, D) -> (T, output), or (1, output) with query_only; without `output` (T, H v).
///
/// Weights, under `prefix` ("blocks.0.attn"), in this order: W_Q (H, D, k), b_Q (H, k), W_K (H, D,
/// k), b_K (H, k), W_V (H, D, v), b_V (H, v), W_O (H, v, output), b_O (output). Values: .q, .k (H,
/// T, k), after the turn by position; .v (H, T, v); .scores (H, T, T), scaled, not masked; .pattern
/// (H, T, T); .z (H, T, v); .out. Folded: .q (H, T, D) = x W_QK, .v (H, T, output) = x W_VO, no .k.
///
/// Rotary positions: the pair (2i, 2i+1) is turned by position * 10000^(-2i/k) (arXiv 2104.09864).
/// Linear and causal: masked scores are 0, and still divided by T.
/// Throws Error if the options contradict each other or the tokens.
Value attention(Builder& b, Weights& weights, const std::string& prefix, Value tokens,
                const AttentionOptions& options);

}  // namespace iclab::nn
