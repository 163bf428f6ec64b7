#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/error.h"

namespace iclab::train {
namespace {

constexpr std::uint64_t kStateMagic = 0x33737461'4c434932;  // "2ICLats3"

constexpr size_t kParts = 16;

// Adds the squares of x to 16 parts, part p those of the elements p, p + 16, p + 32, ... in order.
template <class T>
void add_squares(std::span<const T> x, std::array<double, kParts>& parts) {
  const auto add = [&](size_t begin, size_t count) {
    for (size_t p = 0; p < count; ++p) {
      const auto value = static_cast<double>(x[begin + p]);
      parts[p] += value * value;
    }
  };
  size_t i = 0;
  for (; i + kParts <= x.size(); i += kParts) add(i, kParts);
  add(i, x.size() - i);
}

// From pairs of sums, what is right and all there is: divided once, so that all right is 1.
template <class T>
double fraction_of(std::span<const T> sums) {
  double right = 0, all = 0;
  for (size_t i = 0; i < sums.size(); i += 2) {
    right += static_cast<double>(sums[i]);
    all += static_cast<double>(sums[i + 1]);
  }
  return right / all;
}

}  // namespace

template <class T>
Trainer<T>::Trainer(const Learner& learner, const program::Keys& keys,
                    std::vector<ProbeRequest> probes, std::int64_t steps,
                    std::vector<StopRule> stops, int threads)
    : training_(learner.training()), optimizer_(find_optimizer(training_.optimizer.kind)),
      kernels_(lanes::kernels<T>(lanes::chosen_instruction_set())), infos_(learner.weights()),
      step_executor_(learner.step_plan(), lanes::chosen_instruction_set(), threads), steps_(steps) {
  for (StopRule& rule : stops) stops_.push_back({std::move(rule)});
  program::Executor<T> initial(learner.initial_plan());
  initial.begin(keys);
  initial.run(0);
  std::span<T> weights = step_executor_.parameters();
  for (size_t i = 0; i < infos_.size(); ++i)
    std::ranges::copy(initial.output(i), weights.begin() + infos_[i].offset);
  step_executor_.begin(keys);

  for (ProbeRequest& request : probes) {
    Probe probe;
    Stage stage = learner.compile_probe(request.choice);
    probe.series = std::move(stage.series);
    probe.is_fraction = std::move(stage.is_fraction);
    probe.on_training_batch = stage.on_training_batch;
    if (stage.plan) {
      probe.executor = std::make_unique<program::Executor<T>>(
          stage.plan, lanes::chosen_instruction_set(), threads);
      probe.executor->begin(keys);
    }
    probe.request = std::move(request);
    probes_.push_back(std::move(probe));
  }

  if (training_.schedule)
    rate_ = find_rate_schedule(training_.schedule->kind).make(training_.schedule->settings);
  if (training_.accumulate > 1) accumulated_.resize(step_executor_.outputs_from(0).size());
  if (optimizer_.moments > 0) m_.assign(weights.size(), T(0));
  if (optimizer_.moments > 1) v_.assign(weights.size(), T(0));
  previous_.assign(weights.begin(), weights.end());
  for (const Learner::WeightInfo& info : infos_) {
    const Group* group = group_of(training_, info.name);
    const Group own = group ? *group : Group{};
    slots_.push_back({info.offset, program::elements(info.shape), own.lr, own.weight_decay, own.frozen});
  }
}

template <class T>
void Trainer<T>::advance(std::int64_t updates, std::vector<Measurement>& measured) {
  for (std::int64_t done = 0; status_ == RunStatus::kRunning; ++done) {
    measure_due(measured);
    if (status_ != RunStatus::kRunning) return measure_end(measured);
    if (step_ >= steps_) {
      status_ = RunStatus::kFinished;
      return;
    }
    if (done >= updates) return;
    evaluate();
    evaluated_ = false;
    if (profiled_ ? !profiled_update() : !update()) {
      status_ = RunStatus::kDiverged;
      cause_ = find_cause();
      return measure_end(measured);
    }
    ++step_;
  }
}

template <class T>
void Trainer<T>::measure_due(std::vector<Measurement>& measured) {
  for (Probe& probe : probes_) {
    const std::vector<std::int64_t>& due = probe.request.due;
    while (probe.next < due.size() && due[probe.next] < step_) ++probe.next;
    if (probe.next >= due.size() || due[probe.next] != step_) continue;
    ++probe.next;
    measure(probe, measured);
  }
}

template <class T>
void Trainer<T>::measure_end(std::vector<Measurement>& measured) {
  for (Probe& probe : probes_)
    if (probe.request.at_end && probe.measured_at != step_) measure(probe, measured);
}

template <class T>
void Trainer<T>::measure(Probe& probe, std::vector<Measurement>& measured) {
  probe.measured_at = step_;
  if (!probe.executor) {
    evaluate();
    record(probe, 0, loss(), measured);
    return;
  }
  std::ranges::copy(step_executor_.parameters(), probe.executor->parameters().begin());
  const std::int64_t first = probe.on_training_batch ? training_.first_prompt(step_, 0) : 0;
  probe.executor->run(static_cast<std::uint32_t>(step_), first);
  for (size_t i = 0; i < probe.series.size(); ++i)
    record(probe, i, probe.executor->output(i), measured);
}

template <class T>
void Trainer<T>::record(const Probe& probe, size_t series, std::span<const T> output,
                        std::vector<Measurement>& measured) {
  if (!is_finite(output)) return;  // no series holds NaN; the loss decides whether the run has diverged
  if (probe.is_fraction[series])
    values_.assign(1, fraction_of(output));
  else
    values_.assign(output.begin(), output.end());
  const std::string& name = probe.series[series];
  for (size_t i = 0; i < values_.size(); ++i)
    measured.push_back({probe.request.position, name, step_, static_cast<int>(i), values_[i]});
  for (Stop& stop : stops_) {
    const std::string& watched = stop.rule.series.empty() ? probe.series.front() : stop.rule.series;
    if (stop.rule.probe != probe.request.position || name != watched || status_ != RunStatus::kRunning) continue;
    if (holds(stop, values_.front())) status_ = RunStatus::kStopped;
  }
}

// The rule at the next measurement of its series.
template <class T>
bool Trainer<T>::holds(Stop& stop, double value) {
  const StopRule& rule = stop.rule;
  if (rule.mean > 1) {
    const auto window = static_cast<size_t>(rule.mean);
    stop.recent.push_back(value);
    if (stop.recent.size() > window) stop.recent.pop_front();
    if (stop.recent.size() < window) return false;
    value = std::accumulate(stop.recent.begin(), stop.recent.end(), 0.0) / static_cast<double>(window);
  }
  return (rule.above && value > *rule.above) || (rule.below && value < *rule.below);
}

template <class T>
bool Trainer<T>::is_finite(std::span<const T> values) const {
  return kernels_.all_finite(values.data(), static_cast<std::int64_t>(values.size()));
}

// The step's loss and gradients: of one batch, or the mean over several, summed in order.
template <class T>
void Trainer<T>::evaluate() {
  if (evaluated_) return;
  evaluated_ = true;
  const lanes::FlushDenormals flush;
  for (std::int64_t j = 0; j < training_.accumulate; ++j) {
    step_executor_.run(static_cast<std::uint32_t>(step_), training_.first_prompt(step_, j));
    if (accumulated_.empty()) return;
    const std::span<const T> part = step_executor_.outputs_from(0);
    if (j == 0)
      std::ranges::copy(part, accumulated_.begin());
    else
      kernels_.accumulate(accumulated_.data(), part.data(), static_cast<std::int64_t>(part.size()));
  }
  const T count = static_cast<T>(training_.accumulate);
  for (T& x : accumulated_) x /= count;
}

template <class T>
std::span<const T> Trainer<T>::loss() const {
  return accumulated_.empty() ? step_executor_.output(0) : std::span(accumulated_).first(1);
}

template <class T>
std::span<const T> Trainer<T>::gradient() const {
  return accumulated_.empty() ? step_executor_.outputs_from(1) : std::span(accumulated_).subspan(1);
}

template <class T>
std::span<const T> Trainer<T>::gradient_of(const Slot& slot) const {
  return gradient().subspan(static_cast<size_t>(slot.offset), static_cast<size_t>(slot.count));
}

// What multiplies the gradient: its scale, less where its norm would be above `clip`. The norm is over
// all trained weights in their order, in double, in 16 parts that are folded by halves. Nothing if it
// is not finite.
template <class T>
std::optional<double> Trainer<T>::gradient_factor() const {
  const double scale = training_.gradient_scale;
  if (!training_.clip) return scale;
  std::array<double, kParts> parts{};
  for (const Slot& slot : slots_)
    if (!slot.frozen) add_squares(gradient_of(slot), parts);
  for (size_t half = kParts / 2; half > 0; half /= 2)
    for (size_t p = 0; p < half; ++p) parts[p] += parts[p + half];
  const double norm = std::sqrt(parts[0]) * std::abs(scale);
  if (!std::isfinite(norm)) return {};
  return norm > *training_.clip ? scale * (*training_.clip / norm) : scale;
}

// False, with the weights as they were, if loss, gradient, its norm (where it is clipped) or the updated
// weights are not finite.
template <class T>
bool Trainer<T>::update() {
  if (!is_finite(loss())) return false;
  const std::optional<double> factor = gradient_factor();
  if (!factor) return false;
  const std::span<T> weights = step_executor_.parameters();
  const std::span<const T> slopes = gradient();

  lanes::UpdateArgs args;
  optimizer_.set(training_.optimizer.settings, step_, args);
  args.scale = *factor;
  const double lr = args.lr, decay = args.decay, rate = rate_ ? rate_(step_) : 1;
  const lanes::FlushDenormals flush;
  bool all_finite = true;
  for (const Slot& slot : slots_) {
    const auto begin = static_cast<size_t>(slot.offset);
    if (slot.frozen) {
      all_finite = is_finite(gradient_of(slot)) && all_finite;
      continue;
    }
    args.n = slot.count;
    args.lr = slot.lr.value_or(lr) * rate;
    args.decay = slot.weight_decay.value_or(decay);
    args.theta = weights.data() + begin;
    args.before = previous_.data() + begin;
    args.gradient = slopes.data() + begin;
    args.m = m_.empty() ? nullptr : m_.data() + begin;
    args.v = v_.empty() ? nullptr : v_.data() + begin;
    all_finite = kernels_.update[static_cast<size_t>(optimizer_.update)](args) && all_finite;
  }
  if (!all_finite) std::ranges::copy(previous_, weights.begin());
  return all_finite;
}

// Which of the quantities that update() looks at was not finite, asked when one was not: a step pays nothing for it.
template <class T>
std::string Trainer<T>::find_cause() const {
  const auto at_this_step = [this](const std::string& what) { return fmt::format("{} at step {}", what, step_); };
  if (!is_finite(loss())) return at_this_step("the loss was not finite");
  for (size_t i = 0; i < slots_.size(); ++i)
    if (!is_finite(gradient_of(slots_[i])))
      return at_this_step(fmt::format("the gradient of {} was not finite", infos_[i].name));
  if (!gradient_factor()) return at_this_step("the norm of the gradient overflowed");
  return at_this_step("the updated weights were not finite");
}

template <class T>
bool Trainer<T>::profiled_update() {
  const auto begin = std::chrono::steady_clock::now();
  const bool updated = update();
  profile_.optimizer += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  ++profile_.steps;
  return updated;
}

template <class T>
void Trainer<T>::profile(bool on) {
  profiled_ = on;
  step_executor_.profile(on);
}

template <class T>
Profile Trainer<T>::profile() const {
  Profile result = profile_;
  result.threads = step_executor_.threads();
  result.values = step_executor_.seconds();
  return result;
}

template <class T>
std::vector<std::byte> Trainer<T>::save() const {
  const std::span<const T> weights = step_executor_.parameters();
  std::vector<double> recent;  // of each stop rule, after its number
  for (const Stop& stop : stops_) {
    recent.push_back(static_cast<double>(stop.recent.size()));
    recent.insert(recent.end(), stop.recent.begin(), stop.recent.end());
  }
  const std::uint64_t header[] = {kStateMagic,   static_cast<std::uint64_t>(step_),
                                  static_cast<std::uint64_t>(status_),
                                  weights.size(), m_.size(), v_.size(), sizeof(T), recent.size()};
  std::vector<std::byte> bytes(sizeof header + (weights.size() + m_.size() + v_.size()) * sizeof(T) +
                               recent.size() * sizeof(double));
  std::byte* at = std::ranges::copy(std::as_bytes(std::span(header)), bytes.data()).out;
  for (const std::span<const T> part : {weights, std::span<const T>(m_), std::span<const T>(v_)})
    at = std::ranges::copy(std::as_bytes(part), at).out;
  std::ranges::copy(std::as_bytes(std::span(recent)), at);
  return bytes;
}

template <class T>
void Trainer<T>::restore(std::span<const std::byte> state) {
  const std::span<T> weights = step_executor_.parameters();
  std::uint64_t header[8] = {};
  if (state.size() >= sizeof header) std::memcpy(header, state.data(), sizeof header);
  const std::uint64_t recent = header[7];
  size_t most = stops_.size();
  for (const Stop& stop : stops_) most += stop.rule.mean > 1 ? static_cast<size_t>(stop.rule.mean) : 0;
  const size_t expected = sizeof header + (weights.size() + m_.size() + v_.size()) * sizeof(T) +
                          std::min<size_t>(recent, most) * sizeof(double);
  if (state.size() != expected || header[0] != kStateMagic || header[3] != weights.size() ||
      header[4] != m_.size() || header[5] != v_.size() || header[6] != sizeof(T) || recent > most ||
      header[2] > static_cast<std::uint64_t>(RunStatus::kDiverged))
    throw Error(fmt::format("[checkpoint] expected {} bytes of this run's state, received {}",
                            expected, state.size()));
  step_ = static_cast<std::int64_t>(header[1]);
  status_ = static_cast<RunStatus>(header[2]);
  if (status_ == RunStatus::kFinished && step_ < steps_) status_ = RunStatus::kRunning;  // extended
  const std::byte* at = state.data() + sizeof header;
  const auto take = [&at]<class E>(E* out, size_t count) {
    std::memcpy(out, at, count * sizeof(E));
    at += count * sizeof(E);
  };
  take(weights.data(), weights.size());
  take(m_.data(), m_.size());
  take(v_.data(), v_.size());
  std::vector<double> latest(recent);
  take(latest.data(), latest.size());
  restore_recent(latest);
  evaluated_ = false;
  for (Probe& probe : probes_)  // what was due at the restored step is done
    probe.next = static_cast<size_t>(
        std::ranges::upper_bound(probe.request.due, step_) - probe.request.due.begin());
  cause_.clear();
  if (status_ != RunStatus::kDiverged) return;
  evaluate();  // the step that was not done
  cause_ = find_cause();
}

template <class T>
void Trainer<T>::restore_recent(std::span<const double> latest) {
  size_t at = 0;
  for (Stop& stop : stops_) {
    const size_t left = latest.size() - std::min(at + 1, latest.size());
    const double count = at < latest.size() ? latest[at] : -1;
    if (!(count >= 0 && count <= static_cast<double>(left)))
      throw Error("[checkpoint] expected the measurements of this run's stop rules, received others");
    const auto begin = latest.begin() + static_cast<std::ptrdiff_t>(at + 1);
    stop.recent.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
    at += 1 + static_cast<size_t>(count);
  }
}

template <class T>
std::vector<Tensor> Trainer<T>::weights() const {
  const std::span<const T> block = step_executor_.parameters();
  std::vector<Tensor> tensors;
  for (const Learner::WeightInfo& info : infos_) {
    const auto count = static_cast<size_t>(program::elements(info.shape));
    const auto bytes = std::as_bytes(block.subspan(static_cast<size_t>(info.offset), count));
    tensors.push_back({info.name, info.shape, sizeof(T) == 8, {bytes.begin(), bytes.end()}});
  }
  return tensors;
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace iclab::train
