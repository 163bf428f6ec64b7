// The closed forms of task diversity by name (task-diversity.md, section 5.8).
#pragma once

#include <vector>

#include "theory/function.h"

namespace iclab::theory {

std::vector<Function> diversity_functions();

}  // namespace iclab::theory
