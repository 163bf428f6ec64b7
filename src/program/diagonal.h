// Scales and biases of a matrix's rows or columns leave the products it is in.
#pragma once

#include <span>

#include "program/rewrite.h"

namespace iclab::program {

/// The same values without matrices V = X D, X + 1 c^T or X D + 1 c^T, D diagonal and c a vector:
///   V B = X (D B) + 1 (c^T B),   A V = (A X) D + (A 1) c^T,
/// the mirrors for scales and biases of rows, and slices of V as slices of X. A 1 = 1 where A is a softmax. It happens
/// where nothing but products and slices reads V, and where it costs less in a step of `batch` prompts.
Rewritten extract_diagonals(const Program& program, std::span<const int> outputs, std::int64_t batch);

}  // namespace iclab::program
