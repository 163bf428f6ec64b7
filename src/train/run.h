// The life of one replica, as the study's runner sees it: advance, measure, save, restore.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace iclab::train {

/// One number of one probe at one step. `probe` is the position of the probe in the study's list, `series` its
/// output's name, `index` the element.
struct Measurement {
  int probe = 0;
  std::string series;
  std::int64_t step = 0;
  int index = 0;
  double value = 0;
};

/// A weight matrix of the model at some step, row-major.
struct Tensor {
  std::string name;
  std::vector<std::int64_t> shape;
  bool is_double = false;
  std::vector<std::byte> bytes;  // little-endian float or double
};

enum class RunStatus {
  kRunning,   // more steps to do
  kFinished,  // all steps done
  kStopped,   // the stopping rule held
  kDiverged,  // a loss or gradient was not finite; the last finite weights are kept
};

/// Where the time of profiled steps went, in seconds summed over threads.
struct Profile {
  std::int64_t steps = 0;
  int threads = 1;
  std::vector<double> values;  // by value of the learner's step plan
  double optimizer = 0;        // checks, clipping and the update
};

class Run {
 public:
  virtual ~Run() = default;

  virtual RunStatus status() const = 0;

  /// Why the run diverged, in words: "the loss was not finite at step 12"; empty for a run that did not.
  virtual std::string cause() const = 0;

  /// Updates done so far; 0 is the initialisation.
  virtual std::int64_t step() const = 0;

  /// Does up to `updates` more steps (less if the run ends), measuring what is due at each step reached
  /// (at step 0 too, before the first update) and appending it to `measured`.
  virtual void advance(std::int64_t updates, std::vector<Measurement>& measured) = 0;

  /// Whether the steps from now on are profiled, and what was found so far.
  virtual void profile(bool on) = 0;
  virtual Profile profile() const = 0;

  /// Everything needed to go on from here with the same bits: step, status, weights, optimiser state.
  virtual std::vector<std::byte> save() const = 0;

  /// Goes back to a saved state; measurements due at the restored step count as done.
  /// Throws Error if the bytes are not a state of this run.
  virtual void restore(std::span<const std::byte> state) = 0;

  /// The model's weights, in declaration order.
  virtual std::vector<Tensor> weights() const = 0;
};

}  // namespace iclab::train
