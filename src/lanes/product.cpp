// Products of matrices: c(i,j) = sum_k a(i,k) b(k,j), batched, and the same summed over prompts.
//
// All cases are one: a's rows are vectors, b's columns are vectors or broadcast scalars, and one
// micro-kernel (product_tile.h) computes a tile of c. Where only b has lanes, the transposed product is
// taken; plain matrices take neighbouring columns (or rows) as vectors.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/product.cpp"
#include "hwy/foreach_target.h"
//
#include <algorithm>
#include <cstddef>
#include <utility>

#include "lanes/product_tile.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// ---- the shapes of tiles ----

constexpr int kRegisters = HWY_TARGET <= HWY_AVX3 ? 32 : 16;
constexpr int kMaxSide = 8;

constexpr bool fits(int rows, int columns) {
  return rows * columns + std::min(rows, columns) + 1 <= kRegisters;
}

// The widest tile of so many rows.
constexpr int max_columns(int rows) {
  int columns = 1;
  while (columns < kMaxSide && fits(rows, columns + 1)) ++columns;
  return columns;
}

// A side cut into tiles whose sizes differ by one at most: 21 in fours is 4+4+4+3+3+3, as a last tile
// of one would have too few accumulators to hide the latency of fma.
struct Cut {
  Cut(std::int64_t size, int most)
      : tiles((size + most - 1) / most), size_small(static_cast<int>(size / tiles)),
        large(size % tiles) {}
  std::int64_t count(int which) const { return which == 0 ? large : tiles - large; }
  int size(int which) const { return which == 0 ? size_small + 1 : size_small; }

  std::int64_t tiles;
  int size_small;
  std::int64_t large;  // tiles of size_small + 1, which come first
};

// Cycles a tile takes for one k: two fma a cycle of latency four, two loads a cycle.
constexpr std::int64_t half_cycles(int rows, int columns) {
  return std::max({rows * columns, rows + columns, 8});
}

// The tile to cut a rows x columns matrix with.
std::pair<int, int> choose_tile(std::int64_t rows, std::int64_t columns, std::int64_t k,
                                int most_rows) {
  std::pair<int, int> best{1, 1};
  std::int64_t least = -1;
  for (int r = 1; r <= most_rows && r <= rows; ++r) {
    const int c = static_cast<int>(std::min<std::int64_t>(max_columns(r), columns));
    const Cut row_cut(rows, r), column_cut(columns, c);
    std::int64_t cost = 0;
    for (const int i : {0, 1})
      for (const int j : {0, 1})
        cost += row_cut.count(i) * column_cut.count(j) *
                (half_cycles(row_cut.size(i), column_cut.size(j)) * k + 2 * r * c + 20);
    if (least >= 0 && cost >= least) continue;
    least = cost;
    best = {r, c};
  }
  return best;
}

// ---- one matrix ----

template <class T>
struct Result {
  T* data;
  std::ptrdiff_t row, column;
};

// c = a b in strides of scalars. Rows are elements of `slices` vectors.
template <class T>
struct Matrices {
  std::int64_t rows, columns, k;
  int slices;
  Result<T> c;
  Panel<T> a, b;  // across: rows of a, columns of b
  // Over prompts: how many groups follow one another, and scalars between them.
  std::int64_t groups = 1;
  std::ptrdiff_t a_group = 0, b_group = 0;
};

// From -0, fma gives the first product to the bit.
template <class D, Load kLoadB, int kRows = kMaxSide>
struct Product {
  using T = Scalar<D>;
  static constexpr int kMostRows = kRows;

  template <int R, int C>
  static HWY_INLINE void tile(const Matrices<T>& m, Result<T> c, Panel<T> a, Panel<T> b) {
    constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
    const D d;
    for (int slice = 0; slice < m.slices; ++slice) {
      Tile<D, R, C> t;
      t.fill(d, T(-0.0));
      t.template accumulate<kLoadB>(d, a, b, m.k);
      t.store(d, c.data, c.row, c.column);
      a.data += kStep;
      c.data += kStep;
      if (kLoadB == Load::kVector) b.data += kStep;
    }
  }
};

// c plain, rows of a and columns of b lanes (or b broadcast): per lane one chain over groups and k from
// zero, then the lanes are folded.
template <class D, Load kLoadB>
struct ProductOverPrompts {
  using T = Scalar<D>;
  static constexpr int kMostRows = kMaxSide;

  template <int R, int C>
  static HWY_INLINE void tile(const Matrices<T>& m, Result<T> c, Panel<T> a, Panel<T> b) {
    constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
    const D d;
    HWY_ALIGN T lanes[R * C * kLanes];
    for (int slice = 0; slice < kLanes; slice += kStep) {
      Tile<D, R, C> t;
      t.fill(d, 0);
      Panel<T> a_slice = a, b_slice = b;
      a_slice.data += slice;
      if (kLoadB == Load::kVector) b_slice.data += slice;
      for (std::int64_t group = 0; group < m.groups; ++group) {
        t.template accumulate<kLoadB>(d, a_slice, b_slice, m.k);
        a_slice.data += m.a_group;
        b_slice.data += m.b_group;
      }
      t.store(d, lanes + slice, C * kLanes, kLanes);
    }
    for (int i = 0; i < R; ++i)
      for (int j = 0; j < C; ++j)
        c.data[i * c.row + j * c.column] = fold_lanes(d, lanes + (i * C + j) * kLanes);
  }
};

// ---- a matrix cut into tiles ----

// Equal tiles from element (row, column) on.
template <class Kernel, int R, int C>
void tiles(const Matrices<typename Kernel::T>& m, std::int64_t row, std::int64_t column,
           std::int64_t row_tiles, std::int64_t column_tiles) {
  Result<typename Kernel::T> c = m.c;
  Panel<typename Kernel::T> a = m.a, b = m.b;
  a.data += row * a.across;
  for (std::int64_t i = 0; i < row_tiles; ++i) {
    b.data = m.b.data + column * b.across;
    c.data = m.c.data + (row + i * R) * c.row + column * c.column;
    for (std::int64_t j = 0; j < column_tiles; ++j) {
      Kernel::template tile<R, C>(m, c, a, b);
      b.data += C * b.across;
      c.data += C * c.column;
    }
    a.data += R * a.across;
  }
}

template <class Kernel>
using Tiles = void (*)(const Matrices<typename Kernel::T>&, std::int64_t, std::int64_t, std::int64_t,
                       std::int64_t);

// tiles<Kernel, R, C> for every tile that fits the registers.
template <class Kernel, int R, int C>
constexpr Tiles<Kernel> tiles_if_fit() {
  if constexpr (fits(R, C))
    return &tiles<Kernel, R, C>;
  else
    return nullptr;
}
template <class Kernel, int... I>
constexpr std::array<Tiles<Kernel>, sizeof...(I)> all_tiles(std::integer_sequence<int, I...>) {
  return {tiles_if_fit<Kernel, I / kMaxSide + 1, I % kMaxSide + 1>()...};
}

template <class Kernel>
void multiply(const Matrices<typename Kernel::T>& m, Cut rows, Cut columns) {
  static constexpr auto kTiles =
      all_tiles<Kernel>(std::make_integer_sequence<int, Kernel::kMostRows * kMaxSide>());
  std::int64_t row = 0;
  for (const int i : {0, 1}) {
    std::int64_t column = 0;
    for (const int j : {0, 1}) {
      if (rows.count(i) > 0 && columns.count(j) > 0)
        kTiles[static_cast<size_t>((rows.size(i) - 1) * kMaxSide + columns.size(j) - 1)](
            m, row, column, rows.count(i), columns.count(j));
      column += columns.count(j) * columns.size(j);
    }
    row += rows.count(i) * rows.size(i);
  }
}

// ---- from the arguments to matrices ----

// Scalars from the start of x to a batch of a group.
std::ptrdiff_t offset(const Operand& x, std::int64_t batch0, std::int64_t batch1,
                      std::int64_t group) {
  const std::ptrdiff_t elements =
      batch0 * x.strides[0] + batch1 * x.strides[1] + group * x.group_stride;
  return elements * (x.lanes ? kLanes : 1);
}

template <class T>
Matrices<T> matrices(const ProductArgs& args) {
  const auto stride = [](const Operand& x, int axis) {
    return static_cast<std::ptrdiff_t>(x.strides[static_cast<size_t>(axis)] *
                                       (x.lanes ? kLanes : 1));
  };
  Matrices<T> m{};
  m.rows = args.m;
  m.columns = args.n;
  m.k = args.k;
  m.slices = 1;
  m.groups = 1;
  m.c = {static_cast<T*>(args.c.data), stride(args.c, 2), stride(args.c, 3)};
  m.a = {static_cast<const T*>(args.a.data), stride(args.a, 2), stride(args.a, 3)};
  m.b = {static_cast<const T*>(args.b.data), stride(args.b, 3), stride(args.b, 2)};
  m.a_group = args.a.group_stride * (args.a.lanes ? kLanes : 1);
  m.b_group = args.b.group_stride * (args.b.lanes ? kLanes : 1);
  return m;
}

// c^T = b^T a^T
void transpose(ProductArgs& args) {
  std::swap(args.m, args.n);
  std::swap(args.a, args.b);
  for (Operand* x : {&args.a, &args.b, &args.c}) std::swap(x->strides[2], x->strides[3]);
}

// f(batch0, batch1, group) for all, groups outermost: a group's values and the plain ones stay near.
template <class F>
HWY_INLINE void for_each_matrix(const ProductArgs& args, std::int64_t groups, F f) {
  for (std::int64_t group = 0; group < groups; ++group)
    for (std::int64_t batch0 = 0; batch0 < args.batch0; ++batch0)
      for (std::int64_t batch1 = 0; batch1 < args.batch1; ++batch1) f(batch0, batch1, group);
}

template <class Kernel>
void multiply_all(const ProductArgs& args, std::int64_t groups,
                  const Matrices<typename Kernel::T>& whole) {
  const auto [r, c] = choose_tile(whole.rows, whole.columns, whole.k * whole.groups, Kernel::kMostRows);
  const Cut rows(whole.rows, r), columns(whole.columns, c);
  for_each_matrix(args, groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
    Matrices<typename Kernel::T> m = whole;
    m.c.data += offset(args.c, b0, b1, g);
    m.a.data += offset(args.a, b0, b1, g);
    m.b.data += offset(args.b, b0, b1, g);
    multiply<Kernel>(m, rows, columns);
  });
}

// ---- plain matrices ----

// Vectors of D's length along the rows as far as they go, then of half the length, ...
template <class D, int kMostRows>
void multiply_plain(const ProductArgs& args, Matrices<Scalar<D>> m) {
  constexpr std::int64_t kStep = hn::MaxLanes(D());
  const std::int64_t all = m.rows, vectors_along = all / kStep;
  if (vectors_along > 0) {
    Matrices<Scalar<D>> whole = m;
    whole.rows = vectors_along;
    whole.a.across *= kStep;
    whole.c.row *= kStep;
    multiply_all<Product<D, Load::kBroadcast, kMostRows>>(args, 1, whole);
  }
  if constexpr (kStep > 1) {
    if (all % kStep == 0) return;
    m.a.data += vectors_along * kStep * m.a.across;
    m.c.data += vectors_along * kStep * m.c.row;
    m.rows = all % kStep;
    multiply_plain<hn::Half<D>, 1>(args, m);
  }
}

template <class D>
void product_plain(ProductArgs args) {
  const auto vectors_along_rows = [&] { return args.c.strides[2] == 1 && args.a.strides[2] == 1; };
  const auto vectors_along_columns = [&] {
    return args.c.strides[3] == 1 && args.b.strides[3] == 1;
  };
  if (vectors_along_columns() && (args.n > 1 || !vectors_along_rows())) transpose(args);
  if (vectors_along_rows())
    multiply_plain<D, kMaxSide>(args, matrices<Scalar<D>>(args));
  else
    multiply_plain<hn::CappedTag<Scalar<D>, 1>, 3>(args, matrices<Scalar<D>>(args));
}

// ---- lanes ----

template <class T>
void write_zeros(const ProductArgs& args, std::int64_t groups) {
  const Matrices<T> m = matrices<T>(args);
  for_each_matrix(args, groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
    T* c = m.c.data + offset(args.c, b0, b1, g);
    for (std::int64_t i = 0; i < m.rows; ++i)
      for (std::int64_t j = 0; j < m.columns; ++j)
        std::fill_n(c + i * m.c.row + j * m.c.column, args.c.lanes ? kLanes : 1, T(0));
  });
}

bool is_empty(const ProductArgs& args) {
  return args.m == 0 || args.n == 0 || args.batch0 == 0 || args.batch1 == 0;
}

// Two plain matrices, whose product all lanes take.
template <class T>
void product_of_plain_in_lanes(const ProductArgs& args) {
  const Matrices<T> m = matrices<T>(args);
  for_each_matrix(args, args.groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
    T* c = m.c.data + offset(args.c, b0, b1, g);
    const T* a = m.a.data + offset(args.a, b0, b1, 0);
    const T* b = m.b.data + offset(args.b, b0, b1, 0);
    for (std::int64_t i = 0; i < m.rows; ++i)
      for (std::int64_t j = 0; j < m.columns; ++j) {
        const hn::CappedTag<T, 1> one;
        Tile<decltype(one), 1, 1> t;
        t.fill(one, T(-0.0));
        t.template accumulate<Load::kBroadcast>(one, {a + i * m.a.across, 0, m.a.along},
                                                {b + j * m.b.across, 0, m.b.along}, m.k);
        std::fill_n(c + i * m.c.row + j * m.c.column, kLanes, hn::GetLane(t.c[0][0]));
      }
  });
}

template <class D>
void product(const ProductArgs& call) {
  using T = Scalar<D>;
  ProductArgs args = call;
  if (is_empty(args)) return;
  if (args.k == 0) return write_zeros<T>(args, args.groups);
  if (!args.c.lanes) return product_plain<D>(args);
  if (!args.a.lanes && !args.b.lanes) return product_of_plain_in_lanes<T>(args);

  if (!args.a.lanes) transpose(args);
  Matrices<T> m = matrices<T>(args);
  m.slices = vectors(D());
  if (args.b.lanes)
    multiply_all<Product<D, Load::kVector>>(args, args.groups, m);
  else
    multiply_all<Product<D, Load::kBroadcast>>(args, args.groups, m);
}

template <class D>
void product_over_prompts(const ProductArgs& call) {
  using T = Scalar<D>;
  ProductArgs args = call;
  if (is_empty(args)) return;
  if (args.k == 0) return write_zeros<T>(args, 1);

  if (!args.a.lanes) transpose(args);
  Matrices<T> m = matrices<T>(args);
  m.groups = args.groups;
  if (args.b.lanes)
    multiply_all<ProductOverPrompts<D, Load::kVector>>(args, 1, m);
  else
    multiply_all<ProductOverPrompts<D, Load::kBroadcast>>(args, 1, m);
}

template <class D>
void fill_product(Kernels<Scalar<D>>& table) {
  table.product = &product<D>;
  table.product_over_prompts = &product_over_prompts<D>;
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(product);
}  // namespace iclab::lanes
#endif
