// A learner: task, model and loss compiled into plans, shared by all runs of a sweep point.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "program/explain.h"
#include "program/plan.h"
#include "train/run.h"
#include "train/training.h"

namespace iclab::train {

/// What one probe measures and when.
struct ProbeRequest {
  int position = 0;                // in Measurement::probe
  Choice choice;
  std::vector<std::int64_t> due;   // steps, ascending
  bool at_end = false;             // also where the run stops or diverges
};

/// Ends a run when a scalar series of a probe, or the mean of its latest measurements, crosses a value.
struct StopRule {
  int probe = 0;                   // position
  std::string series;              // empty: the probe's first
  std::optional<double> above, below;
  std::int64_t mean = 1;           // compares the mean of this many latest measurements; never holds before there are as many
};

struct Stage {
  std::shared_ptr<const program::Plan> plan;
  std::vector<std::string> series;  // of a probe: the outputs' names
  std::vector<std::int64_t> elements;  // of a probe: how many numbers each output is
  std::vector<bool> is_fraction;    // of a probe: the output is pairs of sums, (2) or (parts, 2), see probes::Series
  bool on_training_batch = false;   // of a probe: its prompts are the step's
};

class Learner {
 public:
  /// Throws UsageError if task, model and loss don't fit together.
  Learner(const Choice& task, const Choice& model, const Training& training, bool is_double);

  /// A run of this learner with its own streams; `steps` updates, unless one of the stop rules holds before.
  /// `salt` as in random::make_key; a step's strands are spread over `threads`.
  std::unique_ptr<Run> start(std::uint64_t study_seed, std::uint64_t seed_index,
                             const std::string& salt, std::vector<ProbeRequest> probes,
                             std::int64_t steps, std::vector<StopRule> stops,
                             int threads = 1) const;

  struct WeightInfo {
    std::string name;
    program::Shape shape;
    std::int64_t offset;  // in the block of weights
  };

  const std::vector<WeightInfo>& weights() const { return weights_; }
  const Training& training() const { return training_; }
  bool is_double() const { return is_double_; }

  /// Output 0: the loss; then the gradients in the order of the weights.
  const std::shared_ptr<const program::Plan>& step_plan() const { return step_plan_; }
  /// The initial weights.
  const std::shared_ptr<const program::Plan>& initial_plan() const { return initial_plan_; }
  /// A probe's outputs, compiled at its first mention and shared by all runs; any thread may ask.
  /// Throws UsageError if it doesn't fit.
  Stage compile_probe(const Choice& probe) const;

  /// Bytes that a run with these probes takes at most, known without taking them.
  std::int64_t bytes(std::span<const Choice> probes, int threads = 1) const;

  /// This learner with fewer prompts in a batch, batches in an update and prompts in an evaluation, where these cost more
  /// than `work`, arithmetic and bytes added up: to measure on them what the others take.
  Learner limited(double work) const;

  /// What a reader of the probe's numbers should know, a sentence each; mostly nothing.
  std::vector<std::string> notes(const Choice& probe) const;

  /// What a step costs: as task, model, loss and gradients are written, and as it is executed.
  struct Costs {
    program::Account written, planned;
  };
  Costs costs() const;

 private:
  struct Compiled;

  void check_groups(const std::vector<std::string>& names) const;
  Stage build_probe(const Choice& probe) const;

  Choice task_, model_;
  Training training_;
  std::optional<double> most_work_;  // of a limited learner
  bool is_double_;
  std::vector<WeightInfo> weights_;
  std::shared_ptr<const program::Plan> step_plan_, initial_plan_;
  std::shared_ptr<Compiled> compiled_;
};

/// True if `name` matches the pattern ("*": any letters, "?": one).
bool matches(const std::string& pattern, const std::string& name);

/// The group that a weight trains in, if any.
const Group* group_of(const Training& training, const std::string& weight);

}  // namespace iclab::train
