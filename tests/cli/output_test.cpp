#include "cli/output.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace iclab::cli {
namespace {

TEST(Output, TablesAlignByCodePointAndEndWithoutBlanks) {
  EXPECT_EQ(table({{"name", "θ", "x"}, {"a", "1.5", ""}}), "name  θ    x\na     1.5\n");
  EXPECT_EQ(table({}), "");
}

TEST(Output, CountsAndBytes) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1000), "1k");
  EXPECT_EQ(human_count(12'345), "12.3k");
  EXPECT_EQ(human_count(999'999), "1M");
  EXPECT_EQ(human_count(4.56e9), "4.56G");
  EXPECT_EQ(human_bytes(512), "512 B");
  EXPECT_EQ(human_bytes(1.5e6), "1.5 MB");
}

TEST(Output, JsonIsOneLineAndSurvivesBrokenText) {
  EXPECT_EQ(json_line({{"a", {1, 2}}, {"b", nullptr}}), "{\"a\":[1,2],\"b\":null}\n");
  EXPECT_EQ(json_line("\xff"), "\"\xef\xbf\xbd\"\n");
}

}  // namespace
}  // namespace iclab::cli
