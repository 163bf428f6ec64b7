// The minimal model for K = infinity and D -> infinity without the expansion in small w
// (differential-kinetics.md, section 3.5): the target's n copies have overlap 1, the other N - n
// items overlap 0 and independent labels, whose sum is S. With the attention on the copies a = n
// e^beta / (N - n + n e^beta) the attended label is M = a + (1 - a) S / (N - n). 1 <= n < N.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace iclab::theory {

/// P(n e^beta + S > 0) + P(n e^beta + S = 0) / 2: accuracy on novel items for any w > 0. The two
/// are equal where they differ by a few roundings of e^beta.
double icl_accuracy_ideal(std::int64_t N, double beta, std::int64_t n = 1);

/// L(w, beta) = sum_S P(S) log(1 + e^(-w M)).
double icl_loss_ideal(std::int64_t N, double beta, double w, std::int64_t n = 1);

struct Descent {
  double dw, dbeta;  // per unit of eta t
};

/// Minus the gradient of sum_S P(S) log(1 + e^-(phi + w M)).
Descent meanfield_rhs(std::int64_t N, double w, double beta, std::int64_t n = 1, double phi = 0);

/// log(z sqrt(N - n) / n), z = Phi^-1(0.95): where the accuracy is about 0.95.
double beta_threshold(double N, double n = 1);

struct MeanField {
  double beta_threshold = 0;
  double t_acc = 0;             // first eta t with beta = beta_threshold; infinity: not in a double's range
  std::vector<double> w, beta;  // at the times asked for
};

/// The flow of meanfield_rhs (phi = 0) from (w0, beta0). `times`: values of eta t >= 0, not
/// descending, also beyond t_acc. About 1e-10 relative; N = 1e5 takes seconds.
MeanField meanfield_Kinf(std::int64_t N, std::int64_t n = 1, double beta0 = 0, double w0 = 0,
                         std::span<const double> times = {});

}  // namespace iclab::theory
