// Probes of tasks whose targets are -1 and 1: what the context tells, what memory tells, where attention looks.
#pragma once

#include "probes/probe.h"

namespace iclab::probes {

/// Over prompts with label y and prediction f: "accuracy", the fraction with y f > 0, a tie y f = 0 counting half; "loss", the mean of
/// log(1 + e^(-y f)); "residual", the mean of sigma(-y f); and of a model that names its "pattern" (its softmax over
/// the context, first of all) "copy", the weight on copies of the target. `set`: prompts as in training, kept; the
/// task's "novel" (accuracy of in-context learning) or "trained" prompts (of learning in the weights), kept; or
/// "batch", the step's own (differential-kinetics.md, section 1.3; arXiv 2412.00104).
ProbeEntry accuracy_entry();

/// What a model says of the items its task keeps, without the context, phi: with phi+ = y phi and averages over items
/// by their part of the training prompts, "c1" = <sigma(-phi+)>, "c2" = 1 - <sigma(-phi+)^2>/c1, "c3" = <e^-phi+>,
/// "loss" = <log(1 + e^-phi+)> and "accuracy", the fraction with phi+ > 0, a tie counting half
/// (differential-kinetics.md, section 3.1).
ProbeEntry memory_entry();

}  // namespace iclab::probes
