// The one thread that writes to the store while a study runs: what many runs save within a quarter
// of a second is one transaction.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "study/store.h"

namespace iclab::study {

class Writer {
 public:
  /// `describe` gives the row of a run that is pushed: a store that is kept busy may not be asked.
  Writer(Store& store, std::function<StoredRun(const std::string& run)> describe);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Hands over what is to be written before all that is pushed later: into the store, or into what is set aside.
  void push(std::function<void(Store&)> write);

  /// Hands over; waits while too much is waiting to be written. Of what waits of one run only the latest state is kept.
  /// After a failure it drops what it is given.
  void push(Progress progress);

  /// Something cannot be written, or must not: `failed` is true from now on.
  void fail(std::exception_ptr failure);
  bool failed() const;

  /// Writes what is left and ends the thread. Throws what failed, if anything did.
  void close();

  /// Another program read the store until this process was asked to end: what was left is in the folder of set_aside.
  bool has_set_aside() const { return aside_ != nullptr; }

 private:
  void work();
  void write(const std::vector<std::function<void(Store&)>>& writes, const std::vector<Progress>& batch);
  void set_aside(const std::vector<Progress>& batch);
  size_t most_waiting_bytes() const;

  Store& store_;
  std::function<StoredRun(const std::string&)> describe_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void(Store&)>> writes_;
  std::vector<Progress> waiting_;
  std::map<std::string, size_t> places_;  // of the runs in waiting_
  size_t waiting_bytes_ = 0;
  std::optional<std::chrono::steady_clock::time_point> writing_since_;
  bool closed_ = false;
  std::exception_ptr failure_;
  std::unique_ptr<Store> aside_;
  std::jthread thread_;
};

/// Takes in what was set aside, if anything was. True if it was.
bool take_in_set_aside(Store& store);

}  // namespace iclab::study
