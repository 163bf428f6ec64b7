#include "base/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace iclab {
namespace {

using testing::HasSubstr;

std::vector<Parameter> parameters() {
  Parameter dim{.name = "dim", .kind = Kind::kInteger, .help = "input dimension d"};
  dim.minimum = 1;
  dim.maximum = 4096;
  Parameter noise{.name = "noise", .kind = Kind::kReal, .help = "standard deviation"};
  noise.fallback = 0.0;
  noise.minimum = 0;
  Parameter phi{.name = "phi", .kind = Kind::kReal, .help = "fraction"};
  phi.fallback = 0.5;
  phi.minimum = 0;
  phi.maximum = 1;
  phi.above_minimum = phi.below_maximum = true;
  Parameter form{.name = "form", .kind = Kind::kText, .help = "parameterisation"};
  form.fallback = std::string("merged");
  form.choices = {"merged", "factored"};
  Parameter angles{.name = "angles", .kind = Kind::kReals, .help = "degrees"};
  angles.optional = true;
  return {dim, noise, phi, form, angles};
}

Settings resolved(const std::map<std::string, Setting>& given) {
  return resolve(parameters(), given, "task 'x'",
                 [](const std::string& key) { return "study.toml:7: [task] " + key; });
}

std::string message_of(const std::map<std::string, Setting>& given) {
  try {
    resolved(given);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Resolve, FillsInWhatIsNotGiven) {
  const Settings settings = resolved({{"dim", std::int64_t{8}}});
  EXPECT_EQ(settings.integer("dim"), 8);
  EXPECT_EQ(settings.real("noise"), 0.0);
  EXPECT_EQ(settings.text("form"), "merged");
  EXPECT_FALSE(settings.has("angles"));
}

TEST(Resolve, TakesIntegersForRealsAndNumbersForLists) {
  const Settings settings =
      resolved({{"dim", std::int64_t{8}}, {"noise", std::int64_t{2}}, {"angles", std::int64_t{30}}});
  EXPECT_EQ(settings.real("noise"), 2.0);
  EXPECT_EQ(settings.reals("angles"), std::vector<double>{30.0});
}

TEST(Resolve, TakesWholeRealsForIntegers) {
  EXPECT_EQ(resolved({{"dim", 8.0}}).integer("dim"), 8);
  EXPECT_EQ(resolved({{"dim", 1e3}}).json().dump(), resolved({{"dim", std::int64_t{1000}}}).json().dump());
  const Parameter list{.name = "list", .kind = Kind::kIntegers};
  const auto as_list = [&](const Setting& given) {
    return resolve({&list, 1}, {{"list", given}}, "x", [](const std::string& key) { return key; }).integers("list");
  };
  EXPECT_EQ(as_list(std::vector<double>{1, 2e3}), (std::vector<std::int64_t>{1, 2000}));
  EXPECT_EQ(as_list(5.0), std::vector<std::int64_t>{5});
  EXPECT_THROW(as_list(std::vector<double>{1, 2.5}), UsageError);
}

TEST(AsInteger, IsExactOrNothing) {
  EXPECT_EQ(as_integer(-3.0), -3);
  EXPECT_EQ(as_integer(9'007'199'254'740'992.0), std::int64_t{1} << 53);
  for (const double bad : {0.5, 9'007'199'254'740'994.0, 1e300, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_EQ(as_integer(bad), std::nullopt) << bad;
}

TEST(AsTyped, TellsARealFromAnInteger) {
  EXPECT_EQ(as_typed(4.0), "4.0");
  EXPECT_EQ(as_typed(std::int64_t{4}), "4");
  EXPECT_EQ(as_typed(-0.25), "-0.25");
  EXPECT_EQ(as_typed(1e300), "1e+300");
  EXPECT_EQ(as_typed(std::nan("")), "nan");
  EXPECT_EQ(as_typed(std::vector<double>{1, 2.5}), "[1.0, 2.5]");
  EXPECT_EQ(as_typed(std::string("a\nb")), "'a\\x0ab'");
  EXPECT_EQ(to_text(4.0), "4") << "cells of a table stay as they are";
}

TEST(Resolve, SaysWhereWhatWasFoundAndWhatIsAccepted) {
  const Setting eight = std::int64_t{8};
  EXPECT_EQ(message_of({{"dim", eight}, {"nosie", 0.1}}),
            "study.toml:7: [task] nosie: unknown key of task 'x'; accepted are dim, noise, phi, form, "
            "angles; did you mean 'noise'?");
  EXPECT_EQ(message_of({{"dim", std::string("eight")}}),
            "study.toml:7: [task] dim: found 'eight', accepted is an integer");
  EXPECT_EQ(message_of({{"dim", 2.5}}), "study.toml:7: [task] dim: found 2.5, accepted is an integer");
  EXPECT_EQ(message_of({{"dim", std::int64_t{0}}}),
            "study.toml:7: [task] dim: found 0, accepted is a number at least 1 and at most 4096");
  EXPECT_EQ(message_of({{"dim", eight}, {"form", std::string("factord")}}),
            "study.toml:7: [task] form: found 'factord', accepted is one of merged, factored; did you "
            "mean 'factored'?");
  EXPECT_THAT(message_of({}), HasSubstr("dim: missing; task 'x' needs it"));
}

TEST(Resolve, RefusesWhatIsNoFiniteNumberInRange) {
  const Setting eight = std::int64_t{8};
  for (const double bad : {-0.1, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_THAT(message_of({{"dim", eight}, {"noise", bad}}), HasSubstr("noise: found")) << bad;
  for (const double edge : {0.0, 1.0})
    EXPECT_THAT(message_of({{"dim", eight}, {"phi", edge}}),
                HasSubstr("accepted is a number above 0 and below 1"));
  const Setting list = std::vector<double>{0, std::nan("")};
  EXPECT_THAT(message_of({{"dim", eight}, {"angles", list}}), HasSubstr("angles: found nan"));
}

TEST(ParseSetting, ReadsEveryKind) {
  const auto read = [](Kind kind, const std::string& text) {
    return parse_setting({.name = "x", .kind = kind}, text, "x");
  };
  EXPECT_EQ(read(Kind::kBoolean, "true"), Setting(true));
  EXPECT_EQ(read(Kind::kInteger, "-3"), Setting(std::int64_t{-3}));
  EXPECT_EQ(read(Kind::kInteger, "1e6"), Setting(std::int64_t{1'000'000}));
  EXPECT_EQ(read(Kind::kInteger, "9223372036854775807"), Setting(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(read(Kind::kIntegers, "1.0,2e1"), Setting(std::vector<std::int64_t>{1, 20}));
  EXPECT_EQ(read(Kind::kReal, "1e-3"), Setting(1e-3));
  EXPECT_EQ(read(Kind::kText, "a=b"), Setting(std::string("a=b")));
  EXPECT_EQ(read(Kind::kIntegers, "1,2"), Setting(std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(read(Kind::kReals, "0.5, 2"), Setting(std::vector<double>{0.5, 2}));
  EXPECT_EQ(read(Kind::kReals, " [0.5, 2]"), Setting(std::vector<double>{0.5, 2}));
  EXPECT_EQ(read(Kind::kReals, "[]"), Setting(std::vector<double>{}));
  EXPECT_EQ(read(Kind::kIntegers, "[7]"), Setting(std::vector<std::int64_t>{7}));
  for (const auto& [kind, bad] : std::vector<std::pair<Kind, std::string>>{
           {Kind::kBoolean, "yes"}, {Kind::kInteger, "1.5"}, {Kind::kInteger, ""},
           {Kind::kInteger, "99999999999999999999"}, {Kind::kReal, "abc"}, {Kind::kReals, "1,,2"},
           {Kind::kReals, "[1,2"}, {Kind::kReals, "[1],[2]"}, {Kind::kReal, "[1]"}})
    EXPECT_THROW(read(kind, bad), UsageError) << bad;
}

TEST(Settings, CanonicalJsonIsInAlphabeticalOrder) {
  EXPECT_EQ(resolved({{"dim", std::int64_t{8}}}).json().dump(),
            R"({"dim":8,"form":"merged","noise":0.0,"phi":0.5})");
}

TEST(Describe, TellsKindDefaultAndRange) {
  const Json described = describe(parameters());
  EXPECT_EQ(described[0]["required"], true);
  EXPECT_EQ(described[2]["above"], 0.0);
  EXPECT_EQ(described[2]["default"], 0.5);
  EXPECT_EQ(described[3]["choices"], (std::vector<std::string>{"merged", "factored"}));
}

}  // namespace
}  // namespace iclab
