#include "theory/special.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace iclab::theory {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

TEST(Logistic, KeepsBothTails) {
  EXPECT_EQ(logistic(0), 0.5);
  EXPECT_NEAR(logistic(-700), std::exp(-700), 4 * kEpsilon * std::exp(-700));
  EXPECT_EQ(logistic(800), 1);
  EXPECT_EQ(logistic(-800), 0);
  EXPECT_NEAR(softplus(-700), std::exp(-700), 4 * kEpsilon * std::exp(-700));
  EXPECT_EQ(softplus(1e6), 1e6);
  EXPECT_NEAR(softplus(0), std::numbers::ln2, kEpsilon);
}

TEST(Erfcx, AgreesWithItsDefinitionAndItsTail) {
  EXPECT_NEAR(erfcx(0), 1, kEpsilon);
  EXPECT_NEAR(erfcx(1), 0.42758357615580700, 4 * kEpsilon);   // 50 digits elsewhere
  EXPECT_NEAR(erfcx(25), 0.022549572432641359, 1e-15 * 0.03);
  EXPECT_NEAR(erfcx(-2), 2 * std::exp(4) - erfcx(2), 110 * 16 * kEpsilon);
  EXPECT_NEAR(erfcx(1e8), 1 / (1e8 * std::sqrt(std::numbers::pi)), 1e-8 * 4 * kEpsilon);
  // Where one formula hands over to the other.
  const double below = erfcx(std::nextafter(20., 0.)), above = erfcx(20);
  EXPECT_NEAR(below, above, 400 * 4 * kEpsilon * above);
  EXPECT_NEAR(log_erfcx(-40), 1600 + std::numbers::ln2, 1600 * 2 * kEpsilon);
}

TEST(NormalUpperQuantile, InvertsTheTail) {
  EXPECT_NEAR(normal_upper_quantile(-std::numbers::ln2), 0, 4 * kEpsilon);
  EXPECT_NEAR(normal_upper_quantile(std::log(0.05)), 1.6448536269514722, 8 * kEpsilon);
  for (const double x : {0.1, 1., 5., 40., 1000.}) {
    const double scaled = erfcx(x / std::numbers::sqrt2);
    const double log_tail = std::log(scaled / 2) - x * x / 2;
    EXPECT_NEAR(normal_upper_quantile(log_tail), x, 16 * kEpsilon * std::max(x, 1.)) << x;
  }
}

TEST(LambertW, SolvesItsEquation) {
  for (const double y : {-600., -2., 0., 3., 699., 701., 1e5, 1e300}) {
    const double w = lambert_w_of_exp(y);
    EXPECT_NEAR(w + std::log(w), y, 8 * kEpsilon * std::max(std::fabs(y), 1.)) << y;
  }
}

TEST(CompensatedSum, LosesNothing) {
  CompensatedSum sum;
  sum.add(1);
  for (int i = 0; i < 1000; ++i) sum.add(kEpsilon / 8);
  EXPECT_NEAR(sum.value(), 1 + 125 * kEpsilon, kEpsilon);
}

}  // namespace
}  // namespace iclab::theory
