// Sums against scalar twins in the stated order, bit for bit, on every target.
#include "tests/lanes/values.h"

namespace iclab::lanes {
namespace {

template <class T>
class SumTest : public testing::Test {};
TYPED_TEST_SUITE(SumTest, Scalars);

constexpr Dims kShapes[] = {{1, 1, 1, 1}, {1, 1, 1, 7},  {1, 1, 5, 8},   {1, 1, 9, 3},
                            {2, 3, 4, 5}, {1, 3, 17, 2}, {1, 1, 67, 41}, {3, 1, 2, 33}};

template <class T>
struct SumCase {
  SumCase(std::int64_t groups, const Dims& dims, unsigned mask, bool lanes, Layout layout)
      : in(groups, dims, lanes, layout), out(groups, kept(dims, mask), lanes, Layout::kRows) {
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

  // The first element, then + the others in row-major order.
  void twin() {
    std::vector<bool> begun(out.data.size());
    in.each([&](auto g, const Dims& i, int lane) {
      T& sum = out.at(g, i, lane);
      const auto at = static_cast<size_t>(&sum - out.data.data());
      sum = begun[at] ? sum + in.at(g, i, lane) : in.at(g, i, lane);
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

TYPED_TEST(SumTest, HasTheTwinsBits) {
  for (const Dims& dims : kShapes)
    for (unsigned mask = 0; mask < 16; ++mask)
      for (const bool lanes : {false, true})
        for (const Layout layout : {Layout::kRows, Layout::kReversed, Layout::kGaps,
                                    Layout::kSharedInner, Layout::kSharedRows}) {
          const auto make = [&] {
            return SumCase<TypeParam>(lanes ? 2 : 1, dims, mask, lanes, layout);
          };
          auto expected = make();
          expected.twin();
          for (const Target target : targets()) {
            auto found = make();
            kernels<TypeParam>(target).sum(found.args);
            ASSERT_EQ(first_difference(found.out.data, expected.out.data), -1)
                << "dims " << testing::PrintToString(dims) << " mask " << mask << " lanes " << lanes
                << " layout " << static_cast<int>(layout) << " target " << static_cast<int>(target);
          }
        }
}

// -0 + nothing stays -0: the sum begins with its first element.
TYPED_TEST(SumTest, BeginsWithItsFirstElement) {
  for (const bool lanes : {false, true})
    for (const Target target : targets()) {
      SumCase<TypeParam> c(1, {1, 1, 1, 5}, 8, lanes, Layout::kRows);
      std::fill(c.in.data.begin(), c.in.data.end(), TypeParam(-0.0));
      kernels<TypeParam>(target).sum(c.args);
      EXPECT_TRUE(std::signbit(c.out.data[0]));
    }
}

template <class T>
T folded(const std::array<T, kLanes>& lanes) {
  std::array<T, kLanes> x = lanes;
  for (size_t half = kLanes / 2; half >= 1; half /= 2)
    for (size_t lane = 0; lane < half; ++lane) x[lane] += x[lane + half];
  return x[0];
}

TYPED_TEST(SumTest, OverPromptsHasTheTwinsBits) {
  using T = TypeParam;
  std::mt19937 random(9);
  for (const std::int64_t groups : {1, 2, 3, 7})
    for (const Dims& dims : kShapes)
      for (const Layout layout : {Layout::kRows, Layout::kReversed, Layout::kGaps,
                                  Layout::kSharedInner, Layout::kSharedRows}) {
        Value<T> in(groups, dims, true, layout), out(1, dims, false, Layout::kRows);
        fill_normal(random, in.data);
        SumArgs args;
        args.groups = groups;
        args.dims = dims;
        args.in = in.operand;
        args.out = out.operand;
        Value<T>::each_element(dims, [&](const Dims& i) {
          std::array<T, kLanes> sum;
          for (int lane = 0; lane < kLanes; ++lane) {
            sum[static_cast<size_t>(lane)] = in.at(0, i, lane);
            for (std::int64_t g = 1; g < groups; ++g)
              sum[static_cast<size_t>(lane)] += in.at(g, i, lane);
          }
          out.at(0, i, 0) = folded(sum);
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

}  // namespace
}  // namespace iclab::lanes
