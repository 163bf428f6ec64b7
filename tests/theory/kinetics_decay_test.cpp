#include "theory/kinetics_decay.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace iclab::theory {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

#define EXPECT_RELATIVE(got, want, tolerance) \
  EXPECT_NEAR(got, want, (tolerance) * std::fabs(want))

TEST(StationaryStates, BalanceBothDecays) {
  // lambda w = C M and lambda beta = C w M (1 - M) at lambda = 1, C = h.
  for (const double N : {8., 100.})
    for (const double beta : {0.01, 0.5, 3., 12.}) {
      const double M = std::exp(beta) / (N - 1 + std::exp(beta)), C = h_decay(beta, N);
      const double w = C * M;
      EXPECT_RELATIVE(C * w * M * (1 - M), beta, 1e-11);
    }
}

TEST(StationaryStates, HoldAtTheEnds) {
  EXPECT_RELATIVE(h_decay(1e-300, 32), std::sqrt(1e-300 * 32 / 31) * 32, 8 * kEpsilon);
  EXPECT_RELATIVE(h_decay(1400, 32), std::sqrt(1400 / 31.) * std::exp(700), 1e-12);
  EXPECT_TRUE(std::isinf(h_decay(2000, 32)));
}

TEST(DecayFold, IsTheTable) {
  const std::vector<std::vector<double>> table{{16, 7.573, 2.919, 2.554, 4.622},
                                               {32, 14.39, 3.747, 2.979, 5.156},
                                               {100, 43.53, 5.001, 3.536, 5.893}};
  for (const auto& row : table) {
    const DecayFold fold = decay_fold(row[0]);
    EXPECT_NEAR(fold.h_top, row[1], 5e-3);
    EXPECT_NEAR(fold.beta_fold, row[2], 5e-4);
    EXPECT_NEAR(fold.w_fold, row[3], 5e-4);
    EXPECT_NEAR(fold.h_fold, row[4], 5e-4);
  }
}

TEST(DecayFold, IsWhereHTurns) {
  for (const double N : {8., 9., 32., 1e4, 1e15}) {
    const DecayFold fold = decay_fold(N);
    EXPECT_LT(fold.beta_top, 1.2);
    EXPECT_GT(fold.beta_fold, 1.2);
    // Curvatures of log h are of order 0.1 and more: 1e-4 aside is 1e-10 and more of h.
    for (const double aside : {-1e-2, 1e-2}) {
      EXPECT_LT(h_decay(fold.beta_top + aside, N), fold.h_top) << N;
      EXPECT_GT(h_decay(fold.beta_fold + aside, N), fold.h_fold) << N;
    }
    const auto slope = [&](double beta) {
      const double e = std::exp(beta) / (N - 1);
      return 1 / (2 * beta) + e / (2 * (1 + e)) - 1 / (1 + e);
    };
    EXPECT_NEAR(slope(fold.beta_top), 0, 1e-14);
    EXPECT_NEAR(slope(fold.beta_fold), 0, 1e-14);
    EXPECT_RELATIVE(fold.w_fold,
                    std::sqrt(fold.beta_fold * (1 + std::exp(fold.beta_fold) / (N - 1))), 1e-14);
  }
}

TEST(SaturatedDecay, BalancesTheResidual) {
  for (const double c3 : {1e-200, 1e-4, 1., 1e200})
    for (const double lambda : {1e-200, 1e-3, 1e100}) {
      const double w = w_decay_saturated(c3, lambda);
      EXPECT_NEAR(std::log(lambda) + std::log(w) + w, std::log(c3), 2000 * kEpsilon);
    }
  EXPECT_EQ(w_decay_saturated(0, 0.1), 0);
}

TEST(AfterAcquisition, FollowsTheTrapezoids) {
  const std::vector<double> s{1, 3, 3, 7}, c3{2, 1, 0.5, 0};
  const PostAcquisition way = post_acquisition(s, c3, 0.5);
  EXPECT_EQ(way.w, (std::vector<double>{0.5, 3.5, 3.5, 4.5}));
  const double first = std::exp(0.5) + std::exp(3.5);
  EXPECT_EQ(way.time[0], 0);
  EXPECT_RELATIVE(way.time[1], first, 4 * kEpsilon);
  EXPECT_RELATIVE(way.time[3], first + 2 * (std::exp(3.5) + std::exp(4.5)), 4 * kEpsilon);
  EXPECT_RELATIVE(way.loss[2], 0.5 * std::exp(-3.5), 4 * kEpsilon);
  EXPECT_EQ(way.loss[3], 0);
  EXPECT_TRUE(post_acquisition({}, {}, 1).w.empty());
}

TEST(AfterAcquisition, IsThePowerLawOfItsExponent) {
  // c3 = 1/s: w = w_a + log s, so L_train = e^-w_a / s^2 (differential-kinetics.md, section 3.8: gamma = 1, A = 1).
  std::vector<double> s, c3;
  for (int i = 0; i <= 20'000; ++i) {
    s.push_back(std::exp(i * 5e-4));
    c3.push_back(1 / s.back());
  }
  const PostAcquisition way = post_acquisition(s, c3, 2);
  // Trapezoids in log s of width h: h^2/12 of each.
  EXPECT_NEAR(way.w.back(), 2 + 10, 10 * 5e-4 * 5e-4 / 6);
  EXPECT_RELATIVE(way.loss.back(), std::exp(-2 - 20.), 1e-6);
}

}  // namespace
}  // namespace iclab::theory
