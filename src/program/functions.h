// Functions composed of the builder's operations, under the field's names.
#pragma once

#include <vector>

#include "program/builder.h"

namespace iclab::program {

// ---- along the last axis ----

/// Over the columns where the boolean mask (broadcast to a) holds; a row needs at least one.
Value softmax(Value a, Value mask);
Value log_softmax(Value a);
/// 1 where the integer index equals the position along a new last axis of length n, else 0.
Value one_hot(Value index, std::int64_t n);
/// The last axis in ascending order; differentiable as a permutation.
Value sort(Value a);
/// True for the k largest of the last axis (of equals the later first).
/// Throws Error unless 1 <= k <= the length.
Value top_k(Value a, std::int64_t k);

// ---- integers ----

/// a mod n for integers 0 <= a <= 2^31 / n, element by element, in n - 1 comparisons.
Value remainder(Value a, std::int64_t n);

// ---- losses, element by element ----

Value logistic_loss(Value y, Value f);  // log(1 + e^(-y f)), y in {-1, 1}
Value hinge_loss(Value y, Value f);     // max(0, 1 - y f)
/// -log softmax(logits)[class] along the last axis, which is dropped.
Value cross_entropy(Value logits, Value classes);

// ---- distributions ----

/// i in [0, n) with probability proportional to (i + 1)^-exponent.
Value zipf(Builder& b, Stream stream, const Shape& shape, std::int64_t n, double exponent);
Value beta(Builder& b, Stream stream, const Shape& shape, double a1, double a2);
Value chi_square(Builder& b, Stream stream, const Shape& shape, double degrees);
/// (n), positive, with sum 1, for n concentrations.
Value dirichlet(Builder& b, Stream stream, const std::vector<double>& concentrations);
/// (d, d): A A^T with A lower triangular, N(0, 1) below the diagonal and A_ii^2 ~ chi-square(degrees - i)
/// on it (Bartlett, 1933): Wishart(I, degrees). Throws Error unless degrees > d - 1.
Value wishart(Builder& b, Stream stream, std::int64_t d, double degrees);

}  // namespace iclab::program
