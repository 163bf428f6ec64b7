#include "study/writer.h"

#include <utility>

#include "study/merge.h"
#include "study/shards.h"
#include "study/sqlite.h"
#include "study/stored_studies.h"

namespace iclab::study {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenCommits{250};  // each costs two or three fsyncs
// Short runs outpace the disk: this bounds what they keep in memory, beside as much that is being written. Where another
// program reads the store, and nothing can be written, training goes on for longer.
constexpr size_t kMostWaitingBytes = 16 << 20, kMostWhileStuck = 512 << 20;
constexpr std::chrono::seconds kStuck{2};

// What waits of a run, with what it saves next.
void append(Progress& waiting, Progress&& next) {
  next.measured.insert(next.measured.begin(), std::make_move_iterator(waiting.measured.begin()),
                       std::make_move_iterator(waiting.measured.end()));
  next.blanks.insert(next.blanks.begin(), waiting.blanks.begin(), waiting.blanks.end());
  if (next.state.empty()) next.state = std::move(waiting.state);
  if (next.weights.empty()) next.weights = std::move(waiting.weights);
  waiting = std::move(next);
}

}  // namespace

Writer::Writer(Store& store, std::function<StoredRun(const std::string&)> describe)
    : store_(store), describe_(std::move(describe)), thread_([this] { work(); }) {}

Writer::~Writer() {
  try {
    close();
  } catch (...) {  // whoever did not ask cannot be told
  }
}

void Writer::push(std::function<void(Store&)> write) {
  const std::lock_guard guard(mutex_);
  writes_.push_back(std::move(write));
  changed_.notify_all();
}

void Writer::push(Progress progress) {
  std::unique_lock lock(mutex_);
  while (waiting_bytes_ >= most_waiting_bytes() && !failure_) changed_.wait_for(lock, kStuck);
  if (failure_) return;
  const auto known = places_.find(progress.run);
  const bool joins = known != places_.end() && progress.error.empty() && waiting_[known->second].error.empty();
  if (joins) {
    Progress& waiting = waiting_[known->second];
    waiting_bytes_ -= bytes_of(waiting);
    append(waiting, std::move(progress));
    waiting_bytes_ += bytes_of(waiting);
  } else {
    places_[progress.run] = waiting_.size();
    waiting_bytes_ += bytes_of(progress);
    waiting_.push_back(std::move(progress));
  }
  changed_.notify_all();
}

size_t Writer::most_waiting_bytes() const {
  return writing_since_ && Clock::now() - *writing_since_ > kStuck ? kMostWhileStuck : kMostWaitingBytes;
}

void Writer::fail(std::exception_ptr failure) {
  const std::lock_guard guard(mutex_);
  if (!failure_) failure_ = std::move(failure);
  changed_.notify_all();
}

bool Writer::failed() const {
  const std::lock_guard guard(mutex_);
  return failure_ != nullptr;
}

void Writer::close() {
  {
    const std::lock_guard guard(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  if (failure_) std::rethrow_exception(failure_);
}

// What was handed over before a failure elsewhere is still written: it is whole.
void Writer::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !writes_.empty() || !waiting_.empty() || closed_; });
    if (writes_.empty() && waiting_.empty()) return;
    const auto writes = std::exchange(writes_, {});
    const std::vector<Progress> batch = std::exchange(waiting_, {});
    places_.clear();
    waiting_bytes_ = 0;
    const auto begin = Clock::now();
    writing_since_ = begin;
    changed_.notify_all();
    lock.unlock();
    std::exception_ptr failure;
    try {
      write(writes, batch);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    writing_since_.reset();
    if (failure) {
      if (!failure_) failure_ = failure;
      waiting_.clear();
      changed_.notify_all();
      return;
    }
    changed_.wait_until(lock, begin + kBetweenCommits,
                        [this] { return closed_ || waiting_bytes_ >= kMostWaitingBytes / 2; });
  }
}

// Only a process that was asked to end gives up waiting for readers. Its states must not be lost with it.
void Writer::write(const std::vector<std::function<void(Store&)>>& writes, const std::vector<Progress>& batch) {
  size_t written = 0;
  if (!aside_) {
    try {
      for (; written < writes.size(); ++written) writes[written](store_);
      if (!batch.empty()) store_.save(batch);
      return;
    } catch (const Busy&) {
      aside_ = std::make_unique<Store>(set_aside_folder(store_.folder()), Store::Access::kWrite);
    }
  }
  for (; written < writes.size(); ++written) writes[written](*aside_);
  if (!batch.empty()) set_aside(batch);
}

void Writer::set_aside(const std::vector<Progress>& batch) {
  std::vector<StoredRun> runs;
  for (const Progress& progress : batch) runs.push_back(describe_(progress.run));
  aside_->add_runs(runs);
  aside_->save(batch);
}

bool take_in_set_aside(Store& store) {
  const std::filesystem::path folder = set_aside_folder(store.folder());
  if (!std::filesystem::exists(folder / "store.sqlite")) return false;
  {
    const Store aside(folder, Store::Access::kRead);
    merge(store, aside);
    for (const std::string& study : study_names(aside)) {
      const Portion portion = portion_of(aside, study);
      if (portion.is_all()) add_portion(store, study, 0, 1);
      for (const auto& [shard, shards] : portion.shards()) add_portion(store, study, shard, shards);
    }
  }
  std::filesystem::remove_all(folder);
  return true;
}

}  // namespace iclab::study
