// What theory needs to know of a sweep point, and what this paper measures along a run.
#pragma once

#include <string>
#include <vector>

#include "papers/measurements.h"
#include "theory/mixture.h"
#include "theory/mixture_risk.h"
#include "theory/spectrum.h"

namespace iclab::papers::task_diversity {

/// The training law of a sweep point, as its study file has it.
struct Law {
  theory::Mixture mixture;  // of explicit classes only d is meant
  double n = 1, sigma2 = 0, alpha = 0;
  double lr = 0, scale = 1;               // scale multiplies the gradient
  theory::Spectrum spectrum;              // of the whole training law
  std::vector<theory::Spectrum> classes;  // explicit classes only, in the groups of `spectrum`

  double power() const { return spectrum.trace(); }                      // E y_q^2 = tr C
  double least_risk() const { return spectrum.least_risk() / power(); }  // J*/r
  /// Risks of Gamma* on other tasks, divided by r. theta in degrees.
  double span_risk() const;
  double outside_risk(double degrees) const;
  double isotropic_risk() const;
};

Law law_of(const Arm& arm);

/// "K = 2, s = 1"; "K = 2" if nothing is shared. The name of a mixture's series in every figure.
std::string mixture_name(const theory::Mixture& mixture);

/// ", n = 40, sigma = 0.5" for what a study sweeps besides the mixture; "" if it sweeps nothing
/// else.
std::string other_axes(const Arm& arm);

/// The class text of a sweep point, parsed.
std::vector<theory::ColumnClass> classes_of(const Arm& arm);

/// T_phi in steps, by seed: the first measured step with J <= J(0) - drop (J(0) - least), J(0) the
/// run's own risk at step 0 (+infinity: never). `least` is normalised as the series is.
std::vector<double> drop_steps(const Arm& arm, const Quantity& quantity, double least, double drop);

/// The same for T_0.5 of the training risk.
std::vector<double> half_drop_steps(const Arm& arm);

/// C10: the first measured step with J - J* < 0.01 r, by seed.
inline constexpr double kAccuracy = 0.01;
std::vector<double> accuracy_steps(const Arm& arm);

/// Test angles of the paper's curves, in degrees.
const std::vector<double>& test_angles();

/// n numbers from low to high, evenly spaced in their logarithms.
std::vector<double> log_grid(double low, double high, int n);

}  // namespace iclab::papers::task_diversity
