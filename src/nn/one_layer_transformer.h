// One layer of softmax attention for the query, a ReLU layer and a fixed read-out.
#pragma once

#include "nn/model.h"

namespace iclab::nn {

/// F = a^T relu(W_O W_V sum_i p_i att_i), att = softmax_i((W_K p_i)^T (W_Q p_query)) over the context; no
/// biases, no residual, a fixed (arXiv 2402.15607).
ModelEntry one_layer_transformer_entry();

}  // namespace iclab::nn
