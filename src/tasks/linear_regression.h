// Isotropic regression: w ~ N(0, I_d), or ReLU networks with inner weights N(0, I_d).
#pragma once

#include "tasks/task.h"

namespace iclab::tasks {

TaskEntry linear_regression_entry();

}  // namespace iclab::tasks
