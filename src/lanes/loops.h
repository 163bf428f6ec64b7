// How an element-wise kernel's dimensions become rows: groups and dimensions that lie one behind
// the other in every operand are joined; what remains inmost is a row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lanes/kernels.h"

namespace iclab::lanes {

inline constexpr size_t kMaxOperands = 4;  // out and three inputs

/// A row: element i of operand k (0 is out) lies at data[k] + i * stride[k] elements.
struct Row {
  std::int64_t n = 1;
  std::array<std::byte*, kMaxOperands> data{};
  std::array<std::int64_t, kMaxOperands> stride{};
  unsigned lanes = 0;  // bit k: operand k is lanes

  bool is_lanes(size_t k) const { return (lanes >> k & 1) != 0; }
};

/// Calls row(...) for every row of `args`, whose first `operands` operands (out included) have
/// scalars of these sizes in bytes. Rows of lanes, contiguous in all operands, come as plain rows
/// of 16 n scalars.
void for_each_row(const ElementwiseArgs& args, size_t operands,
                  const std::array<int, kMaxOperands>& scalar_bytes, void (*row)(const Row&));

}  // namespace iclab::lanes
