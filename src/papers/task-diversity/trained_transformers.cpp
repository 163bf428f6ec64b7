#include "papers/task-diversity/trained_transformers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/series.h"
#include "papers/points.h"
#include "papers/task-diversity/axes.h"
#include "papers/task-diversity/law.h"

namespace iclab::papers::task_diversity {
namespace {

constexpr double kLevel = 0.8;
constexpr size_t kWindow = 100;
constexpr double kLearned = 0.5;  // a class with a larger risk has not been learned

theory::Spectrum spectrum_of(const Arm& arm) {
  const Settings& task = arm.task();
  const std::int64_t d = task.integer("dim");
  if (!task.text("classes").empty()) return theory::class_spectra(classes_of(arm), d, 1, 0).mixture;
  return theory::spectrum(
      {d, task.integer("rank"), task.integer("components"), task.integer("shared")}, 1, 0);
}

std::vector<double> passages(const Arm& arm, const Quantity& quantity, double level) {
  std::vector<double> steps;
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
    const Arm::Curve curve = arm.curve(seed, quantity);
    double step = analysis::first_mean_below(curve.steps, curve.values, kWindow, level);
    // Of a run that ended before, as it diverged, nothing can be said.
    const bool whole = !curve.steps.empty() && curve.steps.back() == arm.steps();
    if (std::isinf(step) && !whole) step = std::nan("");
    steps.push_back(step);
  }
  return steps;
}

std::vector<std::int64_t> learned_seeds(const Arm& arm) {
  std::vector<std::int64_t> seeds;
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
    bool learned = !arm.final_array(seed, named_risk("span")).empty();
    for (std::int64_t k = 0; learned && k < arm.task().integer("components"); ++k)
      learned = arm.final_array(seed, named_risk(fmt::format("class{}", k))).at(0) < kLearned;
    if (learned) seeds.push_back(seed);
  }
  return seeds;
}

}  // namespace

double power_of(const Arm& arm) { return spectrum_of(arm).trace(); }

double strength_of(const Arm& arm) { return spectrum_of(arm).Lambda(); }

std::vector<double> plateau_steps(const Arm& arm) {
  return passages(arm, {.probe = "loss", .series = "loss"}, kLevel * power_of(arm));
}

std::vector<double> plateau_steps(const Arm& arm, const std::string& probe) {
  return passages(arm, named_risk(probe), kLevel);
}

std::string never_text(const std::vector<double>& steps) {
  const auto never = std::ranges::count_if(steps, [](double t) { return std::isinf(t); });
  return never == 0 ? "" : fmt::format(" ({} of {} never)", never, steps.size());
}

analysis::Estimate flatness(const Arm& arm) {
  std::vector<std::vector<double>> curves;
  for (const std::int64_t seed : learned_seeds(arm))
    curves.push_back(arm.final_array(seed, named_risk("span")));
  return analysis::over_seeds(
      static_cast<std::int64_t>(curves.size()), [&](std::span<const size_t> seeds) {
        if (seeds.empty()) return std::nan("");
        std::vector<double> total(test_angles().size());
        for (const size_t seed : seeds)
          for (size_t i = 0; i < total.size(); ++i) total[i] += curves[seed].at(i);
        const auto [low, high] = std::ranges::minmax(total);
        return high / low;
      });
}

analysis::Estimate climb(const Arm& arm) {
  const std::vector<double> far = arm.final(named_risk("outside"), test_angles().size() - 1),
                            near = arm.final(named_risk("id"));
  return analysis::ratio_over_seeds(far, near, analysis::mean);
}

void draw_angles(report::Figure& figure, const std::string& series, const Arm& arm,
                 const std::string& where) {
  for (size_t i = 0; i < test_angles().size(); ++i)
    figure.measured(series, point_at(test_angles()[i],
                                     analysis::mean_over_seeds(arm.final(named_risk(where), i)),
                                     arm.label(-1)));
}

report::Figure transformer_angle_figure(const std::string& name, const std::string& title) {
  report::Figure figure(name, title,
                        angle_axis(),
                        {.word = "risk at the last position over E y²"});
  draw_sine_squared(figure, "sin²θ: linear attention, one subspace, long contexts");
  return figure;
}

}  // namespace iclab::papers::task_diversity
