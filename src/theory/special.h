// Special functions that neither overflow nor lose digits where the closed forms need them.
#pragma once

namespace iclab::theory {

/// sigma(x) = 1 / (1 + e^-x).
double logistic(double x);

/// log(1 + e^x).
double softplus(double x);

/// erfcx(x) = e^(x^2) erfc(x), to a few epsilon times max(1, x^2); infinite below about -26.6.
double erfcx(double x);

/// log erfcx(x), finite for every x whose square is.
double log_erfcx(double x);

/// The x with P(Z > x) = e^log_tail for a standard normal Z; log_tail <= log 1/2, so x >= 0.
double normal_upper_quantile(double log_tail);

/// log W(e^y) + W(e^y) = y: Lambert's W of an argument given by its logarithm, in (0, inf).
double lambert_w_of_exp(double y);

/// A sum that carries its rounding errors along (Neumaier 1974): exact to epsilon for terms >= 0.
class CompensatedSum {
 public:
  void add(double x);
  double value() const { return sum_ + lost_; }

 private:
  double sum_ = 0, lost_ = 0;
};

}  // namespace iclab::theory
