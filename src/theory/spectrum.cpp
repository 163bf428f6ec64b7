#include "theory/spectrum.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace iclab::theory {

double Spectrum::d() const {
  return std::accumulate(multiplicity.begin(), multiplicity.end(), 0.0);
}

double Spectrum::trace() const {
  return std::inner_product(multiplicity.begin(), multiplicity.end(), lambda.begin(), 0.0);
}

double Spectrum::Lambda() const {
  // In units of the largest, whose square may be no double.
  const double largest = lambda.empty() ? 0 : std::ranges::max(lambda);
  if (largest == 0) return 0;
  double power = 0;
  for (size_t i = 0; i < groups(); ++i)
    power += multiplicity[i] * (lambda[i] / largest) * (lambda[i] / largest);
  return largest * std::sqrt(power);
}

std::vector<double> Spectrum::m() const {
  std::vector<double> m(groups());
  const double rho = (trace() + sigma2) / n;
  for (size_t i = 0; i < groups(); ++i) m[i] = (1 + 1 / n) * lambda[i] + rho;
  return m;
}

std::vector<double> Spectrum::optimum() const {
  std::vector<double> gamma = m();
  for (size_t i = 0; i < groups(); ++i) gamma[i] = lambda[i] / gamma[i];
  return gamma;
}

double Spectrum::least_risk() const { return trace() + excess(optimum()); }

double Spectrum::excess(std::span<const double> gamma) const {
  const double rho = (trace() + sigma2) / n;
  double sum = 0;
  for (size_t i = 0; i < groups(); ++i)
    sum +=
        multiplicity[i] * gamma[i] * (((1 + 1 / n) * lambda[i] + rho) * gamma[i] - 2 * lambda[i]);
  return sum;
}

Spectrum spectrum(const Mixture& mixture, double n, double sigma2) {
  Spectrum result{.multiplicity = {}, .lambda = {}, .n = n, .sigma2 = sigma2};
  const auto add = [&](std::int64_t count, double lambda) {
    if (count == 0) return;
    result.multiplicity.push_back(static_cast<double>(count));
    result.lambda.push_back(lambda);
  };
  add(mixture.s, 1);
  add(mixture.K * mixture.nu(), 1 / static_cast<double>(mixture.K));
  add(mixture.d - mixture.R(), 0);
  return result;
}

ClassSpectra class_spectra(const std::vector<ColumnClass>& classes, std::int64_t d, double n,
                           double sigma2) {
  const std::vector<double> mixed = column_moments(classes, d);
  // Columns with the same eigenvalue in every class form a group.
  std::vector<std::vector<double>> per_column(static_cast<size_t>(d),
                                              std::vector<double>(classes.size()));
  for (size_t k = 0; k < classes.size(); ++k)
    for (const std::int64_t j : classes[k].columns)
      per_column[static_cast<size_t>(j)][k] = classes[k].scale * classes[k].scale;

  std::map<std::vector<double>, size_t> group_of;
  const Spectrum empty{.multiplicity = {}, .lambda = {}, .n = n, .sigma2 = sigma2};
  ClassSpectra result{.mixture = empty, .classes = std::vector(classes.size(), empty)};
  for (size_t j = 0; j < per_column.size(); ++j) {
    const auto [found, is_new] = group_of.try_emplace(per_column[j], result.mixture.groups());
    if (is_new) {
      result.mixture.multiplicity.push_back(0);
      result.mixture.lambda.push_back(mixed[j]);
      for (size_t k = 0; k < classes.size(); ++k)
        result.classes[k].lambda.push_back(per_column[j][k]);
    }
    result.mixture.multiplicity[found->second] += 1;
  }
  for (Spectrum& one : result.classes) one.multiplicity = result.mixture.multiplicity;
  return result;
}

std::vector<double> column_moments(const std::vector<ColumnClass>& classes, std::int64_t d) {
  std::vector<double> moments(static_cast<size_t>(d));
  for (const ColumnClass& one : classes)
    for (const std::int64_t j : one.columns)
      moments[static_cast<size_t>(j)] += one.scale * one.scale;
  for (double& moment : moments) moment /= static_cast<double>(classes.size());
  return moments;
}

}  // namespace iclab::theory
