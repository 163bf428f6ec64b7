// Products of plain matrices (product_tiles.h), most of them in the ordinary layout.
//
// Vectors run along one side of c, scalars of the other are broadcast. Prompts that follow one another
// in memory become more rows, or more of k where prompts are summed. The side of vectors passes in
// panels of a few vectors and kDepth of k, copied to where they lie without gaps (and without falling
// into one set of L1) unless the other side is too short to pay for it (product_few.h).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/product_plain.cpp"
#include "hwy/foreach_target.h"
//
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "hwy/cache_control.h"
#include "lanes/product_few.h"
#include "lanes/product_tiles.h"
#include "lanes/transpose.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

constexpr std::int64_t kDepth = 192;         // 4 vectors of 32 bytes then take 24 KiB
constexpr std::int64_t kColumnsToCopy = 12;  // with fewer, copying a panel costs more than it brings
constexpr std::int64_t kBesideColumns = 64;

// The other side is copied too where its steps of k lie so far apart that they fall into few sets of L1
// (weight gradients of 512 x 512: 0.70 to 0.82 of the peak), if so many panels share the copy.
constexpr std::int64_t kFarBytes = 2048;
constexpr std::int64_t kManyPanels = 8;
constexpr std::int64_t kStripColumns = 128;

// ---- a panel ----

// Its rows are vectors, all in one tile.
template <class D>
struct PanelProblem : Matrices<Scalar<D>> {
  bool is_whole() const { return last == static_cast<int>(hn::MaxLanes(D())); }

  int last = 0;              // scalars of the last vector
  bool has_strip = false;    // b is a copied strip
  bool sums_chains = false;  // each group is a chain; after the first, c is the addend
};

template <class D>
struct PlainKernel {
  using T = Scalar<D>;
  using Problem = PanelProblem<D>;
  static constexpr int kMostRows = 8;

  template <int R, int C>
  static HWY_INLINE void tile(const Problem& m, std::int64_t i, std::int64_t j, Panel<T> a,
                              Panel<T> b) {
    const D d;
    const Result<T> c = m.c.from(i, j);
    std::ptrdiff_t b_group = m.b_group;
    if (m.has_strip) b.across = 1, b.along = C, b_group = C * m.k;
    Tile<D, R, C> t;
    if (m.begins)
      t.fill(d, m.start);
    else if (m.is_whole())
      t.load(d, c.data, c.row, c.column);
    else
      t.load(d, c.data, c.row, c.column, m.last);
    Result<const T> addend = m.addend.data ? m.addend.from(i, j) : m.addend;
    for (std::int64_t group = 0; group < m.groups; ++group) {
      if (group + 1 < m.groups)
        for (int column = 0; column < C; ++column) hwy::Prefetch(b.data + b_group + column * b.across);
      t.template accumulate<Load::kBroadcast>(d, a, b, m.k);
      a.data += m.a_group;
      b.data += b_group;
      if (!m.sums_chains || group + 1 == m.groups) continue;
      end_chain(m, t, addend, c);
      t.fill(d, m.start);
      addend = {c.data, c.row, c.column};
    }
    end_chain(m, t, addend, c);
  }

 private:
  template <int R, int C>
  static HWY_INLINE void end_chain(const Problem& m, Tile<D, R, C>& t, const Result<const T>& addend,
                                   const Result<T>& c) {
    const D d;
    if (addend.data) {
      if (m.load_addend == Load::kBroadcast)
        t.template add<Load::kBroadcast>(d, addend.data, addend.row, addend.column);
      else if (m.is_whole())
        t.template add<Load::kVector>(d, addend.data, addend.row, addend.column);
      else
        t.add(d, addend.data, addend.row, addend.column, m.last);
    }
    if (m.is_whole())
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

// A block of rows `across` scalars apart, turned.
template <class D>
HWY_INLINE void turn_rows(D d, const Scalar<D>* rows, std::ptrdiff_t across, Scalar<D>* out,
                          std::int64_t out_step) {
  hn::Vec<D> turned[kBlockOf<D>];
  turn_block(d, [&](int lane) { return rows + lane * across; }, turned);
#pragma GCC unroll 4
  for (int j = 0; j < kBlockOf<D>; ++j) hn::StoreU(turned[j], d, out + j * out_step);
}

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
    const Scalar<D>* first = from.data + v * kStep * from.across;
    Scalar<D>* to = out + v * kStep;
    if ((v + 1) * kStep <= scalars && from.along == 1 && depth % kBlock == 0) {
      for (std::int64_t k = 0; k < depth; k += kBlock)
        turn_rows(d, first + k, from.across, to + k * width, width);
      continue;
    }
    const Scalar<D>* rows[kStep];
    for (std::int64_t i = 0; i < kStep; ++i)
      rows[i] = from.data + std::min(v * kStep + i, scalars - 1) * from.across;
    if (from.along == 1 && depth >= kBlock) {
      // A last block that is not whole begins earlier.
      for (std::int64_t k = 0; k < depth; k += kBlock) {
        const std::int64_t begin = std::min(k, depth - kBlock);
        transpose_block(d, rows, begin, to + begin * width, width);
      }
    } else {
      for (std::int64_t k = 0; k < depth; ++k)
        for (int i = 0; i < kStep; ++i) to[k * width + i] = rows[i][k * from.along];
    }
  }
}

// The first lines of rows that lie on lines of their own: groups are often pages apart, where the processor
// does not foresee them.
template <class T>
void fetch_group(const T* rows, std::ptrdiff_t across, std::int64_t count) {
  if (across * std::ptrdiff_t{sizeof(T)} < 64) return;
  for (std::int64_t i = 0; i < count; ++i) hwy::Prefetch(rows + i * across);
}

// kColumns neighbouring columns of b, step by step.
template <int kColumns, class T>
void copy_columns(T* out, const T* in, std::ptrdiff_t along, std::int64_t depth) {
  for (std::int64_t k = 0; k < depth; ++k)
    std::memcpy(out + k * kColumns, in + k * along, kColumns * sizeof(T));
}

// The part's columns of b, tile by tile as `columns` cuts them.
template <class T>
void copy_strip(T* out, const Matrices<T>& m, const PlainPart& part, Cut columns) {
  static_assert(kMaxSide == 6);
  constexpr void (*kCopies[])(T*, const T*, std::ptrdiff_t, std::int64_t) = {
      &copy_columns<1, T>, &copy_columns<2, T>, &copy_columns<3, T>,
      &copy_columns<4, T>, &copy_columns<5, T>, &copy_columns<6, T>};
  const T* in = m.b.data;
  for (const int which : {0, 1})
    for (std::int64_t tile = 0; tile < columns.count(which); ++tile) {
      const int size = columns.size(which);
      for (std::int64_t group = 0; group < part.groups; ++group) {
        kCopies[size - 1](out, in + group * m.b_group, m.b.along, part.steps);
        out += part.steps * size;
      }
      in += size;
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
  bool copies_strips;             // of b
  bool stores;                    // tiles to c; otherwise beside it
  bool sums_chains = false;       // each group is a chain of its own
};

template <class D>
PlainPlan make_plan(const Matrices<Scalar<D>>& m) {
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  const std::int64_t vectors = (m.rows + kStep - 1) / kStep;
  const auto [rows, columns] =
      choose_tile(vectors, m.columns, m.k * m.groups, PlainKernel<D>::kMostRows);
  const bool stores = m.c.row == 1;
  // The panel is used once, or is still in L1 when it is used again.
  const bool is_near = m.columns <= columns || m.k * m.groups <= kDepth;
  if (m.begins && m.a.across == 1 && m.columns < kColumnsToCopy && m.rows >= kStep && is_near) {
    const auto most = std::min<std::int64_t>(rows, m.rows / kStep);
    return {columns, Cut(vectors, static_cast<int>(most)), Cut(m.k, static_cast<int>(m.k)), m.groups,
            false,   false,                                stores};
  }
  const Cut panels(vectors, rows);
  const bool is_far = m.b.across == 1 && m.b.along * std::ptrdiff_t{sizeof(Scalar<D>)} >= kFarBytes;
  return {columns,
          panels,
          Cut(m.k, kDepth),
          std::max<std::int64_t>(kDepth / m.k, 1),
          true,
          stores && is_far && panels.tiles >= kManyPanels,
          stores};
}

// A panel of c whose scalars are not neighbours, in a buffer.
template <class D>
void multiply_beside(const PanelProblem<D>& m, std::int64_t scalars, int tile_columns) {
  using T = Scalar<D>;
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  HWY_ALIGN T buffer[kBesideColumns * PlainKernel<D>::kMostRows * kStep];
  const std::int64_t width = m.rows * kStep;
  for (std::int64_t column = 0; column < m.columns; column += kBesideColumns) {
    PanelProblem<D> now = m;
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

// One part of the chain, panel by panel; `strip` is b copied, or null.
template <class D>
void multiply_panels(const Matrices<Scalar<D>>& m, const PlainPlan& plan, const PlainPart& part,
                     const Scalar<D>* strip) {
  using T = Scalar<D>;
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  HWY_ALIGN T packed[kDepth * PlainKernel<D>::kMostRows * kStep];
  const std::int64_t steps = part.groups * part.steps;
  PanelProblem<D> now{m};
  now.groups = part.groups;
  now.k = part.steps;
  now.sums_chains = plan.sums_chains;
  if (strip) {
    now.b = {strip, steps, 0};
    now.has_strip = true;
  }
  if (strip && !plan.sums_chains) {
    now.groups = 1;
    now.k = steps;
  }
  std::int64_t begin = 0;
  for (std::int64_t panel = 0; panel < plan.panels.tiles; ++panel) {
    const int width = plan.panels.size(panel < plan.panels.large ? 0 : 1);
    // Where nothing is copied, a last panel that is not whole begins earlier.
    const std::int64_t first = plan.copies ? begin : std::min(begin, m.rows - width * kStep);
    const std::int64_t scalars = std::min<std::int64_t>(width * kStep, m.rows - first);
    now.rows = width;
    now.last = static_cast<int>(scalars - (width - 1) * kStep);
    now.c.data = m.c.data + first * m.c.row;
    now.c.row = kStep;
    if (m.addend.data) {
      now.addend.data = m.addend.data + first * m.addend.row;
      now.addend.row = m.addend.row * kStep;
    }
    const T* a = m.a.data + first * m.a.across;
    if (plan.copies) {
      now.a_group = part.steps * width * kStep;
      for (std::int64_t group = 0; group < part.groups; ++group) {
        if (group + 1 < part.groups) fetch_group(a + (group + 1) * m.a_group, m.a.across, scalars);
        pack_steps<D>(packed + group * now.a_group,
                      {a + group * m.a_group, m.a.across, m.a.along}, part.steps, scalars, width);
      }
      now.a = {packed, kStep, width * kStep};
    } else {
      now.a = {a, kStep, m.a.along};
    }
    if (plan.stores) {
      multiply<PlainKernel<D>>(now, Cut(width, width), Cut(m.columns, plan.tile_columns));
    } else {
      now.c.row = m.c.row;
      multiply_beside<D>(now, scalars, plan.tile_columns);
    }
    begin += scalars;
  }
}

// The same by strips of columns, of which b is copied.
template <class D>
void multiply_strips(const Matrices<Scalar<D>>& m, const PlainPlan& plan, const PlainPart& part) {
  HWY_ALIGN Scalar<D> strip[kDepth * kStripColumns];
  for (std::int64_t column = 0; column < m.columns; column += kStripColumns) {
    Matrices<Scalar<D>> now = m;
    now.columns = std::min(kStripColumns, m.columns - column);
    now.b.data += column * m.b.across;
    now.c = m.c.from(0, column);
    if (m.addend.data) now.addend = m.addend.from(0, column);
    copy_strip(strip, now, part, Cut(now.columns, plan.tile_columns));
    multiply_panels<D>(now, plan, part, strip);
  }
}

// One part of the chain.
template <class D>
void multiply_part(Matrices<Scalar<D>> m, const PlainPlan& plan, const PlainPart& part) {
  m.a.data += part.group * m.a_group + part.k * m.a.along;
  m.b.data += part.group * m.b_group + part.k * m.b.along;
  if (plan.copies_strips)
    multiply_strips<D>(m, plan, part);
  else
    multiply_panels<D>(m, plan, part, nullptr);
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
      now.begins = m.begins && group == 0 && k == 0;
      k += part.steps;
      const bool ends = group + part.groups == m.groups && k == m.k;
      now.addend.data = ends && fuses ? m.addend.data : nullptr;
      if (plan.sums_chains) {
        now.begins = true;
        now.addend = group == 0 ? m.addend : Result<const Scalar<D>>{m.c.data, m.c.row, m.c.column};
        now.load_addend = Load::kVector;
      }
      multiply_part<D>(now, plan, part);
    }
  }
  if (m.addend.data && !fuses) add_beside<D>(m);
}

// ---- prompts that follow one another ----

// k goes on from one prompt to the next, for sums over prompts.
inline void join_depth(ProductArgs& args) {
  const bool joins = args.groups > 1 && goes_on(args.a, args.k, 3) && goes_on(args.b, args.k, 2);
  if (!joins) return;
  continue_along(args.a, args.k, 3);
  continue_along(args.b, args.k, 2);
  args.k *= args.groups;
  args.groups = 1;
}

// Chains become groups, their prompts steps of k; false if they do not lie so.
inline bool join_chains(ProductArgs& args) {
  const std::int64_t chain = args.groups_per_chain, steps = args.k;
  const auto joins = [&](const Operand& x, size_t axis) { return chain == 1 || goes_on(x, steps, axis); };
  if (chain == 0 || args.groups % chain != 0 || !joins(args.a, 3) || !joins(args.b, 2)) return false;
  const auto join = [&](Operand& x, size_t axis) {
    const std::int64_t group_stride = x.group_stride;
    if (chain > 1) continue_along(x, steps, axis);
    x.group_stride = group_stride * chain;
  };
  join(args.a, 3);
  join(args.b, 2);
  args.k *= chain;
  args.groups /= chain;
  return true;
}

// Vectors along the longer side, where the other is short; or along that side of c that lies without gaps.
inline bool has_vectors_along_rows(const ProductArgs& args, std::int64_t step) {
  if (args.m == 1 || args.n == 1) return args.n == 1;
  if (args.n <= kFewColumns && args.m >= step) return true;
  if (args.m <= kFewColumns && args.n >= step) return false;
  return args.c.strides[3] != 1 && args.c.strides[2] == 1;
}

// ---- all matrices ----

// The side of vectors becomes rows.
template <class D>
void turn_to_vectors(ProductArgs& args) {
  if (!has_vectors_along_rows(args, static_cast<std::int64_t>(hn::MaxLanes(D())))) transpose(args);
}

template <class D>
void multiply_all(ProductArgs args, std::int64_t groups, std::int64_t groups_in_chain,
                  Scalar<D> start, bool begins) {
  using T = Scalar<D>;
  turn_to_vectors<D>(args);
  const auto each = [&](auto multiply) {
    for_each_matrix(args, groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
      Matrices<T> m = matrices<T>(args, b0, b1, g);
      m.groups = groups_in_chain;
      m.start = start;
      m.begins = begins;
      multiply(m);
    });
  };
  Matrices<T> shape = matrices<T>(args, 0, 0, 0);
  shape.groups = groups_in_chain;
  shape.begins = begins;
  if (begins && are_few<D>(shape)) return each([](const Matrices<T>& m) { multiply_few<D>(m); });
  if (begins && is_one<D>(shape)) return each([](const Matrices<T>& m) { multiply_one<D>(m); });
  PlainPlan plan = make_plan<D>(shape);
  plan.sums_chains = args.groups_per_chain > 0;
  each([&](const Matrices<T>& m) { multiply_plain<D>(m, plan); });
}

template <class D>
void product_plain(ProductArgs args) {
  if (args.a.group_stride == 0 && args.b.group_stride != 0) transpose(args);  // prompts are rows
  const ProductArgs each = args;
  const bool joins = rows_go_on(args);
  // An addend that does not go on with the rows (positions, the same for all prompts) is added after.
  const bool adds_after = joins && args.addend.data && !goes_on(args.addend, args.m, 2);
  if (adds_after) args.addend = {};
  if (joins) join_rows(args);
  multiply_all<D>(args, args.groups, 1, Scalar<D>(-0.0), true);
  if (!adds_after) return;
  for_each_matrix(each, each.groups, [&](std::int64_t b0, std::int64_t b1, std::int64_t g) {
    add_beside<D>(matrices<Scalar<D>>(each, b0, b1, g));
  });
}

// The chain goes through all prompts, each a group.
template <class D>
void product_plain_over_prompts(ProductArgs args, bool begins) {
  if (args.groups_per_chain > 0) join_chains(args);
  else join_depth(args);
  multiply_all<D>(args, 1, args.groups, 0, begins);
}

// Only where a tile holds a whole chain and can read what c holds before it writes there.
template <class D>
bool plain_sums_chains(ProductArgs args) {
  if (!join_chains(args)) return false;
  turn_to_vectors<D>(args);
  Matrices<Scalar<D>> shape = matrices<Scalar<D>>(args, 0, 0, 0);
  if (are_few<D>(shape) || is_one<D>(shape)) return false;
  const PlainPlan plan = make_plan<D>(shape);
  return plan.copies && plan.stores && plan.depth.tiles == 1;
}

#define ICLAB_LANES_PLAIN(D)                                      \
  template void product_plain<D>(ProductArgs);                    \
  template void product_plain_over_prompts<D>(ProductArgs, bool); \
  template bool plain_sums_chains<D>(ProductArgs)
ICLAB_LANES_PLAIN(hn::ScalableTag<float>);
ICLAB_LANES_PLAIN(hn::ScalableTag<double>);
#if HWY_TARGET == HWY_AVX2
ICLAB_LANES_PLAIN(hn::Half<hn::ScalableTag<float>>);
ICLAB_LANES_PLAIN(hn::Half<hn::ScalableTag<double>>);
#endif
#undef ICLAB_LANES_PLAIN

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
