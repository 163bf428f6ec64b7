#include "theory/kinetics_memoriser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "theory/kinetics_attention.h"
#include "theory/kinetics_mean_field.h"

namespace iclab::theory {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kIntegrated = 1e-10;  // what the header promises of flows

#define EXPECT_RELATIVE(got, want, tolerance) \
  EXPECT_NEAR(got, want, (tolerance) * std::fabs(want))

TEST(TableCell, SolvesItsEquation) {
  for (const double s : {1e-300, 1e-12, 1e-3, 0.5, 1., 5., 100., 1e6, 1e15})
    EXPECT_RELATIVE(g_lookup(s) + std::expm1(g_lookup(s)), s,
                    8 * kEpsilon * std::max(1., g_lookup(s)));
  EXPECT_EQ(g_lookup(0), 0);
  EXPECT_NEAR(g_lookup(1e300), std::log(1e300), 1e-12);
}

TEST(Table, SumsItsCells) {
  EXPECT_RELATIVE(I_lookup(1000, 100), 100 * g_lookup(10), 4 * kEpsilon);
  const double total = 1 + 1 / std::sqrt(2.) + 1 / std::sqrt(3.);
  EXPECT_RELATIVE(I_lookup(7, 3, 0.5),
                  g_lookup(7 / total) + g_lookup(7 / total / std::sqrt(2.)) +
                      g_lookup(7 / total / std::sqrt(3.)),
                  16 * kEpsilon);
  EXPECT_EQ(I_lookup(0, 10, 2), 0);
  // Many items, each hardly seen: t/2 - t^2 sum p^2 / 16.
  EXPECT_RELATIVE(I_lookup(1, 1'000'000, 1e-9), 0.5 - 1e-6 / 16, 1e-13);
}

TEST(Table, SkewedItemsTakeLessTime) {
  double last = I_lookup(3000, 512);
  for (const double alpha : {0.25, 0.5, 1., 2., 500.}) {
    const double next = I_lookup(3000, 512, alpha);
    EXPECT_LT(next, last) << alpha;
    last = next;
  }
  EXPECT_RELATIVE(last, g_lookup(3000), 1e-12) << "one item alone";
}

TEST(Table, TakesAnySkew) {
  // Powers of 512 that no double holds: in units of the largest.
  double total = 0, I = 0;
  for (int k = 1; k <= 512; ++k) total += std::pow(k / 512., 500);
  for (int k = 1; k <= 512; ++k) I += g_lookup(3000 * std::pow(k / 512., 500) / total);
  EXPECT_RELATIVE(I_lookup(3000, 512, -500), I, 1e-12);
}

TEST(Fractions, AreHalfWhereTheTimeIsTheThreshold) {
  EXPECT_NEAR(p_acquire(tau_star(64, 0, 0, 2), 64, 0.3, 2), 0.5, 4 * kEpsilon);
  EXPECT_NEAR(p_acquire(tau_star(64) * std::exp(1.6448536269514722 * 0.7), 64, 0.7), 0.95, 1e-14);
  EXPECT_EQ(p_acquire(1e-300, 100, 1e-10), 0);
  EXPECT_EQ(p_acquire(1e300, 100, 1e-10), 1);
}

TEST(ThresholdDiversity, IsWhereTheLawMeetsTheThreshold) {
  const double K = k_star(32, 0.9, 0.8, -0.3, 0.2, 2);
  EXPECT_RELATIVE(0.9 * std::pow(K, 0.8), tau_star(32, -0.3, 0.2, 2), 1e-13);
  EXPECT_TRUE(std::isinf(k_star(32, 1, 1e-3)));
}

TEST(Copies, AreCountedOverAllDraws) {
  EXPECT_NEAR(expected_copies(2, 2), 1.5, 2 * kEpsilon);
  // N = 2, K = 3: both alike (1/3): 2 copies; else 1.
  EXPECT_NEAR(expected_copies(2, 3), 4. / 3, 4 * kEpsilon);
  EXPECT_NEAR(expected_copies(1000, 1e15), 1, 1e-11);
  EXPECT_NEAR(expected_copies(1000, 2), 500, 1e-10);
}

// c1 and c2 constant over [0, end].
FromMemoriser constant(double end, double c1, double c2, double N, double eta, double beta0 = 0,
                       double w0 = 0, double n = 1, double mu = 0) {
  const std::vector<double> t{0, end}, first{c1, c1}, second{c2, c2};
  return t_icl_from_memoriser({t, first, second}, N, eta, beta0, w0, n, mu);
}

TEST(FromMemoriser, WithoutFrictionIsTheClosedPath) {
  // From w0 = 0 beta rises by d = beta_thr - beta0 at erf(sqrt d) of tau*.
  for (const double beta0 : {-2., 0., 1.}) {
    const double rise = beta_threshold(32) - beta0;
    const FromMemoriser found = constant(1e5, 0.2, 0, 32, 0.3, beta0);
    EXPECT_RELATIVE(found.t_icl, std::erf(std::sqrt(rise)) * tau_star(32, beta0) / 0.06, kIntegrated);
    EXPECT_RELATIVE(found.w, std::sqrt(2 * rise), kIntegrated);
    EXPECT_EQ(found.beta, beta_threshold(32));
    EXPECT_RELATIVE(found.tau_end, 6000., 4 * kEpsilon);
  }
}

TEST(FromMemoriser, PassesKinksAndStandstills) {
  // The same law on a finer grid, with an interval in which the memoriser makes no error.
  const FromMemoriser whole = constant(1000, 0.4, 0.5, 32, 0.3);
  const std::vector<double> t{0, 100, 100, 250, 250, 350, 350, 1100},
      c1{0.4, 0.4, 0.4, 0.4, 0, 0, 0.4, 0.4}, c2(8, 0.5);
  const FromMemoriser parts = t_icl_from_memoriser({t, c1, c2}, 32, 0.3);
  ASSERT_GT(whole.t_icl, 250);
  EXPECT_RELATIVE(parts.t_icl, whole.t_icl + 100, kIntegrated);
  EXPECT_RELATIVE(parts.w, whole.w, kIntegrated);
  EXPECT_RELATIVE(parts.tau_end, whole.tau_end, 8 * kEpsilon);
}

TEST(FromMemoriser, FrictionIsLinearInTauBetweenPoints) {
  // A falling c1: halves of an interval at the tau where c2 is in the middle.
  const std::vector<double> t{0, 200}, c1{0.5, 0.1}, c2{0.2, 1};
  const FromMemoriser whole = t_icl_from_memoriser({t, c1, c2}, 32, 0.3, -0.5);
  const std::vector<double> t_half{0, 100, 200}, c1_half{0.3, 0.3, 0.3}, c2_half{0.2, 0.6, 1};
  const FromMemoriser halves = t_icl_from_memoriser({t_half, c1_half, c2_half}, 32, 0.3, -0.5);
  EXPECT_RELATIVE(whole.w, halves.w, kIntegrated);
  EXPECT_RELATIVE(whole.beta, halves.beta, kIntegrated);
}

TEST(FromMemoriser, SaysWhenItDoesNotHappen) {
  const FromMemoriser early = constant(10, 0.5, 0.5, 32, 0.3);
  EXPECT_TRUE(std::isinf(early.t_icl));
  EXPECT_LT(early.beta, beta_threshold(32));
  EXPECT_RELATIVE(early.w, 1.5 / 32, 0.1);

  const std::vector<double> t{5}, half{0.5};
  EXPECT_TRUE(std::isinf(t_icl_from_memoriser({t, half, half}, 32, 0.3).t_icl));
  const FromMemoriser above = t_icl_from_memoriser({t, half, half}, 32, 0.3, 3, -0.5);
  EXPECT_EQ(above.t_icl, 5);
  EXPECT_EQ(above.beta, 3);
  EXPECT_EQ(above.w, -0.5);
}

TEST(FromMemoriser, SeesATopBetweenTwoPoints) {
  // Drift against the label: beta rises while w lasts and falls again. One long interval must find
  // what a threshold just below the top is; c2 = 0 conserves w^2/2 - beta + mu e^-beta.
  const double N = 32, mu = -40;
  const auto energy = [&](double w, double beta) { return w * w / 2 - beta + mu * std::exp(-beta); };
  const double threshold = beta_threshold(N);
  // The w0 for which the top is exactly the threshold.
  const double w_top = std::sqrt(2 * (energy(0, threshold) - energy(0, 1)));
  EXPECT_TRUE(std::isfinite(constant(1e4, 0.5, 0, N, 1, 1, w_top * (1 + 1e-6), 1, mu).t_icl));
  EXPECT_TRUE(std::isinf(constant(1e4, 0.5, 0, N, 1, 1, w_top * (1 - 1e-6), 1, mu).t_icl));
}

TEST(FromMemoriser, HoldsAtFarStarts) {
  EXPECT_EQ(constant(1e6, 0.5, 0.5, 32, 1, -50).beta, -50);
  EXPECT_TRUE(std::isfinite(constant(1e6, 0.5, 0.5, 32, 1, -5, -40).t_icl));
  EXPECT_RELATIVE(constant(1, 0.5, 1, 1e5, 1, 1, 1e9).t_icl,
                  2e5 / 1e9 * (std::exp(-1.) - std::exp(-beta_threshold(1e5))), 1e-6);
  EXPECT_RELATIVE(constant(1e6, 0.5, 1, 2, 1, -5, 0, 1, -1e6).w, -1e6, kIntegrated);
}

}  // namespace
}  // namespace iclab::theory
