// Closed forms of a mixture with equal weights: constants of the optimum and its test risks
// (task-diversity.md, section 4). Risks are not divided by r.
#pragma once

#include <optional>

#include "theory/mixture.h"

namespace iclab::theory {

/// rho = (r + sigma^2)/n, a = 1 + 1/n. m are the eigenvalues of M, also where a group is empty.
struct MixtureConstants {
  double rho = 0;
  double m_shared = 0;         // m_1 = a + rho
  double m_private = 0;        // m_K = a/K + rho
  double m_null = 0;           // m_0 = rho
  double gamma_shared = 0;     // gamma_s = 1/m_1
  double gamma_private = 0;    // gamma_p = 1/(a + K rho)
  double Lambda = 0;           // ||C||_F = sqrt(s + (r-s)/K)
  double stable_rank = 0;      // ||C||_F^2 / ||C||^2
  double lr_max_factored = 0;  // 1/(2 Lambda): largest stable rate near the minimum, mean loss
  double kappa_M = 0;          // m_max / m_min over the d eigenvalues of M
};
MixtureConstants mixture_constants(const Mixture& mixture, double n, double sigma2);

/// Gamma* = gamma_s P_S + gamma_p P_B of a training set, tested with another context and noise.
struct TestSetting {
  double n = 1;       // n'
  double sigma2 = 0;  // sigma'^2
};

/// J* = s (1 - gamma_s) + (r-s)(1 - gamma_p).
double least_risk(const Mixture& mixture, double n, double sigma2);

/// Tasks of the training law, or of any subspace in their span: independent of the angle.
double span_risk(const Mixture& mixture, double n, double sigma2, const TestSetting& test);

/// Tasks of U(theta) that leaves the span, theta in radians. Nothing if R + nu > d.
std::optional<double> outside_risk(const Mixture& mixture, double n, double sigma2,
                                   const TestSetting& test, double theta);

/// w ~ N(0, (r/d) I). As n -> inf: r (1 - R/d).
double isotropic_risk(const Mixture& mixture, double n, double sigma2, const TestSetting& test);

/// w isotropic in the orthogonal complement with E|w|^2 = r: above r. Nothing if R = d.
std::optional<double> complement_risk(const Mixture& mixture, double n, double sigma2,
                                      const TestSetting& test);

}  // namespace iclab::theory
