#include "theory/kinetics_attention.h"

#include <gtest/gtest.h>

#include <boost/math/quadrature/tanh_sinh.hpp>
#include <cmath>
#include <numbers>
#include <vector>

namespace iclab::theory {
namespace {

constexpr double kClosed = 1e-13;      // closed forms: roundings of numbers up to 1e3
constexpr double kIntegrated = 1e-10;  // what the header promises of flows
const double kRootHalfPi = std::sqrt(std::numbers::pi / 2);

#define EXPECT_RELATIVE(got, want, tolerance) \
  EXPECT_NEAR(got, want, (tolerance) * std::fabs(want))

TEST(TauStar, IsTheClosedForm) {
  EXPECT_RELATIVE(tau_star(100), 100 * kRootHalfPi, kClosed);
  EXPECT_RELATIVE(tau_star(100, 0.7, 0, 4), 25 * std::exp(-0.7) * kRootHalfPi, kClosed);
  // Opposite starts share the well: together they are the whole Gaussian integral.
  EXPECT_RELATIVE(tau_star(32, 0, 2) + tau_star(32, 0, -2),
                  32 * std::exp(2) * std::sqrt(2 * std::numbers::pi), kClosed);
  EXPECT_RELATIVE(tau_star(32, 0, 1e6), 32e-6, 1e-11);  // falls at its own speed
}

TEST(TauStar, IsInfiniteOnlyBeyondADouble) {
  EXPECT_RELATIVE(std::log(tau_star(32, 700, -40)),
                  std::log(32) + 100 + std::log(2 * kRootHalfPi), 1e-13);
  EXPECT_TRUE(std::isinf(tau_star(32, 0, -40)));
  EXPECT_TRUE(std::isinf(tau_star(32, -1000)));
  EXPECT_EQ(tau_star(32, 1000), 0);
}

TEST(FrictionlessPath, TakesItsPartOfTheTimeAndKeepsItsEnergy) {
  for (const double w0 : {-3., -0.5, 0., 0.5, 3., 20.})
    for (const double x : {0.1, 0.5, 0.9, 0.999}) {
      const auto [w, beta] = frictionless_path(x, w0, 0.3);
      EXPECT_GT(w, w0);
      EXPECT_NEAR(beta, 0.3 + (w * w - w0 * w0) / 2, 1e-12);
      // The rest of the way takes the rest of the time.
      EXPECT_RELATIVE(tau_star(32, beta, w), (1 - x) * tau_star(32, 0.3, w0), 1e-11);
    }
}

TEST(FrictionlessPath, ForNoInitialWeightIsTheInverseErrorFunction) {
  const auto [w, beta] = frictionless_path(std::erf(0.8), 0, -1);
  EXPECT_NEAR(w, 0.8 * std::numbers::sqrt2, kClosed);
  EXPECT_NEAR(beta, -1 + 0.64, kClosed);
}

TEST(FrictionlessPath, HoldsAtTheEnds) {
  for (const double w0 : {-40., -2., 0., 60.}) {
    EXPECT_EQ(frictionless_path(0, w0, 0.5).w, w0);
    EXPECT_EQ(frictionless_path(0, w0, 0.5).beta, 0.5);
  }
  // Deep tails: half of what is left, w0 + log(2)/w0 to leading order.
  EXPECT_NEAR(frictionless_path(0.5, 1000).w, 1000 + std::numbers::ln2 / 1000, 1e-8);
  EXPECT_NEAR(frictionless_path(0.5, 1000).beta, std::numbers::ln2, 1e-6);
  EXPECT_NEAR(frictionless_path(0.5, -40).w, 0, 1e-15);
  EXPECT_NEAR(frictionless_path(1e-300, -40).w, -37.0471, 1e-4);  // P(Z < w) = 1e-300
}

TEST(Friction, IsTheTable) {
  const std::vector<std::pair<double, double>> table{{0, 1.2533}, {0.1, 1.2751}, {0.5, 1.3682},
                                                     {1, 1.4990}, {2, 1.8082},   {5, 3.0057}};
  for (const auto& [kappa, G] : table) EXPECT_NEAR(G_friction(kappa), G, 5e-5) << kappa;
  EXPECT_NEAR(G_friction(20), 10.196, 5e-4);
}

TEST(Friction, GoesOverIntoBothLimits) {
  for (const double w0 : {-2., 0., 2.})
    EXPECT_RELATIVE(G_friction(1e-14, w0), tau_star(1, 0, w0), 1e-11);
  // kappa/2 + (log kappa + ...)/kappa, and w0 moves the start by w0/kappa.
  for (const double kappa : {1e3, 1e6, 1e12, 1e29, 1e31, 1e150})
    EXPECT_RELATIVE(G_friction(kappa), kappa / 2, 20 / kappa / kappa + kIntegrated);
  EXPECT_NEAR(G_friction(1e6, -40) - G_friction(1e6), 40, 1e-2);
  EXPECT_NEAR(G_friction(1e6, 60) - G_friction(1e6), -60, 1e-2);
}

TEST(Friction, ScalesAsTheParticleDoes) {
  // u = e^-beta0 v, T the same: one function of kappa = c2 e^-beta0 / n.
  for (const double beta0 : {-3., -0.5, 1., 6.})
    for (const double n : {1., 3.})
      EXPECT_RELATIVE(tau_star_general(50, beta0, 0.4, n, 0.6),
                      50 / n * std::exp(-beta0) * G_friction(0.6 * std::exp(-beta0) / n, 0.4),
                      2 * kIntegrated);
}

TEST(GeneralThreshold, WithoutFrictionAndDriftIsTauStar) {
  EXPECT_EQ(tau_star_general(32, 0.3, -0.7, 2), tau_star(32, 0.3, -0.7, 2));
  for (const double w0 : {-1., 0., 1.}) {
    EXPECT_RELATIVE(tau_star_general(32, 0.3, w0, 2, 0, 1e-14), tau_star(32, 0.3, w0, 2), 1e-11);
    EXPECT_RELATIVE(tau_star_general(32, 0.3, w0, 2, 1e-14, 0), tau_star(32, 0.3, w0, 2), 1e-11);
  }
}

TEST(GeneralThreshold, BalancedIsTheIntegralOfItsEnergy) {
  // w^2/2 - beta - e^-beta is conserved: T = integral du / w from rest at u0 (differential-kinetics.md, section 3.7).
  boost::math::quadrature::tanh_sinh<double> quadrature;
  for (const double beta0 : {0.05, 0.5, 1.5}) {
    const double u0 = std::exp(-beta0);
    const auto speed = [&](double part, double left) {
      const double gone = part > 0.5 ? left : 1 - part;  // 1 - u/u0, exact near the start
      return u0 / std::sqrt(2 * (-std::log1p(-gone) - u0 * gone));
    };
    EXPECT_RELATIVE(tau_star_general(32, beta0, 0, 1, 0, -1),
                    32 * quadrature.integrate(speed, 0.0, 1.0), 1e-8);
  }
}

TEST(GeneralThreshold, TheSaddleHoldsWhatStartsThere) {
  EXPECT_TRUE(std::isinf(tau_star_general(32, 0, 0, 1, 0, -1)));
  EXPECT_TRUE(std::isinf(tau_star_general(32, -1e-9, 0, 1, 0, -1)));
  // Growth rate 1/N in tau: ten times closer takes N log(10) longer.
  const double near = tau_star_general(32, 1e-6, 0, 1, 0, -1);
  const double nearer = tau_star_general(32, 1e-7, 0, 1, 0, -1);
  EXPECT_NEAR(nearer - near, 32 * std::log(10), 1e-3);
}

TEST(GeneralThreshold, TheSeparatrixDividesWhatFallsFromWhatIsTrapped) {
  // Through the saddle: w^2/2 = beta + e^-beta - 1.
  const double beta0 = -0.5, w = std::sqrt(2 * (beta0 + std::exp(-beta0) - 1));
  EXPECT_TRUE(std::isfinite(tau_star_general(32, beta0, w * (1 + 1e-8), 1, 0, -1)));
  EXPECT_TRUE(std::isinf(tau_star_general(32, beta0, w * (1 - 1e-8), 1, 0, -1)));
  // A label sum that pulls the right way always brings it home.
  for (const double beta0_far : {-20., -2., 5.})
    EXPECT_TRUE(std::isfinite(tau_star_general(32, beta0_far, -3, 1, 0.5, 0.1)));
}

TEST(GeneralThreshold, OverdampedMotionIsItsIntegral) {
  // From z0 = c2 e^-beta0 / n = 1e18 on nothing is integrated: T = friction integral u du / (1 + force u).
  for (const double mu : {0., 1e-29, 1., -1e-32}) {
    const double u0 = std::exp(70), r = mu * u0;
    const double expected = std::fabs(r) < 1e-2 ? u0 * u0 / 2 * (1 - 2 * r / 3)
                                                : u0 * u0 * (1 - std::log1p(r) / r) / r;
    EXPECT_RELATIVE(tau_star_general(32, -70, 0, 1, 1, mu), 32 * expected, 1e-8) << mu;
  }
  EXPECT_RELATIVE(tau_star_general(32, -40, 0, 1, 1, 0), 16 * std::exp(80), kIntegrated);
  EXPECT_TRUE(std::isinf(tau_star_general(32, -70, 5, 1, 1, -1)));
  EXPECT_TRUE(std::isinf(tau_star_general(32, -600, 0, 1, 0.5, 0))) << "beyond a double";
}

TEST(GeneralThreshold, StrongAttentionKnowsNeitherFrictionNorDrift) {
  EXPECT_RELATIVE(tau_star_general(32, 50, 0.5, 1, 1, 3), tau_star(32, 50, 0.5), kClosed);
  // Started away from the well it comes back from where friction turns it.
  const double returns = tau_star_general(32, 50, -40, 1, 0.5, 0);
  EXPECT_GT(returns, 1e4);
  EXPECT_LT(returns, 1e5);
  // Also from where e^-beta0 is 0: the way out keeps w^2/2 - beta, and so passes (-2, 2), where
  // friction is still nothing.
  const double w0 = -std::sqrt(2000.), out = tau_star(32, 1000, w0) - tau_star(32, 2, -2);
  EXPECT_RELATIVE(tau_star_general(32, 1000, w0, 1, 1e-5, 0),
                  out + tau_star_general(32, 2, -2, 1, 1e-5, 0), 1e-5);
  EXPECT_EQ(tau_star_general(32, 1e6, 1, 1, 1, 1), 0);
}

TEST(GeneralThreshold, HoldsWhereNoDoubleHoldsTheStart) {
  EXPECT_TRUE(std::isinf(tau_star_general(32, -1000, 0, 1, 0.5, 0)));
  EXPECT_TRUE(std::isinf(tau_star_general(32, -1000, 0, 1, 0.5, 1)));
  EXPECT_TRUE(std::isinf(tau_star_general(32, -1000, 5, 1, 0, -1)));
  // Free fall under the force: u0 = mu T^2 / 2, on both sides of e^709.
  for (const double beta0 : {-600., -1000.})
    EXPECT_RELATIVE(std::log(tau_star_general(32, beta0, 0, 1, 0, 5)),
                    std::log(32) + (std::log(2 / 5.) - beta0) / 2, 1e-10);
}

TEST(StepsForInfiniteK, AreTwoOverEtaTimesTheThreshold) {
  EXPECT_RELATIVE(t_icl_Kinf(100, 0.01), 250.66282746310002 * 100, kClosed);
  EXPECT_EQ(t_icl_Kinf(32, 0.3, -0.5, 0.2, 2, 0.5),
            2 / 0.3 * tau_star_general(32, -0.5, 0.2, 2, 0.5));
  // differential-kinetics.md, section 4 (C3): frictionless and with friction, eta = 0.3.
  const std::vector<std::vector<double>> rows{{16, 134, 146}, {32, 267, 292}, {64, 535, 584},
                                              {128, 1069, 1168}};
  for (const auto& row : rows) {
    EXPECT_NEAR(t_icl_Kinf(row[0], 0.3), row[1], 0.75);
    EXPECT_NEAR(t_icl_Kinf(row[0], 0.3, 0, 0, 1, 0.5), row[2], 0.75);
  }
}

TEST(StepsForInfiniteK, HaveTheQuantilesOfALogNormal) {
  EXPECT_RELATIVE(t_icl_quantile(0.5, 100, 0.01, 3), t_icl_Kinf(100, 0.01), kClosed);
  const double median = t_icl_quantile(0.5, 32, 0.1, 0.7, 2);
  for (const double q : {1e-3, 0.25, 0.5})  // symmetric in logs
    EXPECT_RELATIVE(t_icl_quantile(q, 32, 0.1, 0.7, 2) * t_icl_quantile(1 - q, 32, 0.1, 0.7, 2),
                    median * median, 1e-12);
  EXPECT_GT(t_icl_quantile(1e-300, 32, 0.1, 0.7, 2), 0);
  EXPECT_RELATIVE(t_icl_quantile(0.95, 32, 0.1, 0.7, 2), median * std::exp(0.7 * 1.6448536269514722),
                  kClosed);
}

}  // namespace
}  // namespace iclab::theory
