// Convention D: the merged model under gradient descent is as slow as M is badly conditioned
// (task-diversity.md, section 5.5).
#pragma once

#include <cstdint>

#include "theory/mixture.h"

namespace iclab::theory {

/// First step with J - J* < tol r, entries of Gamma0 ~ N(0, 1/d), lr = 1/(2 m_max), carried by the
/// null directions alone: ceil of ln((d-R) rho / (tol r)) / (-2 ln(1 - 1/kappa)), at least 1; 1 if
/// R = d.
std::int64_t merged_descent_steps(const Mixture& mixture, double n, double sigma2, double tol);

}  // namespace iclab::theory
