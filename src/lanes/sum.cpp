// Sums over axes and over prompts, in the orders of kernels.h.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/sum.cpp"
#include <algorithm>
#include <array>
#include <cstdint>

#include "hwy/foreach_target.h"
#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// The axes of a kind (reduced or kept) as loops over four dims, and the offsets they give, in
// elements.
struct Axes {
  Dims dims{1, 1, 1, 1};
  Dims in{}, out{};

  Axes(const SumArgs& args, bool reduced) {
    for (size_t axis = 0; axis < kMaxRank; ++axis) {
      if (args.reduced[axis] != reduced) continue;
      dims[axis] = args.dims[axis];
      in[axis] = args.in.strides[axis];
      out[axis] = args.out.strides[axis];
    }
  }
  std::int64_t count() const { return dims[0] * dims[1] * dims[2] * dims[3]; }

  template <class Visit>
  HWY_INLINE void visit(Visit&& each) const {
    for (std::int64_t i = 0; i < dims[0]; ++i)
      for (std::int64_t j = 0; j < dims[1]; ++j)
        for (std::int64_t k = 0; k < dims[2]; ++k)
          for (std::int64_t l = 0; l < dims[3]; ++l)
            each(i * in[0] + j * in[1] + k * in[2] + l * in[3],
                 i * out[0] + j * out[1] + k * out[2] + l * out[3]);
  }
};

// The sum of one element of out: kVectors vectors, at `in` and on.
template <class D, int kVectors>
HWY_INLINE void sum_element(D d, const Axes& reduced, std::int64_t scalars, const Scalar<D>* in,
                            Scalar<D>* out) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  hn::Vec<D> sum[kVectors];
  for (int v = 0; v < kVectors; ++v) sum[v] = hn::LoadU(d, in + v * kStep);
  bool first = true;
  reduced.visit([&](std::int64_t at, std::int64_t) HWY_ATTR {
    if (first) {
      first = false;
      return;
    }
    for (int v = 0; v < kVectors; ++v)
      sum[v] = hn::Add(sum[v], hn::LoadU(d, in + at * scalars + v * kStep));
  });
  for (int v = 0; v < kVectors; ++v) hn::StoreU(sum[v], d, out + v * kStep);
}

// A sum whose inmost axis is kept and lies without gaps: `scalars` an element, vectors along them, each in the
// stated order.
template <class D>
void sum_rows(const SumArgs& args, std::int64_t scalars, const Scalar<D>* in, Scalar<D>* out) {
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  constexpr int kAtOnce = 4;  // vectors: an addition waits for the one before
  const std::int64_t n = args.dims[3] * scalars;
  SumArgs inner = args;
  inner.dims[3] = 1;
  const Axes kept(inner, false);
  inner.reduced[3] = true;  // of one element
  const Axes reduced(inner, true);
  kept.visit([&](std::int64_t from, std::int64_t to) HWY_ATTR {
    const Scalar<D>* row = in + from * scalars;
    Scalar<D>* sums = out + to * scalars;
    std::int64_t i = 0;
    for (; i + kAtOnce * kStep <= n; i += kAtOnce * kStep)
      sum_element<D, kAtOnce>(D(), reduced, scalars, row + i, sums + i);
    for (; i + kStep <= n; i += kStep) sum_element<D, 1>(D(), reduced, scalars, row + i, sums + i);
    for (; i < n; ++i)
      sum_element<hn::CappedTag<Scalar<D>, 1>, 1>(hn::CappedTag<Scalar<D>, 1>(), reduced, scalars,
                                                  row + i, sums + i);
  });
}

template <class D>
void sum(const SumArgs& args) {
  using T = Scalar<D>;
  const Axes kept(args, false), reduced(args, true);
  const std::int64_t scalars = args.out.lanes ? kLanes : 1;
  const bool has_rows = !args.reduced[3] && args.dims[3] > 1 && args.in.strides[3] == 1 &&
                        args.out.strides[3] == 1;
  for (std::int64_t group = 0; group < args.groups; ++group) {
    const T* in = static_cast<const T*>(args.in.data) + group * args.in.group_stride * scalars;
    T* out = static_cast<T*>(args.out.data) + group * args.out.group_stride * scalars;
    if (has_rows) {
      sum_rows<D>(args, scalars, in, out);
      continue;
    }
    kept.visit([&](std::int64_t from, std::int64_t to) HWY_ATTR {
      if (args.out.lanes)
        sum_element<D, vectors(D())>(D(), reduced, scalars, in + from * scalars,
                                     out + to * scalars);
      else
        sum_element<hn::CappedTag<T, 1>, 1>(hn::CappedTag<T, 1>(), reduced, 1, in + from, out + to);
    });
  }
}

template <class D>
void sum_over_lanes(const SumArgs& args) {
  using T = Scalar<D>;
  const D d;
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  const Axes elements(args, false);
  const T* in = static_cast<const T*>(args.in.data);
  T* out = static_cast<T*>(args.out.data);
  const std::int64_t group_stride = args.in.group_stride * kLanes;
  elements.visit([&](std::int64_t from, std::int64_t to) HWY_ATTR {
    const T* at = in + from * kLanes;
    HWY_ALIGN T sums[kLanes];
    for (int lane = 0; lane < kLanes; lane += kStep) {
      auto total = hn::LoadU(d, at + lane);
      for (std::int64_t group = 1; group < args.groups; ++group)
        total = hn::Add(total, hn::LoadU(d, at + group * group_stride + lane));
      hn::StoreU(total, d, sums + lane);
    }
    out[to] = fold_lanes(d, sums);
  });
}

// Prompts are one more reduced axis, the outermost.
template <class D>
void sum_over_plain_prompts(const SumArgs& args) {
  using T = Scalar<D>;
  const Axes elements(args, false);
  const T* in = static_cast<const T*>(args.in.data);
  T* out = static_cast<T*>(args.out.data);
  elements.visit([&](std::int64_t from, std::int64_t to) { out[to] = in[from]; });
  for (std::int64_t group = 1; group < args.groups; ++group) {
    const T* of_prompt = in + group * args.in.group_stride;
    elements.visit([&](std::int64_t from, std::int64_t to) { out[to] += of_prompt[from]; });
  }
}

template <class D>
void sum_over_prompts(const SumArgs& args) {
  if (args.in.lanes)
    sum_over_lanes<D>(args);
  else
    sum_over_plain_prompts<D>(args);
}

template <class D>
void fill_sum(Kernels<Scalar<D>>& table) {
  table.sum = &sum<D>;
  table.sum_over_prompts = &sum_over_prompts<D>;
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(sum);
}  // namespace iclab::lanes
#endif
