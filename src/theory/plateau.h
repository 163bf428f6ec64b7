// The plateau of the factored model f = v x_q^T W h under gradient flow from the identity
// initialisation v0 = alpha, W0 = (alpha / sqrt d) I (task-diversity.md, section 5). Times t = lr *
// step.
#pragma once

#include <span>
#include <vector>

#include "theory/spectrum.h"

namespace iclab::theory {

/// Leading order, from the early phase v' = 2 Lambda u, u' = 2 Lambda v, u = <W, C>/Lambda:
/// T_phi ~ (1/(2 Lambda)) ln( sqrt(phi (tr C - J*)/(2 Lambda)) / |(v0 + u0)/2| ).
double linear_plateau(const Spectrum& spectrum, double alpha, double phi);

/// First t with J <= J(0) - phi (J(0) - J*), by integration of the flow
///   dw_i/dt = 2 v (lambda_i - v w_i m_i),  dv/dt = 2 sum_i w_i (lambda_i - v w_i m_i)
/// in all d directions, null ones too.
double plateau(const Spectrum& spectrum, double alpha, double phi);

/// The same with the risk of another task law along the flow of `spectrum`, in the same groups: the
/// plateau of one class of a mixture, J_k* = J_k(Gamma*) with Gamma* of the mixture. NaN if there
/// is no drop to wait for (J_k* >= J_k(0)).
double plateau(const Spectrum& spectrum, const Spectrum& observed, double alpha, double phi);

/// J of `observed` at times along the flow of `spectrum`.
std::vector<double> factored_flow_risks(const Spectrum& spectrum, const Spectrum& observed,
                                        double alpha, std::span<const double> times);

}  // namespace iclab::theory
