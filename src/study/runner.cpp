#include "study/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <new>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "base/processor.h"
#include "lanes/kernels.h"
#include "study/job.h"
#include "study/life.h"
#include "study/results.h"
#include "study/stored_studies.h"
#include "study/writer.h"

namespace iclab::study {
namespace {

using Clock = std::chrono::steady_clock;
using train::RunStatus;

constexpr std::chrono::milliseconds kBetweenReports{250};
constexpr double kRateSeconds = 5;  // the rate is that of the latest seconds
constexpr size_t kRunsATransaction = 1'000;
const std::string kNotes = "notes/";  // documents of the store

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// A run that the store does not have as the study wants it.
struct Todo {
  Job* job;
  std::int64_t seed;
  StoredRun stored;
  bool is_new;
};

StoredRun new_run(const Study& study, std::int64_t seed, std::string id, std::string identity) {
  StoredRun run;
  run.id = std::move(id);
  run.identity = std::move(identity);
  run.study_seed = study.seed;
  run.seed_index = seed;
  return run;
}

void check_options(const RunnerOptions& options) {
  if (options.shards < 1 || options.shard < 0 || options.shard >= options.shards)
    throw UsageError(fmt::format("shard: found {} of {}, accepted is 0 <= shard < shards",
                                 options.shard, options.shards));
  if (options.threads < 0)
    throw UsageError(fmt::format("threads: found {}, accepted is at least 0", options.threads));
}

Portion portion_of_shard(const RunnerOptions& options) {
  if (options.shards == 1) return {};
  return Portion({{options.shard, options.shards}});
}

int wanted_threads(const RunnerOptions& options) {
  return options.threads > 0 ? options.threads : processor_count();
}

// One run a thread; threads beyond the runs help within each.
int runs_at_a_time(const RunnerOptions& options, size_t runs) {
  return static_cast<int>(std::min<size_t>(static_cast<size_t>(wanted_threads(options)), runs));
}

int threads_per_run(const RunnerOptions& options, size_t runs) {
  return wanted_threads(options) / std::max(runs_at_a_time(options, runs), 1);
}

void add_notes(const Job& job, const train::Learner& learner, std::vector<std::string>& notes) {
  for (const ProbeSpec& probe : job.probes())
    for (std::string& note : learner.notes(probe.choice))
      if (std::ranges::find(notes, note) == notes.end()) notes.push_back(std::move(note));
}

void store_notes(Store& store, const std::string& study, const std::vector<std::string>& notes) {
  const std::string text = Json(notes).dump(-1, ' ', false, Json::error_handler_t::replace);
  if (store.document(kNotes + study).value_or("[]") != text) store.set_document(kNotes + study, text);
}

void add_new_runs(const Study& study, const std::vector<Todo>& todo, Store& store) {
  std::vector<StoredRun> fresh;
  const auto add = [&] {
    store.add_runs(fresh);
    fresh.clear();
  };
  for (const Todo& one : todo) {
    if (one.is_new) fresh.push_back(new_run(study, one.seed, one.stored.id, one.job->identity()));
    if (fresh.size() == kRunsATransaction) add();
  }
  if (!fresh.empty()) add();
}

// Runs what is to do over threads; the caller's thread reports.
class Pool {
 public:
  Pool(Store& store, const RunnerOptions& options, std::vector<Todo> todo, RunnerSummary& summary,
       std::int64_t runs_total)
      : options_(options),
        todo_(std::move(todo)),
        summary_(summary),
        runs_total_(runs_total),
        writer_(store, [this](const std::string& id) { return describe(id); }),
        shared_{store, writer_, options.checkpoint_seconds,
                threads_per_run(options, todo_.size()), [this] { return stopping(); }} {
    for (const Todo& one : todo_)
      if (one.stored.status == RunStatus::kRunning || one.stored.status == RunStatus::kFinished)
        shared_.steps_total += std::max<std::int64_t>(0, one.job->steps() - one.stored.step);
  }

  ~Pool() {
    abandoned_ = true;
    threads_.clear();  // joins
  }

  const std::vector<Todo>& todo() const { return todo_; }

  /// `first`: what is to be written before any run's results. The writer does it, as it may have to wait for readers.
  void run(std::function<void(Store&)> first) {
    writer_.push(std::move(first));
    const int threads = runs_at_a_time(options_, todo_.size());
    active_ = threads;
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
    wait();
    threads_.clear();
    summary_.steps = shared_.steps_done;
    summary_.stopped = interrupted_ || next_ < todo_.size();
    writer_.close();
    summary_.set_aside = writer_.has_set_aside();
    report();
  }

 private:
  bool stopping() const { return abandoned_ || options_.stop.stop_requested() || writer_.failed(); }

  // The row of a run, as the store has it or is to have it.
  StoredRun describe(const std::string& id) const {
    const auto found = std::ranges::find_if(todo_, [&](const Todo& todo) { return todo.stored.id == id; });
    StoredRun run = found->stored;
    run.identity = found->job->identity();
    return run;
  }

  void work() {
    while (!stopping()) {
      const size_t index = next_++;
      if (index >= todo_.size()) break;
      try {
        live(todo_[index]);
      } catch (...) {
        writer_.fail(std::current_exception());
      }
    }
    const std::lock_guard guard(mutex_);
    --active_;
    finished_.notify_all();
  }

  // What goes wrong in training is that run's failure; what goes wrong with the store ends all.
  void live(Todo& todo) {
    Life life(*todo.job, todo.seed, todo.stored, shared_);
    Outcome outcome = Outcome::kAlreadyThere;
    bool failed = false;
    if (life.prepare()) {
      try {
        outcome = life.live(*todo.job->learner());
      } catch (const ReplayError&) {
        throw;
      } catch (const Damaged&) {
        throw;
      } catch (const std::bad_alloc&) {
        throw Error(fmt::format("run {}: out of memory; accepted are fewer threads, or a smaller model, batch or evaluation",
                                todo.stored.id));
      } catch (const std::exception& error) {
        Progress progress;
        progress.run = todo.stored.id;
        progress.error = *error.what() ? error.what() : "unknown";
        writer_.push(std::move(progress));
        failed = true;
      }
    }
    if (--todo.job->runs_left == 0) todo.job->release();
    count(outcome, failed);
  }

  void count(Outcome outcome, bool failed) {
    const std::lock_guard guard(mutex_);
    if (outcome == Outcome::kInterrupted) {
      interrupted_ = true;
      return;
    }
    ++runs_ended_;
    if (failed)
      ++summary_.failed;
    else if (outcome == Outcome::kAlreadyThere)
      ++summary_.already_there;
    else
      ++summary_.computed;
    if (outcome == Outcome::kDiverged) ++summary_.diverged;
  }

  void wait() {
    std::unique_lock lock(mutex_);
    while (!finished_.wait_for(lock, kBetweenReports, [this] { return active_ == 0; })) {
      lock.unlock();
      report();
      lock.lock();
    }
  }

  void report() {
    if (!options_.progress) return;
    RunnerProgress progress;
    {
      const std::lock_guard guard(mutex_);
      progress.runs_done = runs_total_ - static_cast<std::int64_t>(todo_.size()) + runs_ended_;
    }
    progress.runs_total = runs_total_;
    progress.steps_done = shared_.steps_done;
    progress.steps_total = progress.steps_done + expected_steps_left();
    progress.seconds = seconds_since(begin_);
    past_.push_back({progress.seconds, progress.steps_done});
    while (past_.size() > 2 && past_[1].first < progress.seconds - kRateSeconds) past_.pop_front();
    const double seconds = progress.seconds - past_.front().first;
    if (seconds > 0)
      progress.steps_per_second =
          static_cast<double>(progress.steps_done - past_.front().second) / seconds;
    if (progress.steps_per_second > 0)
      progress.seconds_left = static_cast<double>(progress.steps_total - progress.steps_done) /
                              progress.steps_per_second;
    options_.progress(progress);
  }

  // The runs that are left are expected to stop as early as those that ended.
  std::int64_t expected_steps_left() const {
    const auto left = static_cast<double>(shared_.steps_total - shared_.steps_done);
    if (shared_.ended_most == 0) return std::llround(left);
    return std::llround(left * static_cast<double>(shared_.ended_steps) / static_cast<double>(shared_.ended_most));
  }

  const RunnerOptions& options_;
  std::vector<Todo> todo_;
  RunnerSummary& summary_;
  std::int64_t runs_total_;
  Writer writer_;
  Shared shared_;
  const Clock::time_point begin_ = Clock::now();
  std::deque<std::pair<double, std::int64_t>> past_{{0.0, 0}};  // (seconds, steps)

  std::atomic<size_t> next_ = 0;
  std::atomic<bool> abandoned_ = false;
  std::mutex mutex_;
  std::condition_variable finished_;
  int active_ = 0;
  bool interrupted_ = false;
  std::int64_t runs_ended_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace

RunnerSummary run_study(const Study& study, Store& store, const RunnerOptions& options) {
  check_options(options);
  (void)lanes::chosen_instruction_set();  // throws where nothing can be trained
  const Clock::time_point begin = Clock::now();
  store.set_patience({options.stop, options.tell_waiting});
  take_in_set_aside(store);
  RunnerSummary summary;
  const std::vector<std::unique_ptr<Job>> jobs = make_jobs(study);

  std::vector<Todo> todo;
  const Portion portion = portion_of_shard(options);
  std::int64_t total = 0;
  for (size_t number = 0; number < jobs.size(); ++number) {
    const auto& job = jobs[number];
    const std::string plan = job->plan();
    for (std::int64_t seed = 0; seed < study.seeds; ++seed) {
      if (!portion.has(static_cast<std::int64_t>(number), seed, static_cast<std::int64_t>(jobs.size()))) continue;
      ++total;
      std::string id = job->id(seed);
      std::optional<StoredRun> stored = store.run(id);
      if (stored && stored->error.empty() && stored->plan == plan &&
          stored->status != RunStatus::kRunning) {
        ++summary.already_there;
        continue;
      }
      const bool is_new = !stored;
      if (is_new) stored = new_run(study, seed, std::move(id), "");
      stored->identity = {};  // the job has it
      todo.push_back({job.get(), seed, std::move(*stored), is_new});
      ++job->runs_left;
    }
  }

  // A study that does not fit together, or not into this machine, is refused before anything is written; between its
  // ends, a point that does not fit is a failure of its runs.
  std::vector<std::string> notes;
  const bool has_work = !todo.empty();
  if (has_work)
    for (Job* job : {todo.front().job, todo.back().job}) {
      const auto learner = job->learner();
      job->check_memory(*learner, threads_per_run(options, todo.size()));
      add_notes(*job, *learner, notes);
    }
  Pool pool(store, options, std::move(todo), summary, total);
  pool.run([&](Store& into) {
    add_portion(into, study.name, options.shard, options.shards);
    store_study(study, into);
    if (has_work) store_notes(into, study.name, notes);
    add_new_runs(study, pool.todo(), into);
  });
  summary.seconds = seconds_since(begin);
  return summary;
}

std::vector<std::string> notes_of(const Store& store, const std::string& study) {
  const Json json = Json::parse(store.document(kNotes + study).value_or("[]"), nullptr, false);
  std::vector<std::string> notes;
  if (json.is_array())
    for (const Json& note : json)
      if (note.is_string()) notes.push_back(note.get<std::string>());
  return notes;
}

StudyStatus status(const Study& study, const Store& store) {
  const StudyRuns runs(study, store);
  std::set<std::string> seen;  // points that differ in probes alone share their runs
  StudyStatus counts;
  for (size_t point = 0; point < study.points.size(); ++point)
    for (const RunView& run : runs.of(point)) {
      if (!seen.insert(run.id).second) continue;
      switch (run.state) {
        case RunState::kWaiting:
          ++counts.waiting;
          break;
        case RunState::kRunning:
          ++counts.running;
          break;
        case RunState::kFinished:
        case RunState::kStopped:
          ++counts.done;
          break;
        case RunState::kDiverged:
          ++counts.diverged;
          break;
        case RunState::kFailed:
          ++counts.failed;
          break;
        case RunState::kElsewhere:
          ++counts.elsewhere;
          break;
      }
    }
  return counts;
}

}  // namespace iclab::study
