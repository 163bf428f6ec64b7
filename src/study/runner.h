// Runs what of a study is not yet in its store, over threads, and saves as it goes.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "study/store.h"
#include "study/study.h"

namespace iclab::study {

struct RunnerOptions {
  int threads = 0;                 // 0: one per processor
  int shard = 0, shards = 1;       // this process does the runs of this shard (Portion)
  double checkpoint_seconds = 10;  // of wall time between saved states of a running run
  std::stop_token stop;            // asks to save and return
  /// Called once if the store cannot be written because another program reads it. Training continues meanwhile, and what
  /// it saves waits in memory.
  std::function<void()> tell_waiting;
  /// Called a few times a second from one thread, and once at the end.
  std::function<void(const struct RunnerProgress&)> progress;
};

struct RunnerProgress {
  std::int64_t runs_done = 0, runs_total = 0;    // done: finished, stopped, diverged or failed
  std::int64_t steps_done = 0, steps_total = 0;  // optimiser steps of this call; the total is what is expected where
                                                 // runs stop early, as those that ended did
  double seconds = 0, steps_per_second = 0, seconds_left = 0;
};

struct RunnerSummary {
  std::int64_t computed = 0, already_there = 0, diverged = 0, failed = 0;
  std::int64_t steps = 0;
  double seconds = 0;
  bool stopped = false;    // the stop token ended it before all was done
  bool set_aside = false;  // another program read the store to the end: what was left waits beside it for the next call
};

/// Computes every (point, seed) of the study that the store has not finished, resuming saved
/// states. Steps or probes added to the study since are computed for finished runs too, from the
/// latest usable state (a probe due before it: by replaying the run, whose weights must come out
/// bit for bit).
RunnerSummary run_study(const Study& study, Store& store, const RunnerOptions& options);

/// Counts of a study's runs in a store: of those that the store is for (Portion), as far as the study's own steps go.
struct StudyStatus {
  std::int64_t done = 0, running = 0, waiting = 0, diverged = 0, failed = 0;
  std::int64_t elsewhere = 0;  // runs of other shards
};
StudyStatus status(const Study& study, const Store& store);

/// What a reader of a study's numbers should know, as run_study noted it in the store: a sentence each.
std::vector<std::string> notes_of(const Store& store, const std::string& study);

/// What a study would take: runs, bytes of memory, seconds, from about a second of measured
/// training.
struct Estimate {
  std::int64_t runs = 0, steps = 0, bytes = 0;
  double seconds = 0;
};
Estimate estimate(const Study& study, const RunnerOptions& options);

}  // namespace iclab::study
