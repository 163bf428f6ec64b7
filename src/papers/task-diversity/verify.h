// Test vectors of task diversity (task-diversity.md, section 8).
#pragma once

#include <string>

#include "base/json.h"
#include "papers/vectors.h"

namespace iclab::papers::task_diversity {

/// Recomputes a section: batch_cases, population_cases and trajectories by the program that training
/// executes, in float64; theory, spectra, single_group and what has matrices by theory/. False: unknown.
/// Throws Error with the path of an input that is missing, of another shape or impossible.
bool verify(const std::string& section, const Json& content, Comparison& comparison);

/// The parts that execute programs.
void verify_batch_case(Case& entry, Comparison& comparison);
void verify_population_models(Case& entry, Comparison& comparison);
void verify_trajectory(Case& entry, Comparison& comparison);

inline constexpr double kAlgebra = 1e-10;       // tolerances of task-diversity.md, section 8, relative
inline constexpr double kDescent = 1e-9;        // trajectories of gradient descent
inline constexpr double kAdam = 1e-7;           // trajectories of Adam
inline constexpr double kTime = 1e-6;           // integrated plateau times
inline constexpr std::int64_t kMaxDim = 4096;   // of what has matrices
inline constexpr std::int64_t kMaxContext = 1'000'000;

}  // namespace iclab::papers::task_diversity
