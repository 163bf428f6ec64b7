// Population loss of full linear self-attention (task-diversity.md, sections 2 and 4).
#pragma once

#include <span>

#include "theory/subspaces.h"

namespace iclab::theory {

/// The parts of W^PV and W^KQ ((d+1) x (d+1)) that reach the prediction
/// f = p^T S A x_q + (p.h)(b.x_q) + v h^T A x_q + v sbar (b.x_q).
struct FullAttention {
  Vector p;      // last row of W^PV without its last entry
  double v = 0;  // last entry of W^PV
  Matrix A;      // first d x d block of W^KQ
  Vector b;      // last row of W^KQ without its last entry
};

/// Eq2 = E(|w|^2 + sigma^2)^2 = mean_k[(tr C_k + sigma^2)^2 + 2 tr(C_k^2)], Gaussian tasks in each
/// of the equally weighted classes.
double mean_square_power(std::span<const Matrix> class_moments, double sigma2);

/// J of the full layer: J(v A^T + b p^T) plus the even part, which is >= 0, so that min J = J* is
/// reached at p = b = 0. With the query, x_q is one more key in S = (1/n)(sum x_i x_i^T + x_q
/// x_q^T).
double full_attention_risk(const FullAttention& layer, std::span<const Matrix> class_moments,
                           double n, double sigma2, bool with_query);

}  // namespace iclab::theory
