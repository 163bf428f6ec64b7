// Where values lie in memory: each in a buffer of its own, as a view of another's, or inside the concat that
// joins it to others.
#pragma once

#include <vector>

#include "program/program.h"

namespace iclab::program {

/// Where a value lies: elements of the buffer that belongs to the node `base`.
struct Place {
  int base = -1;
  std::int64_t offset = 0;  // elements
  lanes::Dims strides{};    // elements, for the value's dims padded to rank 4; 0 where a dim is 1
  bool is_view = false;     // nothing is computed: the elements are those of the node's operand
};

/// A buffer for every value that is no view of another.
std::vector<Place> place_values(const Program& program);

/// Values of prompts that a concat joins are moved into its buffer where their kernels can write them there,
/// so that nothing is copied. It pays where elements have lanes: any stride costs the same. `is_live`: by
/// node; a value that is no longer live stays where it is.
void place_in_concats(const Program& program, const std::vector<bool>& is_live, std::vector<Place>& places);

}  // namespace iclab::program
