#include "theory/population_training.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/theory/matrices.h"
#include "theory/linear_risk.h"

namespace iclab::theory {
namespace {

constexpr double kContext = 11, kNoise = 0.2;

// The whole d x d matrix, entry by entry.
std::vector<double> matrix_training(const Matrix& C, const PopulationTraining& training,
                                    int steps) {
  const auto d = static_cast<double>(C.rows());
  Matrix W = training.alpha / std::sqrt(d) * Matrix::Identity(C.rows(), C.rows());
  double v = training.alpha, mean_v = 0, square_v = 0;
  Matrix mean_W = 0 * W, square_W = 0 * W;
  std::vector<double> risks{risk(v * W, C, kContext, kNoise)};
  for (int step = 1; step <= steps; ++step) {
    FactoredGradient g = factored_gradient(v, W, C, kContext, kNoise);
    g.v *= training.scale;
    g.W *= training.scale;
    if (training.optimizer == Optimizer::kAdam) {
      const double bias1 = 1 - std::pow(0.9, step), bias2 = 1 - std::pow(0.999, step);
      mean_v = 0.9 * mean_v + 0.1 * g.v;
      square_v = 0.999 * square_v + 0.001 * g.v * g.v;
      mean_W = 0.9 * mean_W + 0.1 * g.W;
      square_W = 0.999 * square_W + 0.001 * g.W.cwiseAbs2();
      g.v = mean_v / bias1 / (std::sqrt(square_v / bias2) + 1e-8);
      g.W =
          (mean_W / bias1).cwiseQuotient(((square_W / bias2).cwiseSqrt().array() + 1e-8).matrix());
    }
    v -= training.lr * g.v;
    W -= training.lr * g.W;
    risks.push_back(risk(v * W, C, kContext, kNoise));
  }
  return risks;
}

TEST(PopulationTraining, DescentIsTheIterationOfTheMatrixInAnyBasis) {
  for (const Mixture& mixture : {Mixture{7, 2, 3, 1}, Mixture{6, 3, 1, 0}, Mixture{4, 2, 2, 0}}) {
    const PopulationTraining training{.lr = 0.02, .alpha = 0.01, .scale = 1.5};
    const Spectrum groups = spectrum(mixture, kContext, kNoise);
    const std::vector<double> got = population_risks(groups, training, 250);
    const std::vector<double> want =
        matrix_training(second_moment(haar(mixture.d, 51), mixture), training, 250);
    ASSERT_EQ(got.size(), 251u);
    // Rounding of each step, amplified by growth from alpha to 1 and then forgotten.
    for (size_t t = 0; t < got.size(); ++t)
      EXPECT_NEAR(got[t], want[t], 250 * 100 * kEpsilon * got[0]) << text(mixture) << " " << t;
  }
}

TEST(PopulationTraining, AdamIsTheIterationOfTheMatrixInTheAxisBasis) {
  for (const Mixture& mixture : {Mixture{7, 2, 3, 1}, Mixture{6, 3, 1, 0}, Mixture{4, 2, 2, 0}}) {
    const PopulationTraining training{.optimizer = Optimizer::kAdam, .lr = 0.004, .scale = 3};
    const std::vector<double> got =
        population_risks(spectrum(mixture, kContext, kNoise), training, 200);
    const Matrix C = second_moment(Matrix::Identity(mixture.d, mixture.d), mixture);
    const std::vector<double> want = matrix_training(C, training, 200);
    for (size_t t = 0; t < got.size(); ++t)
      EXPECT_NEAR(got[t], want[t], 1e-10 * got[0]) << text(mixture) << " " << t;
  }
}

TEST(PopulationTraining, AdamIsFreeOfTheScale) {
  const Spectrum C = spectrum({8, 2, 4, 0}, 16, 0);
  PopulationTraining training{.optimizer = Optimizer::kAdam, .lr = 0.003};
  const std::vector<double> one = population_risks(C, training, 200);
  training.scale = 4;
  const std::vector<double> four = population_risks(C, training, 200);
  // Only the 1e-8 beside gradients of about 1e-2 tells them apart.
  for (size_t t = 0; t < one.size(); ++t) EXPECT_NEAR(four[t], one[t], 1e-5);
}

TEST(PopulationTraining, TakesTheStepsOfTheQuickSetting) {
  // task-diversity.md, section 6 (C8): half-drop steps of GD with lr .01 (A), times K (B), and population
  // Adam (G).
  const std::vector<Mixture> mixtures{
      {8, 2, 1, 0}, {8, 2, 2, 1}, {8, 2, 2, 0}, {8, 2, 3, 0}, {8, 2, 4, 0}};
  const std::vector<std::int64_t> A{163, 189, 229, 278, 318}, B{163, 96, 116, 94, 81},
      C{163, 164, 163, 162, 160}, G{120, 117, 115, 110, 106};
  for (size_t i = 0; i < mixtures.size(); ++i) {
    const Spectrum groups = spectrum(mixtures[i], 16, 0);
    const auto steps = [&](PopulationTraining training) {
      const std::vector<double> J = population_risks(groups, training, 500);
      return first_step(J, J[0] - 0.5 * (J[0] - groups.least_risk()));
    };
    EXPECT_EQ(steps({.lr = 0.01}), A[i]);
    EXPECT_EQ(steps({.lr = 0.01, .scale = static_cast<double>(mixtures[i].K)}), B[i]);
    EXPECT_EQ(steps({.lr = 0.01 * std::sqrt(2.0) / groups.Lambda()}), C[i]);
    EXPECT_EQ(steps({.optimizer = Optimizer::kAdam, .lr = 0.003}), G[i]);
  }
}

TEST(PopulationTraining, TheLargestStableRateIsOneOver2Lambda) {
  // One group: near the minimum the stiff direction of (v, W) has curvature 4 Lambda.
  const Spectrum C = spectrum({4, 2, 2, 0}, 16, 0);
  for (const double part : {0.95, 1.05}) {
    const std::vector<double> J = population_risks(C, {.lr = part / (2 * C.Lambda())}, 3000);
    const bool settled = std::abs(J.back() - C.least_risk()) < 1e-9;
    EXPECT_EQ(settled, part < 1) << part;
  }
}

TEST(PopulationTraining, ObservesAClassAlongTheMixture) {
  const std::vector<ColumnClass> classes{{{0, 1}, 1}, {{2, 3}, 1.5}};
  const ClassSpectra spectra = class_spectra(classes, 5, kContext, kNoise);
  const PopulationTraining training{.lr = 0.02};
  const std::vector<double> mixture = population_risks(spectra.mixture, training, 100);
  const std::vector<double> first =
      population_risks(spectra.mixture, spectra.classes[0], training, 100);
  const std::vector<double> second =
      population_risks(spectra.mixture, spectra.classes[1], training, 100);
  for (size_t t = 0; t < mixture.size(); ++t)
    EXPECT_NEAR((first[t] + second[t]) / 2, mixture[t], 100 * kEpsilon * mixture[0]);
}

TEST(FirstStep, IsMinusOneWhereThereIsNone) {
  const std::vector<double> risks{3, 2, 1, 2, 0};
  EXPECT_EQ(first_step(risks, 3), 0);
  EXPECT_EQ(first_step(risks, 1.5), 2);
  EXPECT_EQ(first_step(risks, -1), -1);
  EXPECT_EQ(first_step(std::vector<double>{std::nan("")}, 1), -1);
}

}  // namespace
}  // namespace iclab::theory
