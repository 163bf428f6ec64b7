// Population risk of linear attention f = x_q^T Gamma h, its minimiser and its gradients
// (task-diversity.md, sections 2 and 4). Matrices are d x d; n is the context length, sigma2 the
// label noise sigma^2; J = E (f - y_q)^2 without a factor 1/2, y_q clean, not divided by tr C.
#pragma once

#include "theory/subspaces.h"

namespace iclab::theory {

/// M = E h h^T = (1 + 1/n) C + ((tr C + sigma^2)/n) I.
Matrix gram(const Matrix& C, double n, double sigma2);

/// J(Gamma) = tr(Gamma M Gamma^T) - 2 tr(Gamma C) + tr C. The risk on other test tasks is the same
/// formula with C', n', sigma'^2.
double risk(const Matrix& Gamma, const Matrix& C, double n, double sigma2);

/// Gamma* = C M^-1, the unique minimiser. Throws Error if tr C + sigma^2 = 0.
Matrix optimum(const Matrix& C, double n, double sigma2);

/// J* = tr C - tr(C M^-1 C).
double least_risk(const Matrix& C, double n, double sigma2);

/// Merged: dJ/dGamma = 2 (Gamma M - C).
Matrix merged_gradient(const Matrix& Gamma, const Matrix& C, double n, double sigma2);

/// Factored, Gamma = v W: with D = v W M - C, dJ/dW = 2 v D and dJ/dv = 2 <W, D>.
struct FactoredGradient {
  double v = 0;
  Matrix W;
};
FactoredGradient factored_gradient(double v, const Matrix& W, const Matrix& C, double n,
                                   double sigma2);

/// Separate, W = W_Q^T W_K: dJ/dW_Q = W_K (dJ/dW)^T and dJ/dW_K = W_Q dJ/dW.
struct SeparateGradient {
  double v = 0;
  Matrix W_Q, W_K;
};
SeparateGradient separate_gradient(double v, const Matrix& W_Q, const Matrix& W_K, const Matrix& C,
                                   double n, double sigma2);

}  // namespace iclab::theory
