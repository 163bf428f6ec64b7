// Labelled items, some of them in the context: memorise the label, or copy it from the context.
#pragma once

#include "tasks/task.h"

namespace iclab::tasks {

/// A prompt has N context items with labels in {-1, 1}, and a target that equals at least one of them:
/// "items" (N, D), "labels" (N), "query" (D), "target" (). Items x_k ~ N(0, I_D/D), either
///   items = K: drawn once a run with exactly balanced labels, a target is uniform among all;
///   fresh_items = true (K infinite): new ones in every prompt, labels uniform, one copy of the target. With
///   sampler = "statistics" their overlaps with the target stand for "items", "overlaps" (N) = x_j . x_t,
///   drawn from their exact law and the copy first: for models that don't look at the order
/// (differential-kinetics.md, section 1; arXiv 2412.00104).
TaskEntry item_label_entry();

}  // namespace iclab::tasks
