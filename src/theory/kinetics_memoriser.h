// What the memoriser does to in-context learning: its integrated error I_K(t) is the time that
// attention has (differential-kinetics.md, sections 1.2, 3.2, 3.5 and 3.6).
#pragma once

#include <cstdint>
#include <span>

namespace iclab::theory {

/// g(s) of the table memoriser (differential-kinetics.md, section 3.6): g' = sigma(-g), g(0) = 0, so g + e^g = 1 + s, s
/// >= 0.
double g_lookup(double s);

/// I_K(t) = sum_k g(p_k t), p_k = k^-alpha / sum, k = 1..K, t = eta * steps >= 0 (differential-kinetics.md, section
/// 3.6, gain 1).
double I_lookup(double t, std::int64_t K, double alpha = 0);

/// P = Phi(log(I_inf n / (N sqrt(pi/2))) / sigma_beta): fraction of runs with w0 = 0, beta0 ~ N(0,
/// sigma_beta^2) that acquire when I_K(inf) = I_inf > 0 (differential-kinetics.md, section 3.6).
double p_acquire(double I_inf, double N, double sigma_beta, double n = 1);

/// K* = (tau* / A)^(1/nu) for I_K(inf) = A K^nu (differential-kinetics.md, section 3.6).
double k_star(double N, double A, double nu, double beta0 = 0, double w0 = 0, double n = 1);

/// E[n] of the paper's sampler (differential-kinetics.md, section 1.2): N/K + (1 - 1/K)^N (1 + (N-1)/(K-1)), K >= 2.
double expected_copies(double N, double K);

/// What a memoriser alone did, at the same times each.
struct MemoriserSeries {
  std::span<const double> t;       // steps, not descending, at least one
  std::span<const double> c1, c2;  // differential-kinetics.md, section 3.1; in [0, 1]
};

struct FromMemoriser {
  double t_icl;    // steps; infinity: not within the series
  double tau_end;  // tau at the end of the series
  double w, beta;  // at t_icl, else at the end
};

/// Acquisition predicted from a memoriser's series (differential-kinetics.md, section 4 (C5)): tau by the trapezoid
/// rule of eta c1 from 0 at t[0], c2 linear in tau between its points, dw/dtau = (n e^beta + mu - c2 w)/N, dbeta/dtau =
/// n w e^beta / N until beta = beta_threshold(N, n); t linear in tau between points. About 1e-10 relative. Arguments
/// are not checked, but a tau at the end beyond a double's range throws UsageError.
FromMemoriser t_icl_from_memoriser(const MemoriserSeries& series, double N, double eta,
                                   double beta0 = 0, double w0 = 0, double n = 1, double mu = 0);

}  // namespace iclab::theory
