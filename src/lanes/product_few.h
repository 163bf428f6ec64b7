// Products of plain matrices with few columns (product_plain.cpp) where a's rows lie without gaps: blocks of
// a are turned in registers on their way into fma, nothing is copied. Compiled once per target, in
// iclab::lanes::HWY_NAMESPACE.
#if defined(ICLAB_LANES_PRODUCT_FEW_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ICLAB_LANES_PRODUCT_FEW_H_
#undef ICLAB_LANES_PRODUCT_FEW_H_
#else
#define ICLAB_LANES_PRODUCT_FEW_H_
#endif

#include <algorithm>
#include <iterator>

#include "hwy/cache_control.h"
#include "lanes/product_tiles.h"
#include "lanes/transpose.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

constexpr int kFewColumns = 4;
constexpr std::ptrdiff_t kShortRow = 128;  // scalars

// N vectors of rows by C columns: c(i,j) = fma(a(i,k), b(k,j), c(i,j)) for k = skipped, skipped + 1, ...
// and `steps`, whole blocks.
template <int N, int C, class D>
HWY_INLINE void accumulate_few(D d, const Panel<Scalar<D>>& a, const Panel<Scalar<D>>& b,
                               std::int64_t steps, int skipped, hn::Vec<D>* c) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  constexpr int kLine = static_cast<int>(64 / sizeof(Scalar<D>));  // of cache, far apart: fetched before
  hn::Vec<D> sum[N * C];
#pragma GCC unroll 16
  for (int i = 0; i < N * C; ++i) sum[i] = c[i];
  const Scalar<D>*from = a.data, *factor = b.data;
  // Short rows are fetched a strip ahead, long ones a line.
  const std::ptrdiff_t ahead = a.across <= kShortRow ? N * kStep * a.across : kLine;
  for (std::int64_t done = 0; done < steps; done += kBlockOf<D>) {
    if (done % kLine == 0)
      for (int i = 0; i < N * kStep; ++i) hwy::Prefetch(from + i * a.across + ahead);
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) {
      hn::Vec<D> x[kBlockOf<D>];
      turn_block(d, [&](int lane) { return from + (i * kStep + lane) * a.across; }, x);
#pragma GCC unroll 4
      for (int k = 0; k < kBlockOf<D>; ++k) {
        if (k < skipped) continue;
#pragma GCC unroll 4
        for (int j = 0; j < C; ++j)
          sum[i * C + j] =
              hn::MulAdd(x[k], hn::Set(d, factor[k * b.along + j * b.across]), sum[i * C + j]);
      }
    }
    from += kBlockOf<D>;
    factor += kBlockOf<D> * b.along;
  }
#pragma GCC unroll 16
  for (int i = 0; i < N * C; ++i) c[i] = sum[i];
}

// N vectors of rows from `row` on, and the addend.
template <int N, int C, class D>
void multiply_few(D d, const Matrices<Scalar<D>>& m, std::int64_t row) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  constexpr int kBlock = kBlockOf<D>;
  hn::Vec<D> c[N * C];
#pragma GCC unroll 16
  for (int i = 0; i < N * C; ++i) c[i] = hn::Set(d, m.start);
  const std::int64_t whole = m.k / kBlock * kBlock;
  for (std::int64_t group = 0; group < m.groups; ++group) {
    Panel<Scalar<D>> a{m.a.data + row * m.a.across + group * m.a_group, m.a.across, 1};
    Panel<Scalar<D>> b{m.b.data + group * m.b_group, m.b.across, m.b.along};
    accumulate_few<N, C>(d, a, b, whole, 0, c);
    if (whole == m.k) continue;
    // A last block that is not whole begins earlier.
    a.data += m.k - kBlock;
    b.data += (m.k - kBlock) * b.along;
    accumulate_few<N, C>(d, a, b, kBlock, static_cast<int>(kBlock - (m.k - whole)), c);
  }
  const bool stores = m.c.row == 1 && (!m.addend.data || m.addend.row == 1);
  HWY_ALIGN Scalar<D> out[kStep];
  for (int i = 0; i < N * C; ++i) {
    const auto [to, to_row, to_column] = m.c.from(row + i / C * kStep, i % C);
    const auto [x, x_row, x_column] = m.addend.from(row + i / C * kStep, i % C);
    if (stores) {
      hn::StoreU(x ? hn::Add(c[i], hn::LoadU(d, x)) : c[i], d, to);
      continue;
    }
    hn::Store(c[i], d, out);
    for (int lane = 0; lane < kStep; ++lane)
      to[lane * to_row] = m.addend.data ? out[lane] + x[lane * x_row] : out[lane];
  }
}

/// True if `multiply_few` can: m.rows counts scalars.
template <class D>
bool are_few(const Matrices<Scalar<D>>& m) {
  return m.columns <= kFewColumns && m.a.along == 1 && m.a.across != 1 && m.k >= kBlockOf<D> &&
         m.rows >= static_cast<std::int64_t>(hn::MaxLanes(D()));
}

/// All of c.
template <class D>
void multiply_few(const Matrices<Scalar<D>>& m) {
  using Few = void (*)(D, const Matrices<Scalar<D>>&, std::int64_t);
  static constexpr Few kOne[] = {&multiply_few<1, 1, D>, &multiply_few<1, 2, D>,
                                 &multiply_few<1, 3, D>, &multiply_few<1, 4, D>};
  static constexpr Few kTwo[] = {&multiply_few<2, 1, D>, &multiply_few<2, 2, D>,
                                 &multiply_few<2, 3, D>, &multiply_few<2, 4, D>};
  static_assert(std::size(kOne) == kFewColumns && std::size(kTwo) == kFewColumns);
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  for (std::int64_t next = 0; next < m.rows;) {
    const std::int64_t left = m.rows - next;
    const std::int64_t rows = left > kStep && m.rows >= 2 * kStep ? 2 * kStep : kStep;
    // The last rows, where they fill no vector, are computed with some before them.
    const std::int64_t row = std::min(next, m.rows - rows);
    (rows == kStep ? kOne : kTwo)[m.columns - 1](D(), m, row);
    next += rows;
  }
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
