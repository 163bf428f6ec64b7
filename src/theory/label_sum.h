// The sum S of m independent signs: what the labels of the other context items add up to.
#pragma once

#include <cstdint>
#include <vector>

namespace iclab::theory {

/// The law of S, in pairs +S and -S. Weights come from the ratios of neighbours, so that they are
/// exact to rounding for every m; those below 1e-60 of the largest are left out (about 8 sqrt(m)
/// pairs stay).
class LabelSum {
 public:
  struct Pair {
    double S;       // > 0, with the parity of m
    double ratio;   // S / m
    double weight;  // P(S) = P(-S)
  };

  /// m >= 1 signs.
  explicit LabelSum(std::int64_t m);

  double m() const { return m_; }
  double zero() const { return zero_; }  // P(S = 0)
  const std::vector<Pair>& pairs() const { return pairs_; }

 private:
  double m_;
  double zero_ = 0;
  std::vector<Pair> pairs_;
};

}  // namespace iclab::theory
