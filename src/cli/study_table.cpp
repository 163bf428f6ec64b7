#include "cli/study_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/seeds.h"
#include "base/text.h"
#include "cli/axis_labels.h"
#include "cli/output.h"

namespace iclab::cli {
namespace {

using study::RunState;
using study::RunView;

constexpr size_t kMostNotes = 8;
constexpr const char* kNone = "–";

bool reached_its_end(const RunView& run) { return run.state == RunState::kFinished || run.state == RunState::kStopped; }

// Steps until a stop rule held, of all seeds: infinite where none did, NaN where it is not known yet.
double median_steps(const std::vector<RunView>& runs) {
  std::vector<double> steps;
  for (const RunView& run : runs)
    steps.push_back(run.state == RunState::kStopped ? static_cast<double>(run.step)
                    : run.has_ended()               ? std::numeric_limits<double>::infinity()
                                                    : std::numeric_limits<double>::quiet_NaN());
  return analysis::median(steps);
}

PointRow point_row(const study::PointResults& results, const AxisLabels& labels) {
  PointRow row{results.point->axes, {}, results.runs, {}, {}};
  for (size_t i = 0; i < row.axes.size(); ++i) row.axis_texts.push_back(labels.value(i, row.axes[i].second));
  if (!results.point->stops.empty()) row.steps = median_steps(row.runs);
  for (const study::Output& output : results.outputs) {
    if (output.is_array) continue;
    study::Sample sample = results.at_end(output);
    const analysis::Estimate median = analysis::median_over_seeds(sample.values);
    row.ends.push_back({output.label, median, std::move(sample)});
  }
  std::ranges::sort(row.ends, {}, &EndValue::label);
  return row;
}

std::string short_number(double x, const char* infinite) {
  if (std::isnan(x)) return kNone;
  if (std::isinf(x)) return x > 0 ? infinite : std::string("-") + infinite;
  return fmt::format("{:.4g}", x);
}

void add_unique(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

// "9", or "3 of 9" with the states of the others.
std::string runs_cell(const std::vector<RunView>& runs) {
  if (std::ranges::all_of(runs, reached_its_end)) return fmt::format("{}", runs.size());
  return counted(runs);
}

const EndValue* find(const PointRow& row, const std::string& label) {
  const auto found = std::ranges::find(row.ends, label, &EndValue::label);
  return found == row.ends.end() ? nullptr : &*found;
}

// What the cells cannot say: values that are missing though their runs have ended well.
std::string notes(const std::vector<PointRow>& rows) {
  std::vector<std::string> lines;
  for (const PointRow& row : rows) {
    if (!std::ranges::all_of(row.runs, reached_its_end)) continue;  // the column of the runs says it
    for (const EndValue& end : row.ends)
      if (end.sample.valued() < end.sample.seeds())
        lines.push_back(fmt::format("{}{}{}: {}\n", end.label, row.axis_texts.empty() ? "" : " at ", join(row.axis_texts),
                                    end.sample.counted()));
  }
  std::string text;
  for (size_t i = 0; i < std::min(kMostNotes, lines.size()); ++i) text += lines[i];
  if (lines.size() > kMostNotes) text += fmt::format("and {} more such\n", lines.size() - kMostNotes);
  return text;
}

Json finite_or_null(double x) { return std::isfinite(x) ? Json(x) : Json(); }

Json end_json(const EndValue& end) {
  const study::Sample& sample = end.sample;
  const bool is_point = sample.seeds() == 1;
  Json json{{"value", finite_or_null(end.median.value)},
            {"interval", {finite_or_null(is_point ? NAN : end.median.lo), finite_or_null(is_point ? NAN : end.median.hi)}},
            {"interval_of", interval_name(sample.seeds())},
            {"steps", Json()},
            {"seeds", sample.seeds()},
            {"valued", sample.valued()},
            {"missing", sample.missing()}};
  if (sample.last_step >= 0) json["steps"] = {sample.first_step, sample.last_step};
  return json;
}

}  // namespace

std::int64_t PointRow::ended() const { return std::ranges::count_if(runs, &RunView::has_ended); }

std::string counted(const std::vector<RunView>& runs) {
  std::string text = fmt::format("{} of {}", std::ranges::count_if(runs, reached_its_end), runs.size());
  const char* separator = "; ";
  for (const RunState state : {RunState::kDiverged, RunState::kFailed, RunState::kRunning, RunState::kWaiting,
                               RunState::kElsewhere}) {
    const auto count = std::ranges::count(runs, state, &RunView::state);
    if (count == 0) continue;
    text += fmt::format("{}{} {}", separator, count, study::state_name(state));
    separator = ", ";
  }
  return text;
}

std::string step_text(const study::Sample& sample) {
  if (sample.last_step < 0) return "the end";
  if (sample.first_step == sample.last_step) return fmt::format("step {}", sample.last_step);
  return fmt::format("steps {} to {}", sample.first_step, sample.last_step);
}

Json setting_json(const Setting& setting) {
  return std::visit([](const auto& x) { return Json(x); }, setting);
}

std::vector<PointRow> point_rows(const study::Study& study, const study::Store& store,
                                 size_t limit) {
  const AxisLabels labels(study);
  std::vector<PointRow> rows;
  for (const study::PointResults& results : study::results_of(study, store, limit))
    rows.push_back(point_row(results, labels));
  return rows;
}

std::string to_text(const std::vector<PointRow>& rows) {
  std::vector<std::string> labels;
  for (const PointRow& row : rows)
    for (const EndValue& end : row.ends) add_unique(labels, end.label);
  const bool stops =
      std::any_of(rows.begin(), rows.end(), [](const PointRow& r) { return r.steps; });

  std::vector<std::string> heading;
  if (!rows.empty())
    for (const auto& [key, value] : rows[0].axes) heading.push_back(key);
  heading.emplace_back("runs");
  if (stops) heading.emplace_back("steps");
  heading.insert(heading.end(), labels.begin(), labels.end());

  std::vector<std::vector<std::string>> cells{heading};
  for (const PointRow& row : rows) {
    std::vector<std::string>& line = cells.emplace_back(row.axis_texts);
    line.push_back(runs_cell(row.runs));
    if (stops) line.push_back(row.steps ? short_number(*row.steps, "never") : "");
    for (const std::string& label : labels) {
      const EndValue* end = find(row, label);
      line.push_back(end ? short_number(end->median.value, "inf") : "");
    }
  }
  return table(cells) + notes(rows);
}

Json to_json(const std::vector<PointRow>& rows) {
  Json list = Json::array();
  for (const PointRow& row : rows) {
    Json axes = Json::object(), last = Json::object(), series = Json::object(), states = Json::object();
    for (const auto& [key, value] : row.axes) axes[key] = setting_json(value);
    for (const EndValue& end : row.ends) {
      last[end.label] = finite_or_null(end.median.value);
      series[end.label] = end_json(end);
    }
    for (const RunView& run : row.runs) {
      Json& count = states[std::string(study::state_name(run.state))];
      count = count.is_null() ? 1 : count.get<int>() + 1;
    }
    list.push_back({{"axes", axes}, {"runs", row.ended()}, {"seeds", row.runs.size()}, {"states", states}});
    if (row.steps) list.back()["steps"] = finite_or_null(*row.steps);
    list.back()["last"] = last;
    list.back()["series"] = series;
  }
  return list;
}

}  // namespace iclab::cli
