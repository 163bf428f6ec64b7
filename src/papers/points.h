// From measurements to the points of a figure.
#pragma once

#include <functional>
#include <string>

#include "analysis/statistics.h"
#include "papers/measurements.h"
#include "report/figure.h"

namespace iclab::papers {

/// An estimate as a point with its interval (none if it is exact, or one seed).
report::Point point_at(double x, const analysis::Estimate& estimate,
                       const std::string& settings = "", const std::string& panel = "");

/// How a curve over the steps is drawn.
struct CurveStyle {
  size_t most = 24;  // points shown
  bool log = false;  // evenly spaced in log(step)
  double time = 1;   // x = time * step
  std::string panel{};
};

/// Adds the mean over seeds of a scalar series at a selection of its steps, each with its interval.
/// It is a mean over all seeds: a step that a run did not reach has none, or an infinite one (study::Sample).
void draw_mean_curve(report::Figure& figure, const std::string& series, const Arm& arm,
                     const Quantity& quantity, const CurveStyle& style);

}  // namespace iclab::papers
