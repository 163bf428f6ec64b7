#include "theory/plateau.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "tests/theory/matrices.h"
#include "theory/linear_risk.h"
#include "theory/one_eigenvalue.h"
#include "theory/population_training.h"

namespace iclab::theory {
namespace {

constexpr double kOde = 1e-9;  // rtol 1e-11, amplified by the growth of the early phase

Mixture quick(std::int64_t K, std::int64_t s) { return {.d = 8, .r = 2, .K = K, .s = s}; }

TEST(Plateau, TakesTheTimesOfTheQuickSetting) {
  // task-diversity.md, section 6 (C7), four decimals.
  EXPECT_NEAR(plateau(spectrum(quick(1, 0), 16, 0), 1e-3, 0.5), 2.4191, 5e-5);
  EXPECT_NEAR(plateau(spectrum(quick(2, 1), 16, 0), 1e-3, 0.5), 2.8026, 5e-5);
  EXPECT_NEAR(plateau(spectrum(quick(2, 0), 16, 0), 1e-3, 0.5), 3.4180, 5e-5);
  EXPECT_NEAR(plateau(spectrum(quick(4, 0), 16, 0), 1e-3, 0.5), 4.7827, 5e-5);
}

TEST(Plateau, GrowsByLn10Over2LambdaADecade) {
  for (const auto& [K, s] : std::vector<std::pair<int, int>>{{1, 0}, {2, 1}, {2, 0}, {4, 0}}) {
    const Spectrum C = spectrum(quick(K, s), 16, 0);
    const double slope = std::numbers::ln10 / (2 * C.Lambda());
    const double decade = plateau(C, 1e-5, 0.5) - plateau(C, 1e-4, 0.5);
    // Corrections are of order alpha^2 ln(1/alpha) and, where eigenvalues differ, alpha^(1 - ..):
    // below one part in 1e4 here.
    EXPECT_NEAR(decade, slope, 1e-4 * slope) << K << " " << s;
    EXPECT_NEAR(linear_plateau(C, 1e-5, 0.5) - linear_plateau(C, 1e-4, 0.5), slope,
                100 * kEpsilon * slope);
  }
}

TEST(LinearPlateau, ApproachesTheFlowLikeOneOverLnOneOverAlpha) {
  for (const auto& [K, s] : std::vector<std::pair<int, int>>{{1, 0}, {2, 1}, {2, 0}, {4, 0}}) {
    const Spectrum C = spectrum(quick(K, s), 16, 0);
    double before = 1;
    for (const double alpha : {1e-2, 1e-3, 1e-4, 1e-5}) {
      const double T = plateau(C, alpha, 0.5);
      const double error = std::abs(linear_plateau(C, alpha, 0.5) / T - 1);
      EXPECT_LT(error, 0.08) << "task-diversity.md, section 5.2";
      EXPECT_LT(error, before);
      before = error;
    }
  }
}

TEST(Plateau, IsLogisticWhereCHasOneEigenvalue) {
  // R = d, s = 0: W stays a multiple of C, balanced from the identity initialisation (u0 = v0 =
  // alpha).
  for (const std::int64_t K : {1, 2, 4}) {
    const Mixture mixture{.d = 2 * K, .r = 2, .K = K, .s = 0};
    for (const double alpha : {1e-1, 1e-2, 1e-5}) {
      const Spectrum C = spectrum(mixture, 16, 0.3);
      const OneEigenvalue model{.r = 2, .K = K, .n = 16, .sigma2 = 0.3};
      const std::vector<double> times{0, 0.5, 2, 5, 9};
      const std::vector<double> J = factored_flow_risks(C, C, alpha, times);
      for (size_t i = 0; i < times.size(); ++i)
        EXPECT_NEAR(J[i], model.logistic_risk(alpha, times[i]), kOde);

      // The flow counts its drop from J(0), the closed form from r.
      const double least = C.least_risk(), level = J[0] - 0.5 * (J[0] - least);
      const double phi = (2 - level) / (2 - least);
      EXPECT_NEAR(plateau(C, alpha, 0.5), model.logistic_plateau(alpha, phi), kOde);
      EXPECT_NEAR(plateau(C, alpha, 0.5), model.quadrature_plateau(alpha, alpha, phi), kOde);
    }
  }
}

TEST(Plateau, IsTheLimitOfGradientDescent) {
  const Spectrum C = spectrum(quick(2, 1), 16, 0.1);
  const double T = plateau(C, 1e-2, 0.5), lr = 1e-5;
  const std::vector<double> J = population_risks(C, {.lr = lr, .alpha = 1e-2}, 400'000);
  const std::int64_t step = first_step(J, J[0] - 0.5 * (J[0] - C.least_risk()));
  ASSERT_GT(step, 0);
  // ln(1 + 2 lr Lambda) = 2 lr Lambda (1 - lr Lambda ..): T is longer by about lr Lambda, and one
  // step.
  EXPECT_NEAR(lr * static_cast<double>(step), T, T * 3 * lr * C.Lambda() + lr);
}

TEST(Plateau, DiscreteDescentIsAsLongAsLn1Plus2LrLambdaSays) {
  const Spectrum C = spectrum(quick(1, 0), 16, 0);
  const double lr = 0.01, alpha = 1e-4;
  const std::vector<double> J = population_risks(C, {.lr = lr, .alpha = alpha}, 1000);
  const std::int64_t step = first_step(J, J[0] - 0.5 * (J[0] - C.least_risk()));
  const double time =
      static_cast<double>(step) * std::log1p(2 * lr * C.Lambda()) / (2 * C.Lambda());
  EXPECT_NEAR(time, plateau(C, alpha, 0.5), 2 * lr);
}

TEST(Plateau, OfAClassIsTheFlowSeenByItsRisk) {
  // C9: class 0 beside a disjoint class of scale c, over class 0 alone.
  const double alone = plateau(spectrum(quick(1, 0), 16, 0), 1e-3, 0.5);
  const auto ratio = [&](double c) {
    const ClassSpectra spectra = class_spectra({{{0, 1}, 1}, {{2, 3}, c}}, 8, 16, 0);
    return plateau(spectra.mixture, spectra.classes[0], 1e-3, 0.5) / alone;
  };
  EXPECT_NEAR(ratio(1), 1.413, 5e-4);
  EXPECT_NEAR(ratio(1.316), 1.038, 5e-4);
  EXPECT_NEAR(ratio(1.5), 0.866, 5e-4);
  EXPECT_NEAR(ratio(2), 0.562, 5e-4);
  EXPECT_NEAR(ratio(3), 0.305, 5e-4);
  // Classes of one law have its plateau.
  const ClassSpectra twins = class_spectra({{{0, 1}, 1}, {{0, 1}, 1}}, 8, 16, 0);
  EXPECT_NEAR(plateau(twins.mixture, twins.classes[0], 1e-3, 0.5), alone, kOde);
}

TEST(Plateau, ConventionsEAndEPrimeOfTheRegimeMap) {
  const double alone = plateau(spectrum(quick(1, 0), 16, 0), 1e-3, 0.5);
  const std::vector<double> nested{1, .944, .895, .852, .814, .780, .750};
  const std::vector<double> overlapping{1.159, 1.072, 1.000, .940, .890, .846};
  const double decimals = 1e-3;  // one unit of the last decimal: .940 is .94051
  ColumnClass larger{{0, 1}, 1}, other{{0}, 1};
  for (size_t nu = 0; nu < nested.size(); ++nu) {
    const Spectrum E = class_spectra({{{0, 1}, 1}, larger}, 8, 16, 0).mixture;
    EXPECT_NEAR(plateau(E, 1e-3, 0.5) / alone, nested[nu], decimals) << nu;
    larger.columns.push_back(static_cast<std::int64_t>(2 + nu));
  }
  for (size_t nu = 1; nu <= overlapping.size(); ++nu) {
    other.columns.push_back(static_cast<std::int64_t>(1 + nu));
    const Spectrum E_prime = class_spectra({{{0, 1}, 1}, other}, 8, 16, 0).mixture;
    EXPECT_NEAR(plateau(E_prime, 1e-3, 0.5) / alone, overlapping[nu - 1], decimals) << nu;
  }
}

TEST(Plateau, OfAClassThatOnlyLosesIsUndefined) {
  // Class 0 is so weak that the mixture's optimum is worse for it than predicting 0.
  const ClassSpectra spectra = class_spectra({{{0}, 0.1}, {{1, 2, 3, 4, 5}, 1}}, 8, 2, 0);
  EXPECT_TRUE(std::isnan(plateau(spectra.mixture, spectra.classes[0], 1e-2, 0.5)));
}

TEST(Plateau, SurvivesExtremeStarts) {
  const Spectrum C = spectrum(quick(2, 1), 16, 0);
  const double slope = std::numbers::ln10 / (2 * C.Lambda());
  // Seven decades below 1e-5 take seven slopes more.
  EXPECT_NEAR(plateau(C, 1e-12, 0.5) - plateau(C, 1e-5, 0.5), 7 * slope, 1e-4 * slope);
  // A large start has no plateau: it comes down at once.
  const double T = plateau(C, 3, 0.5);
  EXPECT_GT(T, 0);
  EXPECT_LT(T, 0.1);
}

}  // namespace
}  // namespace iclab::theory
