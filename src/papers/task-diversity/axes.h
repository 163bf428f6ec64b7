// Axes that several figures of this paper share, and the words for where its statements come from.
#pragma once

#include <string>
#include <vector>

#include "report/claim.h"

namespace iclab::papers::task_diversity {

inline report::Axis risk_axis() { return {.word = "normalised risk", .symbol = "J/r"}; }
inline report::Axis log_risk_axis() {
  return {.word = "normalised risk", .symbol = "J/r", .log = true};
}
inline report::Axis step_axis() { return {.word = "optimiser step"}; }
inline report::Axis time_axis() { return {.word = "time = learning rate × step", .symbol = "t"}; }

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
