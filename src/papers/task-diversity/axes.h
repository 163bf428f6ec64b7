// Axes that several figures of this paper share, and the words for where its statements come from.
#pragma once

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "report/claim.h"

namespace iclab::papers::task_diversity {

inline report::Axis risk_axis() { return {.word = "normalised risk", .symbol = "J/r"}; }
inline report::Axis log_risk_axis() {
  return {.word = "normalised risk", .symbol = "J/r", .log = true};
}
inline report::Axis angle_axis() {
  return {.word = "angle",
          .symbol = "θ",
          .unit = "degrees",
          .from = 0,
          .to = 90,
          .ticks = {0, 15, 30, 45, 60, 75, 90}};
}
inline report::Axis step_axis() { return {.word = "optimiser step"}; }
inline report::Axis time_axis() { return {.word = "time = learning rate × step", .symbol = "t"}; }

/// Draws sin²θ: what linear attention does outside of one training subspace, in the limit of long contexts.
inline void draw_sine_squared(report::Figure& figure, const std::string& name) {
  std::vector<double> degrees, values;
  for (int i = 0; i <= 45; ++i) {
    degrees.push_back(2.0 * i);
    const double sine = std::sin(degrees.back() * std::numbers::pi / 180);
    values.push_back(sine * sine);
  }
  figure.curve(name, degrees, values);
}

/// `statement`: "paper" if an abstract says it, else "derived". The prediction is always ours: only
/// the abstracts of arXiv 2606.06814 and 2505.14808 could be read.
inline std::vector<report::Provenance> provenance(const std::string& statement,
                                                  const std::string& statement_text,
                                                  const std::string& prediction) {
  return {{"statement", statement, statement_text},
          {"prediction", "derived", prediction},
          {"protocol", "own choice",
           "sizes, optimiser and learning rates are ours; the paper's are not known"},
          {"acceptance", "own choice", "thresholds stated in the table of checks"}};
}

}  // namespace iclab::papers::task_diversity
