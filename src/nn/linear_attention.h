// One layer of linear attention on regression prompts, in four parameterisations.
#pragma once

#include "nn/model.h"

namespace iclab::nn {

/// h = (1/n) sum_i y_i x_i.
///   merged    f = x_q^T Gamma h
///   factored  f = v x_q^T W h
///   separate  f = v x_q^T W_Q^T W_K h
///   full      f = last row and column of Z + W_PV Z (Z^T W_KQ Z)/n, Z = [x_i; y_i ... | x_q; 0]
/// (task-diversity.md, section 2; full: arXiv 2306.09927).
ModelEntry linear_attention_entry();

}  // namespace iclab::nn
