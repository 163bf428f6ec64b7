// Ctrl-C and SIGTERM: the first asks to save and return, the second ends the process at once.
#pragma once

#include <stop_token>
#include <thread>

namespace iclab::cli {

/// While it lives, SIGINT and SIGTERM request a stop. Make it before any other thread, so that they
/// all inherit its signal mask.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::jthread waiter_;
};

}  // namespace iclab::cli
