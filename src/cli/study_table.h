// What a study has measured so far, a row a sweep point: the short table at the end of `iclab run`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/statistics.h"
#include "base/json.h"
#include "study/results.h"
#include "study/store.h"
#include "study/study.h"

namespace iclab::cli {

/// A scalar series of one sweep point, each run at its own end: its last scheduled step.
struct EndValue {
  std::string label;
  analysis::Estimate median;  // over all seeds
  study::Sample sample;
};

/// One sweep point; medians over all seeds that the study asks for.
struct PointRow {
  std::vector<std::pair<std::string, Setting>> axes;
  std::vector<std::string> axis_texts;  // as AxisLabels has them
  std::vector<study::RunView> runs;     // by seed
  std::optional<double> steps;  // with stop rules: until one held; infinite if mostly none did, NaN if runs are waiting
  std::vector<EndValue> ends;

  /// Runs that have ended: finished, stopped, diverged or failed.
  std::int64_t ended() const;
};

/// The first `limit` points of the study.
std::vector<PointRow> point_rows(const study::Study& study, const study::Store& store,
                                 size_t limit);

Json setting_json(const Setting& setting);

/// "9 of 9 runs", "3 of 9 runs; 6 diverged": those that reached the study's end, or a stop rule's.
std::string counted(const std::vector<study::RunView>& runs);

/// "step 300", "steps 20 to 300": where the values of a sample were measured; "the end" if there are none.
std::string step_text(const study::Sample& sample);

std::string to_text(const std::vector<PointRow>& rows);
Json to_json(const std::vector<PointRow>& rows);

}  // namespace iclab::cli
