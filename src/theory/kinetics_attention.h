// Acquisition of attention while an MLP memorises: the small-attention expansion of the minimal
// model z = phi + w m (differential-kinetics.md, sections 3.3 to 3.6). Letters of the paper: N
// context tokens, n copies of the target among them, w and beta start at w0, beta0; tau = eta sum_t
// c1(t) is the memoriser's time. Arguments are not checked: N >= 2, 1 <= n < N, eta > 0.
#pragma once

namespace iclab::theory {

/// tau* = (N/n) e^-beta0 sqrt(pi/2) erfcx(w0 / sqrt 2), the memoriser's time at which beta would
/// diverge without friction (differential-kinetics.md, section 3.3). In logarithms inside: infinite only beyond a
/// double's range.
double tau_star(double N, double beta0 = 0, double w0 = 0, double n = 1);

/// Its logarithm, also where it is beyond a double's range.
double log_tau_star(double N, double beta0 = 0, double w0 = 0, double n = 1);

struct WeightAndBeta {
  double w, beta;
};

/// The path without friction at x = tau / tau*, 0 <= x < 1 (differential-kinetics.md, section 3.3): erfc(w / sqrt 2) =
/// (1 - x) erfc(w0 / sqrt 2), beta = beta0 + (w^2 - w0^2) / 2.
WeightAndBeta frictionless_path(double x, double w0 = 0, double beta0 = 0);

/// G(kappa, w0) of differential-kinetics.md, section 3.4: the T at which v'' = -1/v - kappa v', v(0) = 1, v'(0) = -w0
/// arrives at v = 0. kappa >= 0; G(0, w0) = sqrt(pi/2) erfcx(w0 / sqrt 2). About 1e-10 relative.
double G_friction(double kappa, double w0 = 0);

/// tau* with label noise and drift (differential-kinetics.md, section 3.4; v_S / N = 1): (N/n) times the arrival of u''
/// = -1/u - mu/n - (c2/n) u', u(0) = e^-beta0, u'(0) = -w0. c2 >= 0 (c2 v_S / N where that is not 1), mu any. Infinity:
/// never (trapped), or beyond a double's range. About 1e-10 relative.
double tau_star_general(double N, double beta0 = 0, double w0 = 0, double n = 1, double c2 = 0,
                        double mu = 0);

/// Steps to acquisition for K = infinity (differential-kinetics.md, section 3.5): (2/eta) tau*, `tau_star` for c2 = 0,
/// else `tau_star_general` with mu = 0.
double t_icl_Kinf(double N, double eta, double beta0 = 0, double w0 = 0, double n = 1,
                  double c2 = 0);

/// The q-quantile (0 < q < 1), in steps, of t_ICL for K = infinity, w0 = 0 and beta0 ~ N(0,
/// sigma_beta^2) without friction (differential-kinetics.md, section 3.5).
double t_icl_quantile(double q, double N, double eta, double sigma_beta, double n = 1);

}  // namespace iclab::theory
