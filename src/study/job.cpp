#include "study/job.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"

namespace iclab::study {
namespace {

std::string gigabytes(std::int64_t bytes) { return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9); }

}  // namespace

Job::Job(const Study& study, const Point& point, std::string identity)
    : study_(study),
      point_(point),
      identity_(std::move(identity)),
      salt_(study.salt(point)),
      probes_(point.probes) {}

void Job::add(const Point& point) {
  for (const ProbeSpec& more : point.probes) {
    const auto known = std::ranges::find(probes_, more.id, &ProbeSpec::id);
    if (known == probes_.end()) {
      probes_.push_back(more);
      continue;
    }
    if (known->schedule == more.schedule) continue;
    std::vector<std::int64_t> due;
    std::ranges::set_union(known->due, more.due, std::back_inserter(due));
    known->due = std::move(due);
    known->schedule += ";" + more.schedule;
    known->at_end = known->at_end || more.at_end;
  }
}

std::string Job::where() const {
  std::vector<std::string> parts;
  for (const auto& [key, value] : point_.axes)
    parts.push_back(fmt::format("{} = {}", key, to_text(value)));
  return parts.empty() ? study_.file
                       : fmt::format("{} (at the sweep's point {})", study_.file, join(parts));
}

std::shared_ptr<const train::Learner> Job::learner() {
  const std::lock_guard guard(mutex_);
  if (learner_) return learner_;
  try {
    auto learner = std::make_shared<const train::Learner>(point_.task, point_.model,
                                                          point_.training, point_.is_double);
    for (const ProbeSpec& probe : probes_) learner->compile_probe(probe.choice);
    check_stops(*learner);
    learner_ = std::move(learner);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("{}: {}", where(), error.what()));
  } catch (const Error& error) {
    throw UsageError(
        fmt::format("{}: task, model and loss do not fit together: {}", where(), error.what()));
  }
  return learner_;
}

void Job::check_stops(const train::Learner& learner) const {
  for (const train::StopRule& stop : point_.stops) {
    if (stop.series.empty()) continue;
    const ProbeSpec& probe = probes_[static_cast<size_t>(stop.probe)];
    const std::vector<std::string> series = learner.compile_probe(probe.choice).series;
    if (std::ranges::find(series, stop.series) == series.end())
      throw UsageError(fmt::format(
          "[train] stop series: found '{}', accepted are the series of probe '{}': {}{}",
          stop.series, probe.name, join(series), did_you_mean(stop.series, series)));
  }
}

std::vector<StoredOutput> Job::outputs(const train::Learner& learner) const {
  std::vector<StoredOutput> all;
  for (const ProbeSpec& probe : probes_) {
    const train::Stage stage = learner.compile_probe(probe.choice);
    for (size_t i = 0; i < stage.series.size(); ++i) all.push_back({probe.id, stage.series[i], stage.elements[i]});
  }
  return all;
}

void Job::release() {
  const std::lock_guard guard(mutex_);
  learner_.reset();
}

std::unique_ptr<train::Run> Job::start(const train::Learner& learner, std::int64_t seed,
                                       std::vector<train::ProbeRequest> requests,
                                       std::int64_t steps,
                                       std::vector<train::StopRule> stops, int threads) const {
  return learner.start(study_.seed, static_cast<std::uint64_t>(seed), salt_, std::move(requests),
                       steps, std::move(stops), threads);
}

std::int64_t Job::bytes(const train::Learner& learner, int threads) const {
  std::vector<train::Choice> choices;
  for (const ProbeSpec& probe : probes_) choices.push_back(probe.choice);
  return learner.bytes(choices, threads);
}

void Job::check_memory(const train::Learner& learner, int threads) const {
  const std::int64_t needed = bytes(learner, threads);
  const std::int64_t there = std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  if (needed > there)
    throw UsageError(fmt::format("{}: a run needs about {} of memory, this machine has {}; accepted are a smaller model, "
                                 "batch or evaluation", where(), gigabytes(needed), gigabytes(there)));
}

std::string Job::plan() const {
  std::vector<std::string> parts;
  for (const ProbeSpec& probe : probes_) parts.push_back(probe.id + " " + probe.schedule);
  std::ranges::sort(parts);
  return to_hex(sha256(fmt::format("{} {}", point_.steps, join(parts, "\n"))));
}

std::vector<std::unique_ptr<Job>> make_jobs(const Study& study) {
  std::vector<std::unique_ptr<Job>> jobs;
  std::map<std::string, Job*> by_identity;
  for (const Point& point : study.points) {
    std::string identity = point.identity().dump();
    Job*& job = by_identity[identity];
    if (job) {
      job->add(point);
      continue;
    }
    jobs.push_back(std::make_unique<Job>(study, point, std::move(identity)));
    job = jobs.back().get();
  }
  return jobs;
}

}  // namespace iclab::study
