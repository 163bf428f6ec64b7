// Gradient flow and gradient descent of the merged model (task-diversity.md, section 5): no
// plateau.
#pragma once

#include <span>
#include <vector>

#include "theory/subspaces.h"

namespace iclab::theory {

/// J at times t = lr * step of dGamma/dt = -dJ/dGamma: Gamma(t) - Gamma* = (Gamma0 - Gamma*) e^{-2
/// M t}, J - J* = sum_j m_j e^{-4 m_j t} |(Gamma0 - Gamma*) e_j|^2, e_j unit eigenvectors of M.
std::vector<double> merged_flow_risks(const Matrix& Gamma0, const Matrix& C, double n,
                                      double sigma2, std::span<const double> times);

/// J after whole steps of gradient descent: e^{-4 m_j t} becomes (1 - 2 lr m_j)^(2 step).
std::vector<double> merged_descent_risks(const Matrix& Gamma0, const Matrix& C, double n,
                                         double sigma2, double lr, std::span<const double> steps);

}  // namespace iclab::theory
