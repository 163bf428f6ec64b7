// A probe: a small program that measures a model at scheduled steps.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/settings.h"
#include "nn/model.h"
#include "tasks/task.h"

namespace iclab::probes {

using program::Builder;
using program::Value;

/// One measured quantity: a scalar or an array, real. A prompt-rate value is averaged over the
/// evaluation prompts. With `weight`, a scalar is a fraction: sum(weight * value) / sum(weight), the sums
/// over the prompts, divided once. Where weights are 1 and values 0, 1/2 and 1 it is exact.
struct Series {
  std::string name;
  Value value;
  Value weight = {};
};

class Probe {
 public:
  virtual ~Probe() = default;

  /// Writes the measurement. Prompt draws in `b` come from the evaluation stream.
  /// Throws UsageError if task or model cannot be measured so.
  virtual std::vector<Series> build(Builder& b, nn::Weights& weights, const tasks::Task& task,
                                    const nn::Model& model) const = 0;

  /// Evaluation prompts a measurement takes; 1 if it takes none.
  virtual std::int64_t prompts(const tasks::Task&) const { return 1; }

  /// True if the probe evaluates the current training batch instead of evaluation prompts.
  virtual bool on_training_batch() const { return false; }

  /// What a reader of its numbers should know, a sentence each: that they are less certain than they look.
  virtual std::vector<std::string> notes(const tasks::Task&) const { return {}; }

  /// The training loss itself: the trainer records it, no program is built.
  virtual bool is_training_loss() const { return false; }
};

struct ProbeEntry {
  std::string name, summary, source;
  std::vector<Parameter> parameters;
  std::function<std::unique_ptr<Probe>(const Settings&)> make;
  /// How the names of outputs begin that are worst where they are largest, and of those that are worst where they are
  /// smallest.
  std::vector<std::string> losses{}, scores{};
};

/// What a diverged run counts as in statistics over all seeds: infinity for a loss, minus infinity for a score, and NaN
/// for what is neither.
double when_diverged(const ProbeEntry& entry, const std::string& output);

std::span<const ProbeEntry> probe_registry();

/// Throws UsageError with the nearest name.
const ProbeEntry& find_probe(const std::string& name);

}  // namespace iclab::probes
