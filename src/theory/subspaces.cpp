#include "theory/subspaces.h"

#include <cmath>

namespace iclab::theory {

Matrix basis(const Matrix& Q, const Mixture& mixture, std::int64_t k) {
  Matrix U(Q.rows(), mixture.r);
  U << Q.leftCols(mixture.s), Q.middleCols(mixture.s + k * mixture.nu(), mixture.nu());
  return U;
}

Matrix second_moment(const Matrix& Q, const Mixture& mixture) {
  const Matrix S = Q.leftCols(mixture.s);
  const Matrix B = Q.middleCols(mixture.s, mixture.K * mixture.nu());
  return S * S.transpose() + B * B.transpose() / static_cast<double>(mixture.K);
}

bool has_direction(const Mixture& mixture, Direction direction) {
  return direction == Direction::kSpan ? mixture.K >= 2 : mixture.nu() <= mixture.d - mixture.R();
}

Matrix angle_basis(const Matrix& Q, const Mixture& mixture, double theta, Direction direction) {
  const std::int64_t first = direction == Direction::kSpan ? mixture.s + mixture.nu() : mixture.R();
  Matrix U = basis(Q, mixture, 0);
  U.rightCols(mixture.nu()) = std::cos(theta) * U.rightCols(mixture.nu()).eval() +
                              std::sin(theta) * Q.middleCols(first, mixture.nu());
  return U;
}

Matrix second_moment(const Matrix& Q, const ColumnClass& column_class) {
  Matrix C = Matrix::Zero(Q.rows(), Q.rows());
  for (const std::int64_t j : column_class.columns) C += Q.col(j) * Q.col(j).transpose();
  return column_class.scale * column_class.scale * C;
}

Matrix second_moment(const Matrix& Q, const std::vector<ColumnClass>& classes) {
  Matrix C = Matrix::Zero(Q.rows(), Q.rows());
  for (const ColumnClass& one : classes) C += second_moment(Q, one);
  return C / static_cast<double>(classes.size());
}

}  // namespace iclab::theory
