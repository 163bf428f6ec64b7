#include "theory/one_eigenvalue.h"

#include <gtest/gtest.h>

#include <cmath>

#include "theory/flow.h"

namespace iclab::theory {
namespace {

const OneEigenvalue kModel{.r = 2, .K = 2, .n = 16, .sigma2 = 0.1};

// The flow v' = 2 u (Lambda - m v u), u' = 2 v (Lambda - m v u); J = r - 2 Lambda v u + m v^2 u^2.
double flow_plateau(const OneEigenvalue& model, double v0, double u0, double phi) {
  const double Lambda = model.Lambda(), m = model.m();
  const Flow flow{.velocity =
                      [=](const State& x, State& dx) {
                        const double residual = Lambda - m * x[0] * x[1];
                        dx = {2 * x[1] * residual, 2 * x[0] * residual};
                      },
                  .start = {v0, u0}};
  const double level = -phi * Lambda * Lambda / m;  // of J - r
  const auto excess = [=](const State& x) {
    const double product = x[0] * x[1];
    return product * (m * product - 2 * Lambda);
  };
  return first_times(flow, excess, {&level, 1})[0];
}

TEST(OneEigenvalue, QuadratureIsLogisticWhereBalanced) {
  for (const double v0 : {1e-8, 1e-5, 1e-2, 0.3})
    for (const double phi : {0.01, 0.2, 0.5, 0.9, 0.999}) {
      const double T = kModel.logistic_plateau(v0, phi);
      EXPECT_NEAR(kModel.quadrature_plateau(v0, v0, phi), T, 1e-9 * T) << v0 << " " << phi;
    }
}

TEST(OneEigenvalue, QuadratureIsTheFlowWhereUnbalanced) {
  for (const auto& [v0, u0] : std::vector<std::pair<double, double>>{{1e-3, 2e-4},
                                                                     {2e-4, 1e-3},
                                                                     {1e-8, 1e-2},
                                                                     {1e-2, 1e-8},
                                                                     {0.5, 1e-3},
                                                                     {3, 1e-4},
                                                                     {1e-4, 3}})
    for (const double phi : {0.1, 0.5, 0.95}) {
      const double T = flow_plateau(kModel, v0, u0, phi);
      EXPECT_NEAR(kModel.quadrature_plateau(v0, u0, phi), T, 1e-9 * T)
          << v0 << " " << u0 << " " << phi;
    }
}

TEST(OneEigenvalue, LogisticRiskReachesItsLevelAtT) {
  const double least = 2 - kModel.Lambda() * kModel.Lambda() / kModel.m();
  for (const double phi : {0.1, 0.5, 0.9}) {
    const double T = kModel.logistic_plateau(1e-3, phi);
    EXPECT_NEAR(kModel.logistic_risk(1e-3, T), 2 - phi * (2 - least), 1e-13);
  }
  EXPECT_NEAR(kModel.logistic_risk(1e-3, 1e3), least, 1e-15);
}

TEST(OneEigenvalue, AStartThatIsThereTakesNoTime) {
  const double best = std::sqrt(kModel.Lambda() / kModel.m());
  EXPECT_EQ(kModel.logistic_plateau(best, 0.5), 0);
  EXPECT_EQ(kModel.logistic_plateau(1.1 * best, 0.5), 0);
  EXPECT_EQ(kModel.quadrature_plateau(best, best, 0.5), 0);
  // Beyond the optimum by more than the drop allows, the closed form has no value.
  EXPECT_TRUE(std::isnan(kModel.logistic_plateau(2 * best, 0.5)));
  EXPECT_TRUE(std::isnan(kModel.quadrature_plateau(2 * best, 2 * best, 0.5)));
}

}  // namespace
}  // namespace iclab::theory
