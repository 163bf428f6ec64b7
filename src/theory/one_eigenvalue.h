// The factored model when C has one eigenvalue (s = 0) and W = (u/Lambda) C has no null part:
// solved in closed form (task-diversity.md, section 5). Times t = lr * step.
#pragma once

#include <cstdint>

namespace iclab::theory {

/// v' = 2 u (Lambda - m v u), u' = 2 v (Lambda - m v u) from v0, u0 > 0.
struct OneEigenvalue {
  std::int64_t r = 1, K = 1;  // C has the eigenvalue 1/K, K r times
  double n = 1, sigma2 = 0;

  double Lambda() const;  // ||C||_F = sqrt(r/K)
  double m() const;       // (1 + 1/n)/K + (r + sigma^2)/n

  /// J at t for v0 = u0: q = v^2 is logistic with q* = Lambda/m,
  /// q(t) = q*/(1 + (q*/q0 - 1) e^{-4 Lambda t}), J = r - (Lambda^2/m)(2z - z^2), z = q/q*. Here as
  /// in the others v0 may be as small as a double: its square is not formed.
  double logistic_risk(double v0, double t) const;

  /// First t with r - J >= phi (r - J*), for v0 = u0 (the drop is counted from r, not from J(0)):
  /// T = (1/(4 Lambda)) ln[(q*/q0 - 1) z/(1-z)], z = 1 - sqrt(1-phi). 0 if the start is already
  /// there; NaN if it is beyond the optimum by more than that.
  double logistic_plateau(double v0, double phi) const;

  /// The same for any v0, u0: integral of dv / (2 u (Lambda - m v u)), u = sqrt(v^2 + u0^2 - v0^2),
  /// up to v u = z Lambda/m.
  double quadrature_plateau(double v0, double u0, double phi) const;

 private:
  double log_rise(double v0) const;
};

}  // namespace iclab::theory
