// What the runner computes: the runs of one identity, and the learner they share.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "study/store.h"
#include "study/study.h"

namespace iclab::study {

/// The runs (one a seed) of one identity. Points that differ in nothing but probes share them: the
/// job measures what any of them asks for.
class Job {
 public:
  Job(const Study& study, const Point& point, std::string identity);

  /// Adds what another point of the same identity measures.
  void add(const Point& point);

  /// Compiled at the first call, until `release`. Safe to call from several threads. Throws
  /// UsageError that begins with the study's file and names the point.
  std::shared_ptr<const train::Learner> learner();
  void release();

  /// Starts a run with these requests, its steps spread over `threads`.
  std::unique_ptr<train::Run> start(const train::Learner& learner, std::int64_t seed,
                                    std::vector<train::ProbeRequest> requests, std::int64_t steps,
                                    std::vector<train::StopRule> stops, int threads = 1) const;

  /// Bytes that a run takes at most whose steps are spread over `threads`.
  std::int64_t bytes(const train::Learner& learner, int threads = 1) const;

  /// Throws UsageError, which begins as that of learner(), if one run needs more memory than this machine has.
  void check_memory(const train::Learner& learner, int threads = 1) const;

  std::string id(std::int64_t seed) const { return study_.run_id(identity_, salt_, seed); }
  const std::string& identity() const { return identity_; }  // Point::identity(), dumped
  std::int64_t steps() const { return point_.steps; }
  const std::vector<ProbeSpec>& probes() const { return probes_; }
  const std::vector<train::StopRule>& stops() const { return point_.stops; }

  /// The outputs of all probes.
  std::vector<StoredOutput> outputs(const train::Learner& learner) const;

  /// Hash of steps, probes and schedules: equal to StoredRun::plan if nothing is left to compute.
  std::string plan() const;

  std::atomic<std::int64_t> runs_left = 0;

 private:
  std::string where() const;
  void check_stops(const train::Learner& learner) const;

  const Study& study_;
  const Point& point_;
  std::string identity_, salt_;
  std::vector<ProbeSpec> probes_;
  std::mutex mutex_;
  std::shared_ptr<const train::Learner> learner_;
};

/// The study's jobs, in the order of the points.
std::vector<std::unique_ptr<Job>> make_jobs(const Study& study);

}  // namespace iclab::study
