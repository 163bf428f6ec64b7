#include "theory/merged_flow.h"

#include <gtest/gtest.h>

#include "tests/theory/matrices.h"
#include "theory/linear_risk.h"

namespace iclab::theory {
namespace {

constexpr double kContext = 6, kNoise = 0.25;

TEST(MergedDescent, IsTheIterationOfTheMatrix) {
  const Matrix C = second_moment(haar(5, 31), Mixture{5, 2, 2, 1});
  const double lr = 0.2;
  Matrix Gamma = random_matrix(5, 5, 32);
  const std::vector<double> steps{0, 1, 2, 10, 60};
  const std::vector<double> closed = merged_descent_risks(Gamma, C, kContext, kNoise, lr, steps);
  int step = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    for (; step < static_cast<int>(steps[i]); ++step)
      Gamma -= lr * merged_gradient(Gamma, C, kContext, kNoise);
    const double J = risk(Gamma, C, kContext, kNoise);
    EXPECT_NEAR(closed[i], J, 1000 * kEpsilon * closed[0]);
  }
}

TEST(MergedFlow, IsTheLimitOfSmallSteps) {
  const Matrix C = second_moment(haar(5, 33), Mixture{5, 2, 2, 1}), Gamma = random_matrix(5, 5, 34);
  const double t = 0.7;
  const double flow = merged_flow_risks(Gamma, C, kContext, kNoise, {&t, 1})[0];
  // (1 - 2 lr m)^(2t/lr) = e^{-4mt} (1 - 4 m^2 t lr + ..): the error halves with lr.
  std::vector<double> errors;
  for (const double lr : {1e-4, 5e-5}) {
    const double steps = std::round(t / lr);
    errors.push_back(merged_descent_risks(Gamma, C, kContext, kNoise, lr, {&steps, 1})[0] - flow);
  }
  EXPECT_NEAR(errors[0] / errors[1], 2, 1e-3);  // next order: m lr, m < 1.6
}

TEST(MergedFlow, StartsAtTheRiskAndEndsAtTheLeast) {
  const Matrix C = second_moment(haar(5, 35), Mixture{5, 2, 2, 1}), Gamma = random_matrix(5, 5, 36);
  const std::vector<double> times{0, 1e3};
  const std::vector<double> J = merged_flow_risks(Gamma, C, kContext, kNoise, times);
  EXPECT_NEAR(J[0], risk(Gamma, C, kContext, kNoise), 500 * kEpsilon * J[0]);
  EXPECT_NEAR(J[1], least_risk(C, kContext, kNoise), 100 * kEpsilon * C.trace());
}

}  // namespace
}  // namespace iclab::theory
