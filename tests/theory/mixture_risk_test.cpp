#include "theory/mixture_risk.h"

#include <gtest/gtest.h>

#include <numbers>

#include "tests/theory/matrices.h"
#include "theory/linear_risk.h"

namespace iclab::theory {
namespace {

// Matrix formulas of d <= 6: a few sums of d^2 terms of the size of their result.
constexpr double kTolerance = 4 * 36 * kEpsilon;

struct Setting {
  double n, sigma2;
  TestSetting test;
};
const std::vector<Setting> kSettings{{16, 0, {16, 0}}, {3, 0.4, {50, 1.5}}, {100, 0.1, {1, 0}}};

TEST(MixtureRisk, ClosedFormsAreThoseOfTheMatrices) {
  for (const Mixture& mixture : mixtures_up_to(6)) {
    SCOPED_TRACE(text(mixture));
    const auto d = static_cast<double>(mixture.d), r = static_cast<double>(mixture.r);
    const std::int64_t R = mixture.R();
    const Matrix Q = haar(mixture.d, 41), C = second_moment(Q, mixture);
    for (const auto& [n, sigma2, test] : kSettings) {
      const Matrix star = optimum(C, n, sigma2);
      const auto matrix_risk = [&](const Matrix& C_test) {
        return risk(star, C_test, test.n, test.sigma2);
      };
      const auto expect_same = [&](double closed, double matrix, const char* what) {
        EXPECT_NEAR(closed, matrix, kTolerance * (r + matrix)) << what;
      };
      expect_same(least_risk(mixture, n, sigma2), theory::least_risk(C, n, sigma2), "least");
      expect_same(span_risk(mixture, n, sigma2, test), matrix_risk(C), "span");
      expect_same(isotropic_risk(mixture, n, sigma2, test),
                  matrix_risk(r / d * Matrix::Identity(mixture.d, mixture.d)), "isotropic");

      const std::optional<double> complement = complement_risk(mixture, n, sigma2, test);
      ASSERT_EQ(complement.has_value(), R < mixture.d);
      if (complement) {
        const Matrix null = Q.rightCols(mixture.d - R);
        const Matrix C_test = r / (d - static_cast<double>(R)) * null * null.transpose();
        expect_same(*complement, matrix_risk(C_test), "complement");
        EXPECT_GT(*complement, r);
      }
      for (const double theta : {0.0, 0.4, 1.2, std::numbers::pi / 2}) {
        const std::optional<double> outside = outside_risk(mixture, n, sigma2, test, theta);
        ASSERT_EQ(outside.has_value(), has_direction(mixture, Direction::kOutside));
        if (outside) {
          const Matrix U = angle_basis(Q, mixture, theta, Direction::kOutside);
          expect_same(*outside, matrix_risk(U * U.transpose()), "outside");
        }
        if (has_direction(mixture, Direction::kSpan)) {
          const Matrix U = angle_basis(Q, mixture, theta, Direction::kSpan);
          expect_same(span_risk(mixture, n, sigma2, test), matrix_risk(U * U.transpose()),
                      "turned");
        }
      }
    }
  }
}

TEST(MixtureRisk, OnTheTrainingLawIsTheLeast) {
  for (const Mixture& mixture : mixtures_up_to(6))
    for (const auto& [n, sigma2, test] : kSettings) {
      const double least = least_risk(mixture, n, sigma2);
      EXPECT_NEAR(span_risk(mixture, n, sigma2, {n, sigma2}), least, 20 * kEpsilon * least);
    }
}

TEST(MixtureConstants, AreThoseOfTheSpectrumOfM) {
  for (const Mixture& mixture : mixtures_up_to(6)) {
    SCOPED_TRACE(text(mixture));
    const Matrix C = second_moment(Matrix::Identity(mixture.d, mixture.d), mixture);
    const MixtureConstants constants = mixture_constants(mixture, 7, 0.3);
    const Vector m = gram(C, 7, 0.3).diagonal();  // all of M in the axis basis
    const double kappa = m.maxCoeff() / m.minCoeff();
    EXPECT_NEAR(constants.kappa_M, kappa, 20 * kEpsilon * kappa);
    EXPECT_NEAR(constants.Lambda, C.norm(), 20 * kEpsilon * C.norm());
    const double largest = C.diagonal().maxCoeff(), rank = C.squaredNorm() / (largest * largest);
    EXPECT_NEAR(constants.stable_rank, rank, 20 * kEpsilon * rank);
    EXPECT_EQ(constants.lr_max_factored, 1 / (2 * constants.Lambda));
  }
}

TEST(MixtureRisk, LongPromptsLeaveTheAngleAlone) {
  const double n = 1e12;
  const Mixture single{.d = 8, .r = 2, .K = 1, .s = 0};
  for (const double theta : {0.0, 0.5, 1.0}) {
    // Single subspace: J/r = sin^2(theta); corrections are a few r/n.
    EXPECT_NEAR(outside_risk(single, n, 0, {n, 0}, theta).value() / 2, std::pow(std::sin(theta), 2),
                10 / n);
  }
  // Isotropic: J/r = 1 - R/d.
  for (const Mixture& mixture : mixtures_up_to(6)) {
    const auto r = static_cast<double>(mixture.r), d = static_cast<double>(mixture.d);
    EXPECT_NEAR(isotropic_risk(mixture, n, 0, {n, 0}) / r, 1 - static_cast<double>(mixture.R()) / d,
                100 / n);
  }
}

TEST(MixtureRisk, ThePriceOfDiversityKeepsItsDigitsAtLargeContext) {
  // n J*/r -> 1 + K r (C5), without cancellation: relative error of order K r/n.
  const double n = 1e14;
  for (std::int64_t K = 1; K <= 4; ++K) {
    const double limit = 1 + static_cast<double>(K) * 2;
    EXPECT_NEAR(n * least_risk(Mixture{8, 2, K, 0}, n, 0) / 2, limit, 1e-12 * limit);
  }
}

TEST(MixtureRisk, LongTestPromptsAloneDoNotReachZero) {
  // s = 0: the level tends to (1 - gamma_p)^2.
  const Mixture mixture{.d = 8, .r = 2, .K = 2, .s = 0};
  const double miss = 1 - mixture_constants(mixture, 16, 0).gamma_private;
  EXPECT_NEAR(span_risk(mixture, 16, 0, {1e13, 0}) / 2, miss * miss, 1e-12);
}

TEST(MixtureRisk, SharingAllColumnsIsASingleComponent) {
  // s = r with K > 1 is the same law as K = 1.
  for (const auto& [n, sigma2, test] : kSettings) {
    const Mixture shared{6, 2, 3, 2}, single{6, 2, 1, 0};
    EXPECT_DOUBLE_EQ(span_risk(shared, n, sigma2, test), span_risk(single, n, sigma2, test));
    EXPECT_DOUBLE_EQ(isotropic_risk(shared, n, sigma2, test),
                     isotropic_risk(single, n, sigma2, test));
    EXPECT_DOUBLE_EQ(mixture_constants(shared, n, sigma2).kappa_M,
                     mixture_constants(single, n, sigma2).kappa_M);
    EXPECT_DOUBLE_EQ(mixture_constants(shared, n, sigma2).Lambda,
                     mixture_constants(single, n, sigma2).Lambda);
  }
}

}  // namespace
}  // namespace iclab::theory
