#include "study/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/text.h"
#include "probes/probe.h"

namespace iclab::study {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

bool is_asked(const ProbeSpec& probe, const RunView& run, std::int64_t step) {
  if (probe.at_end && step == run.step) return true;
  return step <= run.step && std::ranges::binary_search(probe.due, step);
}

// Why a run has nothing beyond the step that it has come to.
Absence beyond(const RunView& run) {
  switch (run.state) {
    case RunState::kDiverged:
      return Absence::kDiverged;
    case RunState::kStopped:
      return Absence::kStopped;
    case RunState::kFailed:
      return Absence::kFailed;
    case RunState::kElsewhere:
      return Absence::kElsewhere;
    case RunState::kFinished:
    case RunState::kWaiting:
    case RunState::kRunning:
      return Absence::kWaiting;
  }
  return Absence::kWaiting;
}

std::string_view absence_name(Absence absence) {
  switch (absence) {
    case Absence::kDiverged:
      return state_name(RunState::kDiverged);
    case Absence::kNotFinite:
      return "not finite";
    case Absence::kStopped:
      return state_name(RunState::kStopped);
    case Absence::kFailed:
      return state_name(RunState::kFailed);
    case Absence::kWaiting:
      return state_name(RunState::kWaiting);
    case Absence::kElsewhere:
      return state_name(RunState::kElsewhere);
    case Absence::kNone:
      break;
  }
  return "";
}

// The number that stands for an absent one in statistics over all seeds.
double stand_in(Absence absence, const ProbeSpec& probe, const std::string& output) {
  const bool is_infinite = absence == Absence::kDiverged || absence == Absence::kNotFinite;
  return is_infinite ? probes::when_diverged(probes::find_probe(probe.choice.kind), output) : kNoNumber;
}

// A probe's main output has the probe's name, the others are named after it.
std::string label_of(const ProbeSpec& probe, const std::string& output,
                     const std::map<std::string, std::int64_t>& outputs) {
  const bool has_main = outputs.contains(probe.choice.kind);
  const bool is_main = output == probe.choice.kind || (output == probe.name && !has_main);
  return is_main ? probe.name : probe.name + "." + output;
}

// What the store has of one run.
struct StoredOutputs {
  std::vector<Series> series;
  std::vector<std::pair<std::string, std::int64_t>> blanks;  // probe and step
  std::vector<StoredOutput> outputs;

  Series find(const ProbeSpec& probe, const std::string& name) const {
    for (const Series& one : series)
      if (one.probe == probe.id && one.name == name) return one;
    return {};
  }
  // The steps at which it was measured, with or without a finite number.
  std::vector<std::int64_t> measured_by(const ProbeSpec& probe) const {
    std::set<std::int64_t> steps;
    for (const Series& one : series)
      if (one.probe == probe.id) steps.insert(one.steps.begin(), one.steps.end());
    for (const auto& [id, step] : blanks)
      if (id == probe.id) steps.insert(step);
    return {steps.begin(), steps.end()};
  }
};

StoredOutputs stored_outputs(const Store& store, const RunView& run) {
  if (run.state == RunState::kWaiting || run.state == RunState::kElsewhere) return {};
  return {store.series(run.id), store.blanks(run.id), store.outputs(run.id)};
}

// A point while its outputs are gathered.
struct Gathered {
  PointResults results;
  std::vector<StoredOutputs> stored;  // by seed
};

// The outputs of each probe, by its place, in the runs of all points: how many numbers each has (0: not known).
using Outputs = std::map<std::string, std::int64_t>;

std::vector<Outputs> outputs_of(const std::vector<Gathered>& points) {
  std::vector<Outputs> all;
  for (const Gathered& one : points) {
    const std::vector<ProbeSpec>& probes = one.results.point->probes;
    all.resize(std::max(all.size(), probes.size()));
    for (const StoredOutputs& run : one.stored)
      for (const StoredOutput& output : run.outputs)
        for (size_t p = 0; p < probes.size(); ++p)
          if (output.probe == probes[p].id) {
            std::int64_t& elements = all[p][output.name];
            elements = std::max(elements, output.elements);
          }
  }
  return all;
}

Output output_of(const Gathered& point, size_t p, const std::string& name, const Outputs& all) {
  const ProbeSpec& probe = point.results.point->probes[p];
  Output output{p, name, label_of(probe, name, all), all.at(name) > 1, {}};
  for (size_t seed = 0; seed < point.stored.size(); ++seed) {
    const StoredOutputs& stored = point.stored[seed];
    output.runs.emplace_back(point.results.runs[seed], probe, stored.find(probe, name), stored.measured_by(probe));
    const Series& series = output.runs.back().series();  // an older store knows only of what was measured
    output.is_array = output.is_array || (!series.values.empty() && series.values[0].size() != 1);
  }
  return output;
}

}  // namespace

std::string_view state_name(RunState state) {
  switch (state) {
    case RunState::kWaiting:
      return "waiting";
    case RunState::kRunning:
      return "running";
    case RunState::kFinished:
      return "finished";
    case RunState::kStopped:
      return "stopped";
    case RunState::kDiverged:
      return "diverged";
    case RunState::kFailed:
      return "failed";
    case RunState::kElsewhere:
      return "in other shards";
  }
  return "";
}

RunView view_of(const std::optional<StoredRun>& run, std::int64_t steps) {
  if (!run) return {};
  RunView view{run->id, RunState::kRunning, std::min(run->step, steps), run->seconds};
  const bool has_ended = run->status != train::RunStatus::kRunning;
  if (!run->error.empty()) {
    view.state = RunState::kFailed;
    view.why = run->error;
  } else if (run->status == train::RunStatus::kStopped && run->step <= steps) {
    view.state = RunState::kStopped;
  } else if (has_ended && run->step >= steps) {
    view.state = RunState::kFinished;
  } else if (run->status == train::RunStatus::kDiverged) {
    view.state = RunState::kDiverged;
    view.why = run->cause;
  } else if (run->step == 0) {
    view.state = RunState::kWaiting;
  }
  return view;
}

Series asked(Series series, const ProbeSpec& probe, const RunView& run) {
  size_t kept = 0;
  for (size_t i = 0; i < series.steps.size(); ++i) {
    if (!is_asked(probe, run, series.steps[i])) continue;
    series.steps[kept] = series.steps[i];
    std::swap(series.values[kept++], series.values[i]);
  }
  series.steps.resize(kept);
  series.values.resize(kept);
  return series;
}

StudyRuns::StudyRuns(const Study& study, const Store& store)
    : study_(&study), store_(&store), portion_(portion_of(store, study.name)) {
  if (portion_.is_all()) return;
  numbers_ = point_numbers(study);
  points_ = std::ranges::max(numbers_) + 1;
}

std::vector<RunView> StudyRuns::of(size_t point) const {
  const Point& settings = study_->points[point];
  const std::string identity = settings.identity().dump(), salt = study_->salt(settings);
  std::vector<RunView> runs;
  for (std::int64_t seed = 0; seed < study_->seeds; ++seed) {
    const std::string id = study_->run_id(identity, salt, seed);
    RunView run = view_of(store_->run(id), settings.steps);
    const bool is_here = portion_.is_all() || portion_.has(numbers_[point], seed, points_);
    if (!is_here && run.state == RunState::kWaiting) run.state = RunState::kElsewhere;
    run.id = id;
    runs.push_back(std::move(run));
  }
  return runs;
}

RunOutput::RunOutput(RunView run, const ProbeSpec& probe, Series series, std::vector<std::int64_t> measured)
    : run_(std::move(run)), probe_(&probe), series_(asked(std::move(series), probe, run_)), measured_(std::move(measured)) {}

RunOutput::Value RunOutput::at(std::int64_t step) const {
  const auto found = std::ranges::lower_bound(series_.steps, step);
  if (found != series_.steps.end() && *found == step)
    return {series_.values[static_cast<size_t>(found - series_.steps.begin())], Absence::kNone, step};
  if (step > run_.step) return absent(beyond(run_), step);
  const bool was_measured = std::ranges::binary_search(measured_, step);
  return absent(was_measured ? Absence::kNotFinite : Absence::kWaiting, step);
}

RunOutput::Value RunOutput::at_end() const {
  if (run_.state != RunState::kFinished && run_.state != RunState::kStopped) return absent(beyond(run_), run_.step);
  if (probe_->at_end) return at(run_.step);
  const auto next = std::ranges::upper_bound(probe_->due, run_.step);
  if (next == probe_->due.begin()) return absent(beyond(run_), run_.step);
  return at(*std::prev(next));
}

std::int64_t Sample::valued() const { return std::ranges::count(absent, Absence::kNone); }

std::string Sample::missing() const {
  std::vector<std::string> parts;
  for (const Absence why : {Absence::kDiverged, Absence::kNotFinite, Absence::kStopped, Absence::kFailed,
                            Absence::kWaiting, Absence::kElsewhere})
    if (const auto count = std::ranges::count(absent, why); count > 0)
      parts.push_back(fmt::format("{} {}", count, absence_name(why)));
  return join(parts);
}

std::string Sample::counted() const {
  const std::string without = missing();
  return fmt::format("{} of {} runs{}{}", valued(), seeds(), without.empty() ? "" : "; ", without);
}

Sample sample_of(std::span<const RunOutput> runs, const ProbeSpec& probe, const std::string& output,
                 std::optional<std::int64_t> step, size_t element) {
  Sample sample;
  for (const RunOutput& run : runs) {
    const RunOutput::Value value = step ? run.at(*step) : run.at_end();
    sample.absent.push_back(value.absent);
    if (value.absent != Absence::kNone) {
      sample.values.push_back(stand_in(value.absent, probe, output));
      continue;
    }
    sample.values.push_back(value.numbers.at(element));
    if (sample.first_step < 0 || value.step < sample.first_step) sample.first_step = value.step;
    sample.last_step = std::max(sample.last_step, value.step);
  }
  return sample;
}

std::vector<PointResults> results_of(const Study& study, const Store& store, size_t limit) {
  const StudyRuns runs(study, store);
  std::vector<Gathered> points;
  for (size_t p = 0; p < std::min(limit, study.points.size()); ++p) {
    Gathered& point = points.emplace_back(Gathered{{&study.points[p], runs.of(p), {}}, {}});
    for (const RunView& run : point.results.runs) point.stored.push_back(stored_outputs(store, run));
  }
  const std::vector<Outputs> outputs = outputs_of(points);
  std::vector<PointResults> results;
  for (Gathered& point : points) {
    for (size_t p = 0; p < point.results.point->probes.size(); ++p)
      for (const auto& [name, elements] : outputs[p])
        point.results.outputs.push_back(output_of(point, p, name, outputs[p]));
    results.push_back(std::move(point.results));
    point.stored.clear();
  }
  return results;
}

}  // namespace iclab::study
