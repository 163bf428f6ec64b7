// Axes that several figures of this paper share, and the words for where its statements come from.
#pragma once

#include <string>
#include <vector>

#include "report/claim.h"

namespace iclab::papers::differential_kinetics {

inline report::Axis accuracy_axis() { return {.word = "accuracy", .from = 0, .to = 1}; }
inline report::Axis items_axis() { return {.word = "items", .symbol = "K", .log = true}; }
inline report::Axis context_axis() { return {.word = "context items", .symbol = "N", .log = true}; }
inline report::Axis step_axis() { return {.word = "optimiser step"}; }
inline report::Axis log_step_axis() { return {.word = "optimiser step", .log = true}; }
inline report::Axis acquisition_axis() {
  return {.word = "step of acquisition", .symbol = "t_ICL", .log = true};
}

/// `statement`: "paper" or "derived". Predictions are derived by this project; of the paper its abstract, public
/// summary and code could be read.
inline std::vector<report::Provenance> provenance(const std::string& statement, const std::string& statement_text,
                                                  const std::string& prediction) {
  return {{"statement", statement, statement_text},
          {"prediction", "derived", prediction},
          {"protocol", "own choice", "quick: a smaller minimal model; full: the settings of the authors' code"},
          {"acceptance", "own choice", "thresholds stated in the table of checks"}};
}

}  // namespace iclab::papers::differential_kinetics
