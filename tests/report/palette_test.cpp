#include "report/palette.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace iclab::report {
namespace {

Figure with_series(const std::string& name, const std::vector<std::string>& series) {
  Figure figure(name, name, {.word = "x"}, {.word = "y"});
  for (const std::string& one : series) figure.measured(one, {.x = 1, .y = 1});
  return figure;
}

std::vector<std::string> names(int from, int to) {
  std::vector<std::string> result;
  for (int i = from; i < to; ++i) result.push_back(fmt::format("s{}", i));
  return result;
}

TEST(Palette, SeriesOfAFigureDifferInColour) {
  const Figure a = with_series("a", names(0, 5)), b = with_series("b", names(4, 12));
  const std::vector<const Figure*> figures = {&a, &b};
  const Palette palette(figures);
  for (const Figure* figure : figures) {
    std::set<std::string> colours;
    for (const std::string& name : figure->series()) colours.insert(palette.look(name).colour);
    EXPECT_EQ(colours.size(), figure->series().size());
  }
}

TEST(Palette, ALookIsANamesOwn) {
  const Figure a = with_series("a", names(0, 6)), b = with_series("b", names(6, 12)),
               c = with_series("c", names(12, 18));
  const std::vector<const Figure*> figures = {&a, &b, &c};
  const Palette palette(figures);
  std::set<std::pair<std::string, std::string>> looks;
  for (const std::string& name : names(0, 18))
    looks.insert({palette.look(name).colour, palette.look(name).shape});
  EXPECT_EQ(looks.size(), 18u);
}

TEST(Palette, BeginsWithBlueAndGivesYellowLast) {
  const Figure figure = with_series("a", names(0, 8));
  const std::vector<const Figure*> figures = {&figure};
  const Palette palette(figures);
  EXPECT_EQ(palette.look("s0").colour, "#0072B2");
  EXPECT_EQ(palette.look("s7").colour, "#F0E442");
}

TEST(Palette, ManySeriesStillHaveLooks) {
  const Figure figure = with_series("a", names(0, 20));
  const std::vector<const Figure*> figures = {&figure};
  const Palette palette(figures);
  for (const std::string& name : names(0, 20)) EXPECT_FALSE(palette.look(name).shape.empty());
}

}  // namespace
}  // namespace iclab::report
