// What the claims read from runs of this paper: when a run acquired, how it ended, what its memory did.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/statistics.h"
#include "papers/measurements.h"

namespace iclab::papers::differential_kinetics {

using analysis::picked;

/// Probes by their names in the study files.
inline Quantity novel(const std::string& series = "accuracy") { return {.series = series, .name = "novel"}; }
inline Quantity trained(const std::string& series = "accuracy") { return {.series = series, .name = "trained"}; }
inline Quantity memory(const std::string& series) { return {.series = series, .name = "memory"}; }
inline Quantity weight(const std::string& name) { return {.series = name, .name = name}; }

/// A run has acquired at its first evaluation above this accuracy on novel items
/// (differential-kinetics.md, section 1.3).
inline constexpr double kAcquired = 0.95;

/// N, K (0: infinitely many), lr of the point.
double context(const Arm& arm);
double items(const Arm& arm);

/// The quick protocol's model; false: the paper's full one.
bool is_minimal(const Arm& arm);

/// t_ICL of every seed; analysis::kNever for runs without one, NaN for those that measured nothing.
std::vector<double> acquisition_steps(const Arm& arm);

/// What was measured where each run ended, at its last evaluation: of a diverged run, infinite for a loss, minus infinity
/// for an accuracy; NaN where nothing is known of it.
std::vector<double> last_values(const Arm& arm, const Quantity& quantity);

/// 1 for runs that acquired, else 0; NaN for those that measured nothing.
std::vector<double> acquired(const Arm& arm);

/// How many runs attend to the copy at their end (more than half of the weight) and have not acquired: memory outweighs
/// what they copy (differential-kinetics.md, section 5, pitfall 3).
double partial_runs(const Arm& arm);

/// c1 and c2 of a run against the step, up to the first measurement with c1 < `least`, which is the last.
struct MemoryCurve {
  std::vector<double> t, c1, c2;
};
MemoryCurve memory_curve(const Arm& arm, std::int64_t seed, double least = 0);

/// tau(t) = I_K(t) at the curve's steps: eta times the integral of c1 by the trapezoid rule.
std::vector<double> memorised(const MemoryCurve& curve, double lr);

/// K where the mean final accuracy crosses 0.75, linear in log K between neighbours (differential-kinetics.md, section
/// 1.3, quick): accuracy by point and seed, of the seeds picked. NaN if it does not cross.
double critical_items(const std::vector<double>& items, const std::vector<std::vector<double>>& accuracy,
                      std::span<const size_t> seeds);

/// The points of the paper's own figure, if the mode has them (full), else those of the quick study.
std::vector<Arm> paper_or_quick(const Measurements& measurements, const std::string& figure, const std::string& quick);

/// The arms with this context, in order.
std::vector<Arm> with_context(const std::vector<Arm>& arms, double context);

/// The arm with so many items; throws Error if there is none.
const Arm& with_items(const std::vector<Arm>& arms, double items);

}  // namespace iclab::papers::differential_kinetics
