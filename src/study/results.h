// The one way from a store to a number that is shown: in tables, JSON, pages, CSV and claims. A value belongs to a run, a
// probe (by its id), one of its outputs and a step. What is said of several seeds is said of all that the study asks for:
// a run without a value is counted with its reason, and never left out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "study/store.h"
#include "study/stored_studies.h"
#include "study/study.h"

namespace iclab::study {

enum class RunState {
  kWaiting,    // not begun
  kRunning,    // has steps or measurements to do
  kFinished,   // reached the study's last step
  kStopped,    // a stop rule held
  kDiverged,   // a loss or gradient was not finite
  kFailed,     // an error ended it
  kElsewhere,  // belongs to a shard that this store is not for
};

/// "waiting", "running", "finished", "stopped", "diverged", "failed", "in other shards".
std::string_view state_name(RunState state);

/// How a run stands in a study. The stored run may have more steps than the study asks for.
struct RunView {
  std::string id;
  RunState state = RunState::kWaiting;
  std::int64_t step = 0;  // how far it has come within the study's steps: where it ended, if it has
  double seconds = 0;     // of training
  std::string why{};      // why it failed or diverged

  bool has_ended() const { return state != RunState::kWaiting && state != RunState::kRunning && state != RunState::kElsewhere; }
};

RunView view_of(const std::optional<StoredRun>& run, std::int64_t steps);

/// Of a stored series what this study asks for: runs are shared by studies, and what others measured, or measured beyond
/// this one's steps, is none of its business.
Series asked(Series series, const ProbeSpec& probe, const RunView& run);

/// The runs of a study as a store has them.
class StudyRuns {
 public:
  /// Both must outlive it.
  StudyRuns(const Study& study, const Store& store);

  /// Those of a sweep point, by seed.
  std::vector<RunView> of(size_t point) const;

 private:
  const Study* study_;
  const Store* store_;
  Portion portion_;
  std::vector<std::int64_t> numbers_;  // of the points (point_numbers); none if the store is for all runs
  std::int64_t points_ = 0;            // how many numbers there are
};

/// Why a run has no value at a step.
enum class Absence { kNone, kDiverged, kNotFinite, kStopped, kFailed, kWaiting, kElsewhere };

/// One output of one probe in one run, at the steps at which this study asks for it.
class RunOutput {
 public:
  struct Value {
    std::vector<double> numbers;  // by element; none if it is absent
    Absence absent = Absence::kNone;
    std::int64_t step = 0;
  };

  /// `measured`: the steps at which the probe was measured in this run, with or without a finite number.
  RunOutput(RunView run, const ProbeSpec& probe, Series series, std::vector<std::int64_t> measured);

  const RunView& run() const { return run_; }
  /// Steps with finite numbers, ascending.
  const std::vector<std::int64_t>& steps() const { return series_.steps; }
  const Series& series() const { return series_; }

  Value at(std::int64_t step) const;
  /// At the run's own end: the last step that the probe asks for up to where the run ended. A diverged run has none.
  Value at_end() const;

 private:
  Value absent(Absence why, std::int64_t step) const { return {{}, why, step}; }

  RunView run_;
  const ProbeSpec* probe_;
  Series series_;
  std::vector<std::int64_t> measured_;
};

/// One number of every run of a sweep point, by seed.
struct Sample {
  /// Where a run has none: infinite if it diverged or its number overflowed and the output is a loss (minus infinity: a
  /// score such as an accuracy), so that it takes its rank in quantiles over all seeds; NaN, and with it every
  /// statistic, where nothing is known of it.
  std::vector<double> values;
  std::vector<Absence> absent;
  std::int64_t first_step = -1, last_step = -1;  // where the values that there are were measured; -1: none

  std::int64_t seeds() const { return static_cast<std::int64_t>(values.size()); }
  std::int64_t valued() const;
  /// "" if every run has a value, else "6 diverged, 1 waiting".
  std::string missing() const;
  /// "9 of 9 runs", "3 of 9 runs; 6 diverged".
  std::string counted() const;
};

/// One element at a step, or (no step) at each run's own end.
Sample sample_of(std::span<const RunOutput> runs, const ProbeSpec& probe, const std::string& output,
                 std::optional<std::int64_t> step, size_t element = 0);

/// One output of a probe in the runs of a sweep point.
struct Output {
  size_t probe;      // index into Point::probes
  std::string name;  // of the series
  std::string label;  // what tables and figures call it: "risk", "mse.mse_squared"; no two of a study are equal
  bool is_array = false;
  std::vector<RunOutput> runs;  // by seed
};

/// What a sweep point measured: every output of its probes in the runs of all seeds.
struct PointResults {
  const Point* point;
  std::vector<RunView> runs;  // by seed
  std::vector<Output> outputs;  // of all that any point of the study has measured, in the order of the probes

  const ProbeSpec& probe(const Output& output) const { return point->probes[output.probe]; }

  /// A scalar at a step, and at each run's own end.
  Sample at(const Output& output, std::int64_t step) const { return sample_of(output.runs, probe(output), output.name, step); }
  Sample at_end(const Output& output) const { return sample_of(output.runs, probe(output), output.name, {}); }
};

/// The first `limit` sweep points of a study, which must outlive them.
std::vector<PointResults> results_of(const Study& study, const Store& store, size_t limit);

}  // namespace iclab::study
