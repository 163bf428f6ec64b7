#include "theory/subspaces.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "tests/theory/matrices.h"

namespace iclab::theory {
namespace {

// Products of orthonormal matrices of d <= 8: sums of d terms of size at most 1, twice over.
constexpr double kTolerance = 32 * 8 * kEpsilon;

TEST(SecondMoment, IsTheMeanOverTheComponents) {
  for (const Mixture& mixture : mixtures_up_to(8)) {
    const Matrix Q = haar(mixture.d, 1);
    Matrix C = Matrix::Zero(mixture.d, mixture.d);
    for (std::int64_t k = 0; k < mixture.K; ++k) {
      const Matrix U = basis(Q, mixture, k);
      ASSERT_EQ(U.cols(), mixture.r);
      C += U * U.transpose() / static_cast<double>(mixture.K);
    }
    EXPECT_LE(distance(C, second_moment(Q, mixture)), kTolerance) << text(mixture);
  }
}

TEST(Basis, ComponentsShareExactlyTheFirstColumns) {
  const Mixture mixture{.d = 8, .r = 3, .K = 3, .s = 1};
  const Matrix Q = haar(8, 2);
  for (std::int64_t k = 0; k < 3; ++k) {
    for (std::int64_t l = 0; l < 3; ++l) {
      Matrix want = Matrix::Identity(3, 3);
      if (k != l) want(1, 1) = want(2, 2) = 0;
      const Matrix got = basis(Q, mixture, k).transpose() * basis(Q, mixture, l);
      EXPECT_LE(distance(got, want), kTolerance);
    }
  }
}

TEST(AngleBasis, AllPrincipalAnglesOfThePrivateColumnsAreTheta) {
  const Mixture mixture{.d = 8, .r = 3, .K = 2, .s = 1};
  const Matrix Q = haar(8, 3);
  for (const Direction direction : {Direction::kSpan, Direction::kOutside}) {
    ASSERT_TRUE(has_direction(mixture, direction));
    for (const double theta : {0.0, 0.3, std::numbers::pi / 2}) {
      const Matrix U = angle_basis(Q, mixture, theta, direction);
      EXPECT_LE(distance(U.transpose() * U, Matrix::Identity(3, 3)), kTolerance);
      // Cosines of the principal angles between span(B_0) and the rotated columns.
      const Matrix overlap = Q.middleCols(1, 2).transpose() * U.rightCols(2);
      EXPECT_LE(distance(overlap, std::cos(theta) * Matrix::Identity(2, 2)), kTolerance);
      EXPECT_EQ(U.col(0), Q.col(0));
    }
  }
  // At 90 degrees inside the span the test subspace is component 1.
  EXPECT_LE(distance(angle_basis(Q, mixture, std::numbers::pi / 2, Direction::kSpan),
                     basis(Q, mixture, 1)),
            kTolerance);
}

TEST(AngleBasis, DirectionsThatDoNotExist) {
  EXPECT_FALSE(has_direction({8, 2, 1, 0}, Direction::kSpan));
  EXPECT_TRUE(has_direction({8, 2, 1, 0}, Direction::kOutside));
  EXPECT_TRUE(has_direction({8, 2, 4, 0}, Direction::kSpan));
  EXPECT_FALSE(has_direction({8, 2, 4, 0}, Direction::kOutside));
  EXPECT_FALSE(has_direction({7, 2, 3, 0}, Direction::kOutside));
}

TEST(SecondMoment, OfClassesWeighsThemEqually) {
  const std::vector<ColumnClass> classes{{{0, 1}, 1}, {{1, 2}, 1.5}};
  const Matrix C = second_moment(Matrix::Identity(4, 4), classes);
  EXPECT_EQ(C.diagonal(), Vector({{0.5, 1.625, 1.125, 0}}));
  EXPECT_EQ(C.cwiseAbs().sum(), 3.25);
}

}  // namespace
}  // namespace iclab::theory
