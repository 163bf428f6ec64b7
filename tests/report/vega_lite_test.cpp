#include "report/vega_lite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace iclab::report {
namespace {

using testing::Contains;
using testing::Not;

constexpr double kNever = std::numeric_limits<double>::infinity();

Figure line_and_points(Axis x = {.word = "steps", .symbol = "t", .unit = "updates"},
                       Axis y = {.word = "risk", .symbol = "J/r"}) {
  Figure figure("figure", "Title", std::move(x), std::move(y));
  figure.theory("a", std::vector{1.0, 10.0}, std::vector{2.0, 1.0});
  figure.measured("a", {.x = 1, .y = 2, .lo = 1.5, .hi = 2.5});
  return figure;
}

Json spec_of(const Figure& figure) {
  const std::vector<const Figure*> figures = {&figure};
  return vega_lite(figure, Palette(figures));
}

Json layers_of(const Json& spec) {
  return spec.contains("facet") ? spec["spec"]["layer"] : spec["layer"];
}

std::vector<std::string> names_of(const Json& spec) {
  std::vector<std::string> names;
  for (const Json& layer : layers_of(spec)) names.push_back(layer["name"]);
  return names;
}

Json layer_of(const Json& spec, const std::string& name) {
  for (const Json& layer : layers_of(spec))
    if (layer["name"] == name) return layer;
  return {};
}

TEST(VegaLite, TheoryIsALineAndMeasurementAPointWithItsInterval) {
  const Json spec = spec_of(line_and_points());
  EXPECT_EQ(spec["$schema"], "https://vega.github.io/schema/vega-lite/v6.json");
  EXPECT_EQ(layer_of(spec, "theory")["mark"]["type"], "line");
  EXPECT_EQ(layer_of(spec, "measured")["mark"]["type"], "point");
  EXPECT_EQ(layer_of(spec, "interval")["mark"]["type"], "rule");
}

TEST(VegaLite, AxesCarryWordSymbolAndUnit) {
  const Json encoding = layer_of(spec_of(line_and_points()), "theory")["encoding"];
  EXPECT_EQ(encoding["x"]["axis"]["title"], "steps, t (updates)");
  EXPECT_EQ(encoding["y"]["axis"]["title"], "risk, J/r");
}

TEST(VegaLite, LinearHeightsBeginAtZeroAndLogarithmicOnesHoldTheData) {
  const Json linear = layer_of(spec_of(line_and_points()), "theory")["encoding"]["y"]["scale"];
  EXPECT_EQ(linear["type"], "linear");
  EXPECT_EQ(linear["domain"][0], 0.0);
  EXPECT_GT(linear["domain"][1], 2.5);
  const Json log =
      layer_of(spec_of(line_and_points({.word = "t", .log = true}, {.word = "J", .log = true})),
               "theory")["encoding"]["y"]["scale"];
  EXPECT_EQ(log["type"], "log");
  EXPECT_GT(log["domain"][0], 0.0);
  EXPECT_LT(log["domain"][0], 1.0);
  EXPECT_GT(log["domain"][1], 2.5);
}

TEST(VegaLite, OneValueOrNoneStillHasAnAxis) {
  for (const bool log : {false, true}) {
    Figure figure("f", "F", {.word = "x", .log = log}, {.word = "y", .log = log});
    figure.measured("a", {.x = 3, .y = 3});
    const Json scale = layer_of(spec_of(figure), "measured")["encoding"]["x"]["scale"];
    EXPECT_LT(scale["domain"][0], 3.0);
    EXPECT_GT(scale["domain"][1], 3.0);
    EXPECT_EQ(
        spec_of(Figure("g", "G", {.word = "x", .log = log}, {.word = "y", .log = log}))["layer"]
            .size(),
        2u);  // no rows, no layers but those of the (empty) direct labels
  }
}

TEST(VegaLite, NeverHasItsPlaceAtTheUpperEdge) {
  Figure figure = line_and_points();
  EXPECT_THAT(names_of(spec_of(figure)), Not(Contains("never_edge")));
  figure.run("a", {.x = 2, .y = kNever, .seed = 4});
  const Json spec = spec_of(figure);
  EXPECT_EQ(layer_of(spec, "seed_never")["encoding"]["y"]["value"], 0);
  EXPECT_EQ(layer_of(spec, "never_word")["mark"]["text"], "never");
  // No number stands between the data and the edge.
  const Json y = layer_of(spec, "theory")["encoding"]["y"];
  EXPECT_GT(y["scale"]["domain"][1], 2.5 * 1.1);
  for (const Json& tick : y["axis"]["values"]) EXPECT_LE(tick, 2.5);
}

TEST(VegaLite, NamesStandAtTheEndsOfUpToFourSeries) {
  Figure figure = line_and_points();
  for (const char* name : {"b", "c", "d"}) figure.measured(name, {.x = 1, .y = 1});
  Json spec = spec_of(figure);
  EXPECT_EQ(layer_of(spec, "label")["data"]["values"].size(), 4u);
  EXPECT_TRUE(layer_of(spec, "theory")["encoding"]["color"]["legend"].is_null());
  figure.measured("e", {.x = 1, .y = 1});
  spec = spec_of(figure);
  EXPECT_THAT(names_of(spec), Not(Contains("label")));
  EXPECT_TRUE(layer_of(spec, "theory")["encoding"]["color"]["legend"].is_object());
}

// Names are 16 pixels of 340 apart even where the lines end in one point, and inside the axis.
TEST(VegaLite, NamesDoNotLieOnEachOther) {
  for (const double end : {0.0, 1.0, 5.0}) {
    Figure figure("f", "F", {.word = "x"}, {.word = "y", .from = 0, .to = 5});
    for (const char* name : {"a", "b", "c", "d"})
      figure.theory(name, std::vector{0.0, 1.0}, std::vector{2.0, end});
    std::vector<double> heights;
    const Json labels = layer_of(spec_of(figure), "label")["data"]["values"];
    ASSERT_EQ(labels.size(), 4u);
    for (const Json& label : labels) heights.push_back(label["y"].get<double>() / 5);
    std::sort(heights.begin(), heights.end());
    EXPECT_GE(heights.front(), -1e-12);
    EXPECT_LE(heights.back(), 1 + 1e-12);
    for (size_t i = 1; i < heights.size(); ++i)
      EXPECT_GE(heights[i] - heights[i - 1], 16.0 / 340 - 1e-12);
  }
}

TEST(VegaLite, PanelsShareTheirAxes) {
  Figure figure("f", "F", {.word = "x"}, {.word = "y"});
  figure.panels("context n");
  figure.measured("a", {.x = 1, .y = 1, .panel = "64"});
  figure.measured("a", {.x = 5, .y = 9, .panel = "16"});
  const Json spec = spec_of(figure);
  EXPECT_EQ(spec["facet"]["sort"], Json::array({"context n = 64", "context n = 16"}));
  EXPECT_FALSE(spec.contains("resolve"));  // shared unless resolved otherwise
  EXPECT_GE(layer_of(spec, "measured")["encoding"]["y"]["scale"]["domain"][1], 9.0);
}

TEST(VegaLite, InlineRowsAreTheRowsOfTheCsv) {
  Figure figure = line_and_points();
  figure.run("a", {.x = 2, .y = kNever, .seed = 4, .settings = "k 2"});
  const std::vector<const Figure*> figures = {&figure};
  const Json values = vega_lite_with_data(figure, Palette(figures))["data"]["values"];
  ASSERT_EQ(values.size(), figure.rows().size());
  EXPECT_EQ(values[0].dump(), R"({"kind":"theory","series":"a","x":1.0,"y":2.0})");
  EXPECT_EQ(values[3].dump(),
            R"({"kind":"seed","series":"a","x":2.0,"never":true,"seed":4,"settings":"k 2"})");
}

TEST(VegaLite, LogTicksAreRoundAndLongNumbersPowers) {
  Figure figure("f", "F", {.word = "x"}, {.word = "y", .log = true});
  figure.theory("a", std::vector{0.0, 1.0}, std::vector{1e-5, 1.0});
  const Json axis = layer_of(spec_of(figure), "theory")["encoding"]["y"]["axis"];
  EXPECT_EQ(axis["values"].dump(), "[1e-05,0.0001,0.001,0.01,0.1,1.0]");
  EXPECT_NE(axis["labelExpr"].get<std::string>().find("10⁻⁵"), std::string::npos);
}

}  // namespace
}  // namespace iclab::report
