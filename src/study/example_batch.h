// One batch of a study with all that is computed from it, for other implementations to be held against.
#pragma once

#include <vector>

#include "study/study.h"

namespace iclab::study {

/// The first batch of the study's first run, in the run's precision:
///   weight.NAME    its initial weights, each moved by 0.1 N(0, 1) so that none is at a special point
///   drawn.NAME     what else is drawn once a run and has a name
///   prompt.PART    the prompts' parts (batch, ...); integers as reals
///   loss           () at these weights and prompts
///   gradient.NAME  of it
/// Loss and gradients are computed by the plan that training executes. Throws UsageError if task, model
/// and loss don't fit together, or if the loss is of no prompts.
std::vector<train::Tensor> example_batch(const Study& study);

}  // namespace iclab::study
