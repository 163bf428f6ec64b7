#include "theory/full_attention.h"

#include "theory/linear_risk.h"

namespace iclab::theory {
namespace {

Matrix mean(std::span<const Matrix> class_moments) {
  Matrix C = Matrix::Zero(class_moments[0].rows(), class_moments[0].cols());
  for (const Matrix& C_k : class_moments) C += C_k;
  return C / static_cast<double>(class_moments.size());
}

}  // namespace

double mean_square_power(std::span<const Matrix> class_moments, double sigma2) {
  double sum = 0;
  for (const Matrix& C_k : class_moments) {
    const double power = C_k.trace() + sigma2;
    sum += power * power + 2 * C_k.squaredNorm();
  }
  return sum / static_cast<double>(class_moments.size());
}

double full_attention_risk(const FullAttention& layer, std::span<const Matrix> class_moments,
                           double n, double sigma2, bool with_query) {
  const auto& [p, v, A, b] = layer;
  const Matrix C = mean(class_moments);
  const double q = C.trace() + sigma2;
  const double Eq2 = mean_square_power(class_moments, sigma2);
  const Vector Ab = A * b;

  double J = risk(v * A.transpose() + b * p.transpose(), C, n, sigma2);
  // p^T[(1+1/n) A A^T + (tr(A A^T)/n) I] p
  J += (1 + 1 / n) * (A.transpose() * p).squaredNorm() + A.squaredNorm() / n * p.squaredNorm();
  // v^2 (1+2/n) Eq2 |b|^2 + 2 v p^T (q I + (2/n) C) A b
  J +=
      v * v * (1 + 2 / n) * Eq2 * b.squaredNorm() + 2 * v * (q * p.dot(Ab) + 2 / n * p.dot(C * Ab));
  if (!with_query) return J;

  const Matrix A_s = (A + A.transpose()) / 2;
  const double trace = A.trace(), pAp = p.dot(A * p), pp = p.squaredNorm();
  // (2/n)[(p^T A p) tr A + 2 p^T A_s A^T p]
  J += 2 / n * (pAp * trace + 2 * p.dot(A_s * (A.transpose() * p)));
  // (1/n^2)[|p|^2 (tr A)^2 + 2|p|^2 tr(A_s^2) + 4 tr A (p^T A p) + 8 p^T A_s^2 p]
  J += (pp * trace * trace + 2 * pp * A_s.squaredNorm() + 4 * trace * pAp +
        8 * (A_s * p).squaredNorm()) /
       (n * n);
  // (2v/n) q [(p.b) tr A + 2 p^T A_s b]
  J += 2 * v / n * q * (p.dot(b) * trace + 2 * p.dot(A_s * b));
  return J;
}

}  // namespace iclab::theory
