// Chains of products, bracketed anew by cost: one pass of rewriting.
#pragma once

#include "program/rewrite.h"

namespace iclab::program {

/// The same values with every chain of products A B C ... bracketed as costs least at these rates
/// (`step_flops`). A chain runs through transposes, vectors seen as rows or columns, numbers times a
/// product, and sums over prompts (sum_p A X_p = A sum_p X_p). A product that several chains use is
/// kept or multiplied out, whichever is cheaper in all; one that is needed anyway costs nothing.
Rewritten reassociate(const Program& program, std::span<const int> outputs, std::int64_t batch);

}  // namespace iclab::program
