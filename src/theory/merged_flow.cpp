#include "theory/merged_flow.h"

#include <Eigen/Eigenvalues>
#include <cmath>

#include "theory/linear_risk.h"

namespace iclab::theory {
namespace {

// J* and, for each unit eigenvector e_j of M, its m_j and weight m_j |(Gamma0 - Gamma*) e_j|^2.
struct Modes {
  double least = 0;
  Vector m, weight;
};

Modes modes(const Matrix& Gamma0, const Matrix& C, double n, double sigma2) {
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(gram(C, n, sigma2));
  const Matrix distance = (Gamma0 - optimum(C, n, sigma2)) * eigen.eigenvectors();
  return {.least = least_risk(C, n, sigma2),
          .m = eigen.eigenvalues(),
          .weight = eigen.eigenvalues().cwiseProduct(distance.colwise().squaredNorm().transpose())};
}

}  // namespace

std::vector<double> merged_flow_risks(const Matrix& Gamma0, const Matrix& C, double n,
                                      double sigma2, std::span<const double> times) {
  const Modes mode = modes(Gamma0, C, n, sigma2);
  std::vector<double> risks;
  for (const double t : times)
    risks.push_back(mode.least + mode.weight.dot((-4 * t * mode.m).array().exp().matrix()));
  return risks;
}

std::vector<double> merged_descent_risks(const Matrix& Gamma0, const Matrix& C, double n,
                                         double sigma2, double lr, std::span<const double> steps) {
  const Modes mode = modes(Gamma0, C, n, sigma2);
  std::vector<double> risks;
  for (const double step : steps)
    risks.push_back(mode.least +
                    mode.weight.dot((1 - 2 * lr * mode.m.array()).square().pow(step).matrix()));
  return risks;
}

}  // namespace iclab::theory
