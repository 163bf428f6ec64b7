#include "cli/progress.h"

#include <gtest/gtest.h>

namespace iclab::cli {
namespace {

TEST(ProgressLine, HasBarPercentLabelRateAndTimeLeft) {
  const ProgressState state{"3 of 12 runs", 250, 1000, 12'345, 90};
  EXPECT_EQ(progress_line(state, 8),
            "[##------]  25%  3 of 12 runs  12.3k steps/s  1 min 30 s left");
  EXPECT_EQ(progress_line(state, 0), " 25%  3 of 12 runs  12.3k steps/s  1 min 30 s left");
}

TEST(ProgressLine, WithoutARateSaysNothingOfTime) {
  EXPECT_EQ(progress_line({"judging", 0, 10, 0, 0}, 0), "  0%  judging");
}

// As where every run is there already.
TEST(ProgressLine, WithNothingToDoIsDone) {
  EXPECT_EQ(progress_line({"48 of 48 runs", 0, 0, 0, 0}, 4), "[####] 100%  48 of 48 runs");
}

TEST(ProgressLine, NeverOverfills) {
  EXPECT_EQ(progress_line({"done", 12, 10, 0, 0}, 4), "[####] 100%  done");
}

TEST(Progress, ElsewhereTheLastStateIsWrittenOnceAtTheEnd) {
  testing::internal::CaptureStderr();
  {
    Progress progress(false);
    progress.update({"1 of 2 runs", 5, 10, 0, 0});
    progress.update({"2 of 2 runs", 10, 10, 0, 0});
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "100%  2 of 2 runs\n");
}

TEST(Progress, OnATerminalTheBarIsDrawnAtOnceAndRemoved) {
  testing::internal::CaptureStderr();
  {
    Progress progress(true);
    progress.update({"1 of 2 runs", 5, 10, 0, 0});
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("\r\x1b[K[############------------]  50%  1 of 2 runs"), std::string::npos)
      << text;
  EXPECT_TRUE(text.ends_with("\r\x1b[K")) << text;
}

}  // namespace
}  // namespace iclab::cli
