#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "cli/output.h"

namespace iclab::cli {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

// What a process killed by the signal would tell its parent.
constexpr int kKilled = 128;

}  // namespace

StopOnSignal::StopOnSignal() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  waiter_ = std::jthread([this, set](const std::stop_token& done) {
    const timespec patience{.tv_sec = 0, .tv_nsec = 50'000'000};  // how late `done` may be noticed
    while (!done.stop_requested()) {
      const int signal = sigtimedwait(&set, nullptr, &patience);
      if (signal < 0) continue;
      if (stop_.stop_requested()) _exit(kKilled + signal);
      say("iclab: stopping; saving what is done (once more to quit at once)");
      stop_.request_stop();
    }
  });
}

StopOnSignal::~StopOnSignal() {
  waiter_.request_stop();
  waiter_.join();
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace iclab::cli
