#include "theory/mixture.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"

namespace iclab::theory {
namespace {

std::string message(const std::function<void()>& action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Mixture, CountsItsColumns) {
  const Mixture mixture{.d = 8, .r = 3, .K = 2, .s = 1};
  EXPECT_EQ(mixture.nu(), 2);
  EXPECT_EQ(mixture.R(), 5);
}

TEST(Mixture, RefusesWhatDoesNotExist) {
  const auto refusal = [](const Mixture& mixture) {
    return message([&] { check(mixture, "[x] "); });
  };
  EXPECT_EQ(refusal({8, 2, 4, 0}), "no error");
  EXPECT_EQ(refusal({2, 2, 5, 2}), "no error");
  EXPECT_EQ(refusal({2, 3, 1, 0}), "[x] r: found 3, accepted is 1 to d = 2");
  EXPECT_EQ(refusal({2, 0, 1, 0}), "[x] r: found 0, accepted is 1 to d = 2");
  EXPECT_EQ(refusal({2, 1, 0, 0}), "[x] K: found 0, accepted is at least 1");
  EXPECT_EQ(refusal({4, 2, 2, 3}), "[x] s: found 3, accepted is 0 to r = 2");
  EXPECT_EQ(refusal({4, 2, 2, -1}), "[x] s: found -1, accepted is 0 to r = 2");
  EXPECT_EQ(refusal({4, 2, 1, 1}), "[x] s: found 1, accepted is 0 where K = 1 (nothing to share)");
  EXPECT_EQ(
      refusal({7, 2, 4, 0}),
      "[x] d: found 7, accepted is at least R = s + K (r-s) = 8, the number of distinct columns");
  EXPECT_EQ(refusal({4, 2, std::int64_t{1} << 62, 0}).substr(0, 10), "[x] d: fou");
}

TEST(ParseClasses, ReadsColumnsAndScales) {
  const std::vector<ColumnClass> classes = parse_classes("0,1@1 / 2,3@1.5/7", "x");
  ASSERT_EQ(classes.size(), 3u);
  EXPECT_EQ(classes[0].columns, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(classes[1].columns, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(classes[1].scale, 1.5);
  EXPECT_EQ(classes[2].scale, 1);
}

TEST(ParseClasses, RefusesWhatIsNoClass) {
  const auto refusal = [](const std::string& text) {
    return message([&] { check(parse_classes(text, "[x] classes"), 4, "[x] classes"); });
  };
  EXPECT_EQ(refusal("0,1@1/3@2"), "no error");
  EXPECT_EQ(refusal(""), "[x] classes: found no class, accepted is at least one, such as 0,1@1");
  EXPECT_EQ(refusal("0@1/"),
            "[x] classes: found '0@1/', accepted is classes such as 0,1@1/2,3@1.5");
  EXPECT_EQ(refusal("0@1@2"),
            "[x] classes: found '0@1@2', accepted is classes such as 0,1@1/2,3@1.5");
  EXPECT_EQ(refusal("@2"), "[x] classes: found no column in class 0");
  EXPECT_EQ(refusal("0,a@1"), "[x] classes: found 'a', accepted is a column, an integer from 0");
  EXPECT_EQ(refusal("0@x"), "[x] classes: found 'x', accepted is a scale, a real number");
  EXPECT_EQ(refusal("0@"), "[x] classes: found '', accepted is a scale, a real number");
  EXPECT_EQ(refusal("0@1/4@1"), "[x] classes: found column 4 in class 1, accepted is 0 to d-1 = 3");
  EXPECT_EQ(refusal("-1@1"), "[x] classes: found column -1 in class 0, accepted is 0 to d-1 = 3");
  EXPECT_EQ(refusal("2,2@1"),
            "[x] classes: found a column twice in class 0, accepted is each once");
  for (const char* scale : {"0", "-1", "nan", "inf"})
    EXPECT_EQ(refusal(std::string("1@") + scale), std::string("[x] classes: found scale ") + scale +
                                                      " in class 0, accepted is a number above 0");
}

}  // namespace
}  // namespace iclab::theory
