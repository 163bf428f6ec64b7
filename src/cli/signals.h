// Ctrl-C and the other signals that ask a command to end: the first asks to save and return.
#pragma once

#include <signal.h>

#include <stop_token>
#include <thread>

namespace iclab::cli {

/// While it lives, these signals request a stop: SIGINT and SIGTERM; and SIGHUP (a closed terminal),
/// SIGUSR1, SIGUSR2 (a batch system's warning), SIGXCPU (ulimit -t), each unless the process ignores
/// it, as under nohup. After the first of them another SIGINT or SIGTERM ends the process at once. The
/// others don't: a closed terminal often tells it twice, and SIGXCPU comes every second.
/// Make it before any other thread, so that they all inherit its signal mask.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

 private:
  const sigset_t signals_;
  std::stop_source stop_;
  std::jthread waiter_;
};

}  // namespace iclab::cli
