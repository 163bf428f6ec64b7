// Products of matrices: c(i,j) = sum_k a(i,k) b(k,j), batched, and the same summed over prompts.
//
// All cases are one: a's rows are vectors, b's columns are vectors or broadcast scalars, and one
// micro-kernel (product_tile.h) computes a tile of c. Here vectors are lanes: where only b has lanes,
// the transposed product is taken. Plain matrices: product_plain.cpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/product.cpp"
#include "hwy/foreach_target.h"
//
#include <algorithm>
#include <cstddef>
#include <utility>

#include "lanes/product_tiles.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

template <class D, Load kLoadB>
struct Product {
  using T = Scalar<D>;
  using Tag = D;
  using Problem = Matrices<T>;
  static constexpr int kMostRows = kMaxSide;

  template <int R, int C>
  static HWY_INLINE void tile(const Problem& m, std::int64_t i, std::int64_t j, Panel<T> a,
                              Panel<T> b) {
    constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
    const D d;
    Result<T> c = m.c.from(i, j);
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
      if (m.addend.data) {
        const Result<const T> x = m.addend.from(i, j);
        if (m.load_addend == Load::kVector)
          t.template add<Load::kVector>(d, x.data + slice * kStep, x.row, x.column);
        else
          t.template add<Load::kBroadcast>(d, x.data, x.row, x.column);
      }
      t.store(d, c.data, c.row, c.column);
      a.data += kStep;
      c.data += kStep;
      b.data += m.b_slice;
    }
  }
};

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
      if (group + groups < m.groups || k + kPanelSteps < m.k) now.addend.data = nullptr;
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
      if (m.addend.data) strip.addend = m.addend.from(row, column);
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

// What is done beside multiplying: b packed into panels, the lanes of c folded.
struct Plan {
  bool packs = false, folds = false;
};

// ---- all matrices ----

// Chains without products.
template <class T>
void write_zeros(const ProductArgs& args, std::int64_t groups) {
  const int lanes = args.c.lanes ? kLanes : 1;
  for_each_matrix(args, groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
    const Matrices<T> m = matrices<T>(args, b0, b1, g);
    for (std::int64_t i = 0; i < m.rows; ++i)
      for (std::int64_t j = 0; j < m.columns; ++j)
        for (int lane = 0; lane < lanes; ++lane) {
          T& c = m.c.from(i, j).data[lane];
          c = 0;
          if (m.addend.data) c += m.addend.from(i, j).data[args.addend.lanes ? lane : 0];
        }
  });
}

inline bool is_empty(const ProductArgs& args) {
  return args.m == 0 || args.n == 0 || args.batch0 == 0 || args.batch1 == 0;
}

// Two plain matrices, whose product all lanes take.
template <class D>
void product_of_plain_in_lanes(const ProductArgs& args) {
  using T = Scalar<D>;
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  const D d;
  for_each_matrix(args, args.groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
    const Matrices<T> m = matrices<T>(args, b0, b1, g);
    for (std::int64_t i = 0; i < m.rows; ++i)
      for (std::int64_t j = 0; j < m.columns; ++j) {
        const hn::CappedTag<T, 1> one;
        Tile<decltype(one), 1, 1> t;
        t.fill(one, m.start);
        t.template accumulate<Load::kBroadcast>(one, {m.a.data + i * m.a.across, 0, m.a.along},
                                                {m.b.data + j * m.b.across, 0, m.b.along}, m.k);
        T* c = m.c.from(i, j).data;
        std::fill_n(c, kLanes, hn::GetLane(t.c[0][0]));
        if (!m.addend.data) continue;
        const T* x = m.addend.from(i, j).data;
        for (int lane = 0; lane < kLanes; lane += kStep) {
          const auto more = args.addend.lanes ? hn::LoadU(d, x + lane) : hn::Set(d, *x);
          hn::StoreU(hn::Add(hn::LoadU(d, c + lane), more), d, c + lane);
        }
      }
  });
}

template <class Kernel>
void multiply_all(const ProductArgs& args, std::int64_t groups, std::int64_t groups_in_chain,
                  Plan plan) {
  using T = typename Kernel::T;
  constexpr int kStep = static_cast<int>(hn::MaxLanes(typename Kernel::Tag()));
  const std::pair<int, int> tile =
      choose_tile(args.m, args.n, args.k * groups_in_chain, Kernel::kMostRows);
  for_each_matrix(args, groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
    Matrices<T> m = matrices<T>(args, b0, b1, g);
    m.slices = kLanes / kStep;
    m.groups = groups_in_chain;
    m.b_slice = args.b.lanes ? kStep : 0;
    if (plan.packs || plan.folds)
      multiply_by_panels<Kernel>(m, tile.first, tile.second, plan.packs, plan.folds);
    else
      multiply<Kernel>(m, Cut(m.rows, tile.first), Cut(m.columns, tile.second));
  });
}

// a or b in lanes, or both; the chain goes through so many groups, after which lanes are folded.
template <class D>
void multiply_lanes(ProductArgs args, std::int64_t groups, std::int64_t groups_in_chain,
                    bool folds) {
  const bool both = args.a.lanes && args.b.lanes;
  // The longer side passes by panels of the shorter.
  if (!args.a.lanes || (both && args.m < args.n)) transpose(args);
  if (both)
    return multiply_all<Product<D, Load::kVector>>(args, groups, groups_in_chain,
                                                   {args.m >= kPackingRows, folds});
  // A row of each group meets the same matrix: together they fill a tile.
  const bool adds_on = !args.addend.data || goes_on(args.addend, args.m, 2);
  if (!folds && rows_go_on(args) && adds_on) {
    join_rows(args);
    groups = 1;
  }
  multiply_all<Product<D, Load::kBroadcast>>(args, groups, groups_in_chain, {false, folds});
}

// The same elements as plain scalars: the lanes of an element are 16 more steps of `k`, which become one chain
// if k goes on after them, else a group each.
inline void spread_lanes(Operand& x, size_t k) {
  x.lanes = false;
  for (std::int64_t& stride : x.strides) stride *= kLanes;
  x.group_stride = x.strides[k];
  x.strides[k] = 1;
}

// Both in lanes: one chain over groups, k and lanes, as of plain matrices.
template <class D>
void product_of_lanes_over_prompts(ProductArgs args) {
  const bool joins = goes_on(args.a, args.k, 3) && goes_on(args.b, args.k, 2);
  if (joins) {
    continue_along(args.a, args.k, 3);
    continue_along(args.b, args.k, 2);
  }
  ProductArgs chain = args;
  chain.groups = joins ? args.k * args.groups : args.k;
  chain.k = kLanes;
  spread_lanes(chain.a, 3);
  spread_lanes(chain.b, 2);
  const std::int64_t chains = joins ? 1 : args.groups;
  for (std::int64_t group = 0; group < chains; ++group) {
    chain.a.data = static_cast<Scalar<D>*>(args.a.data) + group * args.a.group_stride * kLanes;
    chain.b.data = static_cast<Scalar<D>*>(args.b.data) + group * args.b.group_stride * kLanes;
    chain.addend.data = group + 1 == chains ? args.addend.data : nullptr;
    product_plain_over_prompts<D>(chain, group == 0);
  }
}

template <class D>
void product(const ProductArgs& args) {
  using T = Scalar<D>;
  if (is_empty(args)) return;
  if (args.k == 0) return write_zeros<T>(args, args.groups);
  if (!args.c.lanes) return product_plain<D>(args);
  if (!args.a.lanes && !args.b.lanes) return product_of_plain_in_lanes<D>(args);

  multiply_lanes<D>(args, args.groups, 1, false);
}

template <class D>
void product_over_prompts(const ProductArgs& args) {
  if (is_empty(args)) return;
  if (args.k == 0) return write_zeros<Scalar<D>>(args, 1);
  if (!args.a.lanes && !args.b.lanes) return product_plain_over_prompts<D>(args);
  if (args.a.lanes && args.b.lanes) return product_of_lanes_over_prompts<D>(args);
  multiply_lanes<D>(args, 1, args.groups, true);
}

template <class D>
bool sums_chains(const ProductArgs& args) {
  if (is_empty(args) || args.k == 0) return false;
  return !args.a.lanes && !args.b.lanes && plain_sums_chains<D>(args);
}

template <class D>
void fill_product(Kernels<Scalar<D>>& table) {
  table.product = &product<D>;
  table.product_over_prompts = &product_over_prompts<D>;
  table.sums_chains = &sums_chains<D>;
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(product);
}  // namespace iclab::lanes
#endif
