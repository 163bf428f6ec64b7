// An item's label from memory (an MLP on the target) and from the context (attention on overlaps).
#pragma once

#include "nn/model.h"

namespace iclab::nn {

/// z = phi(x_t) + w m with m = sum_j l_j a_j, a = softmax_j(beta x_j . x_t) over the context, phi =
/// W_3 relu(W_2 relu(W_1 x + b_1) + b_2) + b_3. Overlaps x_j . x_t are the prompt's, if it has them. With
/// attention = "self" the softmax is also over the target, label 0; with "none" z = phi(x_t), and there are no beta
/// and w. Starts from w = 0 and beta ~ N(0, 1), unless told otherwise; the MLP's draws come first, so that it starts
/// alike with and without attention (differential-kinetics.md, section 2.2; arXiv 2412.00104).
ModelEntry kinetics_minimal_entry();

}  // namespace iclab::nn
