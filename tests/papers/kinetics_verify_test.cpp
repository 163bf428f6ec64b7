// Test vectors of differential learning kinetics, and the comparison of every number by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "papers/differential-kinetics/verify.h"
#include "papers/verify.h"

namespace iclab::papers {
namespace {

using differential_kinetics::verify;
using testing::HasSubstr;

const std::string kGolden = ICLAB_SOURCE_DIR "/tests/golden/differential-kinetics.json";
const std::string kSecond = ICLAB_SOURCE_DIR "/tests/golden/differential-kinetics-second.json";

Json read(const std::string& file) {
  std::ifstream stream(file);
  return Json::parse(stream);
}

Comparison compared(const Json& got, const Json& want, double tolerance) {
  Comparison comparison;
  comparison.compare_each("x", got, want, tolerance);
  EXPECT_EQ(comparison.passed() + comparison.failed(), 1) << "the whole counts as one";
  return comparison;
}

TEST(CompareEach, HoldsEveryNumberToItsOwnSize) {
  // In an array a small number is not hidden by a large one.
  EXPECT_EQ(compared({1e6, 1.0}, {1e6, 1.0 + 1e-7}, 1e-8).failed(), 1);
  EXPECT_EQ(compared({1e6, 1.0}, {1e6 + 1e-3, 1.0}, 1e-8).failed(), 0);
  // Below 1e-3 the error is that of 1e-3.
  EXPECT_EQ(compared(9e-12, 0.0, 1e-8).failed(), 0);
  EXPECT_EQ(compared(1.1e-11, 0.0, 1e-8).failed(), 1);
  EXPECT_NEAR(compared(1e-12, 2e-12, 1e-8).worst().error, 1e-9, 1e-15);
  EXPECT_EQ(compared(std::numeric_limits<double>::quiet_NaN(), 1.0, 1).failed(), 1);
}

TEST(CompareEach, NamesTheWorstNumber) {
  const Json want{{"t", 3.0}, {"w", {1.0, 2.0}}, {"deep", {{"b", Json::array({Json::array({5.0})})}}}};
  Json got = want;
  EXPECT_EQ(compared(got, want, 0).failed(), 0);
  got["more"] = 7;  // what the file does not have
  EXPECT_EQ(compared(got, want, 0).failed(), 0);
  got["w"][1] = 2.2;
  got["deep"]["b"][0][0] = 5.1;
  const Comparison comparison = compared(got, want, 1e-6);
  ASSERT_EQ(comparison.failed(), 1);
  EXPECT_EQ(comparison.differences()[0].path, "x.w[1]");
  EXPECT_NEAR(comparison.differences()[0].error, 0.1, 1e-12);
  EXPECT_EQ(comparison.differences()[0].want, 2.0);
}

TEST(CompareEach, InfinityIsMetExactly) {
  EXPECT_EQ(compared("inf", "inf", 1e-6).failed(), 0);
  for (const Json& got : {Json(1e308), Json(), Json("-inf"), Json::array({"inf"})})
    EXPECT_EQ(compared(got, "inf", 1).failed(), 1) << got;
  const Comparison comparison = compared("inf", 4.0, 1);
  ASSERT_EQ(comparison.failed(), 1);
  EXPECT_TRUE(std::isinf(comparison.differences()[0].got));
}

TEST(CompareEach, ShapesMustAgree) {
  EXPECT_EQ(compared({1.0, 2.0}, Json::array({1.0}), 1).failed(), 1);
  EXPECT_EQ(compared(1.0, Json::array({1.0}), 1).failed(), 1);
  EXPECT_EQ(compared({{"w", 1.0}}, {{"w", 1.0}, {"beta", 1.0}}, 1).failed(), 1);
  EXPECT_EQ(compared(Json::array(), Json::array(), 0).failed(), 0);
  EXPECT_EQ(compared(Json(), Json(), 0).failed(), 0);
}

TEST(VerifyKinetics, TheTheoryOfTheGoldenFileIsMet) {
  Comparison comparison;
  ASSERT_TRUE(verify("theory", read(kGolden)["theory"], comparison));
  EXPECT_EQ(comparison.passed(), 93);
  EXPECT_EQ(comparison.failed(), 0) << comparison.worst().path;
  EXPECT_TRUE(comparison.unknown().empty());
}

TEST(VerifyKinetics, TheSecondFileIsMet) {
  const Verification verification = verify_file(kSecond);
  EXPECT_TRUE(verification.ok()) << to_json(verification).dump(1);
  EXPECT_GT(verification.comparison.passed(), 150);
  EXPECT_LT(verification.comparison.worst().error, verification.comparison.worst().tolerance);
}

// The first number of a value, changed by a part.
bool change_first_number(Json& value, double part) {
  if (value.is_number()) {
    value = value.get<double>() * (1 + part);
    return value.get<double>() != 0;
  }
  if (value.is_structured())
    for (Json& inner : value)
      if (change_first_number(inner, part)) return true;
  return false;
}

TEST(VerifyKinetics, FindsEveryChangedValue) {
  for (const std::string& file : {kGolden, kSecond})
    for (const auto& [function, cases] : read(file)["theory"].items())
      for (const Json& entry : cases) {
        Json changed = entry;
        const bool integrated =
            function == "G_friction" || function == "tau_star_general" || function == "decay_fold" ||
            function == "meanfield_Kinf" || function == "t_icl_from_memoriser" ||
            (function == "t_icl_Kinf" && entry["args"].value("c2", 0.0) != 0);
        // Twenty tolerances, of a number that is not too small to be seen.
        if (!change_first_number(changed["value"], integrated ? 2e-5 : 2e-9)) continue;
        if (changed["value"].is_number() && std::fabs(changed["value"].get<double>()) < 1e-3) continue;
        if (changed["value"].is_structured() && function != "meanfield_Kinf") continue;
        Comparison comparison;
        ASSERT_TRUE(verify("theory", {{function, Json::array({changed})}}, comparison));
        EXPECT_EQ(comparison.failed(), 1) << function << " " << entry["args"];
      }
}

TEST(VerifyKinetics, TellsWhatItDoesNotKnow) {
  Comparison comparison;
  EXPECT_FALSE(verify("tea_leaves", Json::array(), comparison));
  EXPECT_TRUE(verify("theory", {{"tea_leaves", Json::array()}}, comparison));
  EXPECT_EQ(comparison.unknown(), std::vector<std::string>{"theory.tea_leaves"});
}

TEST(VerifyKinetics, DescriptiveKeysAreNotRecomputed) {
  const auto file = std::filesystem::temp_directory_path() /
                    ("iclab-kinetics-" + std::to_string(::getpid()) + ".json");
  std::ofstream(file) << R"({"paper": "differential-kinetics", "about": 1, "name": [], "note": "x",
    "version": 2, "meta": {}, "theory": {"g_lookup": [{"args": {"s": 0}, "value": 0}]}})";
  const Verification verification = verify_file(file);
  std::filesystem::remove(file);
  EXPECT_TRUE(verification.ok());
  EXPECT_EQ(verification.comparison.passed(), 1);
}

std::string refusal(const Json& theory) {
  Comparison comparison;
  try {
    (void)verify("theory", theory, comparison);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(VerifyKinetics, ImpossibleInputsAreErrorsWithTheirPath) {
  EXPECT_EQ(refusal(3), "theory: found 3, accepted is an object of lists by function");
  EXPECT_EQ(refusal({{"g_lookup", 1}}), "theory.g_lookup: found 1, accepted is a list of {args, value}");
  const auto one = [](const Json& args) {
    return refusal({{"tau_star", Json::array({{{"args", args}, {"value", 1}}})}});
  };
  EXPECT_EQ(refusal({{"g_lookup", Json::array({{{"value", 1}}})}}),
            "theory.g_lookup[0]: found object, accepted is an object with \"args\" and \"value\"");
  EXPECT_THAT(one(Json::array()), HasSubstr("theory.tau_star[0].args: found array"));
  EXPECT_THAT(one({{"N", 1}}), HasSubstr("theory.tau_star[0].args.N: found 1, accepted is"));
  EXPECT_THAT(one({{"N", 2.5}}), HasSubstr("theory.tau_star[0].args.N: found 2.5, accepted is an integer"));
  EXPECT_EQ(one({{"N", 32.0}}), "no error") << "a whole number as JSON may write it";
  EXPECT_THAT(one({{"N", "32"}}), HasSubstr("theory.tau_star[0].args.N: found \"32\""));
  EXPECT_THAT(one({{"N", 32}, {"bta0", 1}}), HasSubstr("did you mean 'beta0'?"));
  EXPECT_THAT(one({{"N", 32}, {"n", 32}}), HasSubstr("theory.tau_star[0]: [tau_star] n: found 32"));
}

}  // namespace
}  // namespace iclab::papers
