#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "tests/lanes/half_width.h"

namespace iclab::lanes {
namespace {

// How a matrix lies in memory.
enum class Layout { kRows, kTransposed, kPadded, kScattered };

// What is multiplied: (batch0, batch1, m, k) by (batch0, batch1, k, n).
struct Problem {
  std::int64_t groups = 1, batch0 = 1, batch1 = 1, m = 1, n = 1, k = 1;
  bool a_lanes = true, b_lanes = false, c_lanes = true;
  Layout a = Layout::kRows, b = Layout::kRows, c = Layout::kRows;
  bool share_batches = false;  // b has stride 0 over batch 0
  bool adds = false, addend_lanes = false, shares_rows = false;  // the addend has stride 0 over rows
  Layout addend = Layout::kRows;
};

// An operand over its own memory, filled with numbers; what lies between elements stays as it is.
template <class T>
struct Values {
  Values(std::mt19937& random, const Problem& p, std::int64_t rows, std::int64_t columns,
         bool lanes, Layout layout, bool share) {
    const std::int64_t pad = layout == Layout::kPadded ? 3 : 0;
    const std::int64_t step = layout == Layout::kScattered ? 2 : 1;
    const bool turned = layout == Layout::kTransposed;
    const std::int64_t row = turned ? step : (columns + pad) * step;
    const std::int64_t column = turned ? rows * step : step;
    const std::int64_t matrix = (rows + pad) * (columns + pad) * step;
    operand.strides = {share ? 0 : p.batch1 * matrix, matrix, row, column};
    operand.lanes = lanes;
    operand.group_stride = lanes ? p.batch0 * p.batch1 * matrix : 0;
    const std::int64_t elements = (lanes ? p.groups : 1) * p.batch0 * p.batch1 * matrix;
    data.resize(static_cast<size_t>(elements * (lanes ? kLanes : 1)));
    std::normal_distribution<T> normal;
    for (T& x : data) x = normal(random);
    operand.data = data.data();
  }

  T& at(std::int64_t g, std::int64_t b0, std::int64_t b1, std::int64_t i, std::int64_t j,
        int lane) {
    const Dims& s = operand.strides;
    const std::int64_t element =
        g * operand.group_stride + b0 * s[0] + b1 * s[1] + i * s[2] + j * s[3];
    return data[static_cast<size_t>(operand.lanes ? element * kLanes + lane : element)];
  }

  Operand operand;
  std::vector<T> data;
};

template <class T>
struct Product {
  Product(const Problem& problem, unsigned seed)
      : p(problem),
        random(seed),
        a(random, p, p.m, p.k, p.a_lanes, p.a, false),
        b(random, p, p.k, p.n, p.b_lanes, p.b, p.share_batches),
        c(random, p, p.m, p.n, p.c_lanes, p.c, false),
        addend(random, p, p.m, p.n, p.addend_lanes, p.addend, false) {
    args.groups = p.groups;
    args.batch0 = p.batch0, args.batch1 = p.batch1;
    args.m = p.m, args.n = p.n, args.k = p.k;
    args.a = a.operand, args.b = b.operand, args.c = c.operand;
    if (p.shares_rows) addend.operand.strides[2] = 0;
    if (p.adds) args.addend = addend.operand;
  }

  // The scalar twin.
  void product() {
    each_element(p.groups, [&](auto g, auto b0, auto b1, auto i, auto j) {
      for (int lane = 0; lane < (p.c_lanes ? kLanes : 1); ++lane) {
        T sum = 0;
        for (std::int64_t k = 0; k < p.k; ++k) {
          const T x = a.at(g, b0, b1, i, k, lane), y = b.at(g, b0, b1, k, j, lane);
          sum = k == 0 ? x * y : std::fma(x, y, sum);
        }
        c.at(g, b0, b1, i, j, lane) = p.adds ? sum + addend.at(g, b0, b1, i, j, lane) : sum;
      }
    });
  }

  void product_over_prompts() {
    each_element(1, [&](auto, auto b0, auto b1, auto i, auto j) {
      T sum[kLanes] = {};
      if (p.a_lanes && p.b_lanes) {
        for (std::int64_t g = 0; g < p.groups; ++g)
          for (std::int64_t k = 0; k < p.k; ++k)
            for (int lane = 0; lane < kLanes; ++lane)
              sum[0] = std::fma(a.at(g, b0, b1, i, k, lane), b.at(g, b0, b1, k, j, lane), sum[0]);
        c.at(0, b0, b1, i, j, 0) = sum[0];
        return;
      }
      for (int lane = 0; lane < kLanes; ++lane)
        for (std::int64_t g = 0; g < p.groups; ++g)
          for (std::int64_t k = 0; k < p.k; ++k)
            sum[lane] =
                std::fma(a.at(g, b0, b1, i, k, lane), b.at(g, b0, b1, k, j, lane), sum[lane]);
      for (int half = kLanes / 2; half >= 1; half /= 2)
        for (int lane = 0; lane < half; ++lane) sum[lane] += sum[lane + half];
      c.at(0, b0, b1, i, j, 0) = sum[0];
    });
  }

  template <class F>
  void each_element(std::int64_t groups, F f) {
    for (std::int64_t g = 0; g < groups; ++g)
      for (std::int64_t b0 = 0; b0 < p.batch0; ++b0)
        for (std::int64_t b1 = 0; b1 < p.batch1; ++b1)
          for (std::int64_t i = 0; i < p.m; ++i)
            for (std::int64_t j = 0; j < p.n; ++j) f(g, b0, b1, i, j);
  }

  Problem p;
  std::mt19937 random;
  Values<T> a, b, c, addend;
  ProductArgs args;
};

template <class T>
bool same_bits(const std::vector<T>& x, const std::vector<T>& y) {
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0;
}

// All of c's memory has the twin's bits, gaps included, on every target.
template <class T>
void expect_twins(const Problem& p, bool over_prompts) {
  Product<T> twin(p, 7);
  if (over_prompts)
    twin.product_over_prompts();
  else
    twin.product();
  for (const Target target : targets()) {
    Product<T> fast(p, 7);
    const Kernels<T>& table = kernels<T>(target);
    (over_prompts ? table.product_over_prompts : table.product)(fast.args);
    EXPECT_TRUE(same_bits(fast.c.data, twin.c.data))
        << "target " << static_cast<int>(target) << " scalar " << sizeof(T) << " over prompts "
        << over_prompts << ": groups " << p.groups << " batch " << p.batch0 << "x" << p.batch1
        << " m " << p.m << " n " << p.n << " k " << p.k << " lanes " << p.a_lanes << p.b_lanes
        << p.c_lanes << " adds " << p.adds << p.addend_lanes << p.shares_rows << " layouts " << static_cast<int>(p.a) << static_cast<int>(p.b)
        << static_cast<int>(p.c);
  }
}

template <class T>
class ProductTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(ProductTest, Scalars);

// Which operands have lanes: (a, b, c).
constexpr bool kPlaces[][3] = {{true, true, true},
                               {true, false, true},
                               {false, true, true},
                               {false, false, true},
                               {false, false, false}};

// Sides around those of the tiles (up to 8), and a prime that takes several.
TYPED_TEST(ProductTest, HasTheTwinsBitsForAllSmallSides) {
  for (const auto& [a, b, c] : kPlaces)
    for (const std::int64_t m : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 23})
      for (const std::int64_t n : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 29})
        for (const std::int64_t k : {0, 1, 2, 7})
          expect_twins<TypeParam>(
              {.groups = 2, .m = m, .n = n, .k = k, .a_lanes = a, .b_lanes = b, .c_lanes = c},
              false);
}

TYPED_TEST(ProductTest, HasTheTwinsBitsInAllLayouts) {
  constexpr Layout kLayouts[] = {Layout::kRows, Layout::kTransposed, Layout::kPadded,
                                 Layout::kScattered};
  for (const auto& [a_lanes, b_lanes, c_lanes] : kPlaces)
    for (const Layout a : kLayouts)
      for (const Layout b : kLayouts)
        for (const Layout c : kLayouts)
          for (const bool share : {false, true}) {
            Problem p{.groups = 2, .batch0 = 2, .batch1 = 3, .m = 5, .n = 11, .k = 6};
            p.a_lanes = a_lanes, p.b_lanes = b_lanes, p.c_lanes = c_lanes;
            p.a = a, p.b = b, p.c = c, p.share_batches = share;
            expect_twins<TypeParam>(p, false);
            p.c_lanes = false;
            if (a_lanes || b_lanes) expect_twins<TypeParam>(p, true);
          }
}

TYPED_TEST(ProductTest, OverPromptsHasTheTwinsBitsForAllSmallSides) {
  for (const std::int64_t groups : {1, 2, 5})
    for (const auto& [a, b] : {std::pair{true, true}, {true, false}, {false, true}})
      for (const std::int64_t m : {0, 1, 2, 3, 4, 5, 7, 8, 9, 23})
        for (const std::int64_t n : {0, 1, 2, 3, 4, 5, 6, 8, 9, 29})
          for (const std::int64_t k : {0, 1, 3})
            expect_twins<TypeParam>({.groups = groups,
                                     .m = m,
                                     .n = n,
                                     .k = k,
                                     .a_lanes = a,
                                     .b_lanes = b,
                                     .c_lanes = false},
                                    true);
}

TYPED_TEST(ProductTest, AddendsAreAddedOnce) {
  for (const auto& [a, b, c] : kPlaces)
    for (const bool lanes : {false, true})
      for (const Layout addend : {Layout::kRows, Layout::kTransposed, Layout::kScattered})
        for (const bool shares_rows : {false, true})
          for (const std::int64_t m : {1, 5, 13})
            for (const std::int64_t k : {0, 1, 7, 100}) {
              if (lanes && !c) continue;
              Problem p{.groups = 2, .batch0 = 2, .m = m, .n = 9, .k = k};
              p.a_lanes = a, p.b_lanes = b, p.c_lanes = c;
              p.adds = true, p.addend_lanes = lanes, p.shares_rows = shares_rows;
              p.addend = addend;
              expect_twins<TypeParam>(p, false);
            }
}

// One row of each of many groups meets one matrix; the addends differ, are shared, or go on with the rows.
TYPED_TEST(ProductTest, RowsOfManyGroupsMeetOneMatrix) {
  for (const std::int64_t m : {1, 3})
    for (const bool turned : {false, true})
      for (const bool adds : {false, true})
        for (const bool lanes : {false, true})
          for (const bool shares_rows : {false, true}) {
            Problem p{.groups = 9, .m = m, .n = 21, .k = 20, .a_lanes = true, .b_lanes = false};
            if (turned) std::swap(p.m, p.n), std::swap(p.a_lanes, p.b_lanes);
            p.adds = adds, p.addend_lanes = lanes, p.shares_rows = shares_rows;
            expect_twins<TypeParam>(p, false);
          }
}

// Beyond L1 and L2, with power-of-two strides.
TYPED_TEST(ProductTest, HasTheTwinsBitsWhereCachesEnd) {
  for (const auto& [a, b, c] : kPlaces) {
    Problem p{.groups = 3, .m = 41, .n = 64, .k = 128, .a_lanes = a, .b_lanes = b, .c_lanes = c};
    p.b = Layout::kTransposed;
    expect_twins<TypeParam>(p, false);
    p.c_lanes = false;
    p.a = Layout::kTransposed;
    if (a || b) expect_twins<TypeParam>(p, true);
  }
}

// The first product keeps the sign of zero: c starts from a(i,0)*b(0,j), not from 0.
TYPED_TEST(ProductTest, KeepsTheSignOfZero) {
  Product<TypeParam> product({.k = 2}, 1);
  std::fill(product.a.data.begin(), product.a.data.end(), TypeParam(-0.0));
  std::fill(product.b.data.begin(), product.b.data.end(), TypeParam(1));
  for (const Target target : targets()) {
    kernels<TypeParam>(target).product(product.args);
    for (const TypeParam x : product.c.data) EXPECT_TRUE(x == 0 && std::signbit(x));
  }
}

}  // namespace
}  // namespace iclab::lanes
