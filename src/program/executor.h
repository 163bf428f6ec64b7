// The executor: runs a plan for one replica. Memory is taken once, at construction; a step allocates
// nothing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "program/plan.h"
#include "random/stream.h"

namespace iclab::program {

/// The keys of a run's streams, by purpose.
using Keys = std::array<random::Key, 4>;
Keys make_keys(std::uint64_t study_seed, std::uint64_t seed_index, const std::string& salt = "");

template <class T>
class Executor {
 public:
  /// Binds the kernels of an instruction set and computes the study's constants. The strands of a step
  /// are spread over `threads` (no more than there are strands); bits don't depend on it.
  explicit Executor(std::shared_ptr<const Plan> plan,
                    lanes::InstructionSet set = lanes::chosen_instruction_set(), int threads = 1);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  const Plan& plan() const;

  /// The block of parameters, in the plan's order: written by the trainer, read by every step.
  std::span<T> parameters();
  std::span<const T> parameters() const;

  /// A plain input (below prompt rate), row-major. Throws Error with the nearest name.
  std::span<T> input(const std::string& name);
  std::span<std::int32_t> integer_input(const std::string& name);

  /// A prompt-rate input: `values` is (batch, elements), row-major, and must outlive the steps that
  /// read it. Throws Error if the size is wrong.
  void set_prompt_input(const std::string& name, std::span<const T> values);

  /// Starts a run: computes what is drawn once a run. Replica-rate inputs must be set before.
  void begin(const Keys& keys);

  /// Computes everything at the given step. The batch is the prompts `first_prompt` and on of the step's
  /// stream; values set by set_prompt_input count from 0.
  void run(std::uint32_t step, std::int64_t first_prompt = 0);

  /// Whether the steps from now on take the time of each node.
  void profile(bool on);

  /// Seconds that each node of the plan has taken in the profiled steps, summed over threads.
  std::vector<double> seconds() const;

  /// Output i after `run` (or `begin`, if it changes only per run): row-major; prompt-rate outputs are
  /// (batch, elements).
  std::span<const T> output(size_t i) const;

  /// Outputs `from` and later that are plain, as one block in order.
  std::span<const T> outputs_from(size_t from) const;

  /// Threads that strands are spread over.
  int threads() const;

  /// Bytes held.
  std::int64_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Bytes that an executor of the plan holds, known without taking them.
std::int64_t executor_bytes(const Plan& plan, int threads = 1);

extern template class Executor<float>;
extern template class Executor<double>;

}  // namespace iclab::program
