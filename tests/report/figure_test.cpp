#include "report/figure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace iclab::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNever = std::numeric_limits<double>::infinity();

Figure plain(Axis x = {.word = "x"}, Axis y = {.word = "y"}) {
  return Figure("plain", "Plain", std::move(x), std::move(y));
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Figure, WritesItsRowsAsTidyCsv) {
  Figure figure = plain();
  figure.theory("a", std::vector{0.0, 0.1}, std::vector{1.0, 1e-300});
  figure.measured("a",
                  {.x = 1, .y = 0.1, .lo = 0.05, .hi = kNever, .seeds = 16, .settings = "k 2"});
  figure.run("a", {.x = 1, .y = kNever, .seed = 0});
  figure.bars("b", std::vector{0.0, 1.0}, std::vector{7.0});
  figure.rule_y(2, "threshold");
  EXPECT_EQ(figure.csv(),
            "kind,panel,series,x,x2,y,lo,hi,never,seed,seeds,settings\n"
            "theory,,a,0,,1,,,,,,\n"
            "theory,,a,0.1,,1e-300,,,,,,\n"
            "measured,,a,1,,0.1,0.05,Infinity,,,16,k 2\n"
            "seed,,a,1,,Infinity,,,true,0,,\n"
            "bar,,b,0,1,7,,,,,,\n"
            "reference,,threshold,,,2,,,,,,\n");
}

TEST(Figure, QuotesWhatCsvWouldMisread) {
  Figure figure = plain();
  figure.measured("a, \"b\"", {.x = 1, .y = 2, .settings = "two\nlines"});
  EXPECT_THAT(figure.csv(), HasSubstr("measured,,\"a, \"\"b\"\"\",1,,2,,,,,,\"two\nlines\"\n"));
}

TEST(Figure, CategoriesAreWrittenByName) {
  Figure figure = plain({.word = "arm", .categories = {"one", "two"}});
  figure.measured("m", {.x = 1, .y = 2});
  EXPECT_THAT(figure.csv(), HasSubstr("measured,,m,two,,2,"));
  figure.measured("m", {.x = 2, .y = 2});
  EXPECT_EQ(message_of([&] { figure.csv(); }),
            "figure 'plain': x = 2 has no category; there are 2");
}

TEST(Figure, LeavesOutWhatHasNoPlaceOnItsAxes) {
  Figure figure = plain({.word = "x", .log = true}, {.word = "y", .log = true});
  figure.theory("a", std::vector{-1.0, 0.0, 1.0, 2.0}, std::vector{1.0, 1.0, 0.0, 3.0});
  figure.measured("a", {.x = 1, .y = kAbsent});
  ASSERT_EQ(figure.rows().size(), 1u);
  EXPECT_EQ(figure.rows()[0].y, 3);
}

TEST(Figure, AReferenceWithoutPanelStandsInAll) {
  Figure figure = plain();
  figure.panels("n");
  figure.measured("a", {.x = 1, .y = 1, .panel = "64"});
  figure.measured("a", {.x = 1, .y = 1, .panel = "16"});
  figure.rule_x(3, "everywhere").rule_x(4, "once", "16");
  std::vector<std::string> references;
  for (const Row& row : figure.rows())
    if (row.kind == RowKind::kReference) references.push_back(row.series + " " + row.panel);
  EXPECT_THAT(references, ElementsAre("everywhere 64", "everywhere 16", "once 16"));
  EXPECT_THAT(figure.panel_names(), ElementsAre("64", "16"));
  EXPECT_THAT(figure.series(), ElementsAre("a"));
}

TEST(Figure, ASlopeIsAPowerLaw) {
  Figure figure = plain({.word = "x", .log = true}, {.word = "y", .log = true});
  figure.slope("slope -2", -2, 10, 5, 1000);
  const std::vector<Row> rows = figure.rows();
  EXPECT_EQ(rows.front().x, 10);
  EXPECT_EQ(rows.front().y, 5);
  EXPECT_DOUBLE_EQ(rows.back().x, 1000);
  EXPECT_DOUBLE_EQ(rows.back().y, 5e-4);
}

TEST(Figure, RefusesUnequalLengthsAndOtherNames) {
  const std::vector<double> one{1}, two{1, 2};
  EXPECT_EQ(message_of([&] { plain().theory("a", two, one); }),
            "figure 'plain', series 'a': 2 values of x and 1 of y");
  EXPECT_EQ(message_of([&] { plain().bars("a", two, two); }),
            "figure 'plain', series 'a': 2 values of x and 3 of y");
  EXPECT_EQ(message_of([&] { plain().curve("c", one, two); }),
            "figure 'plain', series 'c': 1 values of x and 2 of y");
  for (const std::string name : {"", "a/b", "A", "../x"})
    EXPECT_THAT(message_of([&] { Figure(name, "t", {.word = "x"}, {.word = "y"}); }),
                HasSubstr("a name is made of"))
        << name;
}

TEST(Thin, KeepsFirstAndLastAndAtMostTheLimit) {
  std::vector<double> x;
  for (int i = 0; i <= 1000; ++i) x.push_back(i);
  for (const size_t limit : {2, 3, 10, 333, 1001}) {
    const std::vector<size_t> kept = thin(x, limit, false);
    EXPECT_EQ(kept.size(), limit);
    EXPECT_EQ(kept.front(), 0u);
    EXPECT_EQ(kept.back(), 1000u);
    EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  }
  EXPECT_EQ(thin(x, 5000, false).size(), 1001u);
  EXPECT_TRUE(thin({}, 5, false).empty());
}

TEST(Thin, IsEvenInTheLogarithm) {
  std::vector<double> x;
  for (int i = 0; i <= 1000; ++i) x.push_back(i);
  const std::vector<size_t> kept = thin(x, 4, true);
  EXPECT_THAT(kept, ElementsAre(1, 10, 100, 1000));
}

}  // namespace
}  // namespace iclab::report
