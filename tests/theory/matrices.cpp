#include "tests/theory/matrices.h"

#include <fmt/format.h>

#include <Eigen/QR>
#include <array>
#include <cmath>
#include <random>

namespace iclab::theory {

Matrix random_matrix(std::int64_t rows, std::int64_t columns, unsigned seed) {
  std::mt19937_64 stream(seed);
  std::normal_distribution<double> normal;
  return Matrix::NullaryExpr(rows, columns, [&] { return normal(stream); });
}

Matrix haar(std::int64_t d, unsigned seed) {
  const Eigen::HouseholderQR<Matrix> qr(random_matrix(d, d, seed));
  Matrix Q = qr.householderQ();
  for (Eigen::Index j = 0; j < d; ++j)
    if (qr.matrixQR()(j, j) < 0) Q.col(j) *= -1;
  return Q;
}

double gaussian_average(int dimension, const std::function<double(const Vector&)>& f) {
  const double root = std::sqrt(6.0), near = std::sqrt(3 - root), far = std::sqrt(3 + root);
  const std::array<double, 4> node{-far, -near, near, far};
  const std::array<double, 4> weight{(3 - root) / 12, (3 + root) / 12, (3 + root) / 12,
                                     (3 - root) / 12};
  Vector z(dimension);
  double sum = 0;
  for (std::int64_t code = 0; code < std::int64_t{1} << (2 * dimension); ++code) {
    double product = 1;
    for (int i = 0; i < dimension; ++i) {
      const auto digit = static_cast<size_t>(code >> (2 * i) & 3);
      z[i] = node[digit];
      product *= weight[digit];
    }
    sum += product * f(z);
  }
  return sum;
}

double distance(const Matrix& A, const Matrix& B) { return (A - B).cwiseAbs().maxCoeff(); }

std::vector<Mixture> mixtures_up_to(std::int64_t largest_d) {
  std::vector<Mixture> all;
  for (std::int64_t d = 1; d <= largest_d; ++d)
    for (std::int64_t r = 1; r <= d; ++r)
      for (std::int64_t K = 1; K <= d; ++K)
        for (std::int64_t s = 0; s <= (K == 1 ? 0 : r); ++s)
          if (s + K * (r - s) <= d) all.push_back({d, r, K, s});
  return all;
}

std::string text(const Mixture& mixture) {
  return fmt::format("d={} r={} K={} s={}", mixture.d, mixture.r, mixture.K, mixture.s);
}

}  // namespace iclab::theory
