#include "theory/plateau.h"

#include <cmath>
#include <limits>

#include "theory/flow.h"

namespace iclab::theory {
namespace {

// The state is (w_1 .. w_groups, v).
Flow factored_flow(const Spectrum& spectrum, double alpha) {
  Flow flow;
  flow.start.assign(spectrum.groups(), alpha / std::sqrt(spectrum.d()));
  flow.start.push_back(alpha);
  flow.velocity = [spectrum, m = spectrum.m()](const State& x, State& dx) {
    const double v = x.back();
    double dv = 0;
    for (size_t i = 0; i < m.size(); ++i) {
      const double residual = spectrum.lambda[i] - v * x[i] * m[i];
      dx[i] = 2 * v * residual;
      dv += 2 * spectrum.multiplicity[i] * x[i] * residual;
    }
    dx.back() = dv;
  };
  return flow;
}

// Gamma = v W: J - tr C of the observed law.
Measure factored_excess(const Spectrum& observed) {
  return [observed, gamma = State(observed.groups())](const State& x) mutable {
    for (size_t i = 0; i < gamma.size(); ++i) gamma[i] = x.back() * x[i];
    return observed.excess(gamma);
  };
}

}  // namespace

double linear_plateau(const Spectrum& spectrum, double alpha, double phi) {
  const double Lambda = spectrum.Lambda();
  const double u0 = alpha / std::sqrt(spectrum.d()) * spectrum.trace() / Lambda;
  const double drop = -spectrum.excess(spectrum.optimum());
  return std::log(std::sqrt(phi * drop / (2 * Lambda)) / std::abs((alpha + u0) / 2)) / (2 * Lambda);
}

double plateau(const Spectrum& spectrum, double alpha, double phi) {
  return plateau(spectrum, spectrum, alpha, phi);
}

double plateau(const Spectrum& spectrum, const Spectrum& observed, double alpha, double phi) {
  const Flow flow = factored_flow(spectrum, alpha);
  const Measure measure = factored_excess(observed);
  const double start = measure(flow.start);
  const double drop = start - observed.excess(spectrum.optimum());
  if (!(drop > 0)) return std::numeric_limits<double>::quiet_NaN();
  const double level = start - phi * drop;
  return first_times(flow, measure, {&level, 1})[0];
}

std::vector<double> factored_flow_risks(const Spectrum& spectrum, const Spectrum& observed,
                                        double alpha, std::span<const double> times) {
  std::vector<double> risks =
      values_at(factored_flow(spectrum, alpha), factored_excess(observed), times);
  for (double& risk : risks) risk += observed.trace();
  return risks;
}

}  // namespace iclab::theory
