// Gaussian tokens with random labels: nothing to learn, for measuring how fast models train.
#pragma once

#include "tasks/task.h"

namespace iclab::tasks {

/// "tokens" (T, d) and "query" (d) with entries N(0, 1), "targets" (T) N(0, 1) or signs, "target" () the last
/// of them. Workloads W3 and W4 of docs/performance.md.
TaskEntry gaussian_tokens_entry();

}  // namespace iclab::tasks
