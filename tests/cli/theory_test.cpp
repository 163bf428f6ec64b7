#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

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
    EXPECT_THAT(text.out, HasSubstr(entry["name"].get<std::string>() + " "));
}

const std::vector<std::string> kPlane{"theory", "diversity-risk", "d=8", "r=2", "K=1", "s=0",
                                      "n=16"};

std::vector<std::string> plane(const std::vector<std::string>& more) {
  std::vector<std::string> words = kPlane;
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(Theory, EvaluatesOneWithTheSchemaOfTheFormats) {
  const Json json = iclab(plane({"--json"})).json();
  EXPECT_EQ(json.size(), 3U);
  EXPECT_EQ(json["name"], "diversity-risk");
  EXPECT_EQ(json["args"]["d"], 8);
  EXPECT_EQ(json["args"]["sigma2"], 0.0);  // a default
  // One plane: gamma = n / (n + 1 + r), risk = r (1 - gamma) = 6/19; a few roundings of numbers
  // near 2.
  EXPECT_NEAR(json["value"].get<double>(), 6.0 / 19,
              8 * 2 * std::numeric_limits<double>::epsilon());
}

TEST(Theory, TextIsTheValueAlone) {
  const Outcome number = iclab(plane({}));
  EXPECT_EQ(number.exit_code, 0);
  EXPECT_NEAR(std::stod(number.out), 6.0 / 19, 8 * 2 * std::numeric_limits<double>::epsilon());
  const Outcome array = iclab(plane({"test=outside", "angle_deg=0,45,90"}));
  EXPECT_EQ(std::count(array.out.begin(), array.out.end(), '\n'), 3) << array.out;
  const Outcome object =
      iclab({"theory", "diversity-constants", "d=8", "r=2", "K=1", "s=0", "n=16"});
  EXPECT_THAT(object.out, HasSubstr("Lambda"));
  EXPECT_THAT(object.out, HasSubstr("\nR                2\n"));
}

TEST(Theory, WhatIsUndefinedIsNull) {
  EXPECT_TRUE(iclab(plane({"test=span", "--json"})).json()["value"].is_null());
  EXPECT_EQ(iclab(plane({"test=span"})).out, "undefined\n");
}

TEST(Theory, WhatNeverHappensIsInf) {
  EXPECT_EQ(iclab({"theory", "tau_star_general", "N=32", "mu=-1"}).out, "inf\n");
  EXPECT_EQ(iclab({"theory", "tau_star_general", "N=32", "mu=-1", "--json"}).json()["value"], "inf");
}

TEST(Theory, ListsMayHaveBrackets) {
  const Outcome flow = iclab({"theory", "meanfield_Kinf", "N=32", "times=[0, 20]"});
  EXPECT_EQ(flow.exit_code, 0) << flow.err;
  EXPECT_THAT(flow.out, HasSubstr("\ntimes     0                  20\n"));
  EXPECT_EQ(iclab({"theory", "meanfield_Kinf", "N=32", "times=0,20"}).out, flow.out);
  EXPECT_THAT(iclab({"theory"}).out, HasSubstr("meanfield_Kinf N= [n=1 beta0=0 w0=0 times=]"));
  // A list of lists is a table, a list a line.
  const Outcome way = iclab({"theory", "post_acquisition", "s=[0,1]", "c3_s=[1,1]", "w_a=0"});
  EXPECT_THAT(way.out, testing::StartsWith("0  1\n0  1.859"));
}

TEST(Theory, WrongWordsAreUsageErrors) {
  const auto expect = [](const std::vector<std::string>& words, const std::string& message) {
    const Outcome outcome = iclab(words);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.out, testing::IsEmpty());
    EXPECT_THAT(outcome.err, HasSubstr(message));
  };
  expect({"theory", "diversity-rsik"}, "did you mean 'diversity-risk'?");
  expect({"theory", "diversity-risk", "d=8"}, "r: missing");
  expect(plane({"tset=id"}), "did you mean 'test'?");
  expect(plane({"sigma2=-1"}), "sigma2: found -1");
  expect(plane({"sigma2=nan"}), "sigma2: found nan");
  expect(plane({"d=8"}), "found twice");
  expect(plane({"id"}), "found 'id', accepted is key=value");
  expect({"theory", "tau_star", "N=1"}, "[tau_star] N: found 1, accepted is a number at least 2");
  expect({"theory", "tau_star", "N=8", "n=8"}, "[tau_star] n: found 8, accepted is 1 to N - 1 = 7");
  expect({"theory", "taustar"}, "did you mean 'tau_star'?");
}

}  // namespace
}  // namespace iclab::test
