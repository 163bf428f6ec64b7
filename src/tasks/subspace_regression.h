// Regression whose task vectors come from a mixture of low-rank Gaussians (arXiv 2606.06814).
#pragma once

#include "tasks/task.h"

namespace iclab::tasks {

TaskEntry subspace_regression_entry();

}  // namespace iclab::tasks
