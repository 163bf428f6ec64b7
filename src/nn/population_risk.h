// Population risks of linear attention, written with the builder (task-diversity.md, section 4).
#pragma once

#include "nn/model.h"

namespace iclab::nn {

/// J(Gamma) = tr(Gamma M Gamma^T) - 2 tr(Gamma C) + tr C, M = (1 + 1/n) C + ((tr C + sigma^2)/n) I.
/// Gamma (d, d) is contracted as x_q^T Gamma h.
Value linear_risk(Value gamma, Value c, std::int64_t context, double noise_variance);

/// What full linear self-attention adds to J(Gamma_eff) through p (d) and b (d), with v (), A (d, d):
/// the even part of the prediction, task-diversity.md, section 4.3.
Value full_attention_excess(Value p, Value v, Value a, Value b_vector,
                            const tasks::LinearMoments& moments, bool with_query);

Value trace(Value square_matrix);

}  // namespace iclab::nn
