#include "theory/full_attention.h"

#include <gtest/gtest.h>

#include "tests/theory/matrices.h"
#include "theory/linear_risk.h"

namespace iclab::theory {
namespace {

FullAttention random_layer(std::int64_t d, unsigned seed) {
  return {.p = random_matrix(d, 1, seed),
          .v = 0.8,
          .A = random_matrix(d, d, seed + 1),
          .b = random_matrix(d, 1, seed + 2)};
}

// The forward pass of task-diversity.md, section 2, in tokens: last row, last column of W^PV Z (Z^T W^KQ z_q)/n.
double forward(const FullAttention& layer, const Matrix& context, const Vector& x_q,
               bool with_query) {
  const Eigen::Index d = x_q.size(), n = context.cols();
  Matrix W_KQ = Matrix::Zero(d + 1, d + 1);
  W_KQ.topLeftCorner(d, d) = layer.A;
  W_KQ.bottomLeftCorner(1, d) = layer.b.transpose();
  Vector value(d + 1), query(d + 1);
  value << layer.p, layer.v;
  query << x_q, 0;
  Matrix keys(d + 1, n + (with_query ? 1 : 0));
  keys.leftCols(n) = context;
  if (with_query) keys.col(n) = query;
  return value.dot(keys * (keys.transpose() * (W_KQ * query))) / static_cast<double>(n);
}

TEST(FullAttentionRisk, IsTheMeanSquaredErrorOfTheDefinition) {
  // d = 2, n = 2, w = c_k u_k a from two classes: x_1, x_2, x_q, a, eps_1, eps_2 are 9 Gaussians.
  const double sigma = 0.6;
  const FullAttention layer = random_layer(2, 21);
  const Matrix Q = haar(2, 22);
  const std::vector<Vector> columns{Q.col(0), 1.4 * (Q.col(0) + Q.col(1))};
  std::vector<Matrix> moments;
  for (const Vector& u : columns) moments.push_back(u * u.transpose());

  for (const bool with_query : {true, false}) {
    double average = 0;
    for (const Vector& u : columns)
      average += gaussian_average(9,
                                  [&](const Vector& z) {
                                    const Vector w = z[6] * u, x_q = z.segment(4, 2);
                                    Matrix context(3, 2);
                                    for (int i = 0; i < 2; ++i) {
                                      context.block(0, i, 2, 1) = z.segment(2 * i, 2);
                                      context(2, i) = w.dot(z.segment(2 * i, 2)) + sigma * z[7 + i];
                                    }
                                    const double error =
                                        forward(layer, context, x_q, with_query) - w.dot(x_q);
                                    return error * error;
                                  }) /
                 2;
    const double J = full_attention_risk(layer, moments, 2, sigma * sigma, with_query);
    EXPECT_NEAR(average, J, 512 * kEpsilon * J) << with_query;
  }
}

TEST(FullAttentionRisk, IsThatOfTheFactoredModelWithoutPAndB) {
  FullAttention layer = random_layer(4, 23);
  layer.p.setZero();
  layer.b.setZero();
  const Matrix C = second_moment(haar(4, 24), Mixture{4, 2, 2, 0});
  for (const bool with_query : {true, false})
    EXPECT_EQ(full_attention_risk(layer, {&C, 1}, 8, 0.1, with_query),
              risk(layer.v * layer.A.transpose(), C, 8, 0.1));
}

TEST(FullAttentionRisk, TheEvenPartOnlyAdds) {
  const Matrix C = second_moment(haar(4, 25), Mixture{4, 2, 2, 0});
  for (unsigned seed = 30; seed < 60; seed += 3) {
    const FullAttention layer = random_layer(4, seed);
    const Matrix effective = layer.v * layer.A.transpose() + layer.b * layer.p.transpose();
    for (const bool with_query : {true, false})
      EXPECT_GT(full_attention_risk(layer, {&C, 1}, 8, 0.1, with_query),
                risk(effective, C, 8, 0.1));
  }
}

TEST(FullAttentionRisk, OrthogonalMapsOfTasksAndModelLeaveIt) {
  const Matrix Q = haar(4, 26), C = second_moment(haar(4, 27), Mixture{4, 2, 1, 0});
  const FullAttention layer = random_layer(4, 28);
  const FullAttention turned{
      .p = Q * layer.p, .v = layer.v, .A = Q * layer.A * Q.transpose(), .b = Q * layer.b};
  const Matrix turned_C = Q * C * Q.transpose();
  for (const bool with_query : {true, false}) {
    const double J = full_attention_risk(layer, {&C, 1}, 5, 0.3, with_query);
    EXPECT_NEAR(full_attention_risk(turned, {&turned_C, 1}, 5, 0.3, with_query), J,
                500 * kEpsilon * J);
  }
}

TEST(MeanSquarePower, IsThatOfChiSquares) {
  // |w|^2 of r unit Gaussians is chi^2_r: E(|w|^2)^2 = r^2 + 2 r.
  const Matrix C = second_moment(haar(5, 29), Mixture{5, 3, 1, 0});
  EXPECT_NEAR(mean_square_power({&C, 1}, 0), 15, 100 * kEpsilon * 15);
  EXPECT_NEAR(mean_square_power({&C, 1}, 2), 15 + 2 * 2 * 3 + 4, 100 * kEpsilon * 31);
}

}  // namespace
}  // namespace iclab::theory
