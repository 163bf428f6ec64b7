#include "lanes/loops.h"

namespace iclab::lanes {
namespace {

using Strides = std::array<std::int64_t, kMaxOperands>;

struct Loop {
  std::int64_t n = 1;
  Strides strides{};  // in elements

  bool continues(const Loop& inner, size_t operands) const {
    for (size_t k = 0; k < operands; ++k)
      if (strides[k] != inner.strides[k] * inner.n) return false;
    return true;
  }
};

// Loop 0 is inmost.
struct Loops {
  std::array<Loop, kMaxRank + 1> loop;
  size_t rank = 0;

  // Puts a loop around the others, or lengthens the outermost.
  void wrap(const Loop& outer, size_t operands) {
    if (outer.n == 1) return;
    if (rank > 0 && outer.continues(loop[rank - 1], operands))
      loop[rank - 1].n *= outer.n;
    else
      loop[rank++] = outer;
  }
};

Loops join(const ElementwiseArgs& args, size_t operands) {
  const auto operand = [&](size_t k) -> const Operand& { return k ? args.in[k - 1] : args.out; };
  Loops loops;
  for (size_t axis = kMaxRank; axis-- > 0;) {
    Loop loop{args.dims[axis]};
    for (size_t k = 0; k < operands; ++k) loop.strides[k] = operand(k).strides[axis];
    loops.wrap(loop, operands);
  }
  Loop groups{args.groups};
  for (size_t k = 0; k < operands; ++k) groups.strides[k] = operand(k).group_stride;
  loops.wrap(groups, operands);
  if (loops.rank == 0) loops.rank = 1;
  return loops;
}

// A row of lanes whose elements are contiguous in all operands, as a row of scalars.
void flatten(Row& row, size_t operands) {
  for (size_t k = 0; k < operands; ++k)
    if (!row.is_lanes(k) || (row.stride[k] != 1 && row.n != 1)) return;
  row.lanes = 0;
  row.n *= kLanes;
  row.stride.fill(1);
}

void run(const Loops& loops, size_t level, Row row, const Strides& bytes, size_t operands,
         void (*each)(const Row&)) {
  if (level == 0) return each(row);
  const Loop& loop = loops.loop[level];
  for (std::int64_t i = 0; i < loop.n; ++i) {
    run(loops, level - 1, row, bytes, operands, each);
    for (size_t k = 0; k < operands; ++k) row.data[k] += loop.strides[k] * bytes[k];
  }
}

}  // namespace

void for_each_row(const ElementwiseArgs& args, size_t operands,
                  const std::array<int, kMaxOperands>& scalar_bytes, void (*row)(const Row&)) {
  const Loops loops = join(args, operands);
  Row first;
  first.n = loops.loop[0].n;
  first.stride = loops.loop[0].strides;
  Strides bytes{};
  for (size_t k = 0; k < operands; ++k) {
    const Operand& operand = k ? args.in[k - 1] : args.out;
    first.data[k] = static_cast<std::byte*>(operand.data);
    if (operand.lanes) first.lanes |= 1u << k;
    bytes[k] = scalar_bytes[k] * (operand.lanes ? kLanes : 1);
  }
  flatten(first, operands);
  run(loops, loops.rank - 1, first, bytes, operands, row);
}

}  // namespace iclab::lanes
