#include "base/files.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "base/error.h"

namespace iclab {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Each test has a folder of its own, removed with everything in it.
class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "iclab-files-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  size_t entries() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST_F(Files, AreWrittenWholeAndReplaced) {
  write_whole(folder_ / "a", std::string(1 << 20, 'x'));
  EXPECT_EQ(read(folder_ / "a").size(), size_t{1} << 20);
  write_whole(folder_ / "a", "new");
  EXPECT_EQ(read(folder_ / "a"), "new");
  EXPECT_EQ(entries(), 1u);
}

// The last step fails: nothing may be left behind, and what was there stays.
TEST_F(Files, AFailureLeavesNothingBehind) {
  fs::create_directory(folder_ / "taken");
  write_whole(folder_ / "taken" / "inside", "old");
  EXPECT_THAT(message_of([&] { write_whole(folder_ / "taken", "text"); }),
              HasSubstr("taken: cannot be written ("));
  EXPECT_EQ(entries(), 1u);
  EXPECT_EQ(read(folder_ / "taken" / "inside"), "old");
}

// Files of this process may have so many bytes; a write beyond is an error, not a signal.
class SizeLimit {
 public:
  explicit SizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~SizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_;
  void (*handler_)(int);
};

TEST_F(Files, WithoutRoomIsAnErrorAndTheOldFileStays) {
  write_whole(folder_ / "a", "old");
  const SizeLimit limit(1000);
  EXPECT_THAT(message_of([&] { write_whole(folder_ / "a", std::string(2000, 'x')); }),
              HasSubstr("a: cannot be written (File too large)"));
  EXPECT_EQ(read(folder_ / "a"), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, MayBeWrittenTwiceAtOnce) {
  WholeFile one(folder_ / "a"), other(folder_ / "a");
  one.write("one ");
  other.write("other");
  one.write("more");
  one.finish();
  EXPECT_EQ(read(folder_ / "a"), "one more");
  other.finish();
  EXPECT_EQ(read(folder_ / "a"), "other");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, OfOneThatWasKilledAreNoObstacle) {
  for (int i = 0; i < 100; ++i)
    std::ofstream(folder_ / fmt::format("a.{}.{}.tmp", ::getpid(), i)) << "half";
  write_whole(folder_ / "a", "whole");
  EXPECT_EQ(read(folder_ / "a"), "whole");
}

TEST_F(Files, ThatAreNotFinishedNeverWere) {
  {
    WholeFile file(folder_ / "a");
    file.write("half");
  }
  EXPECT_EQ(entries(), 0u);
}

TEST_F(Files, FoldersUnderAFileCannotBe) {
  write_whole(folder_ / "file", "");
  EXPECT_THAT(message_of([&] { make_folder(folder_ / "file" / "sub"); }),
              HasSubstr("file/sub: cannot create the folder (Not a directory)"));
  EXPECT_THAT(message_of([&] { make_folder(folder_ / "file"); }),
              HasSubstr("file: cannot create the folder (Not a directory)"));
  EXPECT_THAT(message_of([&] { write_whole(folder_ / "none" / "a", ""); }),
              HasSubstr("none/a: cannot be written (No such file or directory)"));
}

TEST_F(Files, FoldersAreMadeWithThoseAbove) {
  make_folder(folder_ / "a" / "b" / "c");
  EXPECT_TRUE(fs::is_directory(folder_ / "a" / "b" / "c"));
  make_folder(folder_ / "a" / "b" / "c");
}

}  // namespace
}  // namespace iclab
