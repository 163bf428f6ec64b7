#include "papers/task-diversity/law.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "analysis/series.h"

namespace iclab::papers::task_diversity {
namespace {

theory::TestSetting as_in_training(const Law& law) { return {law.n, law.sigma2}; }

}  // namespace

double Law::span_risk() const {
  return theory::span_risk(mixture, n, sigma2, as_in_training(*this)) / power();
}

double Law::outside_risk(double degrees) const {
  const double theta = degrees * std::numbers::pi / 180;
  const auto risk = theory::outside_risk(mixture, n, sigma2, as_in_training(*this), theta);
  return risk ? *risk / power() : std::nan("");
}

double Law::isotropic_risk() const {
  return theory::isotropic_risk(mixture, n, sigma2, as_in_training(*this)) / power();
}

std::vector<theory::ColumnClass> classes_of(const Arm& arm) {
  return theory::parse_classes(arm.task().text("classes"), "task.classes");
}

Law law_of(const Arm& arm) {
  const Settings& task = arm.task();
  Law law;
  law.mixture.d = task.integer("dim");
  law.n = static_cast<double>(task.integer("context"));
  law.sigma2 = task.real("noise") * task.real("noise");
  law.alpha = arm.model().real("alpha");
  law.lr = arm.lr();
  law.scale = arm.point().training.gradient_scale;
  if (task.text("classes").empty()) {
    law.mixture = {law.mixture.d, task.integer("rank"), task.integer("components"),
                   task.integer("shared")};
    law.spectrum = theory::spectrum(law.mixture, law.n, law.sigma2);
    return law;
  }
  theory::ClassSpectra spectra =
      theory::class_spectra(classes_of(arm), law.mixture.d, law.n, law.sigma2);
  law.spectrum = std::move(spectra.mixture);
  law.classes = std::move(spectra.classes);
  return law;
}

std::string mixture_name(const theory::Mixture& mixture) {
  return mixture.s > 0 ? fmt::format("K = {}, s = {}", mixture.K, mixture.s)
                       : fmt::format("K = {}", mixture.K);
}

std::string other_axes(const Arm& arm) {
  std::string text;
  for (const auto& [key, value] : arm.point().axes) {
    if (key == "task.context") text += fmt::format(", n = {}", to_text(value));
    if (key == "task.noise") text += fmt::format(", σ = {}", to_text(value));
    if (key == "model.alpha") text += fmt::format(", α = {}", to_text(value));
  }
  return text;
}

std::vector<double> drop_steps(const Arm& arm, const Quantity& quantity, double least,
                               double drop) {
  std::vector<double> steps;
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
    const Arm::Curve curve = arm.curve(seed, quantity);
    if (curve.values.empty()) {
      steps.push_back(analysis::kNever);
      continue;
    }
    const double level = analysis::drop_level(curve.values.front(), least, drop);
    steps.push_back(analysis::first_at_or_below(curve.steps, curve.values, level));
  }
  return steps;
}

std::vector<double> half_drop_steps(const Arm& arm) {
  return drop_steps(arm, {}, law_of(arm).least_risk(), 0.5);
}

std::vector<double> accuracy_steps(const Arm& arm) {
  const double level = law_of(arm).least_risk() + kAccuracy;
  std::vector<double> steps;
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
    const Arm::Curve curve = arm.curve(seed, {});
    steps.push_back(analysis::first_below(curve.steps, curve.values, level));
  }
  return steps;
}

const std::vector<double>& test_angles() {
  static const std::vector<double> angles{0, 15, 30, 45, 60, 75, 90};
  return angles;
}

std::vector<double> log_grid(double low, double high, int n) {
  std::vector<double> grid;
  for (int i = 0; i < n; ++i) grid.push_back(low * std::pow(high / low, i / (n - 1.0)));
  return grid;
}

}  // namespace iclab::papers::task_diversity
