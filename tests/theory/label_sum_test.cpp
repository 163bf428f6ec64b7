#include "theory/label_sum.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace iclab::theory {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

TEST(LabelSum, OfFewSignsIsPascalsTriangle) {
  const LabelSum one(1);
  EXPECT_EQ(one.zero(), 0);
  ASSERT_EQ(one.pairs().size(), 1u);
  EXPECT_EQ(one.pairs()[0].S, 1);
  EXPECT_EQ(one.pairs()[0].weight, 0.5);

  const LabelSum four(4);
  EXPECT_NEAR(four.zero(), 6. / 16, kEpsilon);
  ASSERT_EQ(four.pairs().size(), 2u);
  EXPECT_NEAR(four.pairs()[0].weight, 4. / 16, kEpsilon);
  EXPECT_NEAR(four.pairs()[1].weight, 1. / 16, kEpsilon);
  EXPECT_EQ(four.pairs()[1].S, 4);
  EXPECT_EQ(four.pairs()[1].ratio, 1);

  const LabelSum thirty_one(31);
  EXPECT_EQ(thirty_one.pairs().size(), 16u);
  EXPECT_NEAR(thirty_one.pairs().back().weight * std::exp2(31), 1, 64 * kEpsilon);
}

TEST(LabelSum, HasTheMomentsOfItsLawForAnyNumberOfSigns) {
  for (const std::int64_t m : {1, 2, 31, 100, 100'001, 10'000'000}) {
    const LabelSum sum(m);
    const auto count = static_cast<double>(m);
    double total = sum.zero(), variance = 0, fourth = 0;
    for (const LabelSum::Pair& pair : sum.pairs()) {
      total += 2 * pair.weight;
      variance += 2 * pair.weight * pair.S * pair.S;
      fourth += 2 * pair.weight * std::pow(pair.S, 4);
    }
    // A rounding a ratio, about 10 sqrt(m) of them to where the weight is.
    const double tolerance = 10 * std::sqrt(count) * kEpsilon;
    EXPECT_NEAR(total, 1, tolerance);
    EXPECT_NEAR(variance / count, 1, tolerance);
    EXPECT_NEAR(fourth / (count * (3 * count - 2)), 1, tolerance);
  }
}

}  // namespace
}  // namespace iclab::theory
