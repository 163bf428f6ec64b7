#include "study/life.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace iclab::study {
namespace {

using Clock = std::chrono::steady_clock;
using train::RunStatus;

// An update of a small model takes a microsecond, a look at the clock should not be felt; a request
// to stop should be.
constexpr std::chrono::milliseconds kShortChunk{10}, kLongChunk{40};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

Life::Life(Job& job, std::int64_t seed, StoredRun stored, Shared& shared)
    : job_(job), seed_(seed), stored_(std::move(stored)), shared_(shared) {}

bool Life::prepare() {
  checkpoint_ = shared_.store.checkpoint(stored_.id);
  ended_ = stored_.status == RunStatus::kStopped || stored_.status == RunStatus::kDiverged ||
           (stored_.status == RunStatus::kFinished && stored_.step >= job_.steps());
  requests_ = requests(shared_.store.measured_steps(stored_.id));
  if (!ended_ || replay_) return true;
  Progress progress;
  progress.run = stored_.id;
  progress.status = stored_.status;
  progress.step = stored_.step;
  progress.seconds = stored_.seconds;
  progress.plan = job_.plan();
  progress.cause = stored_.cause;
  shared_.writer.push(std::move(progress));
  return false;
}

// What is left to measure, by probe. Sets replay_ if any of it lies at or before the checkpoint.
std::vector<train::ProbeRequest> Life::requests(
    const std::map<std::string, std::vector<std::int64_t>>& have) {
  std::vector<train::ProbeRequest> wanted;
  for (size_t i = 0; i < job_.probes().size(); ++i) {
    const ProbeSpec& probe = job_.probes()[i];
    train::ProbeRequest request{static_cast<int>(i), probe.choice, {}, probe.at_end && !ended_};
    const auto known = have.find(probe.id);
    const auto is_known = [&](std::int64_t step) {
      return known != have.end() && std::ranges::binary_search(known->second, step);
    };
    for (const std::int64_t step : probe.due) {
      const bool is_past = checkpoint_ && step <= stored_.step;
      if (is_past ? is_known(step) : ended_) continue;
      request.due.push_back(step);
      replay_ = replay_ || is_past;
    }
    if (ended_ && probe.at_end && stored_.step < job_.steps() && !is_known(stored_.step)) {
      const auto place = std::ranges::lower_bound(request.due, stored_.step);
      if (place == request.due.end() || *place != stored_.step)
        request.due.insert(place, stored_.step);
      replay_ = true;
    }
    if (!request.due.empty() || request.at_end) wanted.push_back(std::move(request));
  }
  return wanted;
}

Outcome Life::live(const train::Learner& learner) {
  begin_ = saved_ = Clock::now();
  outputs_ = job_.outputs(learner);
  const bool goes_on = !ended_;
  run_ = job_.start(learner, seed_, requests_, goes_on ? job_.steps() : stored_.step,
                    goes_on ? job_.stops() : std::vector<train::StopRule>{}, shared_.threads_per_run);
  if (replay_) {
    shared_.steps_total += stored_.step;
    if (!advance_to(stored_.step)) return Outcome::kInterrupted;
    check_replay();
    if (ended_) {
      save(true);
      return Outcome::kComputed;
    }
  } else if (checkpoint_) {
    run_->restore(*checkpoint_);
    noted_step_ = stored_.step;
  }
  return train();
}

Outcome Life::train() {
  if (!advance_to(job_.steps())) {
    save(false);
    return Outcome::kInterrupted;
  }
  save(true);
  shared_.steps_total -= job_.steps() - run_->step();
  shared_.ended_steps += run_->step();
  shared_.ended_most += job_.steps();
  return run_->status() == RunStatus::kDiverged ? Outcome::kDiverged : Outcome::kComputed;
}

// Goes on to a step or the run's end, saving by the clock. False: asked to stop before.
bool Life::advance_to(std::int64_t step) {
  do {
    const Clock::time_point begin = Clock::now();
    const std::int64_t from = run_->step();
    run_->advance(std::min(chunk_, step - from), measured_);
    shared_.steps_done += run_->step() - from;
    if (run_->status() != RunStatus::kRunning || run_->step() >= step) return true;

    const Clock::duration took = Clock::now() - begin;
    if (took < kShortChunk) chunk_ *= 2;
    if (took > kLongChunk) chunk_ = std::max<std::int64_t>(1, chunk_ / 2);
    if (shared_.stopping()) return false;
    const bool is_new = run_->step() > stored_.step;  // a replay has nothing to save before
    if (is_new && seconds_since(saved_) >= shared_.checkpoint_seconds) save(false);
  } while (true);
}

// Holds the replayed run against the store. One that goes on then takes up its saved state: the
// replay did not repeat the measurements that a stopping rule's mean is of.
void Life::check_replay() {
  const std::int64_t step = run_->step();
  const std::vector<train::Tensor> weights = run_->weights();
  if (!ended_) run_->restore(*checkpoint_);
  const std::vector<train::Tensor> kept = stored_.status == RunStatus::kRunning
                                              ? run_->weights()
                                              : shared_.store.weights(stored_.id);
  if (step == stored_.step && same_tensors(weights, kept)) return;
  throw ReplayError(
      fmt::format("run {}: replayed to step {} it has other weights than the store; found a store "
                  "written by another build, or damaged; accepted is one of this build",
                  stored_.id, stored_.step));
}

void Life::save(bool at_end) {
  Progress progress;
  progress.run = stored_.id;
  progress.status = ended_ ? stored_.status : run_->status();
  progress.step = run_->step();
  progress.seconds = stored_.seconds + seconds_since(begin_);
  note_blanks(progress);
  progress.outputs = outputs_;
  for (train::Measurement& one : measured_) {
    const std::string& probe = job_.probes()[static_cast<size_t>(one.probe)].id;
    progress.measured.emplace_back(probe, std::move(one));
  }
  measured_.clear();
  if (!ended_) progress.state = run_->save();
  if (at_end && !ended_) progress.weights = run_->weights();
  if (at_end) progress.plan = job_.plan();
  progress.cause = ended_ ? stored_.cause : run_->cause();
  shared_.writer.push(std::move(progress));
  saved_ = Clock::now();
}

// What was due since the last save and is not among the measurements.
void Life::note_blanks(Progress& progress) {
  std::set<std::pair<int, std::int64_t>> found;
  for (const train::Measurement& one : measured_)
    if (one.index == 0) found.emplace(one.probe, one.step);
  const bool has_ended = run_->status() != RunStatus::kRunning;
  for (const train::ProbeRequest& request : requests_) {
    const auto note = [&](std::int64_t step) {
      if (!found.contains({request.position, step}))
        progress.blanks.emplace_back(job_.probes()[static_cast<size_t>(request.position)].id, step);
    };
    auto due = std::ranges::upper_bound(request.due, noted_step_);
    for (; due != request.due.end() && *due <= run_->step(); ++due) note(*due);
    if (request.at_end && has_ended && !std::ranges::binary_search(request.due, run_->step()))
      note(run_->step());
  }
  noted_step_ = run_->step();
}

}  // namespace iclab::study
