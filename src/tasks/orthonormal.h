// Orthonormal columns from any square matrix, written with the builder.
#pragma once

#include "program/builder.h"

namespace iclab::tasks {

/// Q of A = Q R with R_jj > 0, for A (d, d): Gram-Schmidt, each column projected twice, which leaves
/// |Q^T Q - I| at rounding. Haar distributed if A is Gaussian.
program::Value orthonormal(program::Value a);

}  // namespace iclab::tasks
