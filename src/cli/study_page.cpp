#include "cli/study_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "analysis/statistics.h"
#include "base/seeds.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/axis_labels.h"
#include "cli/study_table.h"
#include "lanes/kernels.h"
#include "study/results.h"
#include "study/runner.h"
#include "study/sqlite.h"

namespace iclab::cli {
namespace {

constexpr size_t kCurves = 8;  // sweep points in one figure: as many colours as can be told apart
constexpr size_t kPointsPerCurve = 40;  // intervals beyond this overlap

// A document that is not there, or is no number, is 0.
double seconds_in(const study::Store& store, const std::string& key) {
  const std::string text = store.document(key).value_or("");
  double seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::isfinite(seconds) ? seconds : 0;
}

// Of this store and of those that were merged into it.
double wall_seconds(const study::Store& store) {
  double seconds = 0;
  for (const std::string& key : store.document_keys())
    if (key.starts_with(study::kWallSeconds)) seconds += seconds_in(store, key);
  return seconds;
}

// What figures and cards of a page are called in files and links: no two alike.
class Names {
 public:
  std::string unused(const std::string& text) {
    std::string name;
    for (const char c : text) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      const bool capital = c >= 'A' && c <= 'Z';
      if (plain || capital)
        name += capital ? static_cast<char>(c - 'A' + 'a') : c;
      else if (!name.empty() && name.back() != '-')
        name += '-';
    }
    if (name.empty()) name = "series";
    std::string found = name;
    for (int i = 2; !taken_.insert(found).second; ++i)
      found = fmt::format("{}{}{}", name, name.ends_with('-') ? "" : "-", i);
    return found;
  }

 private:
  std::set<std::string> taken_;
};

// One scalar series over the sweep.
struct Curve {
  std::string point;  // as labels call it
  const study::PointResults* results;
  const study::Output* output;

  bool is_at_end() const { return results->probe(*output).at_end; }
};

// One point of a curve: the median over all seeds.
struct Median {
  double x;
  analysis::Estimate estimate;
  study::Sample sample;
};

Median median_of(double x, study::Sample sample) {
  const analysis::Estimate estimate = analysis::median_over_seeds(sample.values);
  return {x, estimate, std::move(sample)};
}

// What is measured where each run ends stands at the median step of their ends.
std::vector<Median> medians_at_end(const Curve& curve) {
  std::vector<double> steps;
  for (const study::RunView& run : curve.results->runs) steps.push_back(static_cast<double>(run.step));
  return {median_of(analysis::median(steps), curve.results->at_end(*curve.output))};
}

std::vector<Median> medians(const Curve& curve, bool log_steps) {
  if (curve.is_at_end()) return medians_at_end(curve);
  const std::vector<std::int64_t>& due = curve.results->probe(*curve.output).due;
  const std::vector<double> steps(due.begin(), due.end());
  std::vector<Median> found;
  for (const size_t i : report::thin(steps, kPointsPerCurve, log_steps)) {
    study::Sample sample = curve.results->at(*curve.output, due[i]);
    if (sample.valued() > 0) found.push_back(median_of(steps[i], std::move(sample)));
  }
  return found;
}

// Where single runs ended, each at its own step.
void draw_ends(report::Figure& figure, const Curve& curve) {
  for (size_t seed = 0; seed < curve.output->runs.size(); ++seed) {
    const study::RunOutput::Value value = curve.output->runs[seed].at_end();
    if (value.absent != study::Absence::kNone) continue;
    figure.run(curve.point, {static_cast<double>(value.step), value.numbers.at(0), static_cast<std::int64_t>(seed),
                             fmt::format("{}{}seed {}", curve.point, curve.point.empty() ? "" : ", ", seed)});
  }
}

// A logarithmic axis where half of the steps lie in the first quarter.
bool steps_are_logarithmic(const std::vector<Curve>& curves) {
  for (const Curve& curve : curves) {
    const std::vector<std::int64_t>& due = curve.results->probe(*curve.output).due;
    if (due.size() >= 5) return due[due.size() / 2] * 4 < due.back();
  }
  return false;
}

// A logarithmic axis where all values are positive and span more than a decade.
bool values_are_logarithmic(const std::vector<std::vector<Median>>& curves) {
  double low = INFINITY, high = 0;
  for (const std::vector<Median>& curve : curves)
    for (const Median& median : curve)
      for (const double x : median.sample.values) {
        if (!std::isfinite(x)) continue;
        if (!(x > 0)) return false;
        low = std::min(low, x);
        high = std::max(high, x);
      }
  return high > 10 * low;
}

bool all_finished(const Curve& curve) {
  return std::ranges::all_of(curve.results->runs,
                             [](const study::RunView& run) { return run.state == study::RunState::kFinished; });
}

// A median over all seeds cannot show the runs that have a value where others have none.
bool shows_single_runs(const study::Study& study, const Curve& curve) {
  return study.seeds > 1 && (curve.is_at_end() || !all_finished(curve));
}

std::string caption(const study::Study& study, const std::vector<Curve>& curves, size_t shown) {
  std::string text = study.seeds == 1          ? "One seed"
                     : study.seeds < kFewSeeds ? fmt::format("Median over all {} seeds with their range", study.seeds)
                                               : fmt::format("Median over all {} seeds with its 95 % interval", study.seeds);
  if (std::ranges::any_of(curves, [&](const Curve& curve) { return shows_single_runs(study, curve); }))
    text += "; pale dots are where single runs end";
  if (curves.size() > shown) text += fmt::format("; the first {} of {} sweep points", shown, curves.size());
  text += ".";
  if (study.seeds > 1 && !std::ranges::all_of(curves, all_finished))
    text += " There is no median where runs have no value: a curve ends where the first run stops; a diverged run counts "
            "as infinite.";
  return text;
}

report::Figure draw(const study::Study& study, const std::string& name, const std::string& label,
                    const std::vector<Curve>& curves) {
  const size_t shown = std::min(kCurves, curves.size());
  const bool log_steps = steps_are_logarithmic(curves);
  std::vector<std::vector<Median>> all;
  for (size_t i = 0; i < shown; ++i) all.push_back(medians(curves[i], log_steps));
  report::Figure figure(name, label, {.word = "optimiser step", .log = log_steps},
                        {.word = label, .log = values_are_logarithmic(all), .infinite = "infinite"});
  figure.caption(caption(study, curves, shown));
  for (size_t i = 0; i < shown; ++i) {
    const Curve& curve = curves[i];
    for (const Median& median : all[i]) {
      const analysis::Estimate& e = median.estimate;
      const bool has_interval = e.seeds > 1;
      figure.measured(curve.point,
                      {median.x, e.value, has_interval ? e.lo : report::kAbsent,
                       has_interval ? e.hi : report::kAbsent, e.seeds,
                       fmt::format("{}{}{}", curve.point, curve.point.empty() ? "" : ": ", median.sample.counted())});
    }
    if (shows_single_runs(study, curve)) draw_ends(figure, curve);
  }
  return figure;
}

report::Check end_check(const Curve& curve) {
  const study::Sample sample = curve.results->at_end(*curve.output);
  const analysis::Estimate median = analysis::median_over_seeds(sample.values);
  report::Check check;
  check.what = fmt::format("{}, {}", curve.point, step_text(sample));
  check.measured = median.value;
  check.lo = median.lo;
  check.hi = median.hi;
  check.seeds = sample.seeds();
  check.valued = sample.valued();
  check.missing = sample.missing();
  check.infinite = "infinite";
  check.outcome = report::Outcome::kShown;
  return check;
}

report::Claim card(const study::Study& study, const std::string& label, const std::vector<Curve>& curves, Names& names) {
  report::Claim claim;
  claim.id = names.unused(study.name + "-" + label);
  claim.title = label;
  claim.statement = fmt::format("{} of study {}, by optimiser step and sweep point; the table has the medians where the "
                                "runs end.",
                                label, study.name);
  for (const Curve& curve : curves) claim.checks.push_back(end_check(curve));
  claim.figures.push_back(draw(study, claim.id, label, curves));
  claim.studies.push_back({study.name + ".toml", study.text});
  return claim;
}

// Points whose runs did not all reach their end.
std::vector<std::string> incomplete_points(const study::Study& study, const std::vector<study::PointResults>& results,
                                           const AxisLabels& labels) {
  std::vector<std::string> lines;
  for (const study::PointResults& point : results) {
    const bool complete = std::ranges::all_of(point.runs, [](const study::RunView& run) {
      return run.state == study::RunState::kFinished || run.state == study::RunState::kStopped;
    });
    if (!complete)
      lines.push_back(fmt::format("{}: {}", study.axes.empty() ? study.name : labels.point(*point.point),
                                  counted(point.runs)));
  }
  return lines;
}

std::string status_note(const study::Study& study, const study::StudyStatus& s) {
  std::string text = fmt::format(
      "Study {}: {} sweep points with {} seeds each; {} runs done, {} running, {} waiting, {} diverged, {} failed",
      study.name, study.points.size(), study.seeds, s.done, s.running, s.waiting, s.diverged, s.failed);
  if (s.elsewhere > 0) text += fmt::format(", {} in other shards", s.elsewhere);
  text += ".";
  if (!study.overrides.empty()) text += " Overrides: " + join(study.overrides) + ".";
  return text;
}

// All runs of a page: points and studies may share them, at different numbers of steps.
class Totals {
 public:
  void add(const study::RunView& run) {
    if (run.state == study::RunState::kWaiting || run.state == study::RunState::kElsewhere) return;
    std::int64_t& steps = steps_[run.id];
    steps = std::max(steps, run.step);
  }

  void write(report::PaperReport& page) const {
    page.runs = static_cast<std::int64_t>(steps_.size());
    for (const auto& [id, steps] : steps_) page.optimizer_steps += steps;
  }

 private:
  std::map<std::string, std::int64_t> steps_;  // by run
};

void add_study(const study::Study& study, const study::Store& store, Names& names, Totals& totals,
               report::PaperReport& page) {
  const AxisLabels labels(study);
  const std::vector<study::PointResults> results = study::results_of(study, store, study.points.size());
  std::vector<std::string> order;
  std::map<std::string, std::vector<Curve>> scalars;
  std::set<std::string> arrays;
  for (const study::PointResults& point : results) {
    for (const study::RunView& run : point.runs) totals.add(run);
    for (const study::Output& output : point.outputs) {
      if (output.is_array) arrays.insert(output.label);
      std::vector<Curve>& curves = scalars[output.label];
      if (curves.empty()) order.push_back(output.label);
      curves.push_back({study.axes.empty() ? study.name : labels.point(*point.point), &point, &output});
    }
  }
  page.seeds = std::max(page.seeds, study.seeds);
  for (const std::string& label : order)
    if (!arrays.contains(label)) page.claims.push_back(card(study, label, scalars[label], names));
  for (const std::string& label : arrays)
    page.unchecked.push_back({fmt::format("{} of study {}", label, study.name),
                              "an array at every step is not drawn; iclab export writes it as CSV"});
  page.note.push_back(status_note(study, study::status(study, store)));
  for (const std::string& note : study::notes_of(store, study.name)) page.note.push_back(note);
  const std::vector<std::string> incomplete = incomplete_points(study, results, labels);
  if (!incomplete.empty())
    page.note.push_back(fmt::format("Runs that reached their end, where not all did. {}.", join(incomplete, "; ")));
}

}  // namespace

report::PaperReport study_report(const study::Store& store, const std::string& name) {
  report::PaperReport page;
  page.paper = name;
  page.mode = "study";
  page.summary = "What the runs of this study measured, as medians over all seeds.";
  Names names;
  Totals totals;
  for (const study::Study& study : study::stored_studies(store)) {
    page.title += (page.title.empty() ? "" : ", ") + study.name;
    add_study(study, store, names, totals, page);
  }
  totals.write(page);
  page.seconds = wall_seconds(store);
  page.store_sha256 = store.sha256();
  page.version = kVersion;
  page.numerics = kNumericsVersion;
  page.machine = lanes::name(lanes::chosen_instruction_set());
  return page;
}

void add_wall_seconds(study::Store& store, double seconds) {
  try {
    store.set_document(study::kWallSeconds, fmt::format("{}", seconds_in(store, study::kWallSeconds) + seconds));
  } catch (const study::Busy&) {  // how long it took is not worth an error
  }
}

}  // namespace iclab::cli
