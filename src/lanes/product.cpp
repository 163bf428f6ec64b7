// Products of matrices: c(i,j) = sum_k a(i,k) b(k,j), batched, and the same summed over prompts.
//
// All cases are one: a's rows are vectors, b's columns are vectors or broadcast scalars, and one
// micro-kernel (product_tile.h) computes a tile of c. Where only b has lanes, the transposed
// product is taken; plain matrices take neighbouring columns (or rows) as vectors.
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
                (eighth_cycles(row_cut.size(i), column_cut.size(j)) * k + 8 * r * c + 80);
    if (least >= 0 && cost >= least) continue;
    least = cost;
    best = {r, c};
  }
  return best;
}

// ---- one matrix ----

template <class T>
struct Result {
  Result from(std::int64_t i, std::int64_t j) const {
    return {data + i * row + j * column, row, column};
  }

  T* data;
  std::ptrdiff_t row, column;
};

// c = a b in strides of scalars. Rows are elements of `slices` vectors.
template <class T>
struct Matrices {
  std::int64_t rows, columns, k;
  int slices;
  Result<T> c;
  Panel<T> a, b;               // across: rows of a, columns of b
  std::ptrdiff_t b_slice = 0;  // from a slice of b to the next; 0 if b is broadcast
  std::int64_t groups = 1;     // that follow one another in the chain
  std::ptrdiff_t a_group = 0, b_group = 0;
  bool begins =
      true;           // the chain starts here, from `start`; otherwise it goes on from what c holds
  T start = T(-0.0);  // from -0, fma gives the first product to the bit
};

template <class D, Load kLoadB, int kRows = kMaxSide>
struct Product {
  using T = Scalar<D>;
  using Tag = D;
  static constexpr int kMostRows = kRows;

  template <int R, int C>
  static HWY_INLINE void tile(const Matrices<T>& m, Result<T> c, Panel<T> a, Panel<T> b) {
    constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
    const D d;
    for (int slice = 0; slice < m.slices; ++slice) {
      Tile<D, R, C> t;
      if (m.begins)
        t.fill(d, m.start);
      else
        t.load(d, c.data, c.row, c.column);
      Panel<T> a_group = a, b_group = b;
      for (std::int64_t group = 0; group < m.groups; ++group) {
        t.template accumulate<kLoadB>(d, a_group, b_group, m.k);
        a_group.data += m.a_group;
        b_group.data += m.b_group;
      }
      t.store(d, c.data, c.row, c.column);
      a.data += kStep;
      c.data += kStep;
      b.data += m.b_slice;
    }
  }
};

// ---- a matrix cut into tiles ----

// Equal tiles from element (row, column) on.
template <class Kernel, int R, int C>
void tiles(const Matrices<typename Kernel::T>& m, std::int64_t row, std::int64_t column,
           std::int64_t row_tiles, std::int64_t column_tiles) {
  Panel<typename Kernel::T> a = m.a;
  a.data += row * a.across;
  for (std::int64_t i = row; i < row + row_tiles * R; i += R) {
    Panel<typename Kernel::T> b = m.b;
    b.data += column * b.across;
    for (std::int64_t j = column; j < column + column_tiles * C; j += C) {
      Kernel::template tile<R, C>(m, m.c.from(i, j), a, b);
      b.data += C * b.across;
    }
    a.data += R * a.across;
  }
}

template <class Kernel>
using Tiles = void (*)(const Matrices<typename Kernel::T>&, std::int64_t, std::int64_t,
                       std::int64_t, std::int64_t);

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

// ---- panels of b ----

// A panel is a few columns of b, by which a strip of rows of a passes. Where b has lanes, it is
// copied to where it lies without gaps in L1, and the chain is cut into parts that make panels so
// short. With 41 x 64 matrices of 16 lanes this took products over prompts from 0.36 to 0.57 of the
// peak: elements of a column lie 4 KiB apart there, and fall into one set of L1.
constexpr std::int64_t kPanelSteps = 48;   // of k; 6 columns of floats then take 18 KiB
constexpr std::int64_t kStripRows = 64;    // rows whose sums over prompts wait in lanes
constexpr std::int64_t kPackingRows = 12;  // with fewer rows, packing costs more than it brings

// Part of a chain: groups [group, group + groups), and of each the k in [k, k + steps).
struct Part {
  std::int64_t group, groups, k, steps;
};

// `columns` columns of b from `column` on, to (slice, step, column, vector).
template <class D>
void pack_panel(Scalar<D>* out, const Matrices<Scalar<D>>& m, const Part& part, std::int64_t column,
                std::int64_t columns) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  const D d;
  const std::ptrdiff_t slice_stride = part.groups * part.steps * columns * kStep;
  for (std::int64_t group = part.group; group < part.group + part.groups; ++group)
    for (std::int64_t k = part.k; k < part.k + part.steps; ++k) {
      const Scalar<D>* in = m.b.data + group * m.b_group + k * m.b.along + column * m.b.across;
      for (std::int64_t j = 0; j < columns; ++j) {
        for (int slice = 0; slice < m.slices; ++slice)
          hn::Store(hn::LoadU(d, in + slice * kStep), d, out + slice * slice_stride);
        in += m.b.across;
        out += kStep;
      }
    }
}

// All of m, which is one panel wide, with b packed part by part.
template <class Kernel>
void multiply_packed(const Matrices<typename Kernel::T>& m, std::int64_t column, Cut rows,
                     Cut columns) {
  using T = typename Kernel::T;
  using D = typename Kernel::Tag;
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  HWY_ALIGN T panel[kPanelSteps * kMaxSide * kLanes];

  const std::int64_t groups = std::max<std::int64_t>(kPanelSteps / m.k, 1);
  for (std::int64_t group = 0; group < m.groups; group += groups)
    for (std::int64_t k = 0; k < m.k; k += kPanelSteps) {
      const Part part{group, std::min(groups, m.groups - group), k, std::min(kPanelSteps, m.k - k)};
      pack_panel<D>(panel, m, part, column, m.columns);

      Matrices<T> now = m;
      now.begins = group == 0 && k == 0;
      now.groups = part.groups;
      now.k = part.steps;
      now.a.data += group * m.a_group + k * m.a.along;
      now.b = {panel, kStep, m.columns * kStep};
      now.b_group = part.steps * m.columns * kStep;
      now.b_slice = part.groups * now.b_group;
      multiply<Kernel>(now, rows, columns);
    }
}

// c plain: the chains of a strip by a panel end in lanes, which then are folded.
template <class Kernel, class F>
void fold_after(const Matrices<typename Kernel::T>& m, F multiply_strip) {
  using T = typename Kernel::T;
  const typename Kernel::Tag d;
  HWY_ALIGN T lanes[kStripRows * kMaxSide * kLanes];
  Matrices<T> now = m;
  now.start = 0;
  now.c = {lanes, m.columns * kLanes, kLanes};
  multiply_strip(now);
  for (std::int64_t i = 0; i < m.rows; ++i)
    for (std::int64_t j = 0; j < m.columns; ++j)
      m.c.data[i * m.c.row + j * m.c.column] = fold_lanes(d, lanes + (i * m.columns + j) * kLanes);
}

// Strip by strip, panel by panel.
template <class Kernel>
void multiply_by_panels(const Matrices<typename Kernel::T>& m, int tile_rows, int tile_columns,
                        bool packs, bool folds) {
  const std::int64_t strip_rows = folds ? kStripRows : m.rows;
  const Cut columns(m.columns, tile_columns);
  for (std::int64_t row = 0; row < m.rows; row += strip_rows) {
    Matrices<typename Kernel::T> strip = m;
    strip.rows = std::min(strip_rows, m.rows - row);
    strip.a.data += row * m.a.across;
    const Cut rows(strip.rows, tile_rows);
    std::int64_t column = 0;
    for (std::int64_t panel = 0; panel < columns.tiles; ++panel) {
      strip.columns = columns.size(panel < columns.large ? 0 : 1);
      strip.c = m.c.from(row, column);
      const auto multiply_strip = [&](Matrices<typename Kernel::T> now) {
        const Cut one_panel(now.columns, static_cast<int>(now.columns));
        if (packs) return multiply_packed<Kernel>(now, column, rows, one_panel);
        now.b.data += column * m.b.across;
        multiply<Kernel>(now, rows, one_panel);
      };
      if (folds)
        fold_after<Kernel>(strip, multiply_strip);
      else
        multiply_strip(strip);
      column += strip.columns;
    }
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

// f(batch0, batch1, group) for all, groups outermost: a group's values and the plain ones stay
// near.
template <class F>
HWY_INLINE void for_each_matrix(const ProductArgs& args, std::int64_t groups, F f) {
  for (std::int64_t group = 0; group < groups; ++group)
    for (std::int64_t batch0 = 0; batch0 < args.batch0; ++batch0)
      for (std::int64_t batch1 = 0; batch1 < args.batch1; ++batch1) f(batch0, batch1, group);
}

// What is done beside multiplying: b packed into panels, the lanes of c folded.
struct Plan {
  bool packs = false, folds = false;
};

template <class Kernel>
void multiply_all(const ProductArgs& args, std::int64_t groups,
                  const Matrices<typename Kernel::T>& whole, Plan plan = {}) {
  const std::pair<int, int> tile =
      choose_tile(whole.rows, whole.columns, whole.k * whole.groups, Kernel::kMostRows);
  for_each_matrix(args, groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
    Matrices<typename Kernel::T> m = whole;
    m.c.data += offset(args.c, b0, b1, g);
    m.a.data += offset(args.a, b0, b1, g);
    m.b.data += offset(args.b, b0, b1, g);
    if (plan.packs || plan.folds)
      multiply_by_panels<Kernel>(m, tile.first, tile.second, plan.packs, plan.folds);
    else
      multiply<Kernel>(m, Cut(m.rows, tile.first), Cut(m.columns, tile.second));
  });
}

// ---- plain matrices ----

// Vectors run along one side of c, scalars of the other are broadcast. The side of vectors passes in
// panels of a few vectors and kPanelDepth of k, copied to where they lie without gaps (and without falling
// into one set of L1) unless the other side is too short to pay for it. A last vector that is not full is
// padded with zeros, and its part of c computed beside.
constexpr std::int64_t kPanelDepth = 256;
constexpr int kPanelVectors = 4;

// `scalars` of the vectors' side from m.a on, m.k deep, to `vectors` vectors a step.
template <class D>
void pack_plain(Scalar<D>* out, const Panel<Scalar<D>>& from, std::int64_t depth, std::int64_t scalars,
                int vectors) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  const D d;
  const std::int64_t whole = from.across == 1 ? scalars / kStep : 0, width = vectors * kStep;
  for (std::int64_t k = 0; k < depth; ++k) {
    const Scalar<D>* in = from.data + k * from.along;
    for (std::int64_t v = 0; v < whole; ++v)
      hn::Store(hn::LoadU(d, in + v * kStep), d, out + v * kStep);
    for (std::int64_t i = whole * kStep; i < scalars; ++i) out[i] = in[i * from.across];
    for (std::int64_t i = scalars; i < width; ++i) out[i] = 0;
    out += width;
  }
}

// A panel of c whose scalars are not vectors in memory: computed in a buffer, strip by strip.
template <class D, class Kernel>
void multiply_beside(const Matrices<Scalar<D>>& m, std::int64_t scalars, int tile_columns) {
  using T = Scalar<D>;
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  HWY_ALIGN T buffer[kStripRows * kPanelVectors * kStep];
  const std::int64_t width = m.rows * kStep;
  for (std::int64_t column = 0; column < m.columns; column += kStripRows) {
    Matrices<T> now = m;
    now.columns = std::min(kStripRows, m.columns - column);
    now.b.data += column * m.b.across;
    now.c = {buffer, kStep, width};
    T* c = m.c.data + column * m.c.column;
    if (!m.begins)
      for (std::int64_t j = 0; j < now.columns; ++j)
        for (std::int64_t i = 0; i < width; ++i)
          buffer[j * width + i] = i < scalars ? c[i * m.c.row + j * m.c.column] : 0;
    multiply<Kernel>(now, Cut(m.rows, static_cast<int>(m.rows)), Cut(now.columns, tile_columns));
    for (std::int64_t j = 0; j < now.columns; ++j)
      for (std::int64_t i = 0; i < scalars; ++i)
        c[i * m.c.row + j * m.c.column] = buffer[j * width + i];
  }
}

// m.rows counts scalars here, and m.a, m.c step by scalars along them.
template <class D>
void multiply_plain(const Matrices<Scalar<D>>& m) {
  using T = Scalar<D>;
  using Kernel = Product<D, Load::kBroadcast, kPanelVectors>;
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  HWY_ALIGN T packed[kPanelDepth * kPanelVectors * kStep];

  const std::int64_t vectors = (m.rows + kStep - 1) / kStep;
  const auto [tile_rows, tile_columns] = choose_tile(vectors, m.columns, m.k, kPanelVectors);
  const Cut panels(vectors, tile_rows);
  for (std::int64_t k = 0; k < m.k; k += kPanelDepth) {
    std::int64_t first = 0;  // scalar of the panel
    for (std::int64_t panel = 0; panel < panels.tiles; ++panel) {
      const int width = panels.size(panel < panels.large ? 0 : 1);
      const std::int64_t scalars = std::min<std::int64_t>(width * kStep, m.rows - first);
      Matrices<T> now = m;
      now.rows = width;
      now.k = std::min(kPanelDepth, m.k - k);
      now.begins = m.begins && k == 0;
      now.a.data += first * m.a.across + k * m.a.along;
      now.b.data += k * m.b.along;
      now.c.data += first * m.c.row;
      const bool full = scalars == width * kStep;
      if (full && m.a.across == 1 && m.columns < kPackingRows) {
        now.a.across = kStep;
      } else {
        pack_plain<D>(packed, now.a, now.k, scalars, width);
        now.a = {packed, kStep, width * kStep};
      }
      if (full && m.c.row == 1) {
        now.c.row = kStep;
        multiply<Kernel>(now, Cut(width, width), Cut(m.columns, tile_columns));
      } else {
        multiply_beside<D, Kernel>(now, scalars, tile_columns);
      }
      first += scalars;
    }
  }
}

// Prompts become more of a dimension, if it goes on from one prompt to the next in x: `size` steps of
// `stride`, or any group stride if there is but one.
bool goes_on(const Operand& x, std::int64_t size, size_t axis) {
  return size == 1 || x.group_stride == size * x.strides[axis];
}
void continue_along(Operand& x, std::int64_t size, size_t axis) {
  if (size == 1) x.strides[axis] = x.group_stride;
  x.group_stride = 0;
}

// Rows of a and c go on, where b is the same for all prompts.
void join_rows(ProductArgs& args) {
  const bool joins = args.groups > 1 && args.batch0 == 1 && args.batch1 == 1 &&
                     args.b.group_stride == 0 && goes_on(args.a, args.m, 2) &&
                     goes_on(args.c, args.m, 2);
  if (!joins) return;
  continue_along(args.a, args.m, 2);
  continue_along(args.c, args.m, 2);
  args.m *= args.groups;
  args.groups = 1;
}

// The same of k, for sums over prompts.
void join_depth(ProductArgs& args) {
  const bool joins = args.groups > 1 && args.batch0 == 1 && args.batch1 == 1 &&
                     goes_on(args.a, args.k, 3) && goes_on(args.b, args.k, 2);
  if (!joins) return;
  continue_along(args.a, args.k, 3);
  continue_along(args.b, args.k, 2);
  args.k *= args.groups;
  args.groups = 1;
}

// Vectors along the longer side that lies without gaps; along columns if both do.
bool has_vectors_along_rows(const ProductArgs& args) {
  return args.n == 1 || (args.c.strides[3] != 1 && args.c.strides[2] == 1);
}

template <class D>
void product_plain(ProductArgs args) {
  join_rows(args);
  if (!has_vectors_along_rows(args)) transpose(args);
  const Matrices<Scalar<D>> whole = matrices<Scalar<D>>(args);
  for_each_matrix(args, args.groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
    Matrices<Scalar<D>> m = whole;
    m.c.data += offset(args.c, b0, b1, g);
    m.a.data += offset(args.a, b0, b1, g);
    m.b.data += offset(args.b, b0, b1, g);
    multiply_plain<D>(m);
  });
}

// The chain goes through all prompts, each a group.
template <class D>
void product_plain_over_prompts(ProductArgs args) {
  join_depth(args);
  if (!has_vectors_along_rows(args)) transpose(args);
  const Matrices<Scalar<D>> whole = matrices<Scalar<D>>(args);
  for_each_matrix(args, args.groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
    Matrices<Scalar<D>> m = whole;
    m.start = 0;
    m.begins = g == 0;
    m.c.data += offset(args.c, b0, b1, 0);
    m.a.data += offset(args.a, b0, b1, g);
    m.b.data += offset(args.b, b0, b1, g);
    multiply_plain<D>(m);
  });
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

// a or b in lanes, or both; the chain goes through so many groups, after which lanes are folded.
template <class D>
void multiply_lanes(ProductArgs args, std::int64_t groups, std::int64_t groups_in_chain,
                    bool folds) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  const bool both = args.a.lanes && args.b.lanes;
  // The longer side passes by panels of the shorter.
  if (!args.a.lanes || (both && args.m < args.n)) transpose(args);
  Matrices<Scalar<D>> m = matrices<Scalar<D>>(args);
  m.slices = kLanes / kStep;
  m.groups = groups_in_chain;
  m.b_slice = both ? kStep : 0;
  if (both)
    multiply_all<Product<D, Load::kVector>>(args, groups, m, {m.rows >= kPackingRows, folds});
  else
    multiply_all<Product<D, Load::kBroadcast>>(args, groups, m, {false, folds});
}

template <class D>
void product(const ProductArgs& args) {
  using T = Scalar<D>;
  if (is_empty(args)) return;
  if (args.k == 0) return write_zeros<T>(args, args.groups);
  if (!args.c.lanes) return product_plain<D>(args);
  if (!args.a.lanes && !args.b.lanes) return product_of_plain_in_lanes<T>(args);

  multiply_lanes<D>(args, args.groups, 1, false);
}

template <class D>
void product_over_prompts(const ProductArgs& args) {
  if (is_empty(args)) return;
  if (args.k == 0) return write_zeros<Scalar<D>>(args, 1);
  if (!args.a.lanes && !args.b.lanes) return product_plain_over_prompts<D>(args);
  multiply_lanes<D>(args, 1, args.groups, true);
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
