#include "study/writer.h"

#include <chrono>
#include <utility>

namespace iclab::study {
namespace {

constexpr std::chrono::milliseconds kBetweenCommits{250};  // each costs two or three fsyncs
// Short runs outpace the disk: this bounds what they keep in memory, beside as much that is being written.
constexpr size_t kMostWaitingBytes = 16 << 20;

size_t bytes_of(const Progress& progress) {
  size_t bytes = sizeof progress + progress.state.size() +
                 progress.measured.size() * sizeof(progress.measured[0]);
  for (const train::Tensor& tensor : progress.weights) bytes += sizeof tensor + tensor.bytes.size();
  return bytes;
}

}  // namespace

Writer::Writer(Store& store) : store_(store), thread_([this] { work(); }) {}

Writer::~Writer() {
  try {
    close();
  } catch (...) {  // whoever did not ask cannot be told
  }
}

void Writer::push(Progress progress) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_bytes_ < kMostWaitingBytes || failure_; });
  if (failure_) return;
  waiting_bytes_ += bytes_of(progress);
  waiting_.push_back(std::move(progress));
  changed_.notify_all();
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
    changed_.wait(lock, [this] { return !waiting_.empty() || closed_; });
    if (waiting_.empty()) return;
    const std::vector<Progress> batch = std::exchange(waiting_, {});
    waiting_bytes_ = 0;
    changed_.notify_all();
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    std::exception_ptr failure;
    try {
      store_.save(batch);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
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

}  // namespace iclab::study
