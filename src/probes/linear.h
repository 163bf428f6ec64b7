// Exact measurements of models that are linear in h: no prompts needed (task-diversity.md, section 3).
#pragma once

#include "probes/probe.h"

namespace iclab::probes {

/// "risk": E (f - y_q)^2 over training or test tasks from the population formula; array over angles.
ProbeEntry linear_risk_entry();

/// "effective-matrix": Gamma_eff (d, d), prediction x_q^T Gamma_eff h.
ProbeEntry effective_matrix_entry();

}  // namespace iclab::probes
