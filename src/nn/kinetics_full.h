// An item's label from memory and from the context, by attention with trained queries, keys and values.
#pragma once

#include "nn/model.h"

namespace iclab::nn {

/// Tokens u_j = (x_j, label) of the context and u_t = (x_t, 0), v = LayerNorm(u) and
///   a = softmax_j(q . k_j) over all N + 1 tokens, h = v_t + sum_j a_j W_V v_j, z = phi(h),
/// q = W_Q v_t, k_j = W_K v_j, phi the perceptron of three layers (differential-kinetics.md, section 2.3; arXiv
/// 2412.00104). A label is two columns (1, 0) for -1 and (0, 1) for 1, or itself. Two layers: the first has a causal
/// mask, and what the second and phi see of a token is another perceptron of h_j, as wide as a token.
ModelEntry kinetics_full_entry();

}  // namespace iclab::nn
