#include "papers/points.h"

namespace iclab::papers {

report::Point point_at(double x, const analysis::Estimate& estimate, const std::string& settings,
                       const std::string& panel) {
  report::Point point{.x = x, .y = estimate.value};
  if (estimate.seeds > 1) {
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
  const std::vector<std::int64_t>& due = arm.due(quantity);
  const std::vector<double> x(due.begin(), due.end());
  const std::vector<study::RunOutput> runs = arm.outputs(quantity);
  for (const size_t i : report::thin(x, style.most, style.log)) {
    const std::vector<double> values = arm.sample(runs, quantity, due[i]).values;
    const analysis::Estimate estimate =
        arm.seeds() > 1 ? analysis::mean_over_seeds(values) : analysis::exact(values.front());
    figure.measured(series, point_at(style.time * x[i], estimate, arm.label(-1), style.panel));
  }
}

}  // namespace iclab::papers
