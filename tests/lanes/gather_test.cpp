// Gathers and scatters against scalar twins, bit for bit, on every target.
#include <algorithm>

#include "tests/lanes/values.h"

namespace iclab::lanes {
namespace {

struct Case {
  std::int64_t groups = 1, outer = 1, inner = 1, rows = 1;
  bool out_lanes = true, table_lanes = false, index_lanes = true;
  Layout table = Layout::kRows, out = Layout::kRows;
};

template <class E>
struct Gather {
  explicit Gather(const Case& the_case)
      : c(the_case),
        out(c.groups, {1, 1, c.outer, c.inner}, c.out_lanes, c.out),
        table(c.groups, {1, 1, c.rows, c.inner}, c.table_lanes, c.table),
        index(c.groups, {1, 1, 1, c.outer}, c.index_lanes, Layout::kRows) {
    std::mt19937 random(13);
    fill(random, out.data);
    fill(random, table.data);
    // Some indices lie outside and are clamped; many are equal.
    for (std::int32_t& i : index.data)
      i = static_cast<std::int32_t>(random() % static_cast<unsigned>(c.rows + 4)) - 2;
    index.data[0] = std::numeric_limits<std::int32_t>::min();
    index.data.back() = std::numeric_limits<std::int32_t>::max();
    args.groups = c.groups;
    args.outer = c.outer, args.inner = c.inner, args.rows = c.rows;
    args.out = out.operand, args.table = table.operand, args.index = index.operand;
  }

  template <class F>
  void each_pair(F f) {
    out.each([&](auto g, const Dims& i, int lane) {
      const std::int64_t row =
          std::clamp<std::int64_t>(index.at(g, {0, 0, 0, i[2]}, lane), 0, c.rows - 1);
      f(out.at(g, i, lane), table.at(g, {0, 0, row, i[3]}, lane));
    });
  }

  Case c;
  Value<E> out, table;
  Value<std::int32_t> index;
  GatherArgs args;
};

std::vector<Case> cases(bool scatter) {
  std::vector<Case> all;
  for (const auto& [outer, inner, rows] : {std::array{1, 1, 1},
                                           {5, 3, 4},
                                           {3, 16, 7},
                                           {17, 9, 2},
                                           {40, 33, 100},
                                           {2, 65, 3},
                                           {7, 1, 50}})
    for (const int lanes : {0, 1, 2, 3, 4})
      for (const Layout table : {Layout::kRows, Layout::kReversed, Layout::kGaps})
        for (const Layout out : {Layout::kRows, Layout::kGaps}) {
          Case c{lanes ? 2 : 1, outer, inner, rows};
          c.out_lanes = lanes > 0, c.table_lanes = lanes & 1, c.index_lanes = lanes > 2;
          if (lanes == 0) c.table_lanes = c.index_lanes = false;
          if (lanes == 4) c.table_lanes = false;
          if (scatter && c.table_lanes != c.out_lanes) continue;
          c.table = table, c.out = out;
          all.push_back(c);
        }
  return all;
}

template <class E, class Pick>
void check(const Case& c, bool scatter, Pick kernel_of) {
  Gather<E> expected(c);
  if (scatter)
    expected.each_pair([](const E& out, E& table) { table += out; });
  else
    expected.each_pair([](E& out, const E& table) { out = table; });
  for (const Target target : targets()) {
    Gather<E> found(c);
    kernel_of(target)(found.args);
    ASSERT_EQ(first_difference(found.out.data, expected.out.data), -1);
    ASSERT_EQ(first_difference(found.table.data, expected.table.data), -1)
        << "outer " << c.outer << " inner " << c.inner << " rows " << c.rows << " lanes "
        << c.out_lanes << c.table_lanes << c.index_lanes << " target " << static_cast<int>(target);
  }
}

template <class T>
class GatherTest : public testing::Test {};
TYPED_TEST_SUITE(GatherTest, Scalars);

TYPED_TEST(GatherTest, GatherHasTheTwinsBits) {
  for (const Case& c : cases(false)) {
    check<TypeParam>(c, false, [](Target t) { return kernels<TypeParam>(t).gather; });
    check<std::int32_t>(c, false, [](Target t) { return kernels<TypeParam>(t).gather_integer; });
  }
}

TYPED_TEST(GatherTest, ScatterAddHasTheTwinsBits) {
  for (const Case& c : cases(true))
    check<TypeParam>(c, true, [](Target t) { return kernels<TypeParam>(t).scatter_add; });
}

// All prompts meet in one plain table: group by group, in order of i, lane by lane.
TYPED_TEST(GatherTest, ScatterOverPromptsHasTheTwinsBits) {
  for (Case c : cases(false)) {
    if (c.table_lanes) continue;
    if (c.out_lanes) c.groups = 3;  // plain values of each prompt: ordinary_test
    Gather<TypeParam> expected(c);
    expected.table.each(
        [&](auto g, const Dims& i, int lane) { expected.table.at(g, i, lane) = 0; });
    expected.each_pair([](const TypeParam& out, TypeParam& table) { table += out; });
    for (const Target target : targets()) {
      Gather<TypeParam> found(c);
      kernels<TypeParam>(target).scatter_add_over_prompts(found.args);
      ASSERT_EQ(first_difference(found.table.data, expected.table.data), -1)
          << "outer " << c.outer << " inner " << c.inner << " rows " << c.rows << " lanes "
          << c.out_lanes << c.index_lanes << " target " << static_cast<int>(target);
    }
  }
}

}  // namespace
}  // namespace iclab::lanes
