#include "report/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "tests/report/folder.h"

namespace iclab::report {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Files : public InFolder {
 protected:
  size_t entries() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
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

TEST_F(Files, AFullDiskIsAnError) {
  fs::create_symlink("/dev/full", folder_ / ("a." + std::to_string(::getpid()) + ".tmp"));
  EXPECT_THAT(message_of([&] { write_whole(folder_ / "a", "text"); }),
              HasSubstr("a: cannot be written (No space left on device)"));
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
}  // namespace iclab::report
