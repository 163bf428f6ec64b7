// What a study has measured so far, a row a sweep point: the short table at the end of `iclab run`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "study/store.h"
#include "study/study.h"

namespace iclab::cli {

/// One sweep point over its ended runs; medians over seeds.
struct PointRow {
  std::vector<std::pair<std::string, Setting>> axes;
  std::int64_t runs = 0;        // ended: finished, stopped or diverged
  std::optional<double> steps;  // until the stop rule held, infinite if it mostly did not
  std::vector<std::pair<std::string, double>> last;  // scalar series at their last step
};

/// The first `limit` points of the study.
std::vector<PointRow> point_rows(const study::Study& study, const study::Store& store,
                                 size_t limit);

/// What a column or a figure calls a series: "risk", "mse.mse_squared".
std::string series_label(const study::ProbeSpec& probe, const std::string& series);

/// A setting for the eye: text without quotes, reals to six digits.
std::string short_text(const Setting& setting);

Json setting_json(const Setting& setting);

/// "task.components = 2, model.alpha = 0.1"; "" without axes.
std::string point_label(const std::vector<std::pair<std::string, Setting>>& axes);

std::string to_text(const std::vector<PointRow>& rows);
Json to_json(const std::vector<PointRow>& rows);

}  // namespace iclab::cli
