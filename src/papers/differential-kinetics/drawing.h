// What several figures of this paper draw alike.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "papers/measurements.h"
#include "report/figure.h"

namespace iclab::papers::differential_kinetics {

/// A pale dot for every seed's value and their median with its interval; NaN is left out, infinity is "never".
void draw_seeds(report::Figure& figure, const std::string& series, double x, const std::vector<double>& values,
                const Arm& arm, const std::string& panel = "");

/// A pale dot for each of at most `most` measurements of every run: f(value) against the step.
void draw_runs(report::Figure& figure, const std::string& series, const Arm& arm, const Quantity& quantity, size_t most,
               bool log, const std::function<double(double)>& f = [](double x) { return x; });

/// A point of a curve whose x differs by seed too: medians of both, the interval of y. Left out where a seed has
/// no number.
void draw_medians(report::Figure& figure, const std::string& series, std::span<const double> x,
                  std::span<const double> y, const std::string& settings, const std::string& panel = "");

}  // namespace iclab::papers::differential_kinetics
