// A product of matrices cut into tiles, and how it is read from the arguments: what products of lanes
// (product.cpp) and of plain values (product_plain.cpp) share. Compiled once per target, in
// iclab::lanes::HWY_NAMESPACE.
#if defined(ICLAB_LANES_PRODUCT_TILES_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ICLAB_LANES_PRODUCT_TILES_H_
#undef ICLAB_LANES_PRODUCT_TILES_H_
#else
#define ICLAB_LANES_PRODUCT_TILES_H_
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "lanes/product_tile.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

/// Products of plain matrices: product_plain.cpp. c, a, b and the addend are plain, sides and k not 0. Over
/// prompts the chain goes on from what c holds, unless it begins here.
template <class D>
void product_plain(ProductArgs args);
template <class D>
void product_plain_over_prompts(ProductArgs args, bool begins = true);
/// As Kernels::sums_chains.
template <class D>
bool plain_sums_chains(ProductArgs args);

// ---- the shapes of tiles ----

constexpr int kRegisters = HWY_TARGET <= HWY_AVX3 ? 32 : 16;
constexpr int kMaxSide = 6;

constexpr bool fits(int rows, int columns) {
  return rows * columns + std::min(rows, columns) + 1 <= kRegisters;
}

// The widest tile of so many rows.
constexpr int max_columns(int rows) {
  int columns = 1;
  while (columns < kMaxSide && fits(rows, columns + 1)) ++columns;
  return columns;
}

// A side cut into tiles whose sizes differ by one at most: 21 in fours is 4+4+4+3+3+3, as a last
// tile of one would have too few accumulators to hide the latency of fma.
struct Cut {
  Cut(std::int64_t size, int most)
      : tiles((size + most - 1) / most),
        size_small(static_cast<int>(size / tiles)),
        large(size % tiles) {}
  std::int64_t count(int which) const { return which == 0 ? large : tiles - large; }
  int size(int which) const { return which == 0 ? size_small + 1 : size_small; }

  std::int64_t tiles;
  int size_small;
  std::int64_t large;  // tiles of size_small + 1, which come first
};

// Eighths of a cycle a tile takes for one k: two fma a cycle of latency four, two loads a cycle,
// and something for the rows of a, which come from L2 (without it 41x128 by 128x128 may take 6x2
// tiles, at 0.46 instead of 0.90 of the peak).
constexpr std::int64_t eighth_cycles(int rows, int columns) {
  return std::max({rows * columns, rows + columns, 9}) * 4 + rows;
}

// The tile to cut a rows x columns matrix with: the one of least cost, found anew.
inline std::pair<int, int> find_tile(std::int64_t rows, std::int64_t columns, std::int64_t k, int most_rows) {
  std::pair<int, int> best{1, 1};
  std::int64_t least = -1;
  for (int r = 1; r <= most_rows && r <= rows; ++r) {
    const int c = static_cast<int>(std::min<std::int64_t>(max_columns(r), columns));
    const Cut row_cut(rows, r), column_cut(columns, c);
    std::int64_t cost = 0;
    for (const int i : {0, 1})
      for (const int j : {0, 1})
        cost += row_cut.count(i) * column_cut.count(j) *
                (eighth_cycles(row_cut.size(i), column_cut.size(j)) * k + 8 * r * c + 80);
    if (least >= 0 && cost >= least) continue;
    least = cost;
    best = {r, c};
  }
  return best;
}

// The same; what was asked lately is remembered, as a step asks for few shapes again and again.
inline std::pair<int, int> choose_tile(std::int64_t rows, std::int64_t columns, std::int64_t k, int most_rows) {
  struct Answer {
    std::array<std::int64_t, 4> asked{};
    std::pair<int, int> tile;
  };
  static thread_local std::array<Answer, 64> answers;
  const std::array<std::int64_t, 4> asked{rows, columns, k, most_rows};
  const auto hash = static_cast<size_t>(rows * 31 + columns * 17 + k * 5 + most_rows);
  Answer& answer = answers[hash % answers.size()];
  if (answer.asked != asked) answer = {asked, find_tile(rows, columns, k, most_rows)};
  return answer.tile;
}

// ---- one matrix ----

/// Element (i, j) lies at data + i*row + j*column.
template <class T>
struct Result {
  Result from(std::int64_t i, std::int64_t j) const {
    return {data + i * row + j * column, row, column};
  }

  T* data = nullptr;
  std::ptrdiff_t row = 0, column = 0;
};

/// c = a b + addend in strides of scalars. Rows are elements of `slices` vectors.
template <class T>
struct Matrices {
  std::int64_t rows, columns, k;
  int slices;
  Result<T> c;
  Panel<T> a, b;               // across: rows of a, columns of b
  std::ptrdiff_t b_slice = 0;  // from a slice of b to the next; 0 if b is broadcast
  std::int64_t groups = 1;     // that follow one another in the chain
  std::ptrdiff_t a_group = 0, b_group = 0;
  bool begins = true;  // the chain starts here, from `start`; otherwise it goes on from what c holds
  T start = T(-0.0);   // from -0, fma gives the first product to the bit
  Result<const T> addend;  // added where the chain ends; none if data is null
  Load load_addend = Load::kVector;
};

// ---- a matrix cut into tiles ----

// A Kernel has Problem, which is Matrices and what the kernel adds, kMostRows, and
// tile<R, C>(problem, i, j, a, b): the tile from element (i, j) on, its rows of a and columns of b.

// Equal tiles from element (row, column) on.
template <class Kernel, int R, int C>
void tiles(const typename Kernel::Problem& m, std::int64_t row, std::int64_t column,
           std::int64_t row_tiles, std::int64_t column_tiles) {
  Panel<typename Kernel::T> a = m.a;
  a.data += row * a.across;
  for (std::int64_t i = row; i < row + row_tiles * R; i += R) {
    Panel<typename Kernel::T> b = m.b;
    b.data += column * b.across;
    for (std::int64_t j = column; j < column + column_tiles * C; j += C) {
      Kernel::template tile<R, C>(m, i, j, a, b);
      b.data += C * b.across;
    }
    a.data += R * a.across;
  }
}

template <class Kernel>
using Tiles = void (*)(const typename Kernel::Problem&, std::int64_t, std::int64_t, std::int64_t,
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
void multiply(const typename Kernel::Problem& m, Cut rows, Cut columns) {
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

/// Scalars from the start of x to a batch of a group.
inline std::ptrdiff_t offset(const Operand& x, std::int64_t batch0, std::int64_t batch1,
                             std::int64_t group) {
  const std::ptrdiff_t elements =
      batch0 * x.strides[0] + batch1 * x.strides[1] + group * x.group_stride;
  return elements * (x.lanes ? kLanes : 1);
}

/// Scalars from an element of x to the next along an axis.
inline std::ptrdiff_t stride(const Operand& x, size_t axis) {
  return static_cast<std::ptrdiff_t>(x.strides[axis] * (x.lanes ? kLanes : 1));
}

/// The matrices of a batch of a group.
template <class T>
Matrices<T> matrices(const ProductArgs& args, std::int64_t batch0, std::int64_t batch1,
                     std::int64_t group) {
  const auto at = [&](const Operand& x) {
    return static_cast<T*>(x.data) + offset(x, batch0, batch1, group);
  };
  Matrices<T> m{};
  m.rows = args.m;
  m.columns = args.n;
  m.k = args.k;
  m.slices = 1;
  m.c = {at(args.c), stride(args.c, 2), stride(args.c, 3)};
  m.a = {at(args.a), stride(args.a, 2), stride(args.a, 3)};
  m.b = {at(args.b), stride(args.b, 3), stride(args.b, 2)};
  m.a_group = args.a.group_stride * (args.a.lanes ? kLanes : 1);
  m.b_group = args.b.group_stride * (args.b.lanes ? kLanes : 1);
  if (args.addend.data) {
    m.addend = {at(args.addend), stride(args.addend, 2), stride(args.addend, 3)};
    m.load_addend = args.addend.lanes ? Load::kVector : Load::kBroadcast;
  }
  return m;
}

/// c^T = b^T a^T
inline void transpose(ProductArgs& args) {
  std::swap(args.m, args.n);
  std::swap(args.a, args.b);
  for (Operand* x : {&args.a, &args.b, &args.c, &args.addend})
    std::swap(x->strides[2], x->strides[3]);
}

// ---- groups that follow one another ----

/// Groups become more of a dimension, if it goes on from one group to the next in x: `size` steps of its
/// stride, or any group stride if there is but one.
inline bool goes_on(const Operand& x, std::int64_t size, size_t axis) {
  return size == 1 || x.group_stride == size * x.strides[axis];
}
inline void continue_along(Operand& x, std::int64_t size, size_t axis) {
  if (size == 1) x.strides[axis] = x.group_stride;
  x.group_stride = 0;
}

/// Rows of a and c go on, where b is the same for all groups: then they can be joined.
inline bool rows_go_on(const ProductArgs& args) {
  return args.groups > 1 && args.batch0 == 1 && args.batch1 == 1 && args.b.group_stride == 0 &&
         goes_on(args.a, args.m, 2) && goes_on(args.c, args.m, 2);
}
inline void join_rows(ProductArgs& args) {
  for (Operand* x : {&args.a, &args.c, &args.addend}) continue_along(*x, args.m, 2);
  args.m *= args.groups;
  args.groups = 1;
}

// ---- all matrices ----

/// f(batch0, batch1, group) for all, groups outermost: a group's values and the plain ones stay
/// near.
template <class F>
HWY_INLINE void for_each_matrix(const ProductArgs& args, std::int64_t groups, F f) {
  for (std::int64_t group = 0; group < groups; ++group)
    for (std::int64_t batch0 = 0; batch0 < args.batch0; ++batch0)
      for (std::int64_t batch1 = 0; batch1 < args.batch1; ++batch1) f(batch0, batch1, group);
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
