#include "papers/differential-kinetics/runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/series.h"
#include "base/error.h"

namespace iclab::papers::differential_kinetics {

double context(const Arm& arm) { return static_cast<double>(arm.task().integer("context")); }

double items(const Arm& arm) {
  return arm.task().has("items") ? static_cast<double>(arm.task().integer("items")) : 0;
}

bool is_minimal(const Arm& arm) { return arm.point().model.kind == "kinetics-minimal"; }

std::vector<double> acquisition_steps(const Arm& arm) {
  std::vector<double> steps;
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
    const Arm::Curve curve = arm.curve(seed, novel());
    steps.push_back(curve.values.empty() ? std::nan("") : analysis::first_above(curve.steps, curve.values, kAcquired));
  }
  return steps;
}

std::vector<double> last_values(const Arm& arm, const Quantity& quantity) {
  return arm.sample(quantity, {}).values;
}

std::vector<double> acquired(const Arm& arm) {
  std::vector<double> values = acquisition_steps(arm);
  for (double& value : values)
    if (!std::isnan(value)) value = std::isfinite(value) ? 1 : 0;
  return values;
}

double partial_runs(const Arm& arm) {
  const std::vector<double> copy = last_values(arm, novel("copy")), done = acquired(arm);
  double count = 0;
  for (size_t i = 0; i < copy.size(); ++i) count += copy[i] > 0.5 && done[i] == 0 ? 1 : 0;
  return count;
}

MemoryCurve memory_curve(const Arm& arm, std::int64_t seed, double least) {
  const CommonSteps both = common_steps({arm.curve(seed, memory("c1")), arm.curve(seed, memory("c2"))});
  MemoryCurve curve;
  for (size_t i = 0; i < both.steps.size(); ++i) {
    curve.t.push_back(static_cast<double>(both.steps[i]));
    curve.c1.push_back(both.values[0][i]);
    curve.c2.push_back(both.values[1][i]);
    if (curve.c1.back() < least) break;
  }
  return curve;
}

std::vector<double> memorised(const MemoryCurve& curve, double lr) {
  std::vector<double> total = analysis::cumulative_trapezoid(curve.t, curve.c1);
  for (double& value : total) value *= lr;
  return total;
}

double critical_items(const std::vector<double>& items, const std::vector<std::vector<double>>& accuracy,
                      std::span<const size_t> seeds) {
  std::vector<double> x, y;
  for (size_t i = 0; i < items.size(); ++i) {
    x.push_back(std::log(items[i]));
    y.push_back(analysis::mean(picked(accuracy[i], seeds)));
  }
  return std::exp(analysis::crossing(x, y, 0.75));
}

std::vector<Arm> paper_or_quick(const Measurements& measurements, const std::string& figure, const std::string& quick) {
  return measurements.arms(measurements.has(figure) ? figure : quick);
}

std::vector<Arm> with_context(const std::vector<Arm>& arms, double wanted) {
  std::vector<Arm> some;
  for (const Arm& arm : arms)
    if (context(arm) == wanted) some.push_back(arm);
  return some;
}

const Arm& with_items(const std::vector<Arm>& arms, double wanted) {
  for (const Arm& arm : arms)
    if (items(arm) == wanted) return arm;
  throw Error(fmt::format("[reproduce] no runs with {} items", wanted));
}

}  // namespace iclab::papers::differential_kinetics
