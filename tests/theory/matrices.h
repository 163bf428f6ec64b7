// What the tests of matrix formulas share: random matrices, exact averages over Gaussians.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "theory/subspaces.h"

namespace iclab::theory {

inline constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

Matrix random_matrix(std::int64_t rows, std::int64_t columns, unsigned seed);

/// "haar": QR of a Gaussian matrix, column j multiplied by sign(R_jj).
Matrix haar(std::int64_t d, unsigned seed);

/// E f(z), z ~ N(0, I), exact for polynomials up to degree 7 in each entry: four Gauss-Hermite
/// nodes each, the roots +-sqrt(3 -+ sqrt 6) of He_4 with weights (3 +- sqrt 6)/12.
double gaussian_average(int dimension, const std::function<double(const Vector&)>& f);

/// max_ij |A_ij - B_ij|.
double distance(const Matrix& A, const Matrix& B);

/// Every mixture with d up to the bound.
std::vector<Mixture> mixtures_up_to(std::int64_t largest_d);

/// "d=8 r=2 K=2 s=1".
std::string text(const Mixture& mixture);

}  // namespace iclab::theory
