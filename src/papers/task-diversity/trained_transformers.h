// What C12 and C13 measure of trained transformers: plateaus from the series of losses, risks over
// test angles (task-diversity.md, section 3). There is no theory of these models to hold them against.
#pragma once

#include <string>
#include <vector>

#include "analysis/statistics.h"
#include "papers/measurements.h"
#include "report/figure.h"

namespace iclab::papers::task_diversity {

/// E y^2, the mean of tr C_k over the classes.
double power_of(const Arm& arm);

/// Lambda = ||C||_F of the training tasks.
double strength_of(const Arm& arm);

/// T_0.8 by seed: the first step >= 100 where the mean of the last 100 training losses over
/// E y^2 is below 0.8; +infinity: never; NaN: the run ended before anything could be said.
std::vector<double> plateau_steps(const Arm& arm);

/// The same of a normalised loss that a probe measured at every step on fresh prompts.
std::vector<double> plateau_steps(const Arm& arm, const std::string& probe);

/// " (3 of 16 never)", empty if all plateaus ended.
std::string never_text(const std::vector<double>& steps);

/// Largest over smallest entry of the mean over seeds of the curve in the span, over the seeds whose
/// classes all have a risk below 0.5 in distribution.
analysis::Estimate flatness(const Arm& arm);

/// Mean risk at 90 degrees outside over mean risk in distribution.
analysis::Estimate climb(const Arm& arm);

/// Mean risk over seeds against the angle; `where` is "span" or "outside".
void draw_angles(report::Figure& figure, const std::string& series, const Arm& arm,
                 const std::string& where);

/// An empty figure of risks against angles, with the curve sin^2.
report::Figure transformer_angle_figure(const std::string& name, const std::string& title);

}  // namespace iclab::papers::task_diversity
