// The trainer: one run of a learner in one precision.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "program/executor.h"
#include "train/learner.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace iclab::train {

template <class T>
class Trainer : public Run {
 public:
  Trainer(const Learner& learner, const program::Keys& keys, std::vector<ProbeRequest> probes,
          std::int64_t steps, std::vector<StopRule> stops, int threads);

  RunStatus status() const override { return status_; }
  std::string cause() const override { return cause_; }
  std::int64_t step() const override { return step_; }
  void advance(std::int64_t updates, std::vector<Measurement>& measured) override;
  void profile(bool on) override;
  Profile profile() const override;
  std::vector<std::byte> save() const override;
  void restore(std::span<const std::byte> state) override;
  std::vector<Tensor> weights() const override;

 private:
  struct Probe {
    ProbeRequest request;
    std::vector<std::string> series;
    std::vector<bool> is_fraction;
    std::unique_ptr<program::Executor<T>> executor;  // none: the training loss
    bool on_training_batch = false;
    size_t next = 0;                                 // index into request.due
    std::int64_t measured_at = -1;                   // the latest step
  };

  struct Stop {
    StopRule rule;
    std::deque<double> recent{};  // the latest measurements that its mean is of; none for a mean of one
  };

  // What of the optimiser differs between the model's weights.
  struct Slot {
    std::int64_t offset, count;
    std::optional<double> lr, weight_decay;
    bool frozen;
  };

  void measure_due(std::vector<Measurement>& measured);
  void measure_end(std::vector<Measurement>& measured);
  void measure(Probe& probe, std::vector<Measurement>& measured);
  void record(const Probe& probe, size_t series, std::span<const T> output, std::vector<Measurement>& measured);
  void evaluate();
  bool profiled_update();
  std::span<const T> loss() const;
  std::span<const T> gradient() const;
  std::span<const T> gradient_of(const Slot& slot) const;
  std::optional<double> gradient_factor() const;
  bool update();
  std::string find_cause() const;
  void restore_recent(std::span<const double> latest);
  bool is_finite(std::span<const T> values) const;
  static bool holds(Stop& stop, double value);

  Training training_;
  const OptimizerEntry& optimizer_;
  RateFactor rate_;  // none: 1
  const lanes::Kernels<T>& kernels_;
  std::vector<Learner::WeightInfo> infos_;
  program::Executor<T> step_executor_;
  std::vector<Probe> probes_;
  std::vector<Slot> slots_;
  std::vector<T> accumulated_;  // the mean loss and gradients of several batches, if there are several
  std::vector<T> m_, v_;
  std::vector<T> previous_;  // the weights before the latest update
  std::vector<double> values_;  // of the series that is recorded
  std::int64_t step_ = 0, steps_;
  std::vector<Stop> stops_;
  RunStatus status_ = RunStatus::kRunning;
  std::string cause_;  // of a diverged run
  bool profiled_ = false;
  Profile profile_;         // but the values' times, which the executor keeps
  bool evaluated_ = false;  // the step's loss and gradients are at hand
};

extern template class Trainer<float>;
extern template class Trainer<double>;

}  // namespace iclab::train
