// What a study would take, measured on some of its points.
#include <algorithm>
#include <chrono>

#include "base/processor.h"
#include "program/executor.h"
#include "study/job.h"
#include "study/runner.h"

namespace iclab::study {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kBudgetSeconds = 1.0;
constexpr size_t kMostSamples = 5;
constexpr double kMostWork = 5e8;  // arithmetic and bytes of an update or an evaluation: some tenths of a second

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Cost {
  double seconds = 0;  // of one run, compilation shared by its seeds left out
  double compile = 0;
  std::int64_t bytes = 0;
};

// How many times the prompts of the limited plan the whole one has.
double times(const std::shared_ptr<const program::Plan>& whole, const std::shared_ptr<const program::Plan>& limited) {
  return static_cast<double>(whole->options.batch) / static_cast<double>(limited->options.batch);
}

// Seconds that one measurement of a probe takes.
double probe_seconds(const Job& job, const train::Learner& learner, size_t probe) {
  std::vector<train::ProbeRequest> requests{{0, job.probes()[probe].choice, {0}}};
  const auto run = job.start(learner, 0, std::move(requests), 1, {});
  std::vector<train::Measurement> measured;
  const Clock::time_point begin = Clock::now();
  run->advance(0, measured);
  return seconds_since(begin);
}

// Seconds an update, from as many as fit into the budget (at least two), after a first one that finds cold caches.
double update_seconds(const Job& job, const train::Learner& learner, double budget) {
  const auto run = job.start(learner, 0, {}, job.steps(), {});
  std::vector<train::Measurement> measured;
  run->advance(1, measured);
  const std::int64_t first = run->step();
  std::int64_t chunk = 2;
  const Clock::time_point begin = Clock::now();
  do {
    run->advance(chunk, measured);
    chunk = std::min<std::int64_t>(2 * chunk, 1 << 10);
  } while (run->status() == train::RunStatus::kRunning && seconds_since(begin) < budget);
  return seconds_since(begin) / static_cast<double>(std::max<std::int64_t>(1, run->step() - first));
}

// Seconds of a run, measured on fewer prompts where an evaluation or an update takes too many, and scaled.
double run_seconds(const Job& job, const train::Learner& learner, double budget) {
  const Clock::time_point begin = Clock::now();
  const train::Learner limited = learner.limited(kMostWork);
  double seconds = 0;
  for (size_t i = 0; i < job.probes().size(); ++i) {
    const ProbeSpec& probe = job.probes()[i];
    const auto plan = learner.compile_probe(probe.choice).plan;
    if (!plan) continue;  // the training loss, which an update computes anyway
    seconds += probe_seconds(job, limited, i) * static_cast<double>(probe.due.size()) *
               times(plan, limited.compile_probe(probe.choice).plan);
  }
  const double updates = static_cast<double>(job.steps()) * times(learner.step_plan(), limited.step_plan()) *
                         static_cast<double>(learner.training().accumulate) /
                         static_cast<double>(limited.training().accumulate);
  const double left = std::max(0.0, budget - seconds_since(begin));
  return seconds + updates * update_seconds(job, limited, left);
}

Cost measure(Job& job, double budget) {
  const Clock::time_point begin = Clock::now();
  const auto learner = job.learner();
  Cost cost;
  cost.compile = seconds_since(begin);
  job.check_memory(*learner);
  cost.bytes = job.bytes(*learner);
  cost.seconds = run_seconds(job, *learner, std::max(0.0, budget - cost.compile));
  job.release();
  return cost;
}

}  // namespace

Estimate estimate(const Study& study, const RunnerOptions& options) {
  const std::vector<std::unique_ptr<Job>> jobs = make_jobs(study);
  Estimate estimate;
  const auto all = static_cast<std::int64_t>(jobs.size()) * study.seeds;
  estimate.runs = (all - options.shard + options.shards - 1) / options.shards;
  for (const auto& job : jobs) estimate.steps += job->steps() * study.seeds / options.shards;

  // Points at even distances, the first and the last among them.
  const size_t samples = std::min(kMostSamples, jobs.size());
  const Clock::time_point begin = Clock::now();
  double seconds = 0;
  size_t measured = 0;
  while (measured < samples && (measured == 0 || seconds_since(begin) < kBudgetSeconds)) {
    const size_t at = samples == 1 ? 0 : measured * (jobs.size() - 1) / (samples - 1);
    const Cost cost = measure(*jobs[at], kBudgetSeconds / static_cast<double>(samples));
    seconds += cost.seconds * static_cast<double>(study.seeds) + cost.compile;
    estimate.bytes = std::max(estimate.bytes, cost.bytes);
    ++measured;
  }

  const int processors = processor_count();
  const std::int64_t threads =
      std::clamp<std::int64_t>(options.threads > 0 ? options.threads : processors, 1,
                               std::max<std::int64_t>(1, estimate.runs));
  const double at_once = static_cast<double>(std::min<std::int64_t>(threads, processors));
  estimate.seconds = seconds / static_cast<double>(measured) * static_cast<double>(jobs.size()) /
                     static_cast<double>(options.shards) / at_once;
  estimate.bytes *= threads;
  return estimate;
}

}  // namespace iclab::study
