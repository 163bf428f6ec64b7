// Measurements of any model on prompts of test tasks, by sampling (task-diversity.md, section 3).
#pragma once

#include "probes/probe.h"

namespace iclab::probes {

/// "sampled-risk": E (f - y)^2 / E y^2 at the query, or over all points, on training or test tasks; array
/// over angles. All angles (or classes) take turns in one batch.
ProbeEntry sampled_risk_entry();

}  // namespace iclab::probes
