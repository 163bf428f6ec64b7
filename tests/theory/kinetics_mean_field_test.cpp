#include "theory/kinetics_mean_field.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "theory/kinetics_attention.h"
#include "theory/kinetics_memoriser.h"

namespace iclab::theory {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kIntegrated = 1e-10;  // what the header promises of flows

#define EXPECT_RELATIVE(got, want, tolerance) \
  EXPECT_NEAR(got, want, (tolerance) * std::fabs(want))

TEST(IdealAccuracy, CountsLabelSums) {
  // N = 4, n = 1: S in {-3, -1, 1, 3} with 1/8, 3/8, 3/8, 1/8.
  EXPECT_EQ(icl_accuracy_ideal(4, -1), 0.5);
  EXPECT_EQ(icl_accuracy_ideal(4, 0), 0.5 + 3. / 16) << "1 + S = 0 counts half";
  EXPECT_EQ(icl_accuracy_ideal(4, 0.1), 7. / 8);
  EXPECT_EQ(icl_accuracy_ideal(4, std::log(3)), 7. / 8 + 1. / 16) << "a rounded tie is a tie";
  EXPECT_EQ(icl_accuracy_ideal(4, 2), 1);
  // An even number of others: the smallest attention decides where they cancel.
  EXPECT_EQ(icl_accuracy_ideal(3, -1e6), 0.75);
  EXPECT_EQ(icl_accuracy_ideal(3, 1e6), 1);
  EXPECT_NEAR(icl_accuracy_ideal(32, 0), 0.57, 5e-4);  // 3.5
}

TEST(IdealAccuracy, IsAbout95PercentAtTheThreshold) {
  // Half a lattice step of S, 1/sqrt(N), times the density there, 0.10.
  for (const std::int64_t N : {100, 10'000, 1'000'000})
    EXPECT_NEAR(icl_accuracy_ideal(N, beta_threshold(static_cast<double>(N))), 0.95,
                0.12 / std::sqrt(static_cast<double>(N)));
  EXPECT_NEAR(beta_threshold(32), std::log(1.6448536269514722 * std::sqrt(31.)), 4 * kEpsilon);
}

TEST(IdealLoss, HasItsLimits) {
  EXPECT_NEAR(icl_loss_ideal(32, 1, 0), std::log(2), 4 * kEpsilon);
  // Saturated attention: log(1 + e^-w), also where it is tiny.
  for (const double w : {-50., 1., 300.})
    EXPECT_RELATIVE(icl_loss_ideal(32, 1e6, w), std::log1p(std::exp(-w)), 8 * kEpsilon);
  // No attention and a huge w: w E|S|/m / 2, m = 31.
  double mean = 0;
  for (int k = 0; k <= 31; ++k)
    mean += std::fabs(31. - 2 * k) / 31 *
            std::exp(std::lgamma(32.) - std::lgamma(k + 1.) - std::lgamma(32. - k) - 31 * std::log(2));
  EXPECT_RELATIVE(icl_loss_ideal(32, -1e6, 1e6), 1e6 * mean / 2, 1e-13);
}

TEST(MeanFieldDescent, IsTheDescentOfTheLoss) {
  const double h = 1e-5;
  for (const std::int64_t n : {1, 4})
    for (const double w : {-2., 0.3, 5.})
      for (const double beta : {-1., 1., 4.}) {
        const Descent descent = meanfield_rhs(33, w, beta, n);
        // Third derivatives below 1: h^2, and roundings over h.
        EXPECT_NEAR(descent.dw,
                    (icl_loss_ideal(33, beta, w - h, n) - icl_loss_ideal(33, beta, w + h, n)) / (2 * h),
                    h * h + 4 * kEpsilon / h);
        EXPECT_NEAR(descent.dbeta,
                    (icl_loss_ideal(33, beta - h, w, n) - icl_loss_ideal(33, beta + h, w, n)) / (2 * h),
                    10 * h * h + 4 * kEpsilon / h);
      }
}

TEST(MeanFieldDescent, KeepsTheSmallestAttention) {
  for (const double beta : {-20., -50., -300.}) {
    const double a = std::exp(beta) / 31;
    const double rounding = -2 * beta * kEpsilon;  // of the exponent
    EXPECT_RELATIVE(meanfield_rhs(32, 0, beta).dw, a / 2, rounding + a);
    // Beside it, for a w of the same order, the friction w/(4 m).
    EXPECT_RELATIVE(meanfield_rhs(32, std::exp(beta), beta).dw, a / 2 - std::exp(beta) / 124,
                    2 * rounding + 4 * a);
  }
}

TEST(MeanFieldDescent, HasAConstantMemoriser) {
  // Sure and right: nothing to learn. Sure and wrong: a residual of 1, E M = a.
  EXPECT_NEAR(meanfield_rhs(32, 1, 1, 1, 1e6).dw, 0, 1e-300);
  const double e = std::exp(1.), a = e / (31 + e);
  EXPECT_RELATIVE(meanfield_rhs(32, 1, 1, 1, -1e6).dw, a, 16 * kEpsilon);
  EXPECT_RELATIVE(meanfield_rhs(32, 2, 1, 1, -1e6).dbeta, 2 * a * (1 - a), 16 * kEpsilon);
}

TEST(MeanField, TakesTheStepsOfTheQuickSettings) {
  // differential-kinetics.md, section 4 (C3, C4, C9), eta = 0.3.
  const auto steps = [](std::int64_t N, double beta0, double w0, std::int64_t n) {
    return meanfield_Kinf(N, n, beta0, w0).t_acc / 0.3;
  };
  EXPECT_NEAR(steps(16, 0, 0, 1), 158, 0.75);
  EXPECT_NEAR(steps(32, 0, 0, 1), 305, 0.75);
  EXPECT_NEAR(steps(64, 0, 0, 1), 596, 0.75);
  EXPECT_NEAR(steps(128, 0, 0, 1), 1178, 0.75);
  EXPECT_NEAR(steps(32, -1.5, 0, 1), 1788, 0.75);
  EXPECT_NEAR(steps(32, 1.5, 0, 1), 61, 0.75);
  EXPECT_NEAR(steps(32, 0, -1, 1), 657, 0.75);
  EXPECT_NEAR(steps(32, 0, 1, 1), 166, 0.75);
  EXPECT_NEAR(steps(32, 0, 0, 4), 64, 0.75);
}

TEST(MeanField, StartsAsItsExpansion) {
  // The flow of differential-kinetics.md, section 3.2, with c1 = c2 = 1/2 leaves out parts of order 1/N.
  const double N = 10'000, end = 2000;
  const std::vector<double> t{0, end}, half{0.5, 0.5};
  const FromMemoriser expanded = t_icl_from_memoriser({t, half, half}, N, 1, -1, 0.2);
  const MeanField exact = meanfield_Kinf(10'000, 1, -1, 0.2, std::vector<double>{end});
  EXPECT_RELATIVE(exact.w[0], expanded.w, 4 / N);
  EXPECT_RELATIVE(exact.beta[0] + 1, expanded.beta + 1, 4 / N);
}

TEST(MeanField, CreepsInWhereAttentionIsWeak) {
  // w = 2 n e^beta is slaved: d beta / dt = n^2 e^(2 beta) / (N - n). What follows takes e^beta0 less.
  for (const double beta0 : {-30., -50., -60., -61., -350.})
    EXPECT_RELATIVE(meanfield_Kinf(32, 2, beta0).t_acc, 30 * std::exp(-2 * beta0) / 8, kIntegrated);
}

TEST(MeanField, MeetsItsTimesInOrder) {
  const MeanField whole = meanfield_Kinf(32);
  const std::vector<double> times{0, 0, 1e-3, 40, whole.t_acc, whole.t_acc, 500, 1e6};
  const MeanField at = meanfield_Kinf(32, 1, 0, 0, times);
  ASSERT_EQ(at.w.size(), times.size());
  ASSERT_EQ(at.beta.size(), times.size());
  EXPECT_EQ(at.t_acc, whole.t_acc);
  EXPECT_EQ(at.w[1], 0);
  EXPECT_NEAR(at.w[2], 1e-3 / 64 * (1 - 1e-3 / 256), 1e-12);  // dw = a/2 - w E M^2 / 4, both 1/32
  EXPECT_RELATIVE(at.beta[4], whole.beta_threshold, kIntegrated);
  EXPECT_EQ(at.w[4], at.w[5]);
  double loss = 1;
  for (const size_t i : {1, 2, 3, 4, 6, 7}) {
    const double next = icl_loss_ideal(32, at.beta[i], at.w[i]);
    EXPECT_LT(next, loss) << times[i];
    loss = next;
  }
  // A flow that has no memory: from any state on it goes the same way.
  const MeanField rest =
      meanfield_Kinf(32, 1, at.beta[3], at.w[3], std::vector<double>{500 - 40.0});
  EXPECT_RELATIVE(rest.t_acc, whole.t_acc - 40, kIntegrated);
  EXPECT_RELATIVE(rest.w[0], at.w[6], kIntegrated);
}

TEST(MeanField, SaturatedAttentionLearnsByTheLogarithm) {
  // M = 1: w' = sigma(-w), w + e^w = 1 + t.
  const std::vector<double> times{1, 1e6, 1e100};
  const MeanField at = meanfield_Kinf(32, 1, 50, 0, times);
  EXPECT_EQ(at.t_acc, 0);
  for (size_t i = 0; i < times.size(); ++i)
    EXPECT_RELATIVE(at.w[i], g_lookup(times[i]), kIntegrated) << times[i];
}

TEST(MeanField, HoldsAtFarStarts) {
  for (const double w0 : {-40., 60., -1000., 1e6}) {
    const MeanField far = meanfield_Kinf(32, 1, 0, w0);
    EXPECT_TRUE(std::isfinite(far.t_acc)) << w0;
    EXPECT_GT(far.t_acc, 0) << w0;
  }
  EXPECT_TRUE(std::isfinite(meanfield_Kinf(2, 1, -6).t_acc));
  // Below e^-60, and where the time leaves a double's range: w relaxes all the same.
  const std::vector<double> times{1, 50, 1e6};
  const MeanField weak = meanfield_Kinf(32, 1, -60, 2, times);
  for (const double beta0 : {-340., -1e5}) {
    const MeanField weaker = meanfield_Kinf(32, 1, beta0, 2, times);
    EXPECT_EQ(weaker.w, weak.w);
    EXPECT_EQ(weaker.beta[2], beta0);
    EXPECT_EQ(std::isinf(weaker.t_acc), beta0 < -350);
  }
  EXPECT_EQ(meanfield_Kinf(32, 1, 1e6, 0, times).beta[2], 1e6);
  EXPECT_EQ(meanfield_Kinf(100, 99, -3).t_acc, 0) << "the threshold lies below beta0";
}

}  // namespace
}  // namespace iclab::theory
