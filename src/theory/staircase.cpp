#include "theory/staircase.h"

#include "theory/flow.h"
#include "theory/mixture_risk.h"

namespace iclab::theory {
namespace {

// The state is (q_1 .. q_groups, v).
Flow separate_flow(const Spectrum& spectrum, const SeparateStart& start) {
  Flow flow;
  flow.start.assign(spectrum.groups(), start.q0);
  flow.start.push_back(start.v0);
  flow.velocity = [spectrum, m = spectrum.m()](const State& x, State& dx) {
    const double v = x.back();
    double dv = 0;
    for (size_t i = 0; i < m.size(); ++i) {
      const double q = x[i];
      const double residual = spectrum.lambda[i] - v * q * q * m[i];
      dx[i] = 2 * v * q * residual;
      dv += 2 * spectrum.multiplicity[i] * q * q * residual;
    }
    dx.back() = dv;
  };
  return flow;
}

// Gamma = v W_Q^T W_K: J - tr C.
Measure separate_excess(const Spectrum& spectrum) {
  return [spectrum, gamma = State(spectrum.groups())](const State& x) mutable {
    for (size_t i = 0; i < gamma.size(); ++i) gamma[i] = x.back() * x[i] * x[i];
    return spectrum.excess(gamma);
  };
}

}  // namespace

std::vector<double> staircase_times(const Spectrum& spectrum, const SeparateStart& start,
                                    std::span<const double> drops) {
  const Flow flow = separate_flow(spectrum, start);
  const Measure measure = separate_excess(spectrum);
  const double from = measure(flow.start), to = spectrum.excess(spectrum.optimum());
  std::vector<double> levels;
  for (const double drop : drops) levels.push_back(from - drop * (from - to));
  return first_times(flow, measure, levels);
}

std::vector<double> staircase_risks(const Spectrum& spectrum, const SeparateStart& start,
                                    std::span<const double> times) {
  std::vector<double> risks =
      values_at(separate_flow(spectrum, start), separate_excess(spectrum), times);
  for (double& risk : risks) risk += spectrum.trace();
  return risks;
}

double staircase_level(const Mixture& mixture, double n, double sigma2) {
  return 1 - static_cast<double>(mixture.s) / static_cast<double>(mixture.r) *
                 mixture_constants(mixture, n, sigma2).gamma_shared;
}

}  // namespace iclab::theory
