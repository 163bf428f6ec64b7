#include "cli/signals.h"

#include <pthread.h>
#include <unistd.h>

#include "cli/output.h"

namespace iclab::cli {
namespace {

bool is_ignored(int signal) {
  struct sigaction action;
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU})
    if (!is_ignored(signal)) sigaddset(&set, signal);
  return set;
}

bool is_asked_by_a_person(int signal) { return signal == SIGINT || signal == SIGTERM; }

// What a process killed by the signal would tell its parent.
constexpr int kKilled = 128;

}  // namespace

StopOnSignal::StopOnSignal() : signals_(stop_signals()) {
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  waiter_ = std::jthread([this](const std::stop_token& done) {
    const timespec patience{.tv_sec = 0, .tv_nsec = 50'000'000};  // how late `done` may be noticed
    while (!done.stop_requested()) {
      const int signal = sigtimedwait(&signals_, nullptr, &patience);
      if (signal < 0) continue;
      if (stop_.stop_requested() && is_asked_by_a_person(signal)) _exit(kKilled + signal);
      if (stop_.stop_requested()) continue;
      say("iclab: stopping; saving what is done (Ctrl-C to quit at once)");
      stop_.request_stop();
    }
  });
}

StopOnSignal::~StopOnSignal() {
  waiter_.request_stop();
  waiter_.join();
  pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
}

}  // namespace iclab::cli
