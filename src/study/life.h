// One run, from what the store has of it to what the study asks for.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "study/job.h"
#include "study/store.h"
#include "study/writer.h"

namespace iclab::study {

/// What all runs of a study share while it runs.
struct Shared {
  const Store& store;
  Writer& writer;
  double checkpoint_seconds;
  int threads_per_run;
  std::function<bool()> stopping;
  std::atomic<std::int64_t> steps_done = 0, steps_total = 0;
  std::atomic<std::int64_t> ended_steps = 0, ended_most = 0;  // of runs that ended: their steps, and without stop rules
};

enum class Outcome { kAlreadyThere, kComputed, kDiverged, kInterrupted };

class Life {
 public:
  Life(Job& job, std::int64_t seed, StoredRun stored, Shared& shared);

  /// Decides what is to be done. False: nothing but to note that the store has it all. Reads the
  /// store.
  bool prepare();

  /// Trains, measures and saves. Throws Error if a replayed run does not come out as stored, and
  /// whatever training throws.
  Outcome live(const train::Learner& learner);

 private:
  std::vector<train::ProbeRequest> requests(
      const std::map<std::string, std::vector<std::int64_t>>& have);
  Outcome train();
  bool advance_to(std::int64_t step);
  void check_replay();
  void save(bool at_end);
  void note_blanks(Progress& progress);

  Job& job_;
  std::int64_t seed_;
  StoredRun stored_;
  Shared& shared_;

  std::optional<std::vector<std::byte>> checkpoint_;
  std::vector<train::ProbeRequest> requests_;
  bool ended_ = false;   // the store has the run's end
  bool replay_ = false;  // something was due before the checkpoint that the store does not have

  std::unique_ptr<train::Run> run_;
  std::vector<StoredOutput> outputs_;
  std::vector<train::Measurement> measured_;
  std::int64_t noted_step_ = -1;  // blanks are noted up to here
  std::int64_t chunk_ = 1;        // updates between looks at the clock
  std::chrono::steady_clock::time_point begin_, saved_;
};

/// A replayed run came out with other weights than the store has: no failure of the run, but of the
/// store or the build.
class ReplayError : public Error {
 public:
  using Error::Error;
};

}  // namespace iclab::study
