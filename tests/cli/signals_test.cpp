#include "cli/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace iclab::cli {
namespace {

void wait_for_stop(const std::stop_token& token) {
  while (!token.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(StopOnSignalDeathTest, TheFirstSignalAsksTheSecondEnds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const StopOnSignal signals;
        kill(getpid(), SIGINT);
        wait_for_stop(signals.token());
        kill(getpid(), SIGTERM);
        pause();
      },
      testing::ExitedWithCode(128 + SIGTERM), "iclab: stopping; saving what is done");
}

class EverySignal : public testing::TestWithParam<int> {};

TEST_P(EverySignal, AsksToSaveAndReturn) {
  signal(GetParam(), SIG_DFL);  // the tests may run under nohup
  const StopOnSignal signals;
  kill(getpid(), GetParam());
  wait_for_stop(signals.token());
}

INSTANTIATE_TEST_SUITE_P(StopOnSignal, EverySignal,
                         testing::Values(SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU));

// As under nohup.
TEST(StopOnSignalDeathTest, OneThatWasIgnoredStaysSo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        signal(SIGHUP, SIG_IGN);
        const StopOnSignal signals;
        kill(getpid(), SIGHUP);
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        _exit(signals.token().stop_requested() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

// A closed terminal tells it twice, and SIGXCPU comes every second: neither may cut the saving short.
TEST(StopOnSignalDeathTest, OnlyAPersonsSecondSignalEnds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const StopOnSignal signals;
        for (int i = 0; i < 2; ++i)
          for (const int signal : {SIGHUP, SIGXCPU}) {
            kill(getpid(), signal);
            wait_for_stop(signals.token());
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
          }
        kill(getpid(), SIGINT);
        pause();
      },
      testing::ExitedWithCode(128 + SIGINT), "");
}

TEST(StopOnSignalDeathTest, AfterwardsASignalKillsAgain) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        { const StopOnSignal signals; }
        kill(getpid(), SIGINT);
        pause();
      },
      testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace iclab::cli
