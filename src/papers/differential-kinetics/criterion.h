// What the runs of the MLP alone predict for the runs with attention (differential-kinetics.md, section 3.6; claim C5).
#pragma once

#include <cstdint>
#include <vector>

#include "papers/differential-kinetics/runs.h"

namespace iclab::papers::differential_kinetics {

/// What the MLP alone did, of one seed: all that a prediction needs.
class Memoriser {
 public:
  /// `alone`: the arm of the MLP alone with the same items.
  Memoriser(const Arm& alone, std::int64_t seed);

  /// The step of acquisition in contexts of N items, exactly one of them the target, from this beta0;
  /// analysis::kNever if there is none.
  double acquisition_step(double N, double beta0) const;

  /// The smallest beta0 in [-3, 3] that acquires; 3 if none does, -3 if all do.
  double threshold(double N) const;

 private:
  MemoryCurve curve_;
  double items_, lr_;
};

/// The largest K with no acquisition predicted from beta0 = 0 (by the median over seeds) and the smallest with one:
/// their geometric mean. NaN if there is no such pair.
double predicted_critical_items(const std::vector<Arm>& alone, double N);

/// The cut in beta0 that separates runs with an acquisition (above) from those without with the fewest errors: midway
/// between neighbours; infinite if all or none acquired.
double observed_threshold(const std::vector<double>& beta0, const std::vector<double>& acquired);

}  // namespace iclab::papers::differential_kinetics
