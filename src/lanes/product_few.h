// Products of plain matrices with few columns (product_plain.cpp), of which nothing is copied. Where k lies
// without gaps in a, its blocks are turned in registers on their way into fma; where rows do, and b is one
// column, all rows pass at once. Compiled once per target, in iclab::lanes::HWY_NAMESPACE.
#if defined(ICLAB_LANES_PRODUCT_FEW_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ICLAB_LANES_PRODUCT_FEW_H_
#undef ICLAB_LANES_PRODUCT_FEW_H_
#else
#define ICLAB_LANES_PRODUCT_FEW_H_
#endif

#include <algorithm>
#include <array>
#include <utility>

#include "hwy/cache_control.h"
#include "lanes/product_tiles.h"
#include "lanes/transpose.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

constexpr int kFewColumns = 4;
constexpr std::ptrdiff_t kShortRow = 128;  // scalars
constexpr int kMostOfOne = 12;             // vectors of one column
constexpr int kFetchedLines = 64;          // ahead

template <class D>
constexpr int kLineOf = static_cast<int>(64 / sizeof(Scalar<D>));  // of cache

// c from element (row, column) on: x and the addend.
template <class D>
void store_rows(D d, const Matrices<Scalar<D>>& m, std::int64_t row, std::int64_t column, hn::Vec<D> x) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  const Result<Scalar<D>> to = m.c.from(row, column);
  Result<const Scalar<D>> more;
  if (m.addend.data) more = m.addend.from(row, column);
  if (to.row == 1 && (!more.data || more.row == 1))
    return hn::StoreU(more.data ? hn::Add(x, hn::LoadU(d, more.data)) : x, d, to.data);
  HWY_ALIGN Scalar<D> out[kStep];
  hn::Store(x, d, out);
  for (int lane = 0; lane < kStep; ++lane)
    to.data[lane * to.row] = more.data ? out[lane] + more.data[lane * more.row] : out[lane];
}

// ---- k without gaps in a ----

// N vectors of rows by C columns: c(i,j) = fma(a(i,k), b(k,j), c(i,j)) for k = skipped, skipped + 1, ...
// and `steps`, whole blocks.
template <int N, int C, class D>
HWY_INLINE void accumulate_few(D d, const Panel<Scalar<D>>& a, const Panel<Scalar<D>>& b,
                               std::int64_t steps, int skipped, hn::Vec<D>* c) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  constexpr int kBlock = kBlockOf<D>;
  constexpr int kBlocks = kLineOf<D> / kBlock;
  constexpr int kFetched = std::max(kStep / kBlocks, 1);  // rows of a vector, a block
  hn::Vec<D> sum[N * C];
#pragma GCC unroll 16
  for (int i = 0; i < N * C; ++i) sum[i] = c[i];
  const Scalar<D>*from = a.data, *factor = b.data;
  // Lines are far apart, so they are fetched before: of short rows a strip ahead, of long ones a line.
  const std::ptrdiff_t ahead = a.across <= kShortRow ? N * kStep * a.across : kLineOf<D>;
  for (std::int64_t done = 0; done < steps; done += kBlock) {
    const std::ptrdiff_t fetched = ahead + done / kBlock % kBlocks * kFetched % kStep * a.across;
    const Scalar<D>* rows = from;
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) {
      const Scalar<D>* first[kStep / kBlock];
#pragma GCC unroll 16
      for (const Scalar<D>*& row : first) {
        // Or the compiler keeps the distance of every row, for which there are too few registers.
        asm("" : "+r"(rows));
        row = rows;
        rows += kBlock * a.across;
      }
#pragma GCC unroll 16
      for (int row = 0; row < kFetched; ++row) hwy::Prefetch(first[0] + fetched + row * a.across);
      hn::Vec<D> x[kBlock];
      turn_block(d, [&](int lane) { return first[lane / kBlock] + lane % kBlock * a.across; }, x);
#pragma GCC unroll 16
      for (int k = 0; k < kBlock; ++k) {
        if (k < skipped) continue;
#pragma GCC unroll 16
        for (int j = 0; j < C; ++j)
          sum[i * C + j] =
              hn::MulAdd(x[k], hn::Set(d, factor[k * b.along + j * b.across]), sum[i * C + j]);
      }
    }
    from += kBlock;
    factor += kBlock * b.along;
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
#pragma GCC unroll 16
  for (int i = 0; i < N * C; ++i) store_rows(d, m, row + i / C * kStep, i % C, c[i]);
}

// C columns, in tiles that the registers of AVX2 hold. Long rows often lie a power of two apart, where the
// sets of L1 hold few of them.
template <int C, class D>
void multiply_few_columns(const Matrices<Scalar<D>>& m) {
  using Few = void (*)(D, const Matrices<Scalar<D>>&, std::int64_t);
  constexpr int kMost = C == 1 ? 7 : 2;
  static constexpr auto kTiles = []<int... I>(std::integer_sequence<int, I...>) {
    return std::array<Few, kMost>{&multiply_few<I + 1, C, D>...};
  }(std::make_integer_sequence<int, kMost>());
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  const int fit = m.a.across > kShortRow ? std::min(kMost, 3) : kMost;
  const auto most = static_cast<int>(std::min<std::int64_t>(fit, m.rows / kStep));
  const Cut rows((m.rows + kStep - 1) / kStep, most);
  std::int64_t next = 0;
  for (std::int64_t tile = 0; tile < rows.tiles; ++tile) {
    const int vectors = rows.size(tile < rows.large ? 0 : 1);
    // The last rows, where they fill no vector, are computed with some before them.
    kTiles[static_cast<size_t>(vectors - 1)](D(), m, std::min(next, m.rows - vectors * kStep));
    next += vectors * kStep;
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
  static_assert(kFewColumns == 4);
  if (m.columns == 2) return multiply_few_columns<2, D>(m);
  if (m.columns == 3) return multiply_few_columns<3, D>(m);
  if (m.columns == 4) return multiply_few_columns<4, D>(m);
  // Transposing takes most of the time, and it has three ports for 256-bit vectors but two for 512-bit ones.
  if constexpr (hn::MaxLanes(D()) * sizeof(Scalar<D>) > 32)
    multiply_few_columns<1, hn::Half<D>>(m);
  else
    multiply_few_columns<1, D>(m);
}

// ---- rows without gaps in a, one column ----

// N vectors of rows from `row` on, the last from `last` on.
template <int N, class D>
void multiply_one(D d, const Matrices<Scalar<D>>& m, std::int64_t row, std::int64_t last) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  hn::Vec<D> sum[N];
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) sum[i] = hn::Set(d, m.start);
  constexpr int kLines = (N * kStep + kLineOf<D> - 1) / kLineOf<D>;
  const std::ptrdiff_t ahead = kFetchedLines / kLines * m.a.along;
  for (std::int64_t group = 0; group < m.groups; ++group) {
    const Scalar<D>* a = m.a.data + row + group * m.a_group;
    const Scalar<D>* b = m.b.data + group * m.b_group;
    for (std::int64_t k = 0; k < m.k; ++k) {
      const auto factor = hn::Set(d, *b);
#pragma GCC unroll 16
      for (int i = 0; i < N; ++i) {
        if (i * kStep % kLineOf<D> == 0) hwy::Prefetch(a + i * kStep + ahead);
        const std::ptrdiff_t at = i + 1 < N ? i * kStep : last - row;
        sum[i] = hn::MulAdd(hn::LoadU(d, a + at), factor, sum[i]);
      }
      a += m.a.along;
      b += m.b.along;
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) store_rows(d, m, i + 1 < N ? row + i * kStep : last, 0, sum[i]);
}

/// True if `multiply_one` can: m.rows counts scalars.
template <class D>
bool is_one(const Matrices<Scalar<D>>& m) {
  return m.columns == 1 && m.a.across == 1 && m.rows >= static_cast<std::int64_t>(hn::MaxLanes(D()));
}

/// All of c.
template <class D>
void multiply_one(const Matrices<Scalar<D>>& m) {
  using One = void (*)(D, const Matrices<Scalar<D>>&, std::int64_t, std::int64_t);
  static constexpr auto kTiles = []<int... I>(std::integer_sequence<int, I...>) {
    return std::array<One, kMostOfOne>{&multiply_one<I + 1, D>...};
  }(std::make_integer_sequence<int, kMostOfOne>());
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  const Cut rows((m.rows + kStep - 1) / kStep, kMostOfOne);
  std::int64_t row = 0;
  for (std::int64_t tile = 0; tile < rows.tiles; ++tile) {
    const int vectors = rows.size(tile < rows.large ? 0 : 1);
    // A last vector that is not whole begins earlier.
    const std::int64_t last = std::min(row + (vectors - 1) * kStep, m.rows - kStep);
    kTiles[static_cast<size_t>(vectors - 1)](D(), m, row, last);
    row += vectors * kStep;
  }
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
