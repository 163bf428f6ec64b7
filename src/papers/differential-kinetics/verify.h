// Test vectors of differential learning kinetics (differential-kinetics.md, section 7).
#pragma once

#include <string>

#include "base/json.h"
#include "papers/vectors.h"
#include "papers/verify.h"

namespace iclab::papers::differential_kinetics {

/// Recomputes a section: models, an array of cases; theory, an object of lists of {args, value} by function, from the registry of
/// theory/. False: unknown. Throws Error with the path of an input that is missing, of another shape or
/// impossible.
bool verify(const std::string& section, const Json& content, Comparison& comparison);

/// Adds the comparisons of one case of models: what the engine computes of the two models, and its descents.
void verify_model(Case& entry, Comparison& comparison);

// Tolerances (differential-kinetics.md, section 7).
inline constexpr double kClosed = 1e-10;      // closed forms, values, losses, gradients
inline constexpr double kDescent = 1e-8;      // rows of a descent
inline constexpr double kIntegrated = 1e-6;   // what differential-kinetics.md, section 7.1, marks ODE, and decay_fold

}  // namespace iclab::papers::differential_kinetics
