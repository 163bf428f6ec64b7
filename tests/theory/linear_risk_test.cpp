#include "theory/linear_risk.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/theory/matrices.h"

namespace iclab::theory {
namespace {

const Mixture kMixture{.d = 5, .r = 2, .K = 2, .s = 1};
constexpr double kContext = 6, kNoise = 0.25;

Matrix moment() { return second_moment(haar(5, 11), kMixture); }

// dJ/dX_ij by central differences: exact for polynomials of degree 2 up to rounding of J over the
// step.
Matrix numeric_gradient(const std::function<double(const Matrix&)>& J, const Matrix& at,
                        double step) {
  Matrix gradient(at.rows(), at.cols());
  for (Eigen::Index i = 0; i < at.size(); ++i) {
    Matrix above = at, below = at;
    above(i) += step;
    below(i) -= step;
    gradient(i) = (J(above) - J(below)) / (2 * step);
  }
  return gradient;
}

// Rounding of central differences with step 1e-3: a few hundred operations on numbers up to J.
double rounding(double J) { return 300 * kEpsilon * J / 1e-3; }

TEST(Risk, IsTheMeanSquaredErrorOfTheDefinition) {
  // d = 2, n = 2, one task w = u a: x_1, x_2, x_q, a, eps_1, eps_2 are 9 Gaussians.
  const double sigma = 0.7;
  const Matrix Gamma = random_matrix(2, 2, 12);
  const Vector u = haar(2, 13).col(0);
  const double average = gaussian_average(9, [&](const Vector& z) {
    const Vector w = z[6] * u, x_q = z.segment(4, 2);
    Vector h = Vector::Zero(2);
    for (int i = 0; i < 2; ++i) {
      const Vector x = z.segment(2 * i, 2);
      h += (w.dot(x) + sigma * z[7 + i]) * x / 2;
    }
    const double error = x_q.dot(Gamma * h) - w.dot(x_q);
    return error * error;
  });
  const double J = risk(Gamma, u * u.transpose(), 2, sigma * sigma);
  // 4^9 terms whose sum grows by pairs: rounding like the square root of their number.
  EXPECT_NEAR(average, J, 512 * kEpsilon * J);
}

TEST(Risk, OrthogonalMapsOfTasksAndModelLeaveIt) {
  const Matrix C = moment(), Gamma = random_matrix(5, 5, 14), Q = haar(5, 15);
  const double J = risk(Gamma, C, kContext, kNoise);
  EXPECT_NEAR(risk(Q * Gamma * Q.transpose(), Q * C * Q.transpose(), kContext, kNoise), J,
              500 * kEpsilon * J);
}

TEST(Optimum, IsStationaryAndTheMinimum) {
  const Matrix C = moment(), star = optimum(C, kContext, kNoise);
  EXPECT_LE(merged_gradient(star, C, kContext, kNoise).cwiseAbs().maxCoeff(), 100 * kEpsilon);
  const double J = least_risk(C, kContext, kNoise);
  EXPECT_NEAR(risk(star, C, kContext, kNoise), J, 100 * kEpsilon * C.trace());
  // J is quadratic: J(Gamma* + E) - J* = tr(E M E^T) > 0.
  for (unsigned seed = 0; seed < 10; ++seed) {
    const Matrix E = random_matrix(5, 5, seed);
    const double excess = (E * gram(C, kContext, kNoise) * E.transpose()).trace();
    EXPECT_GT(excess, 0);
    EXPECT_NEAR(risk(star + E, C, kContext, kNoise) - J, excess, 500 * kEpsilon * (J + excess));
  }
}

TEST(Optimum, IsTheProjectorForLongPrompts) {
  // n -> inf without noise: Gamma* -> the projector on span C, J* -> 0, both like 1/n.
  const Matrix C = moment(), Q = haar(5, 11);
  const Matrix projector = Q.leftCols(3) * Q.leftCols(3).transpose();
  const double n = 1e6, bound = (1 + 2 * 2) / n;  // 1 - gamma <= (1 + K r)/n
  // M has the condition number n/2, by which rounding grows.
  EXPECT_LE(distance(optimum(C, n, 0), projector), bound + 10 * kEpsilon * n / 2);
  EXPECT_LE(least_risk(C, n, 0), 2 * bound);
}

TEST(Optimum, RefusesTasksWithoutPower) {
  EXPECT_THROW(optimum(Matrix::Zero(2, 2), 4, 0), Error);
  EXPECT_EQ(optimum(Matrix::Zero(2, 2), 4, 1), Matrix::Zero(2, 2));
}

TEST(Gradients, AreThoseOfTheRiskAtAMatrixWithoutSymmetry) {
  const Matrix C = moment();
  const auto J = [&](const Matrix& Gamma) { return risk(Gamma, C, kContext, kNoise); };
  const Matrix Gamma = random_matrix(5, 5, 16);
  EXPECT_LE(distance(merged_gradient(Gamma, C, kContext, kNoise), numeric_gradient(J, Gamma, 1e-3)),
            rounding(J(Gamma)));

  const double v = 0.6;
  const FactoredGradient factored = factored_gradient(v, Gamma, C, kContext, kNoise);
  const Matrix by_W = numeric_gradient([&](const Matrix& W) { return J(v * W); }, Gamma, 1e-3);
  EXPECT_LE(distance(factored.W, by_W), rounding(J(Gamma)));
  EXPECT_NEAR(factored.v, (J((v + 1e-3) * Gamma) - J((v - 1e-3) * Gamma)) / 2e-3,
              rounding(J(Gamma)));

  // Here queries and keys of different width would do as well: W_Q, W_K are 3 x 5.
  const Matrix W_Q = random_matrix(3, 5, 17), W_K = random_matrix(3, 5, 18);
  const SeparateGradient separate = separate_gradient(v, W_Q, W_K, C, kContext, kNoise);
  const Matrix by_Q =
      numeric_gradient([&](const Matrix& W) { return J(v * W.transpose() * W_K); }, W_Q, 1e-3);
  const Matrix by_K =
      numeric_gradient([&](const Matrix& W) { return J(v * W_Q.transpose() * W); }, W_K, 1e-3);
  const double scale = J(v * W_Q.transpose() * W_K);
  EXPECT_LE(distance(separate.W_Q, by_Q), rounding(scale));
  EXPECT_LE(distance(separate.W_K, by_K), rounding(scale));
  EXPECT_NEAR(
      separate.v,
      (J((v + 1e-3) * W_Q.transpose() * W_K) - J((v - 1e-3) * W_Q.transpose() * W_K)) / 2e-3,
      rounding(scale));
}

}  // namespace
}  // namespace iclab::theory
