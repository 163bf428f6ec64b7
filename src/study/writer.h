// The one thread that writes to the store while a study runs: what many runs save within a quarter
// of a second is one transaction.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "study/store.h"

namespace iclab::study {

class Writer {
 public:
  explicit Writer(Store& store);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Hands over; waits while too much is waiting to be written. After a failure it drops what it is
  /// given.
  void push(Progress progress);

  /// Something cannot be written, or must not: `failed` is true from now on.
  void fail(std::exception_ptr failure);
  bool failed() const;

  /// Writes what is left and ends the thread. Throws what failed, if anything did.
  void close();

 private:
  void work();

  Store& store_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Progress> waiting_;
  size_t waiting_bytes_ = 0;
  bool closed_ = false;
  std::exception_ptr failure_;
  std::jthread thread_;
};

}  // namespace iclab::study
