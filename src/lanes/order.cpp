// Functions of rows in which order matters: cumulative sums and products, ranks. Scalar by scalar; an
// input may be plain where out is lanes.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/order.cpp"
#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "hwy/foreach_target.h"
//
#include "lanes/rows.h"
#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// A row's element i, lane l at data[i * step + l * lane].
template <class E>
struct ScalarRow {
  ScalarRow(const Operand& x, std::int64_t group, const Dims& at)
      : data(row_start<E>(x, group, at)),
        step(x.strides[3] * (x.lanes ? kLanes : 1)),
        lane(x.lanes ? 1 : 0) {}

  E* data;
  std::int64_t step, lane;
};

// f(out, in) for every row.
template <class Out, class In, class F>
HWY_INLINE void for_each_row(const RowArgs& args, F f) {
  for_each_matrix(args, [&](std::int64_t group, Dims at) {
    for (; at[2] < args.dims[2]; ++at[2])
      f(ScalarRow<Out>(args.out, group, at), ScalarRow<const In>(args.in[0], group, at));
  });
}

template <class D, bool kBack, class Combine>
void run_cumulative(const RowArgs& args) {
  using T = Scalar<D>;
  const std::int64_t n = args.dims[3];
  for_each_row<T, T>(args, [&](ScalarRow<T> out, ScalarRow<const T> in) {
    const std::int64_t first = kBack ? n - 1 : 0, towards = kBack ? -1 : 1;
    if (!args.out.lanes) {
      T total = out.data[first * out.step] = in.data[first * in.step];
      for (std::int64_t i = 1, j = first + towards; i < n; ++i, j += towards)
        out.data[j * out.step] = total = Combine()(total, in.data[j * in.step]);
      return;
    }
    T total[kLanes];
    for (std::int64_t i = 0, j = first; i < n; ++i, j += towards) {
      T x[kLanes];
      for (int l = 0; l < kLanes; ++l) x[l] = in.data[j * in.step + l * in.lane];
      for (int l = 0; l < kLanes; ++l) total[l] = i == 0 ? x[l] : Combine()(total[l], x[l]);
      std::copy_n(total, kLanes, out.data + j * out.step);
    }
  });
}

// How many of the row's elements [begin, end) satisfy before(element, x).
template <class T, class Before>
HWY_INLINE std::int32_t count(const ScalarRow<const T>& in, std::int64_t begin, std::int64_t end, T x,
                              Before before) {
  std::int32_t total = 0;
  if (in.step == 1)
    for (std::int64_t j = begin; j < end; ++j) total += before(in.data[j], x);
  else
    for (std::int64_t j = begin; j < end; ++j) total += before(in.data[j * in.step], x);
  return total;
}

// Ranks of a long row, by sorting it: the same, as equal elements are told apart by their place. NaN comes last.
template <class T>
void rank_by_sorting(ScalarRow<std::int32_t> out, ScalarRow<const T> in, std::int64_t n, int lane, int copies) {
  std::vector<std::pair<T, std::int32_t>> sorted(static_cast<size_t>(n));
  for (std::int64_t i = 0; i < n; ++i)
    sorted[static_cast<size_t>(i)] = {in.data[i * in.step + lane * in.lane], static_cast<std::int32_t>(i)};
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    const bool a_is_number = a.first == a.first, b_is_number = b.first == b.first;
    if (a_is_number != b_is_number) return a_is_number;
    return a_is_number && a.first != b.first ? a.first < b.first : a.second < b.second;
  });
  for (std::int64_t place = 0; place < n; ++place)
    std::fill_n(out.data + sorted[static_cast<size_t>(place)].second * out.step + lane * out.lane, copies,
                static_cast<std::int32_t>(place));
}

template <class D>
void run_rank(const RowArgs& args) {
  using T = Scalar<D>;
  constexpr std::int64_t kLong = 1024;
  const std::int64_t n = args.dims[3];
  for_each_row<std::int32_t, T>(args, [&](ScalarRow<std::int32_t> out, ScalarRow<const T> in) {
    if (n > kLong) {
      if (in.lane == 0) return rank_by_sorting(out, in, n, 0, args.out.lanes ? kLanes : 1);
      for (int l = 0; l < kLanes; ++l) rank_by_sorting(out, in, n, l, 1);
      return;
    }
    for (std::int64_t i = 0; i < n; ++i) {
      std::int32_t before[kLanes] = {};
      if (in.lane == 1) {
        const T* x = in.data + i * in.step;
        const auto add = [&](std::int64_t j, auto is_before) {
          const T* y = in.data + j * in.step;
          for (int l = 0; l < kLanes; ++l) before[l] += is_before(y[l], x[l]);
        };
        for (std::int64_t j = 0; j < i; ++j) add(j, std::less_equal<T>());
        for (std::int64_t j = i + 1; j < n; ++j) add(j, std::less<T>());
      } else {
        const T x = in.data[i * in.step];
        std::fill_n(before, kLanes,
                    count(in, 0, i, x, std::less_equal<T>()) + count(in, i + 1, n, x, std::less<T>()));
      }
      std::copy_n(before, args.out.lanes ? kLanes : 1, out.data + i * out.step);
    }
  });
}

template <class D>
void fill_order(Kernels<Scalar<D>>& table) {
  const auto set = [&](RowFunction kind, void (*kernel)(const RowArgs&)) {
    table.row[static_cast<size_t>(kind)] = kernel;
  };
  set(RowFunction::kCumulativeSum, &run_cumulative<D, false, std::plus<Scalar<D>>>);
  set(RowFunction::kCumulativeSumBack, &run_cumulative<D, true, std::plus<Scalar<D>>>);
  set(RowFunction::kCumulativeProduct, &run_cumulative<D, false, std::multiplies<Scalar<D>>>);
  set(RowFunction::kRank, &run_rank<D>);
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(order);
}  // namespace iclab::lanes
#endif
