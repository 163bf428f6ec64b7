#include "papers/points.h"

#include <algorithm>

namespace iclab::papers {

report::Point point_at(double x, const analysis::Estimate& estimate, const std::string& settings,
                       const std::string& panel) {
  report::Point point{.x = x, .y = estimate.value};
  if (estimate.seeds > 0) {
    point.lo = estimate.lo;
    point.hi = estimate.hi;
  }
  point.seeds = estimate.seeds;
  point.settings = settings;
  point.panel = panel;
  return point;
}

void draw_mean_curve(report::Figure& figure, const std::string& series, const Arm& arm,
                     const Quantity& quantity, const CurveStyle& style) {
  std::vector<Arm::Curve> curves;
  size_t longest = 0;
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
    curves.push_back(arm.curve(seed, quantity));
    if (curves.back().steps.size() > curves[longest].steps.size()) longest = curves.size() - 1;
  }
  const std::vector<std::int64_t> steps = curves[longest].steps;
  const std::vector<double> x(steps.begin(), steps.end());
  for (const size_t i : report::thin(x, style.most, style.log)) {
    std::vector<double> values;
    for (const Arm::Curve& curve : curves)
      if (i < curve.values.size()) values.push_back(curve.values[i]);
    const bool random = arm.seeds() > 1;
    const analysis::Estimate estimate =
        random ? analysis::mean_over_seeds(values) : analysis::exact(values.front());
    figure.measured(series, point_at(style.time * x[i], estimate, arm.label(-1), style.panel));
  }
}

}  // namespace iclab::papers
