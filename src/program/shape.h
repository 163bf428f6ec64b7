// Static shapes, row-major, rank at most 4 (the lane is never written).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lanes/kernels.h"

namespace iclab::program {

using Shape = std::vector<std::int64_t>;  // outer to inner; {} is a scalar

/// Product of the dimensions; 1 for a scalar.
std::int64_t elements(const Shape& shape);

/// "(3, 4)"; "()" for a scalar.
std::string to_string(const Shape& shape);

/// The common shape under NumPy's rules: aligned at the right, a 1 stretches.
/// Throws Error "[operation] shapes ... do not broadcast".
Shape broadcast(const std::string& operation, const Shape& a, const Shape& b);

/// Row-major strides in elements.
Shape row_major_strides(const Shape& shape);

/// The shape padded with 1 in front to rank 4.
lanes::Dims padded_dims(const Shape& shape);

/// Throws Error "[operation] ..." if a dimension is below 1 or there are more than 4.
void check_shape(const std::string& operation, const Shape& shape);

}  // namespace iclab::program
