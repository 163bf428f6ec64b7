// Rows of tables by index, and their adjoint.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/gather.cpp"
#include <algorithm>
#include <cstdint>

#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "lanes/transpose.h"

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

inline std::int64_t clamped(std::int32_t index, std::int64_t rows) {
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

// In vectors of 32 bytes, the last of which overlaps the one before: rows are often too short for memcpy's start.
template <class E>
HWY_INLINE void copy_row(E* out, const E* in, std::int64_t count) {
  const hn::CappedTag<E, 32 / sizeof(E)> d;
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(d));
  if (count < kStep) {
    std::copy_n(in, count, out);
    return;
  }
  for (std::int64_t j = 0; j + kStep <= count; j += kStep) hn::StoreU(hn::LoadU(d, in + j), d, out + j);
  const std::int64_t last = count - kStep;
  hn::StoreU(hn::LoadU(d, in + last), d, out + last);
}

// Rows that lie without gaps on both sides; the next ones are fetched meanwhile, wherever they are.
template <class E>
void gather_whole_rows(const GatherArgs& args) {
  constexpr std::int64_t kAhead = 6, kLine = 64 / sizeof(E);
  for (std::int64_t group = 0; group < args.groups; ++group) {
    const GatherView<E> view(args, group);
    const auto row = [&](std::int64_t i) {
      return view.table + clamped(view.index[i * args.index.strides[3]], args.rows) * args.table.strides[2];
    };
    for (std::int64_t i = 0; i < args.outer; ++i) {
      if (i + kAhead < args.outer) {
        const E* next = row(i + kAhead);
        for (std::int64_t j = 0; j < args.inner; j += kLine) hwy::Prefetch(next + j);
        hwy::Prefetch(next + args.inner - 1);
      }
      copy_row(view.out + i * args.out.strides[2], row(i), args.inner);
    }
  }
}

template <class E>
void gather_any(const GatherArgs& args) {
  if (!args.out.lanes && args.out.strides[3] == 1 && args.table.strides[3] == 1)
    return gather_whole_rows<E>(args);
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
