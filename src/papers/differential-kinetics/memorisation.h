// The law of memorisation: I_K of runs of the MLP alone, and its exponent (differential-kinetics.md, section 3.6).
#pragma once

#include <span>
#include <vector>

#include "papers/differential-kinetics/runs.h"

namespace iclab::papers::differential_kinetics {

class MemorisationLaw {
 public:
  /// Arms of the MLP alone, by K.
  explicit MemorisationLaw(const std::vector<Arm>& arms);

  const std::vector<double>& items() const { return items_; }

  /// I_K = tau at the end of each run, by point and seed.
  const std::vector<std::vector<double>>& totals() const { return totals_; }

  /// Slope of the log of the median I_K against log K, least <= K <= most.
  double exponent(std::span<const size_t> seeds, double least, double most) const;
  analysis::Estimate exponent(double least, double most) const;

 private:
  std::vector<double> items_;
  std::vector<std::vector<double>> totals_;
};

}  // namespace iclab::papers::differential_kinetics
