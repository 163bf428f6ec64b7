#include "papers/differential-kinetics/drawing.h"

#include <cmath>

#include "analysis/statistics.h"
#include "papers/points.h"

namespace iclab::papers::differential_kinetics {

void draw_seeds(report::Figure& figure, const std::string& series, double x, const std::vector<double>& values,
                const Arm& arm, const std::string& panel) {
  for (size_t seed = 0; seed < values.size(); ++seed) {
    const auto number = static_cast<std::int64_t>(seed);
    figure.run(series, {.x = x, .y = values[seed], .seed = number, .settings = arm.label(number), .panel = panel});
  }
  figure.measured(series, point_at(x, analysis::median_over_seeds(values), arm.label(-1), panel));
}

void draw_runs(report::Figure& figure, const std::string& series, const Arm& arm, const Quantity& quantity, size_t most,
               bool log, const std::function<double(double)>& f) {
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
    const Arm::Curve curve = arm.curve(seed, quantity);
    const std::vector<double> x(curve.steps.begin(), curve.steps.end());
    for (const size_t i : report::thin(x, most, log))
      figure.run(series, {.x = x[i], .y = f(curve.values[i]), .seed = seed, .settings = arm.label(seed)});
  }
}

void draw_medians(report::Figure& figure, const std::string& series, std::span<const double> x,
                  std::span<const double> y, const std::string& settings, const std::string& panel) {
  const double place = analysis::median(x);
  if (!std::isfinite(place)) return;
  figure.measured(series, point_at(place, analysis::median_over_seeds(y), settings, panel));
}

}  // namespace iclab::papers::differential_kinetics
