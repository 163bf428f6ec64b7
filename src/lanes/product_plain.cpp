// Products of plain matrices (product_tiles.h), most of them in the ordinary layout.
//
// Vectors run along one side of c, scalars of the other are broadcast. Prompts that follow one another
// in memory become more rows, or more of k where prompts are summed. The side of vectors passes in
// panels of a few vectors and kDepth of k, copied to where they lie without gaps (and without falling
// into one set of L1) unless the other side is too short to pay for it.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/product_plain.cpp"
#include "hwy/foreach_target.h"
//
#include <algorithm>
#include <cstddef>

#include "lanes/product_tiles.h"
#include "lanes/transpose.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

constexpr std::int64_t kDepth = 128;       // 4 vectors of 32 bytes then take 16 KiB
constexpr std::int64_t kFewColumns = 12;   // with fewer, copying a panel costs more than it brings
constexpr std::int64_t kBesideColumns = 64;

// ---- a panel ----

// Its rows are vectors, all in one tile.
template <class T>
struct PanelProblem : Matrices<T> {
  int last = 0;  // scalars of the last vector
};

template <class D>
struct PlainKernel {
  using T = Scalar<D>;
  using Problem = PanelProblem<T>;
  static constexpr int kMostRows = 4;

  template <int R, int C>
  static HWY_INLINE void tile(const Problem& m, std::int64_t i, std::int64_t j, Panel<T> a,
                              Panel<T> b) {
    const D d;
    const bool whole = m.last == static_cast<int>(hn::MaxLanes(d));
    const Result<T> c = m.c.from(i, j);
    Tile<D, R, C> t;
    if (m.begins)
      t.fill(d, m.start);
    else if (whole)
      t.load(d, c.data, c.row, c.column);
    else
      t.load(d, c.data, c.row, c.column, m.last);
    for (std::int64_t group = 0; group < m.groups; ++group) {
      t.template accumulate<Load::kBroadcast>(d, a, b, m.k);
      a.data += m.a_group;
      b.data += m.b_group;
    }
    if (m.addend.data) {
      const Result<const T> x = m.addend.from(i, j);
      if (m.load_addend == Load::kBroadcast)
        t.template add<Load::kBroadcast>(d, x.data, x.row, x.column);
      else if (whole)
        t.template add<Load::kVector>(d, x.data, x.row, x.column);
      else
        t.add(d, x.data, x.row, x.column, m.last);
    }
    if (whole)
      t.store(d, c.data, c.row, c.column);
    else
      t.store(d, c.data, c.row, c.column, m.last);
  }
};

// ---- copies ----

// Part of a chain: groups [group, group + groups), and of each the k in [k, k + steps).
struct PlainPart {
  std::int64_t group, groups, k, steps;
};

// `scalars` of the vectors' side, `depth` steps of k, to `vectors` vectors a step. What is beyond the
// scalars is never stored: any number serves.
template <class D>
void pack_steps(Scalar<D>* out, const Panel<Scalar<D>>& from, std::int64_t depth,
                std::int64_t scalars, int vectors) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  constexpr std::int64_t kBlock = 16 / sizeof(Scalar<D>);
  const D d;
  const std::int64_t width = vectors * kStep;
  if (from.across == 1) {
    const auto last = static_cast<int>(scalars - (vectors - 1) * kStep);
    for (std::int64_t k = 0; k < depth; ++k) {
      const Scalar<D>* in = from.data + k * from.along;
      for (int v = 0; v + 1 < vectors; ++v)
        hn::Store(hn::LoadU(d, in + v * kStep), d, out + v * kStep);
      const Scalar<D>* end = in + (vectors - 1) * kStep;
      hn::Store(last == kStep ? hn::LoadU(d, end) : load_first(d, end, last), d,
                out + (vectors - 1) * kStep);
      out += width;
    }
    return;
  }
  for (int v = 0; v < vectors; ++v) {
    const Scalar<D>* rows[kStep];
    for (std::int64_t i = 0; i < kStep; ++i)
      rows[i] = from.data + std::min(v * kStep + i, scalars - 1) * from.across;
    Scalar<D>* to = out + v * kStep;
    std::int64_t k = 0;
    if (from.along == 1)
      for (; k + kBlock <= depth; k += kBlock) transpose_block(d, rows, k, to + k * width, width);
    for (; k < depth; ++k)
      for (int i = 0; i < kStep; ++i) to[k * width + i] = rows[i][k * from.along];
  }
}

// ---- one matrix ----

// How matrices of one shape are cut.
struct PlainPlan {
  int tile_columns;
  Cut panels;
  Cut depth;                      // of k
  std::int64_t groups_at_once;    // of groups, where k is one part
  bool copies;                    // panels
  bool stores;                    // tiles to c; otherwise beside it
};

template <class D>
PlainPlan make_plan(const Matrices<Scalar<D>>& m) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  const std::int64_t vectors = (m.rows + kStep - 1) / kStep;
  const auto [rows, columns] =
      choose_tile(vectors, m.columns, m.k * m.groups, PlainKernel<D>::kMostRows);
  return {columns,
          Cut(vectors, rows),
          Cut(m.k, kDepth),
          std::max<std::int64_t>(kDepth / m.k, 1),
          m.a.across != 1 || m.columns >= kFewColumns || m.rows % kStep != 0,
          m.c.row == 1};
}

// A panel of c whose scalars are not neighbours, in a buffer.
template <class D>
void multiply_beside(const PanelProblem<Scalar<D>>& m, std::int64_t scalars, int tile_columns) {
  using T = Scalar<D>;
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  HWY_ALIGN T buffer[kBesideColumns * PlainKernel<D>::kMostRows * kStep];
  const std::int64_t width = m.rows * kStep;
  for (std::int64_t column = 0; column < m.columns; column += kBesideColumns) {
    PanelProblem<T> now = m;
    now.columns = std::min(kBesideColumns, m.columns - column);
    now.b.data += column * m.b.across;
    now.c = {buffer, kStep, width};
    now.last = kStep;
    const Result<T> c = m.c.from(0, column);
    if (!m.begins)
      for (std::int64_t j = 0; j < now.columns; ++j)
        for (std::int64_t i = 0; i < width; ++i)
          buffer[j * width + i] = i < scalars ? *c.from(i, j).data : 0;
    multiply<PlainKernel<D>>(now, Cut(m.rows, static_cast<int>(m.rows)),
                             Cut(now.columns, tile_columns));
    for (std::int64_t j = 0; j < now.columns; ++j)
      for (std::int64_t i = 0; i < scalars; ++i) *c.from(i, j).data = buffer[j * width + i];
  }
}

// Adds the addend to all of c, where tiles could not.
template <class D>
void add_beside(const Matrices<Scalar<D>>& m) {
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  const D d;
  const bool has_vectors = m.c.column == 1 && (m.addend.column == 1 || m.addend.column == 0);
  for (std::int64_t i = 0; i < m.rows; ++i) {
    Scalar<D>* c = m.c.from(i, 0).data;
    const Scalar<D>* x = m.addend.from(i, 0).data;
    std::int64_t j = 0;
    for (; has_vectors && j + kStep <= m.columns; j += kStep) {
      const auto more = m.addend.column == 1 ? hn::LoadU(d, x + j) : hn::Set(d, *x);
      hn::StoreU(hn::Add(hn::LoadU(d, c + j), more), d, c + j);
    }
    for (; j < m.columns; ++j) c[j * m.c.column] += x[j * m.addend.column];
  }
}

// One part of the chain.
template <class D>
void multiply_part(const Matrices<Scalar<D>>& m, const PlainPlan& plan, const PlainPart& part) {
  using T = Scalar<D>;
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  HWY_ALIGN T packed[kDepth * PlainKernel<D>::kMostRows * kStep];
  PanelProblem<T> now{m};
  now.groups = part.groups;
  now.k = part.steps;
  now.b.data += part.group * m.b_group + part.k * m.b.along;
  std::int64_t first = 0;  // scalar of the panel
  for (std::int64_t panel = 0; panel < plan.panels.tiles; ++panel) {
    const int width = plan.panels.size(panel < plan.panels.large ? 0 : 1);
    const std::int64_t scalars = std::min<std::int64_t>(width * kStep, m.rows - first);
    now.rows = width;
    now.last = static_cast<int>(scalars - (width - 1) * kStep);
    now.c.data = m.c.data + first * m.c.row;
    now.c.row = kStep;
    if (m.addend.data) {
      now.addend.data = m.addend.data + first * m.addend.row;
      now.addend.row = m.addend.row * kStep;
    }
    now.a.data = m.a.data + part.group * m.a_group + part.k * m.a.along + first * m.a.across;
    now.a.across = kStep;
    if (plan.copies) {
      now.a_group = part.steps * width * kStep;
      for (std::int64_t group = 0; group < part.groups; ++group)
        pack_steps<D>(packed + group * now.a_group,
                      {now.a.data + group * m.a_group, m.a.across, m.a.along}, part.steps, scalars,
                      width);
      now.a = {packed, kStep, width * kStep};
    }
    if (plan.stores) {
      multiply<PlainKernel<D>>(now, Cut(width, width), Cut(m.columns, plan.tile_columns));
    } else {
      now.c.row = m.c.row;
      multiply_beside<D>(now, scalars, plan.tile_columns);
    }
    first += scalars;
  }
}

// m.rows counts scalars, and m.a, m.c and the addend step by scalars along them.
template <class D>
void multiply_plain(const Matrices<Scalar<D>>& m, const PlainPlan& plan) {
  Matrices<Scalar<D>> now = m;
  const bool fuses = plan.stores && (m.addend.row == 1 || m.addend.row == 0);
  now.load_addend = m.addend.row == 1 ? Load::kVector : Load::kBroadcast;
  const std::int64_t groups_at_once = plan.depth.tiles == 1 ? plan.groups_at_once : 1;
  for (std::int64_t group = 0; group < m.groups; group += groups_at_once) {
    std::int64_t k = 0;
    for (std::int64_t i = 0; i < plan.depth.tiles; ++i) {
      const PlainPart part{group, std::min(groups_at_once, m.groups - group), k,
                           plan.depth.size(i < plan.depth.large ? 0 : 1)};
      now.begins = group == 0 && k == 0;
      k += part.steps;
      const bool ends = group + part.groups == m.groups && k == m.k;
      now.addend.data = ends && fuses ? m.addend.data : nullptr;
      multiply_part<D>(now, plan, part);
    }
  }
  if (m.addend.data && !fuses) add_beside<D>(m);
}

// ---- prompts that follow one another ----

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
bool rows_go_on(const ProductArgs& args) {
  return args.groups > 1 && args.batch0 == 1 && args.batch1 == 1 && args.b.group_stride == 0 &&
         goes_on(args.a, args.m, 2) && goes_on(args.c, args.m, 2);
}
void join_rows(ProductArgs& args) {
  for (Operand* x : {&args.a, &args.c, &args.addend}) continue_along(*x, args.m, 2);
  args.m *= args.groups;
  args.groups = 1;
}

// The same of k, for sums over prompts.
void join_depth(ProductArgs& args) {
  const bool joins = args.groups > 1 && goes_on(args.a, args.k, 3) && goes_on(args.b, args.k, 2);
  if (!joins) return;
  continue_along(args.a, args.k, 3);
  continue_along(args.b, args.k, 2);
  args.k *= args.groups;
  args.groups = 1;
}

// Vectors along the side of c that lies without gaps; along columns if both do.
bool has_vectors_along_rows(const ProductArgs& args) {
  return args.n == 1 || (args.c.strides[3] != 1 && args.c.strides[2] == 1);
}

// ---- all matrices ----

// Rows [begin, end) of c in scalars.
template <class D>
void multiply_rows(ProductArgs args, std::int64_t groups, std::int64_t groups_in_chain,
                   Scalar<D> start, std::int64_t begin, std::int64_t end) {
  using T = Scalar<D>;
  if (begin == end) return;
  args.m = end - begin;
  for (Operand* x : {&args.c, &args.a, &args.addend})
    if (x->data) x->data = static_cast<T*>(x->data) + begin * x->strides[2];
  Matrices<T> shape = matrices<T>(args, 0, 0, 0);
  shape.groups = groups_in_chain;
  const PlainPlan plan = make_plan<D>(shape);
  for_each_matrix(args, groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
    Matrices<T> m = matrices<T>(args, b0, b1, g);
    m.groups = groups_in_chain;
    m.start = start;
    multiply_plain<D>(m, plan);
  });
}

template <class D>
void multiply_all(ProductArgs args, std::int64_t groups, std::int64_t groups_in_chain,
                  Scalar<D> start) {
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  if (!has_vectors_along_rows(args)) transpose(args);
  // Whole vectors need no copy where there are few columns; a last one that is not whole does.
  const bool splits = args.a.strides[2] == 1 && args.n < kFewColumns;
  const std::int64_t whole = splits ? args.m / kStep * kStep : 0;
  multiply_rows<D>(args, groups, groups_in_chain, start, 0, whole);
  multiply_rows<D>(args, groups, groups_in_chain, start, whole, args.m);
}

template <class D>
void product_plain(ProductArgs args) {
  const ProductArgs each = args;
  const bool joins = rows_go_on(args);
  // An addend that does not go on with the rows (positions, the same for all prompts) is added after.
  const bool adds_after = joins && args.addend.data && !goes_on(args.addend, args.m, 2);
  if (adds_after) args.addend = {};
  if (joins) join_rows(args);
  multiply_all<D>(args, args.groups, 1, Scalar<D>(-0.0));
  if (!adds_after) return;
  for_each_matrix(each, each.groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
    add_beside<D>(matrices<Scalar<D>>(each, b0, b1, g));
  });
}

// The chain goes through all prompts, each a group.
template <class D>
void product_plain_over_prompts(ProductArgs args) {
  join_depth(args);
  multiply_all<D>(args, 1, args.groups, 0);
}

#define ICLAB_LANES_PLAIN(D)                  \
  template void product_plain<D>(ProductArgs); \
  template void product_plain_over_prompts<D>(ProductArgs)
ICLAB_LANES_PLAIN(hn::ScalableTag<float>);
ICLAB_LANES_PLAIN(hn::ScalableTag<double>);
#if HWY_TARGET == HWY_AVX2
ICLAB_LANES_PLAIN(hn::Half<hn::ScalableTag<float>>);
ICLAB_LANES_PLAIN(hn::Half<hn::ScalableTag<double>>);
#endif
#undef ICLAB_LANES_PLAIN

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
