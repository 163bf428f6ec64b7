// Fusion: the last pass before planning, for programs that are executed, not differentiated.
#pragma once

#include "program/rewrite.h"

namespace iclab::program {

/// The same values, where a product that only a sum reads becomes a product with an addend, computed in the
/// place of the sum: biases and residuals are added as the product is written. Bits stay.
Rewritten fuse(const Program& program, std::span<const int> outputs);

}  // namespace iclab::program
