// Where the rows of a row function's arguments lie. Highway compiles this header once per target.
#if defined(ICLAB_LANES_ROWS_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ICLAB_LANES_ROWS_H_
#undef ICLAB_LANES_ROWS_H_
#else
#define ICLAB_LANES_ROWS_H_
#endif

#include <cstdint>

#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// The start of row (i0, i1, i2) of a group.
template <class E>
HWY_INLINE E* row_start(const Operand& x, std::int64_t group, const Dims& at) {
  const std::int64_t elements = group * x.group_stride + at[0] * x.strides[0] +
                                at[1] * x.strides[1] + at[2] * x.strides[2];
  return static_cast<E*>(x.data) + elements * (x.lanes ? kLanes : 1);
}

// f(group, i) for every matrix: i0 and i1 of its rows.
template <class F>
HWY_INLINE void for_each_matrix(const RowArgs& args, F f) {
  Dims at{};
  for (std::int64_t group = 0; group < args.groups; ++group)
    for (at[0] = 0; at[0] < args.dims[0]; ++at[0])
      for (at[1] = 0; at[1] < args.dims[1]; ++at[1]) f(group, at);
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
