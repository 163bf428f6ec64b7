#include "cli/study_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "analysis/statistics.h"
#include "cli/output.h"

namespace iclab::cli {
namespace {

bool has_ended(const study::StoredRun& run) { return run.status != train::RunStatus::kRunning; }

// The last value of every scalar series of a run, added to those of the point's other runs.
void collect(const study::Point& point, const std::vector<study::Series>& series,
             std::map<std::string, std::vector<double>>& values) {
  for (const study::ProbeSpec& probe : point.probes)
    for (const study::Series& s : series)
      if (s.probe == probe.id && !s.values.empty() && s.values.back().size() == 1)
        values[series_label(probe, s.name)].push_back(s.values.back()[0]);
}

PointRow point_row(const study::Study& study, const study::Point& point,
                   const study::Store& store) {
  PointRow row;
  row.axes = point.axes;
  std::vector<double> steps;
  std::map<std::string, std::vector<double>> values;
  for (std::int64_t seed = 0; seed < study.seeds; ++seed) {
    const std::string id = study.run_id(point, seed);
    const auto run = store.run(id);
    if (!run || !has_ended(*run)) continue;
    ++row.runs;
    steps.push_back(run->status == train::RunStatus::kStopped
                        ? static_cast<double>(run->step)
                        : std::numeric_limits<double>::infinity());
    collect(point, store.series(id), values);
  }
  if (!point.stops.empty() && row.runs > 0) row.steps = analysis::median(steps);
  for (const auto& [label, numbers] : values)
    row.last.emplace_back(label, analysis::median(numbers));
  return row;
}

std::string short_number(double x) { return std::isinf(x) ? "never" : fmt::format("{:.4g}", x); }

void add_unique(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

}  // namespace

Json setting_json(const Setting& setting) {
  return std::visit([](const auto& x) { return Json(x); }, setting);
}

std::vector<PointRow> point_rows(const study::Study& study, const study::Store& store,
                                 size_t limit) {
  std::vector<PointRow> rows;
  for (const study::Point& point : study.points) {
    if (rows.size() == limit) break;
    rows.push_back(point_row(study, point, store));
  }
  return rows;
}

std::string series_label(const study::ProbeSpec& probe, const std::string& series) {
  return series == probe.name || series == probe.choice.kind ? probe.name
                                                             : probe.name + "." + series;
}

std::string short_text(const Setting& setting) {
  if (const auto* text = std::get_if<std::string>(&setting)) return *text;
  if (const auto* real = std::get_if<double>(&setting)) return fmt::format("{:.6g}", *real);
  return iclab::to_text(setting);
}

std::string point_label(const std::vector<std::pair<std::string, Setting>>& axes) {
  std::string label;
  for (const auto& [key, value] : axes)
    label += fmt::format("{}{} = {}", label.empty() ? "" : ", ", key, short_text(value));
  return label;
}

std::string to_text(const std::vector<PointRow>& rows) {
  std::vector<std::string> labels;
  for (const PointRow& row : rows)
    for (const auto& [label, value] : row.last) add_unique(labels, label);
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
    std::vector<std::string>& line = cells.emplace_back();
    for (const auto& [key, value] : row.axes) line.push_back(short_text(value));
    line.push_back(fmt::format("{}", row.runs));
    if (stops) line.push_back(row.steps ? short_number(*row.steps) : "");
    for (const std::string& label : labels) {
      const auto found = std::find_if(row.last.begin(), row.last.end(),
                                      [&](const auto& pair) { return pair.first == label; });
      line.push_back(found == row.last.end() ? "" : short_number(found->second));
    }
  }
  return table(cells);
}

Json to_json(const std::vector<PointRow>& rows) {
  Json list = Json::array();
  for (const PointRow& row : rows) {
    Json axes = Json::object(), last = Json::object();
    for (const auto& [key, value] : row.axes) axes[key] = setting_json(value);
    for (const auto& [label, value] : row.last) last[label] = value;
    list.push_back({{"axes", axes}, {"runs", row.runs}});
    if (row.steps) list.back()["steps"] = std::isinf(*row.steps) ? Json() : Json(*row.steps);
    list.back()["last"] = last;
  }
  return list;
}

}  // namespace iclab::cli
