// A few threads that work on parts of one step.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace iclab::program {

/// `size` threads, the caller's among them. Waiting threads sleep.
class Team {
 public:
  explicit Team(int size) {
    for (int member = 1; member < size; ++member)
      threads_.emplace_back([this, member](const std::stop_token& stop) { serve(member, stop); });
  }
  ~Team() {
    for (std::jthread& thread : threads_) thread.request_stop();
    start(nullptr, nullptr);
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }

  /// job(member) for members 0 .. size - 1, at the same time; returns when all are done. `job` must not
  /// throw.
  template <class Job>
  void run(Job& job) {
    if (threads_.empty()) return job(0);
    start([](void* its, int member) { (*static_cast<Job*>(its))(member); }, &job);
    job(0);
    for (int busy = busy_; busy > 0; busy = busy_) busy_.wait(busy);
  }

 private:
  using Call = void (*)(void*, int);

  void start(Call call, void* job) {
    call_ = call;
    job_ = job;
    busy_ = static_cast<int>(threads_.size());
    ++round_;
    round_.notify_all();
  }

  void serve(int member, const std::stop_token& stop) {
    for (int seen = 0; !stop.stop_requested();) {
      round_.wait(seen);
      seen = round_;
      if (call_) call_(job_, member);
      if (--busy_ == 0) busy_.notify_one();
    }
  }

  Call call_ = nullptr;
  void* job_ = nullptr;
  std::atomic<int> round_ = 0, busy_ = 0;
  std::vector<std::jthread> threads_;  // last: they use the rest
};

}  // namespace iclab::program
