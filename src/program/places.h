// Where values lie in memory: each in a buffer of its own, as a view of another's, or inside that of the
// concat or reshape that reads it.
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

/// Values of prompts that a concat joins, or a reshape moves, get their place in its buffer where their
/// kernels can write them there as fast, so that nothing is copied: in lanes most, else few.
/// `is_live`: by node; what is not live stays where it is.
void place_in_readers(const Program& program, const std::vector<bool>& is_live, bool in_lanes,
                      std::vector<Place>& places);

}  // namespace iclab::program
