// Reverse-mode differentiation: a program's gradients are written into the same program.
#pragma once

#include <span>
#include <vector>

#include "program/builder.h"

namespace iclab::program {

/// d loss / d w for each w of `weights`, with the shape and (at most step) rate of w. `loss` is a scalar
/// below prompt rate: the mean over prompts, or a population loss. What prompts contribute to a value of
/// lower rate is summed over prompts. Integers, booleans, comparisons and indices are constant.
/// A weight the loss does not depend on has gradient zero.
/// Throws Error if `loss` is not a real scalar or has prompt rate.
std::vector<Value> gradients(Value loss, std::span<const Value> weights);

}  // namespace iclab::program
