// Discrete training of the factored model on the exact population gradient, from the identity
// initialisation in the eigenbasis of C (task-diversity.md, sections 2 and 5).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "theory/spectrum.h"

namespace iclab::theory {

enum class Optimizer {
  kGradientDescent,  // theta -= lr * gradient
  kAdam              // (0.9, 0.999, 1e-8 added after the root), bias-corrected
};

struct PopulationTraining {
  Optimizer optimizer = Optimizer::kGradientDescent;
  double lr = 0;
  double alpha = 1e-2;  // v0 = alpha, W0 = (alpha / sqrt d) I
  double scale = 1;     // multiplies the gradient, not J (K: losses of K classes summed)
};

/// J after 0, 1, .., steps updates. Adam acts entry by entry, so that C must be diagonal there; off
/// the diagonal the gradient is zero and nothing moves.
std::vector<double> population_risks(const Spectrum& spectrum, const PopulationTraining& training,
                                     std::int64_t steps);

/// J of another task law in the same groups along the training on `spectrum`.
std::vector<double> population_risks(const Spectrum& spectrum, const Spectrum& observed,
                                     const PopulationTraining& training, std::int64_t steps);

/// The first step with risk <= level; -1 if there is none.
std::int64_t first_step(std::span<const double> risks, double level);

}  // namespace iclab::theory
