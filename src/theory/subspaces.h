// Bases and second moments of the task distribution as matrices (task-diversity.md, section 1).
// Q is d x d orthonormal; columns and components count from 0.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "theory/mixture.h"

namespace iclab::theory {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

/// U_k = [S, B_k] (d x r): S = Q[:, 0..s-1], B_k = Q[:, s + k nu .. s + (k+1) nu - 1].
Matrix basis(const Matrix& Q, const Mixture& mixture, std::int64_t k);

/// C = E w w^T = (1/K) sum_k U_k U_k^T (d x d): eigenvalue 1 (s times), 1/K (R-s times), 0; tr C =
/// r.
Matrix second_moment(const Matrix& Q, const Mixture& mixture);

/// Where the private columns of a test subspace turn to.
enum class Direction {
  kSpan,    // B' = B_1; undefined for K = 1
  kOutside  // B' = Q[:, R .. R+nu-1]; undefined for R + nu > d
};

/// False where the curve over angles is undefined.
bool has_direction(const Mixture& mixture, Direction direction);

/// U(theta) = [S, cos(theta) B_0 + sin(theta) B'] (d x r), theta in radians: all nu principal
/// angles to span(B_0) equal theta. Needs has_direction().
Matrix angle_basis(const Matrix& Q, const Mixture& mixture, double theta, Direction direction);

/// C_k = c_k^2 sum_j q_j q_j^T (d x d).
Matrix second_moment(const Matrix& Q, const ColumnClass& column_class);

/// C = (1/#classes) sum_k C_k (d x d).
Matrix second_moment(const Matrix& Q, const std::vector<ColumnClass>& classes);

}  // namespace iclab::theory
