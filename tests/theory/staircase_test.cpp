#include "theory/staircase.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/theory/matrices.h"
#include "theory/linear_risk.h"

namespace iclab::theory {
namespace {

const std::vector<double> kDrops{0.25, 0.5, 0.75, 0.9};

std::vector<double> quick_times(std::int64_t K, std::int64_t s, double start = 1e-2) {
  return staircase_times(spectrum({8, 2, K, s}, 64, 0), {.q0 = start, .v0 = start}, kDrops);
}

TEST(Staircase, TakesTheTimesOfTheQuickSetting) {
  // Gradient descent with lr .01: a few steps later than the flow of task-diversity.md, section 6 (C11), about 1/2 % at
  // the second drop.
  const auto expect = [](const std::vector<double>& got, const std::vector<double>& want) {
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 0.01 * want[i]);
  };
  expect(quick_times(1, 0), {38.6, 38.8, 39.0, 39.1});
  expect(quick_times(2, 1), {42.9, 43.4, 44.9, 45.3});
  expect(quick_times(3, 1), {43.7, 44.2, 47.5, 48.1});
}

TEST(Staircase, HasTwoDropsOnlyWhereColumnsAreShared) {
  const auto gap = [](const std::vector<double>& times) { return times[2] - times[1]; };
  EXPECT_GT(gap(quick_times(2, 1)), 3 * gap(quick_times(2, 0)));
  EXPECT_GT(gap(quick_times(3, 1)), 3 * gap(quick_times(2, 0)));
}

TEST(Staircase, IsTheLimitOfDescentOnTheMatrices) {
  const Mixture mixture{.d = 4, .r = 2, .K = 2, .s = 1};
  const double n = 20, sigma2 = 0.3, start = 0.3, lr = 1e-4;
  const Matrix C = second_moment(haar(4, 61), mixture);
  const std::vector<double> times{0, 0.5, 1, 2};
  const std::vector<double> flow =
      staircase_risks(spectrum(mixture, n, sigma2), {start, start}, times);
  Matrix W_Q = start * Matrix::Identity(4, 4), W_K = W_Q;
  double v = start;
  int step = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    for (; step < static_cast<int>(std::lround(times[i] / lr)); ++step) {
      const SeparateGradient g = separate_gradient(v, W_Q, W_K, C, n, sigma2);
      v -= lr * g.v;
      W_Q -= lr * g.W_Q;
      W_K -= lr * g.W_K;
    }
    const double J = risk(v * W_Q.transpose() * W_K, C, n, sigma2);
    // Euler's error: lr/2 times the second derivative, rates below 10.
    EXPECT_NEAR(J, flow[i], 50 * lr);
  }
}

TEST(Staircase, StandsAtItsLevelBetweenTheDrops) {
  const Mixture mixture{.d = 8, .r = 2, .K = 3, .s = 1};
  const Spectrum C = spectrum(mixture, 64, 0);
  const double start = 1e-3;
  const std::vector<double> drops{0.25, 0.9};
  const std::vector<double> ends = staircase_times(C, {start, start}, drops);
  std::vector<double> times;
  for (int i = 0; i <= 400; ++i) times.push_back(ends[0] + (ends[1] - ends[0]) * i / 400.0);
  const std::vector<double> J = staircase_risks(C, {start, start}, times);
  size_t slowest = 1;
  for (size_t i = 1; i < J.size(); ++i)
    if (J[i - 1] - J[i] < J[slowest - 1] - J[slowest]) slowest = i;
  const double level = staircase_level(mixture, 64, 0);
  EXPECT_NEAR(level, 0.522, 5e-4);
  EXPECT_NEAR(J[slowest] / 2, level, 0.01 * level);
}

TEST(Staircase, StartsAndEndsWhereItShould) {
  const Spectrum C = spectrum({8, 2, 2, 1}, 64, 0.1);
  const std::vector<double> times{0, 2000};
  const std::vector<double> J = staircase_risks(C, {1e-2, 1e-2}, times);
  EXPECT_NEAR(J[0], 2 + C.excess(std::vector<double>{1e-6, 1e-6, 1e-6}), 10 * kEpsilon);
  // The 5 null directions have hardly left q0: each costs m_0 v^2 q0^4, v^2 < 2.
  EXPECT_NEAR(J[1], C.least_risk(), 5 * C.m()[2] * 2 * 1e-8);
}

}  // namespace
}  // namespace iclab::theory
