#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

using testing::HasSubstr;

TEST(Theory, ListsEveryFunctionWithSourceAndParameters) {
  const Json list = iclab({"theory", "--json"}).json();
  ASSERT_TRUE(list.is_array());
  EXPECT_GT(list.size(), 5U);
  for (const Json& entry : list) {
    EXPECT_FALSE(entry["name"].get<std::string>().empty());
    EXPECT_FALSE(entry["summary"].get<std::string>().empty()) << entry["name"];
    EXPECT_FALSE(entry["source"].get<std::string>().empty()) << entry["name"];
    EXPECT_TRUE(entry["parameters"].is_array()) << entry["name"];
  }
  const Outcome text = iclab({"theory"});
  EXPECT_EQ(text.exit_code, 0);
  for (const Json& entry : list)
    EXPECT_THAT(text.out, HasSubstr("\n" + entry["name"].get<std::string>() + " "));
}

TEST(Theory, EvaluatesOneWithTheSchemaOfTheFormats) {
  const Outcome outcome = iclab({"theory", "THE_RISK", "d=8", "r=2", "K=1", "n=32", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST(Theory, WrongWordsAreUsageErrors) {
  const auto expect = [](const std::vector<std::string>& words, const std::string& message) {
    const Outcome outcome = iclab(words);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.out, testing::IsEmpty());
    EXPECT_THAT(outcome.err, HasSubstr(message));
  };
  expect({"theory", "no-such-form"}, "no-such-form");
}

}  // namespace
}  // namespace iclab::test
