// Gradient flow with separate queries and keys, f = v x_q^T W_Q^T W_K h, from W_Q = W_K = q0 I:
// shared columns are learned first, private ones later (task-diversity.md, section 5).
#pragma once

#include <span>
#include <vector>

#include "theory/spectrum.h"

namespace iclab::theory {

/// dq_i/dt = 2 v q_i (lambda_i - v q_i^2 m_i), dv/dt = 2 sum_i q_i^2 (lambda_i - v q_i^2 m_i).
struct SeparateStart {
  double q0 = 1e-2, v0 = 1e-2;  // both above 0
};

/// First t = lr * step with J <= J(0) - drop (J(0) - J*), for each drop in (0, 1).
std::vector<double> staircase_times(const Spectrum& spectrum, const SeparateStart& start,
                                    std::span<const double> drops);

/// J at times along the flow.
std::vector<double> staircase_risks(const Spectrum& spectrum, const SeparateStart& start,
                                    std::span<const double> times);

/// J/r on the step between the drops: the shared columns learned, the private ones not yet,
/// 1 - s gamma_s / r.
double staircase_level(const Mixture& mixture, double n, double sigma2);

}  // namespace iclab::theory
