// Items with fixed labels, some of them in the context: memorise the label, or copy it from the context.
#pragma once

#include "tasks/task.h"

namespace iclab::tasks {

/// K items x_k ~ N(0, I_D/D) with exactly balanced labels l_k in {-1, 1}, drawn once a run. A prompt has N
/// context items and their labels, and a target that equals at least one of them: "items" (N, D),
/// "labels" (N), "query" (D), "target" () (differential-kinetics.md, section 1; arXiv 2412.00104).
TaskEntry item_label_entry();

}  // namespace iclab::tasks
