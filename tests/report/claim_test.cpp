#include "report/claim.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace iclab::report {
namespace {

PaperReport one_claim(Verdict verdict, std::vector<Check> checks) {
  PaperReport report;
  report.paper = "p";
  report.mode = "quick";
  report.seconds = 1.5;
  Claim claim{.id = "C1", .title = "t"};
  claim.verdict = verdict;
  claim.cause = "because";
  claim.checks = std::move(checks);
  claim.figures.emplace_back("one", "One", Axis{.word = "x"}, Axis{.word = "y"});
  report.claims = {claim};
  return report;
}

TEST(ClaimsJson, HasTheSchemaOthersRelyOn) {
  const Json json = to_json(one_claim(Verdict::kNotReproduced, {{.what = "risk",
                                                                 .predicted = 0.5,
                                                                 .measured = 0.75,
                                                                 .lo = 0.7,
                                                                 .hi = 0.8,
                                                                 .seeds = 16,
                                                                 .tolerance = "within 5 %",
                                                                 .outcome = Outcome::kFailed}}));
  EXPECT_EQ(json["paper"], "p");
  EXPECT_EQ(json["mode"], "quick");
  EXPECT_EQ(json["seconds"], 1.5);
  const Json& claim = json["claims"][0];
  EXPECT_EQ(claim["id"], "C1");
  EXPECT_EQ(claim["title"], "t");
  EXPECT_EQ(claim["verdict"], "not reproduced");
  EXPECT_EQ(claim["expected"], "reproduced");
  EXPECT_EQ(claim["cause"], "because");
  EXPECT_EQ(claim["figures"], Json::array({"figures/one.vl.json"}));
  const Json& check = claim["checks"][0];
  EXPECT_EQ(check["what"], "risk");
  EXPECT_EQ(check["predicted"], 0.5);
  EXPECT_EQ(check["measured"], 0.75);
  EXPECT_EQ(check["interval"], Json::array({0.7, 0.8}));
  EXPECT_EQ(check["seeds"], 16);
  EXPECT_EQ(check["tolerance"], "within 5 %");
  EXPECT_EQ(check["ok"], false);
}

TEST(ClaimsJson, WhatIsNoFiniteNumberIsNull) {
  const double never = std::numeric_limits<double>::infinity();
  const Json check =
      to_json(one_claim(Verdict::kReproduced,
                        {{.what = "w", .measured = never, .hi = never}}))["claims"][0]["checks"][0];
  EXPECT_TRUE(check["predicted"].is_null());
  EXPECT_TRUE(check["measured"].is_null());
  EXPECT_EQ(check["interval"].dump(), "[null,null]");
}

TEST(ClaimsJson, OkIsTrueFalseOrNull) {
  const auto ok = [](Outcome outcome) {
    return to_json(one_claim(Verdict::kReproduced,
                             {{.what = "w", .outcome = outcome}}))["claims"][0]["checks"][0]["ok"];
  };
  EXPECT_EQ(ok(Outcome::kOk), true);
  EXPECT_EQ(ok(Outcome::kFailed), false);
  EXPECT_TRUE(ok(Outcome::kOpen).is_null());
  EXPECT_TRUE(ok(Outcome::kShown).is_null());
}

TEST(ClaimsJson, ASmokeRunHasNoVerdict) {
  const auto verdict = [](Verdict value) {
    return to_json(one_claim(value, {}))["claims"][0]["verdict"];
  };
  EXPECT_TRUE(verdict(Verdict::kNone).is_null());
  EXPECT_EQ(verdict(Verdict::kReproduced), "reproduced");
  EXPECT_EQ(verdict(Verdict::kInconclusive), "inconclusive");
  EXPECT_EQ(verdict(Verdict::kNotBuilt), "not built yet");
}

}  // namespace
}  // namespace iclab::report
