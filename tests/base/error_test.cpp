#include "base/error.h"

#include <gtest/gtest.h>

namespace iclab {
namespace {

using namespace std::string_literals;

TEST(Error, KeepsWhatFollowsAByteThatWouldEndTheText) {
  EXPECT_STREQ(Error("a\0b: found 3"s).what(), "a\\x00b: found 3");
}

TEST(Error, ShowsBytesThatAreNoText) {
  EXPECT_STREQ(UsageError("caf\xe9.toml: no such file").what(), "caf\\xe9.toml: no such file");
  EXPECT_STREQ(Error("a\x1b[2J\x7f\r").what(), "a\\x1b[2J\\x7f\\x0d");
}

TEST(Error, IsOtherwiseAsWritten) {
  EXPECT_STREQ(Error("損失: first line\nsecond line, C:\\x").what(), "損失: first line\nsecond line, C:\\x");
}

}  // namespace
}  // namespace iclab
