// After acquisition, and the loss of in-context learning under decay of w and beta
// (differential-kinetics.md, sections 3.8 and 3.9).
#pragma once

#include <span>
#include <vector>

namespace iclab::theory {

/// h(beta) = sqrt(beta (1 + e^beta/(N-1))) (1 + (N-1) e^-beta) = C/lambda of the stationary states;
/// beta > 0, N >= 2.
double h_decay(double beta, double N);

struct DecayFold {
  double beta_fold, h_fold;  // minimum of h: below it no state with attention
  double w_fold;             // sqrt(beta (1 + e^beta/(N-1))) there
  double beta_top, h_top;    // maximum of h at small beta: above it attention starts by itself
};

/// The extrema of h: roots of 1/(2 beta) + e/(2(1+e)) - 1/(1+e), e = e^beta/(N-1), on both sides of
/// beta = 1.2; N >= 8.
DecayFold decay_fold(double N);

/// w of saturated attention, lambda w = c3 e^-w: w = W(c3/lambda); c3 >= 0, lambda > 0.
double w_decay_saturated(double c3, double lambda);

/// The way after acquisition without decay, at each s of the grid.
struct PostAcquisition {
  std::vector<double> w, time, loss;  // w, eta t, training loss c3 e^-w
};

/// differential-kinetics.md, section 3.8: w = w_a + integral c3 ds and eta t = integral e^w ds by the trapezoid rule,
/// from w_a and 0 at s[0]. s is not descending, c3 as long.
PostAcquisition post_acquisition(std::span<const double> s, std::span<const double> c3, double w_a);

}  // namespace iclab::theory
