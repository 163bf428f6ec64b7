// The second moment C in its eigenbasis, equal directions in one group (task-diversity.md, section
// 5: shared, private, null). What the dynamics from the identity initialisation depend on.
#pragma once

#include <span>
#include <vector>

#include "theory/mixture.h"

namespace iclab::theory {

/// A task law seen by linear attention: eigenvalues of C, context length, label noise.
struct Spectrum {
  std::vector<double> multiplicity;  // directions in each group; they sum to d
  std::vector<double> lambda;        // eigenvalue of C in each group
  double n = 1;                      // context length
  double sigma2 = 0;                 // label noise sigma^2

  size_t groups() const { return lambda.size(); }
  double d() const;
  /// tr C.
  double trace() const;
  /// Lambda = ||C||_F.
  double Lambda() const;
  /// m_i = (1 + 1/n) lambda_i + (tr C + sigma^2)/n: eigenvalues of M.
  std::vector<double> m() const;
  /// gamma*_i = lambda_i / m_i.
  std::vector<double> optimum() const;
  /// J* = tr C + excess(optimum).
  double least_risk() const;
  /// J(Gamma) - tr C = sum_i mult_i (m_i gamma_i^2 - 2 lambda_i gamma_i) for Gamma with eigenvalues
  /// gamma in the same basis. The part that moves, free of cancellation against tr C.
  double excess(std::span<const double> gamma) const;
};

/// Shared, private and null directions; groups without directions are left out.
Spectrum spectrum(const Mixture& mixture, double n, double sigma2);

/// Spectra of a mixture of classes and of each class alone, in common groups.
struct ClassSpectra {
  Spectrum mixture;
  std::vector<Spectrum> classes;
};
ClassSpectra class_spectra(const std::vector<ColumnClass>& classes, std::int64_t d, double n,
                           double sigma2);

/// The diagonal of C (d) in the order of the columns.
std::vector<double> column_moments(const std::vector<ColumnClass>& classes, std::int64_t d);

}  // namespace iclab::theory
