#include "theory/linear_risk.h"

#include <Eigen/Cholesky>

#include "base/error.h"

namespace iclab::theory {

Matrix gram(const Matrix& C, double n, double sigma2) {
  Matrix M = (1 + 1 / n) * C;
  M.diagonal().array() += (C.trace() + sigma2) / n;
  return M;
}

double risk(const Matrix& Gamma, const Matrix& C, double n, double sigma2) {
  // tr(A B^T) is the sum of products of entries.
  return (Gamma * gram(C, n, sigma2)).cwiseProduct(Gamma).sum() - 2 * (Gamma * C).trace() +
         C.trace();
}

Matrix optimum(const Matrix& C, double n, double sigma2) {
  if (!(C.trace() + sigma2 > 0))
    throw Error("[optimum] found tr C + sigma2 = 0, accepted is more: Gamma* is not unique there");
  // C and M commute, so that M^-1 C = C M^-1.
  return gram(C, n, sigma2).ldlt().solve(C);
}

double least_risk(const Matrix& C, double n, double sigma2) {
  return C.trace() - optimum(C, n, sigma2).cwiseProduct(C).sum();
}

Matrix merged_gradient(const Matrix& Gamma, const Matrix& C, double n, double sigma2) {
  return 2 * (Gamma * gram(C, n, sigma2) - C);
}

FactoredGradient factored_gradient(double v, const Matrix& W, const Matrix& C, double n,
                                   double sigma2) {
  const Matrix D = v * W * gram(C, n, sigma2) - C;
  return {.v = 2 * W.cwiseProduct(D).sum(), .W = 2 * v * D};
}

SeparateGradient separate_gradient(double v, const Matrix& W_Q, const Matrix& W_K, const Matrix& C,
                                   double n, double sigma2) {
  const FactoredGradient product = factored_gradient(v, W_Q.transpose() * W_K, C, n, sigma2);
  return {.v = product.v, .W_Q = W_K * product.W.transpose(), .W_K = W_Q * product.W};
}

}  // namespace iclab::theory
