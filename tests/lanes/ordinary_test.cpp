// The ordinary layout: no operand has lanes and a group is one prompt. Products, sums and scatters
// against scalar twins in the orders of kernels.h; for the rest, a call for many prompts is a call for
// each. Bit for bit, on every target.
#include <algorithm>
#include <tuple>
#include <type_traits>

#include "tests/lanes/values.h"

namespace iclab::lanes {
namespace {

template <class T>
class OrdinaryTest : public testing::Test {};
TYPED_TEST_SUITE(OrdinaryTest, Scalars);

constexpr std::int64_t kGroups[] = {1, 3, 17};
constexpr Place kPlaces[] = {Place::kPrompts, Place::kShared};

// ---- products ----

struct ProductCase {
  std::int64_t groups = 1, batch0 = 1, batch1 = 1, m = 1, n = 1, k = 1;
  Place a = Place::kPrompts, b = Place::kShared, c = Place::kPrompts;
  Layout a_layout = Layout::kRows, b_layout = Layout::kRows, c_layout = Layout::kRows;
  unsigned transposed = 0;  // bits: a, b, c, addend lie with their last two axes turned
  bool adds = false;
  Place addend = Place::kPrompts;
  Layout addend_layout = Layout::kRows;
};

template <class T>
struct Matrix {
  Matrix(std::mt19937& random, const ProductCase& c, std::int64_t rows, std::int64_t columns,
         Place place, Layout layout, bool transposed)
      : turned(transposed),
        value(c.groups,
              turned ? Dims{c.batch0, c.batch1, columns, rows} : Dims{c.batch0, c.batch1, rows, columns},
              place, layout) {
    fill_normal(random, value.data);
  }

  T& at(std::int64_t group, const Dims& i) {
    return value.at(group, turned ? Dims{i[0], i[1], i[3], i[2]} : i, 0);
  }
  Operand operand() {
    Operand x = value.operand;
    if (turned) std::swap(x.strides[2], x.strides[3]);
    return x;
  }

  bool turned;
  Value<T> value;
};

template <class T>
struct ProductOf {
  explicit ProductOf(const ProductCase& the_case)
      : p(the_case),
        random(5),
        a(random, p, p.m, p.k, p.a, p.a_layout, p.transposed & 1),
        b(random, p, p.k, p.n, p.b, p.b_layout, p.transposed & 2),
        c(random, p, p.m, p.n, p.c, p.c_layout, p.transposed & 4),
        addend(random, p, p.m, p.n, p.addend, p.addend_layout, p.transposed & 8) {
    args.groups = p.groups;
    args.batch0 = p.batch0, args.batch1 = p.batch1;
    args.m = p.m, args.n = p.n, args.k = p.k;
    args.a = a.operand(), args.b = b.operand(), args.c = c.operand();
    if (p.adds) args.addend = addend.operand();
  }

  void twin() {
    for (std::int64_t g = 0; g < p.groups; ++g)
      Value<T>::each_element({p.batch0, p.batch1, p.m, p.n}, [&](const Dims& i) {
        T sum = T(-0.0);  // so that the first product keeps its sign
        if (p.k == 0) sum = 0;
        c.at(g, i) = chain(g, i, sum);
        if (p.adds) c.at(g, i) += addend.at(g, i);
      });
  }
  void twin_over_prompts() {
    Value<T>::each_element({p.batch0, p.batch1, p.m, p.n}, [&](const Dims& i) {
      T sum = 0;
      for (std::int64_t g = 0; g < p.groups; ++g) sum = chain(g, i, sum);
      c.at(0, i) = sum;
    });
  }
  void twin_of_chains(std::int64_t groups, bool adds_to_result) {
    Value<T>::each_element({p.batch0, p.batch1, p.m, p.n}, [&](const Dims& i) {
      for (std::int64_t first = 0; first < p.groups; first += groups) {
        T sum = 0;
        for (std::int64_t g = first; g < first + groups; ++g) sum = chain(g, i, sum);
        c.at(0, i) = first > 0 || adds_to_result ? sum + c.at(0, i) : sum;
      }
    });
  }

  T chain(std::int64_t g, const Dims& i, T sum) {
    for (std::int64_t k = 0; k < p.k; ++k)
      sum = std::fma(a.at(g, {i[0], i[1], i[2], k}), b.at(g, {i[0], i[1], k, i[3]}), sum);
    return sum;
  }

  ProductCase p;
  std::mt19937 random;
  Matrix<T> a, b, c, addend;
  ProductArgs args;
};

// All of c's memory has the twin's bits, gaps included.
template <class T>
void check(const ProductCase& c, bool over_prompts) {
  ProductOf<T> expected(c);
  over_prompts ? expected.twin_over_prompts() : expected.twin();
  for (const Target target : targets()) {
    ProductOf<T> found(c);
    const Kernels<T>& table = kernels<T>(target);
    (over_prompts ? table.product_over_prompts : table.product)(found.args);
    EXPECT_EQ(first_difference(found.c.value.data, expected.c.value.data), -1)
        << "over prompts " << over_prompts << " groups " << c.groups << " batch " << c.batch0 << "x"
        << c.batch1 << " m " << c.m << " n " << c.n << " k " << c.k << " shared "
        << (c.a == Place::kShared) << (c.b == Place::kShared) << " layouts "
        << static_cast<int>(c.a_layout) << static_cast<int>(c.b_layout)
        << static_cast<int>(c.c_layout) << " transposed " << c.transposed << " adds " << c.adds
        << (c.addend == Place::kShared) << static_cast<int>(c.addend_layout) << " target "
        << static_cast<int>(target);
  }
}

// How many of the instruction sets' kernels sum chains of so many groups.
template <class T>
int check_chains(const ProductCase& c, std::int64_t groups_per_chain, bool adds_to_result) {
  ProductOf<T> expected(c);
  expected.twin_of_chains(groups_per_chain, adds_to_result);
  int can = 0;
  for (const Target target : targets()) {
    ProductOf<T> found(c);
    const Kernels<T>& table = kernels<T>(target);
    found.args.groups_per_chain = groups_per_chain;
    if (!table.sums_chains(found.args)) continue;
    ++can;
    if (adds_to_result) found.args.addend = found.args.c;
    table.product_over_prompts(found.args);
    EXPECT_EQ(first_difference(found.c.value.data, expected.c.value.data), -1)
        << "groups " << c.groups << " in chains of " << groups_per_chain << " m " << c.m << " n " << c.n << " k "
        << c.k << " transposed " << c.transposed << " adds " << adds_to_result << " target "
        << static_cast<int>(target);
  }
  return can;
}

template <class T, class F>
void for_each_place(ProductCase c, F f) {
  for (const std::int64_t groups : kGroups)
    for (const Place a : kPlaces)
      for (const Place b : kPlaces) {
        c.groups = groups, c.a = a, c.b = b;
        c.c = Place::kPrompts;
        f(c, false);
        c.c = Place::kShared;
        f(c, true);
      }
}

// Sides around those of vectors and tiles.
TYPED_TEST(OrdinaryTest, ProductsHaveTheTwinsBits) {
  for (const std::int64_t m : {1, 2, 5, 8, 13})
    for (const std::int64_t n : {1, 3, 7, 8, 16, 21, 33})
      for (const std::int64_t k : {0, 1, 6})
        for_each_place<TypeParam>({.m = m, .n = n, .k = k}, &check<TypeParam>);
}

TYPED_TEST(OrdinaryTest, ProductsHaveTheTwinsBitsInAllLayouts) {
  constexpr Layout kLayouts[] = {Layout::kRows, Layout::kReversed, Layout::kGaps,
                                 Layout::kSharedInner};
  for (unsigned transposed = 0; transposed < 8; ++transposed)
    for (const Layout a : kLayouts)
      for (const Layout b : kLayouts)
        for (const Layout c : {Layout::kRows, Layout::kReversed, Layout::kGaps})
          for (const std::int64_t batch : {1, 2})
            for_each_place<TypeParam>({.batch0 = batch,
                                       .batch1 = 2 * batch - 1,
                                       .m = 5,
                                       .n = 11,
                                       .k = 6,
                                       .a_layout = a,
                                       .b_layout = b,
                                       .c_layout = c,
                                       .transposed = transposed},
                                      &check<TypeParam>);
}

// Of several panels and strips each way.
TYPED_TEST(OrdinaryTest, LargeProductsHaveTheTwinsBits) {
  const ProductCase cases[] = {{.groups = 130, .m = 1, .n = 100, .k = 63},
                               {.groups = 2, .m = 150, .n = 47, .k = 300},
                               {.groups = 3, .m = 41, .n = 96, .k = 128},
                               {.groups = 2, .m = 520, .n = 400, .k = 7},  // strips of b,
                               {.groups = 1, .m = 260, .n = 100, .k = 200},  // and in parts
                               {.groups = 1, .m = 1, .n = 1000, .k = 5},
                               {.groups = 1, .m = 700, .n = 1, .k = 270},
                               {.groups = 2, .batch1 = 4, .m = 41, .n = 41, .k = 16}};
  for (ProductCase c : cases)
    for (unsigned transposed = 0; transposed < 8; ++transposed)
      for (const Place b : kPlaces) {
        c.transposed = transposed;
        c.b = b;
        c.c = Place::kPrompts;
        check<TypeParam>(c, false);
        c.c = Place::kShared;
        check<TypeParam>(c, true);
      }
}

// Weight gradients of several strands.
TYPED_TEST(OrdinaryTest, ChainsAreSummedInTheirOrder) {
  struct Chains {
    std::int64_t m, n, k, groups, chain;
    bool can;
    std::int64_t batch = 1;
  };
  for (const auto& [m, n, k, groups, chain, can, batch] :
       {Chains{64, 512, 1, 64, 32, true}, {65, 33, 1, 64, 64, true}, {512, 65, 1, 210, 70, true},
        {40, 100, 3, 20, 4, true}, {520, 400, 7, 2, 1, true}, {30, 41, 5, 150, 10, true}, {16, 48, 1, 7, 1, true},
        {24, 40, 1, 12, 4, true, 2}, {512, 1, 1, 64, 32, false}, {64, 48, 1, 800, 400, false},
        {64, 48, 1, 10, 4, false}, {37, 4, 1, 9, 3, false}})
    for (unsigned transposed = 0; transposed < 8; ++transposed)
      for (const bool adds_to_result : {false, true}) {
        const ProductCase c{.groups = groups, .batch1 = batch, .m = m, .n = n, .k = k, .a = Place::kPrompts,
                            .b = Place::kPrompts, .c = Place::kShared, .transposed = transposed};
        const bool joins = k == 1 || chain == 1 || (transposed & 3) == 1;  // rows of a, columns of b go on
        if (can && !joins) continue;
        EXPECT_EQ(check_chains<TypeParam>(c, chain, adds_to_result), can ? static_cast<int>(targets().size()) : 0)
            << m << " x " << n << ", " << groups << " groups of " << k << ", transposed " << transposed;
      }
}

// One side short: nothing is copied, whole blocks or not, a last vector that overlaps the one before.
TYPED_TEST(OrdinaryTest, NarrowProductsHaveTheTwinsBits) {
  for (const auto& [m, n, k] : {std::array{1, 21, 63}, {1, 130, 9}, {9, 1, 5}, {20, 1, 40}, {37, 4, 7},
                                {70, 2, 200}, {16, 3, 4}, {40, 1, 3}, {64, 11, 150}, {3, 70, 201},
                                {1, 100, 65}, {1, 65, 100}, {61, 1, 131}, {301, 1, 6}, {59, 1, 63}})
    for (unsigned transposed = 0; transposed < 8; ++transposed)
      for_each_place<TypeParam>({.m = m, .n = n, .k = k, .transposed = transposed},
                                &check<TypeParam>);
}

// A residual, a bias of columns or of rows, one number; in parts of vectors and of chains.
TYPED_TEST(OrdinaryTest, AddendsAreAddedOnce) {
  for (const auto& [m, n, k] : {std::array{1, 21, 6}, {5, 16, 0}, {13, 9, 3}, {41, 1, 7}, {21, 3, 6},
                                {1, 70, 12}, {9, 33, 290}})
    for (const std::int64_t groups : kGroups)
      for (unsigned transposed = 0; transposed < 16; transposed += 4)
        for (const Place place : kPlaces)
          for (const Layout c : {Layout::kRows, Layout::kGaps})
            for (const Layout layout : {Layout::kRows, Layout::kGaps, Layout::kSharedInner,
                                        Layout::kSharedRows, Layout::kSharedAll})
              for (const bool shares_a : {false, true})
                check<TypeParam>({.groups = groups,
                                  .batch1 = layout == Layout::kRows ? 2 : 1,
                                  .m = m,
                                  .n = n,
                                  .k = k,
                                  .a = shares_a ? Place::kShared : Place::kPrompts,
                                  .b = shares_a ? Place::kPrompts : Place::kShared,
                                  .c_layout = c,
                                  .transposed = transposed,
                                  .adds = true,
                                  .addend = place,
                                  .addend_layout = layout},
                                 false);
}

// ---- sums ----

constexpr Dims kShapes[] = {{1, 1, 1, 1}, {1, 1, 1, 7}, {1, 1, 5, 8}, {2, 3, 4, 5}, {1, 3, 17, 2},
                            {1, 1, 9, 67}, {3, 1, 2, 33}};
constexpr Layout kLayouts[] = {Layout::kRows, Layout::kReversed, Layout::kGaps, Layout::kSharedInner,
                               Layout::kSharedRows};

template <class T>
struct SumOf {
  SumOf(std::int64_t groups, const Dims& dims, unsigned mask, Place place, Layout layout)
      : in(groups, dims, place, layout), out(groups, kept(dims, mask), Place::kPrompts, Layout::kRows) {
    std::mt19937 random(3);
    fill_normal(random, in.data);
    fill_normal(random, out.data);
    args.groups = groups;
    args.dims = dims;
    args.in = in.operand;
    for (size_t axis = 0; axis < kMaxRank; ++axis) {
      args.reduced[axis] = (mask >> axis & 1) != 0;
      if (args.reduced[axis]) out.operand.strides[axis] = 0;
    }
    args.out = out.operand;
  }

  void twin() {
    std::vector<bool> begun(out.data.size());
    for (std::int64_t g = 0; g < args.groups; ++g)
      Value<T>::each_element(args.dims, [&](const Dims& i) {
        T& sum = out.at(g, i, 0);
        const auto at = static_cast<size_t>(&sum - out.data.data());
        sum = begun[at] ? sum + in.at(g, i, 0) : in.at(g, i, 0);
        begun[at] = true;
      });
  }

  static Dims kept(Dims dims, unsigned mask) {
    for (size_t axis = 0; axis < kMaxRank; ++axis)
      if (mask >> axis & 1) dims[axis] = 1;
    return dims;
  }

  Value<T> in, out;
  SumArgs args;
};

TYPED_TEST(OrdinaryTest, SumsHaveTheTwinsBits) {
  for (const std::int64_t groups : kGroups)
    for (const Dims& dims : kShapes)
      for (unsigned mask = 0; mask < 16; ++mask)
        for (const Place place : kPlaces)
          for (const Layout layout : kLayouts) {
            SumOf<TypeParam> expected(groups, dims, mask, place, layout);
            expected.twin();
            for (const Target target : targets()) {
              SumOf<TypeParam> found(groups, dims, mask, place, layout);
              kernels<TypeParam>(target).sum(found.args);
              ASSERT_EQ(first_difference(found.out.data, expected.out.data), -1)
                  << "groups " << groups << " dims " << testing::PrintToString(dims) << " mask "
                  << mask << " layout " << static_cast<int>(layout) << " target "
                  << static_cast<int>(target);
            }
          }
}

TYPED_TEST(OrdinaryTest, SumsOverPromptsHaveTheTwinsBits) {
  using T = TypeParam;
  std::mt19937 random(9);
  for (const std::int64_t groups : kGroups)
    for (const Dims& dims : kShapes)
      for (const Place place : kPlaces)
        for (const Layout layout : kLayouts)
          for (const Layout out_layout : {Layout::kRows, Layout::kReversed}) {
            Value<T> in(groups, dims, place, layout), out(1, dims, Place::kShared, out_layout);
            fill_normal(random, in.data);
            SumArgs args;
            args.groups = groups;
            args.dims = dims;
            args.in = in.operand;
            args.out = out.operand;
            Value<T>::each_element(dims, [&](const Dims& i) {
              T sum = in.at(0, i, 0);
              for (std::int64_t g = 1; g < groups; ++g) sum += in.at(g, i, 0);
              out.at(0, i, 0) = sum;
            });
            const std::vector<T> expected = out.data;
            for (const Target target : targets()) {
              std::fill(out.data.begin(), out.data.end(), T(0));
              kernels<T>(target).sum_over_prompts(args);
              ASSERT_EQ(first_difference(out.data, expected), -1)
                  << "groups " << groups << " dims " << testing::PrintToString(dims) << " layout "
                  << static_cast<int>(layout) << " target " << static_cast<int>(target);
            }
          }
}

// ---- gathers and scatters ----

template <class E>
struct Gather {
  Gather(std::int64_t groups, std::int64_t outer, std::int64_t inner, std::int64_t rows, Place place,
         Place index_place, Layout layout)
      : out(groups, {1, 1, outer, inner}, Place::kPrompts, layout),
        table(groups, {1, 1, rows, inner}, place, layout),
        index(groups, {1, 1, 1, outer}, index_place, Layout::kRows) {
    std::mt19937 random(13);
    fill(random, out.data);
    fill(random, table.data);
    // Some indices lie outside and are clamped; many are equal.
    for (std::int32_t& i : index.data)
      i = static_cast<std::int32_t>(random() % static_cast<unsigned>(rows + 4)) - 2;
    args.groups = groups;
    args.outer = outer, args.inner = inner, args.rows = rows;
    args.out = out.operand, args.table = table.operand, args.index = index.operand;
  }

  // f(scalar of out, scalar of table), prompt by prompt and in order of i.
  template <class F>
  void each_pair(F f) {
    for (std::int64_t g = 0; g < args.groups; ++g)
      for (std::int64_t i = 0; i < args.outer; ++i)
        for (std::int64_t j = 0; j < args.inner; ++j) {
          const std::int64_t row =
              std::clamp<std::int64_t>(index.at(g, {0, 0, 0, i}, 0), 0, args.rows - 1);
          f(out.at(g, {0, 0, i, j}, 0), table.at(g, {0, 0, row, j}, 0));
        }
  }

  Value<E> out, table;
  Value<std::int32_t> index;
  GatherArgs args;
};

template <class E, class Twin, class Kernel>
void check_gather(Place table, Twin twin, Kernel kernel_of) {
  for (const std::int64_t groups : kGroups)
    for (const auto& [outer, inner, rows] :
         {std::array{1, 1, 1}, {5, 3, 4}, {3, 16, 7}, {17, 9, 2}, {7, 1, 50}})
      for (const Place index : kPlaces)
        for (const Layout layout : {Layout::kRows, Layout::kReversed, Layout::kGaps}) {
          const auto make = [&] {
            return Gather<E>(groups, outer, inner, rows, table, index, layout);
          };
          auto expected = make();
          twin(expected);
          for (const Target target : targets()) {
            auto found = make();
            kernel_of(target)(found.args);
            ASSERT_EQ(first_difference(found.out.data, expected.out.data), -1);
            ASSERT_EQ(first_difference(found.table.data, expected.table.data), -1)
                << "groups " << groups << " outer " << outer << " inner " << inner << " rows " << rows
                << " layout " << static_cast<int>(layout) << " target " << static_cast<int>(target);
          }
        }
}

TYPED_TEST(OrdinaryTest, GathersHaveTheTwinsBits) {
  const auto twin = [](auto& gather) {
    gather.each_pair([](auto& out, const auto& table) { out = table; });
  };
  for (const Place table : kPlaces) {
    check_gather<TypeParam>(table, twin, [](Target t) { return kernels<TypeParam>(t).gather; });
    check_gather<std::int32_t>(table, twin,
                               [](Target t) { return kernels<TypeParam>(t).gather_integer; });
  }
}

TYPED_TEST(OrdinaryTest, ScattersHaveTheTwinsBits) {
  using T = TypeParam;
  const auto add = [](const T& out, T& table) { table += out; };
  check_gather<T>(
      Place::kPrompts, [&](auto& scatter) { scatter.each_pair(add); },
      [](Target t) { return kernels<T>(t).scatter_add; });
  check_gather<T>(
      Place::kShared,
      [&](auto& scatter) {
        scatter.table.each([&](auto, const Dims& i, int) { scatter.table.at(0, i, 0) = 0; });
        scatter.each_pair(add);
      },
      [](Target t) { return kernels<T>(t).scatter_add_over_prompts; });
}

// ---- the rest: a call for many prompts is a call for each ----

template <class E>
void move_to_group(Operand& x, std::int64_t group) {
  x.data = static_cast<E*>(x.data) + group * x.group_stride;
}

template <class T>
void check_draw(Draw draw, DrawArgs args) {
  const std::int64_t scalars = args.groups * args.out.group_stride;
  for (const Target target : targets()) {
    std::vector<T> expected(static_cast<size_t>(scalars), T(-77)), found = expected;
    const auto kernel = kernels<std::conditional_t<std::is_same_v<T, double>, double, float>>(target)
                            .draw[static_cast<size_t>(draw)];
    args.out.data = found.data();
    kernel(args);
    for (std::int64_t g = 0; g < args.groups; ++g) {
      DrawArgs one = args;
      one.groups = 1;
      one.first_prompt =
          std::min(args.first_prompt + static_cast<std::uint32_t>(g), args.last_prompt);
      one.out.data = expected.data();
      move_to_group<T>(one.out, g);
      kernel(one);
    }
    ASSERT_EQ(first_difference(found, expected), -1)
        << "draw " << static_cast<int>(draw) << " groups " << args.groups << " count " << args.count
        << " target " << static_cast<int>(target);
  }
}

TYPED_TEST(OrdinaryTest, DrawsBelongToTheirPrompts) {
  const std::vector<double> thresholds{0.25, 0.5, 0.9}, keep{0.6, 0.9, 1, 0.6},
      shapes(700, 1.5);
  const std::vector<std::int32_t> other{2, 2, 2, 0};
  for (const std::int64_t groups : kGroups)
    for (const std::int64_t count : {1, 5, 31, 63, 64, 65, 200, 700})
      for (const std::int64_t gap : {0, 3}) {
        DrawArgs args;
        args.groups = groups;
        args.count = count;
        args.key = {1, 2};
        args.step = 3, args.draw = 5, args.first_prompt = 40, args.last_prompt = 52;
        args.bound = 1000003;
        args.thresholds = thresholds.data();
        args.categories = 4;
        args.alias_keep = keep.data();
        args.alias_other = other.data();
        args.gamma_shapes = shapes.data();
        args.out.group_stride = count + gap;
        for (const Draw draw : {Draw::kUniform, Draw::kNormal, Draw::kSign, Draw::kGamma})
          check_draw<TypeParam>(draw, args);
        for (const Draw draw : {Draw::kInteger, Draw::kCategorical, Draw::kAlias})
          check_draw<std::int32_t>(draw, args);
      }
}

// `kernel` on inputs of these scalars and places.
template <class Out, class... In, class Args, class Kernel>
void check_each(std::int64_t groups, const Dims& dims, const std::array<Place, sizeof...(In)>& places,
                Layout layout, Args args, Kernel kernel) {
  std::mt19937 random(17);
  size_t input = 0;
  const auto make = [&](auto type) {
    return Value<typename decltype(type)::type>(groups, dims, places[input++], layout);
  };
  std::tuple<Value<In>...> in{make(std::type_identity<In>())...};
  input = 0;
  const auto add = [&](auto& value) {
    fill(random, value.data);
    args.in[input++] = value.operand;
  };
  std::apply([&](auto&... values) { (add(values), ...); }, in);
  Value<Out> found(groups, dims, Place::kPrompts, Layout::kRows), expected = found;
  args.groups = groups;
  args.dims = dims;
  args.out = found.operand;
  args.out.data = found.data.data();
  kernel(args);

  for (std::int64_t g = 0; g < groups; ++g) {
    Args one = args;
    one.groups = 1;
    one.out.data = expected.data.data();
    move_to_group<Out>(one.out, g);
    input = 0;
    const auto move = [&](auto& value) {
      Operand& x = one.in[input++];
      x.data = value.data.data() + g * x.group_stride;
    };
    std::apply([&](auto&... values) { (move(values), ...); }, in);
    kernel(one);
  }
  ASSERT_EQ(first_difference(found.data, expected.data), -1)
      << "groups " << groups << " dims " << testing::PrintToString(dims) << " layout "
      << static_cast<int>(layout);
}

TYPED_TEST(OrdinaryTest, ElementwiseKernelsTreatEachPromptAlone) {
  using T = TypeParam;
  for (const Target target : targets())
    for (const std::int64_t groups : kGroups)
      for (const Dims& dims : kShapes)
        for (const Layout layout : kLayouts)
          for (const Place a : kPlaces)
            for (const Place b : kPlaces) {
              const Kernels<T>& table = kernels<T>(target);
              const ElementwiseArgs args;
              const auto of = [](const auto& kinds, auto kind) {
                return kinds[static_cast<size_t>(kind)];
              };
              check_each<T, T>(groups, dims, {a}, layout, args, of(table.unary, Unary::kExp));
              check_each<T, T, T>(groups, dims, {a, b}, layout, args,
                                  of(table.binary, Binary::kMultiply));
              check_each<std::int32_t, T, T>(groups, dims, {a, b}, layout, args,
                                             of(table.compare, Compare::kLess));
              check_each<std::int32_t, std::int32_t>(groups, dims, {a}, layout, args,
                                                     table.copy_integer);
              check_each<T, std::int32_t>(groups, dims, {a}, layout, args, table.to_real);
              check_each<T, std::int32_t, T, T>(groups, dims, {a, b, a}, layout, args, table.select);
            }
}

TYPED_TEST(OrdinaryTest, RowFunctionsTreatEachPromptAlone) {
  using T = TypeParam;
  for (const Target target : targets())
    for (const std::int64_t groups : kGroups)
      for (const Dims& dims : kShapes)
        for (const Layout layout : kLayouts)
          for (int f = 0; f < static_cast<int>(RowFunction::kCount); ++f) {
            RowArgs args;
            args.epsilon = 1e-5;
            const auto kernel = kernels<T>(target).row[static_cast<size_t>(f)];
            if (f == static_cast<int>(RowFunction::kRank))
              check_each<std::int32_t, T, T>(groups, dims, {kPlaces[0], kPlaces[1]}, layout, args,
                                             kernel);
            else
              check_each<T, T, T>(groups, dims, {kPlaces[0], kPlaces[f % 2]}, layout, args, kernel);
          }
}

}  // namespace
}  // namespace iclab::lanes
