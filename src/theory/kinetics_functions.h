// The closed forms and flows of differential learning kinetics by name (differential-kinetics.md,
// section 7.1).
#pragma once

#include <vector>

#include "theory/function.h"

namespace iclab::theory {

std::vector<Function> kinetics_functions();

}  // namespace iclab::theory
