#include "cli/study_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "analysis/statistics.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/study_table.h"
#include "lanes/kernels.h"
#include "study/runner.h"

namespace iclab::cli {
namespace {

constexpr size_t kCurves = 8;  // sweep points in one figure: as many colours as can be told apart
constexpr size_t kPointsPerCurve = 40;  // intervals beyond this overlap

constexpr const char* kWallSeconds = "wall-seconds";  // document of the store

double wall_seconds(const study::Store& store) {
  const auto text = store.document(kWallSeconds);
  return text ? std::stod(*text) : 0;
}

// One scalar series at one sweep point: its values by step, over seeds.
struct Curve {
  std::string point;
  std::map<std::int64_t, std::vector<double>> values;
};

// All sweep points of a study for one scalar series, and its arrays, which are not drawn.
struct Measured {
  std::map<std::string, std::vector<Curve>> scalars;  // by label
  std::set<std::string> arrays;
  std::int64_t runs = 0, steps = 0;
};

void add_run(const study::Point& point, const std::vector<study::Series>& series, size_t position,
             Measured& measured) {
  for (const study::ProbeSpec& probe : point.probes) {
    for (const study::Series& s : series) {
      if (s.probe != probe.id || s.values.empty()) continue;
      const std::string label = series_label(probe, s.name);
      if (s.values[0].size() != 1) {
        measured.arrays.insert(label);
        continue;
      }
      std::vector<Curve>& curves = measured.scalars[label];
      curves.resize(std::max(curves.size(), position + 1));
      for (size_t i = 0; i < s.steps.size(); ++i)
        curves[position].values[s.steps[i]].push_back(s.values[i][0]);
    }
  }
}

Measured measure(const study::Study& study, const study::Store& store) {
  Measured measured;
  for (size_t p = 0; p < study.points.size(); ++p) {
    const study::Point& point = study.points[p];
    for (std::int64_t seed = 0; seed < study.seeds; ++seed) {
      const std::string id = study.run_id(point, seed);
      const auto run = store.run(id);
      if (!run) continue;
      ++measured.runs;
      measured.steps += run->step;
      if (p < kCurves) add_run(point, store.series(id), p, measured);
    }
  }
  for (auto& [label, curves] : measured.scalars)
    for (size_t p = 0; p < curves.size(); ++p)
      curves[p].point = study.axes.empty() ? study.name : point_label(study.points[p].axes);
  return measured;
}

// A logarithmic axis where half of the steps lie in the first quarter.
bool steps_are_logarithmic(const std::vector<Curve>& curves) {
  for (const Curve& curve : curves) {
    if (curve.values.size() < 5) continue;
    const auto middle =
        std::next(curve.values.begin(), static_cast<std::ptrdiff_t>(curve.values.size() / 2));
    return middle->first * 4 < curve.values.rbegin()->first;
  }
  return false;
}

// A logarithmic axis where all values are positive and span more than a decade.
bool values_are_logarithmic(const std::vector<Curve>& curves) {
  double low = INFINITY, high = 0;
  for (const Curve& curve : curves)
    for (const auto& [step, values] : curve.values)
      for (const double x : values) {
        if (!(x > 0)) return false;
        low = std::min(low, x);
        high = std::max(high, x);
      }
  return high > 10 * low;
}

std::string file_name(const std::string& label) {
  std::string name;
  for (const char c : label)
    name += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c
            : c >= 'A' && c <= 'Z'                           ? static_cast<char>(c - 'A' + 'a')
                                                             : '-';
  return name;
}

report::Figure draw(const study::Study& study, const std::string& label,
                    const std::vector<Curve>& curves) {
  const bool log_steps = steps_are_logarithmic(curves);
  report::Figure figure(file_name(study.name + "-" + label), label,
                        {.word = "optimiser step", .log = log_steps},
                        {.word = label, .log = values_are_logarithmic(curves)});
  figure.caption(
      study.points.size() > curves.size()
          ? fmt::format("Median over seeds with its 95 % interval; the first {} of {} sweep "
                        "points.",
                        curves.size(), study.points.size())
          : "Median over seeds with its 95 % interval.");
  for (const Curve& curve : curves) {
    std::vector<double> steps;
    for (const auto& [step, values] : curve.values) steps.push_back(static_cast<double>(step));
    for (const size_t i : report::thin(steps, kPointsPerCurve, log_steps)) {
      const std::vector<double>& values = curve.values.at(static_cast<std::int64_t>(steps[i]));
      const analysis::Estimate median = analysis::median_over_seeds(values);
      figure.measured(curve.point,
                      {steps[i], median.value, median.lo, median.hi, median.seeds, curve.point});
    }
  }
  return figure;
}

report::Check last_value(const Curve& curve) {
  const auto& [step, values] = *curve.values.rbegin();
  const analysis::Estimate median = analysis::median_over_seeds(values);
  report::Check check;
  check.what = fmt::format("{}, step {}", curve.point, step);
  check.measured = median.value;
  check.lo = median.lo;
  check.hi = median.hi;
  check.seeds = median.seeds;
  check.outcome = report::Outcome::kShown;
  return check;
}

report::Claim card(const study::Study& study, const std::string& label,
                   const std::vector<Curve>& curves) {
  report::Claim claim;
  claim.id = file_name(study.name + "-" + label);
  claim.title = label;
  claim.statement =
      fmt::format("{} of study {}, by optimiser step and sweep point.", label, study.name);
  for (const Curve& curve : curves)
    if (!curve.values.empty()) claim.checks.push_back(last_value(curve));
  claim.figures.push_back(draw(study, label, curves));
  claim.studies.push_back({study.name + ".toml", study.text});
  return claim;
}

void add_study(const study::Study& study, const study::Store& store, report::PaperReport& page) {
  const Measured measured = measure(study, store);
  page.runs += measured.runs;
  page.seeds = std::max(page.seeds, study.seeds);
  page.optimizer_steps += measured.steps;
  for (const auto& [label, curves] : measured.scalars)
    page.claims.push_back(card(study, label, curves));
  for (const std::string& label : measured.arrays)
    page.unchecked.push_back(
        {fmt::format("{} of study {}", label, study.name),
         "an array at every step is not drawn; iclab export writes it as CSV"});
  const study::StudyStatus s = study::status(study, store);
  page.note.push_back(fmt::format(
      "Study {}: {} sweep points with {} seeds each; {} runs done, {} running, {} waiting, {} "
      "diverged, {} "
      "failed.{}",
      study.name, study.points.size(), study.seeds, s.done, s.running, s.waiting, s.diverged,
      s.failed, study.overrides.empty() ? "" : " Overrides: " + join(study.overrides) + "."));
}

}  // namespace

report::PaperReport study_report(const study::Store& store, const std::string& name) {
  report::PaperReport page;
  page.paper = name;
  page.mode = "study";
  page.summary = "What the runs of this study measured, as medians over seeds.";
  for (const study::Study& study : study::stored_studies(store)) {
    page.title += (page.title.empty() ? "" : ", ") + study.name;
    add_study(study, store, page);
  }
  page.seconds = wall_seconds(store);
  page.store_sha256 = store.sha256();
  page.version = kVersion;
  page.numerics = kNumericsVersion;
  page.machine = lanes::name(lanes::chosen_instruction_set());
  return page;
}

void add_wall_seconds(study::Store& store, double seconds) {
  store.set_document(kWallSeconds, fmt::format("{}", wall_seconds(store) + seconds));
}

}  // namespace iclab::cli
