// Rows of tables by index, and their adjoint.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/gather.cpp"
#include <algorithm>
#include <cstdint>

#include "hwy/foreach_target.h"
#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// The operands of one group. Scalar s of element e of a value lies at e * scalars + s if it is
// lanes.
template <class E>
struct GatherView {
  E *out, *table;
  const std::int32_t* index;

  GatherView(const GatherArgs& args, std::int64_t group)
      : out(start<E>(args.out, group)),
        table(start<E>(args.table, group)),
        index(start<const std::int32_t>(args.index, group)) {}

 private:
  template <class P>
  static P* start(const Operand& operand, std::int64_t group) {
    const std::int64_t scalars = operand.lanes ? kLanes : 1;
    return static_cast<P*>(operand.data) + group * operand.group_stride * scalars;
  }
};

std::int64_t clamped(std::int32_t index, std::int64_t rows) {
  return std::clamp<std::int64_t>(index, 0, rows - 1);
}

// Calls each(out, table) for every scalar pair, in order of i.
template <class E, class Each>
HWY_INLINE void for_each_pair(const GatherArgs& args, Each each) {
  const std::int64_t lanes = args.out.lanes ? kLanes : 1;
  const std::int64_t table_lanes = args.table.lanes ? kLanes : 1;
  const std::int64_t index_lanes = args.index.lanes ? kLanes : 1;
  const std::int64_t out_step = args.out.strides[3] * lanes;
  const std::int64_t table_step = args.table.strides[3] * table_lanes;
  for (std::int64_t group = 0; group < args.groups; ++group) {
    const GatherView<E> view(args, group);
    for (std::int64_t i = 0; i < args.outer; ++i)
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        const std::int32_t* index = view.index + i * args.index.strides[3] * index_lanes;
        const std::int64_t row = clamped(index[args.index.lanes ? lane : 0], args.rows);
        E* out = view.out + i * args.out.strides[2] * lanes + lane;
        E* table =
            view.table + row * args.table.strides[2] * table_lanes + (args.table.lanes ? lane : 0);
        for (std::int64_t j = 0; j < args.inner; ++j)
          each(out[j * out_step], table[j * table_step]);
      }
  }
}

// ---- the commonest gather: each lane its own row of one plain table ----

// Blocks of 16 bytes, block b from rows[b * step]: Highway's interleaving stays within such blocks.
template <class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const Scalar<D>* const* rows, std::int64_t at,
                                  std::int64_t step) {
  if constexpr (hn::MaxLanes(D()) * sizeof(Scalar<D>) == 16) {
    return hn::LoadU(d, rows[0] + at);
  } else {
    const hn::Half<D> half;
    constexpr std::int64_t kHalfBlocks = hn::MaxLanes(D()) * sizeof(Scalar<D>) / 32;
    return hn::Combine(d, load_blocks(half, rows + kHalfBlocks * step, at, step),
                       load_blocks(half, rows, at, step));
  }
}

// out(j, lane) = rows[lane][at + j], for the lanes of one vector and as many j as a block holds.
template <class D>
HWY_INLINE void transpose_block(D d, const Scalar<D>* const* rows, std::int64_t at, Scalar<D>* out,
                                std::int64_t out_step) {
  const auto a = load_blocks(d, rows, at, 16 / sizeof(Scalar<D>));
  const auto b = load_blocks(d, rows + 1, at, 16 / sizeof(Scalar<D>));
  if constexpr (sizeof(Scalar<D>) == 8) {
    hn::StoreU(hn::InterleaveLower(d, a, b), d, out);
    hn::StoreU(hn::InterleaveUpper(d, a, b), d, out + out_step);
  } else {
    const auto c = load_blocks(d, rows + 2, at, 4), e = load_blocks(d, rows + 3, at, 4);
    const auto ac_low = hn::InterleaveLower(d, a, c), be_low = hn::InterleaveLower(d, b, e);
    const auto ac_high = hn::InterleaveUpper(d, a, c), be_high = hn::InterleaveUpper(d, b, e);
    hn::StoreU(hn::InterleaveLower(d, ac_low, be_low), d, out);
    hn::StoreU(hn::InterleaveUpper(d, ac_low, be_low), d, out + out_step);
    hn::StoreU(hn::InterleaveLower(d, ac_high, be_high), d, out + 2 * out_step);
    hn::StoreU(hn::InterleaveUpper(d, ac_high, be_high), d, out + 3 * out_step);
  }
}

template <class D>
void gather_rows_of_lanes(const GatherArgs& args) {
  using T = Scalar<D>;
  const D d;
  constexpr std::int64_t kBlock = 16 / sizeof(T);
  const std::int64_t out_step = args.out.strides[3] * kLanes;
  for (std::int64_t group = 0; group < args.groups; ++group) {
    const GatherView<T> view(args, group);
    for (std::int64_t i = 0; i < args.outer; ++i) {
      const std::int32_t* index = view.index + i * args.index.strides[3] * kLanes;
      T* out = view.out + i * args.out.strides[2] * kLanes;
      const T* rows[kLanes];
      for (int lane = 0; lane < kLanes; ++lane)
        rows[lane] = view.table + clamped(index[lane], args.rows) * args.table.strides[2];
      std::int64_t j = 0;
      for (; j + kBlock <= args.inner; j += kBlock)
        for (int lane = 0; lane < kLanes; lane += static_cast<int>(hn::MaxLanes(d)))
          transpose_block(d, rows + lane, j, out + j * out_step + lane, out_step);
      for (; j < args.inner; ++j)
        for (int lane = 0; lane < kLanes; ++lane) out[j * out_step + lane] = rows[lane][j];
    }
  }
}

template <class E>
void gather_any(const GatherArgs& args) {
  for_each_pair<E>(args, [](E& out, const E& table) { out = table; });
}

template <class D>
void gather(const GatherArgs& args) {
  if (args.out.lanes && args.index.lanes && !args.table.lanes && args.table.strides[3] == 1)
    gather_rows_of_lanes<D>(args);
  else
    gather_any<Scalar<D>>(args);
}

template <class E>
void scatter_add(const GatherArgs& args) {
  for_each_pair<E>(args, [](const E& out, E& table) { table += out; });
}

// The table is plain, so that all prompts meet there.
template <class T>
void scatter_add_over_prompts(const GatherArgs& args) {
  for (std::int64_t i = 0; i < args.rows; ++i)
    for (std::int64_t j = 0; j < args.inner; ++j)
      static_cast<T*>(args.table.data)[i * args.table.strides[2] + j * args.table.strides[3]] = 0;
  scatter_add<T>(args);
}

template <class D>
void fill_gather(Kernels<Scalar<D>>& table) {
  using T = Scalar<D>;
  table.gather = &gather<D>;
  table.gather_integer = &gather_any<std::int32_t>;
  table.scatter_add = &scatter_add<T>;
  table.scatter_add_over_prompts = &scatter_add_over_prompts<T>;
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(gather);
}  // namespace iclab::lanes
#endif
