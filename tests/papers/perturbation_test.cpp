// Breaking the model must change the verdict of the claims it touches (promise 4).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "papers/paper.h"

namespace iclab::papers {
namespace {

using report::Verdict;
using testing::HasSubstr;

const std::string kDiversity = "task-diversity", kKinetics = "differential-kinetics";

// The claims' verdicts in quick mode with every study changed so; no more seeds are drawn.
std::map<std::string, report::Claim> judged(const std::string& paper, const std::vector<std::string>& claims,
                                            const std::vector<std::string>& overrides) {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  ReproduceOptions options;
  options.claims = claims;
  options.overrides = overrides;
  options.seed_limit = 0;
  options.out = std::filesystem::path(testing::TempDir()) / fmt::format("iclab-perturbation-{}", getpid()) / info->name();
  std::filesystem::remove_all(options.out);
  std::filesystem::create_directories(options.out);
  std::map<std::string, report::Claim> found;
  for (report::Claim& claim : find_paper(paper).reproduce(options).claims)
    found[claim.id] = claim;
  return found;
}

void expect_changed(const std::string& paper, const std::vector<std::string>& claims,
                    const std::vector<std::string>& overrides) {
  for (const auto& [id, claim] : judged(paper, claims, overrides)) {
    EXPECT_EQ(claim.verdict, Verdict::kNotReproduced) << id;
    EXPECT_THAT(claim.cause, HasSubstr("The studies were changed by " + overrides[0])) << id;
    EXPECT_THAT(claim.cause, HasSubstr("failed")) << id;
  }
}

TEST(Perturbation, UnchangedTheClaimsAreReproduced) {
  for (const auto& [id, claim] : judged(kDiversity, {"C1", "C6", "C7", "C9", "C10", "C11"}, {})) {
    EXPECT_EQ(claim.verdict, Verdict::kReproduced) << id << ": " << claim.cause;
    EXPECT_EQ(claim.cause, "") << id;
  }
}

TEST(Perturbation, AFrozenMatrix) {
  expect_changed(kDiversity, {"C6", "C7", "C9"}, {"train.group=[{match=\"W\", frozen=true}]"});
  expect_changed(kDiversity, {"C10"}, {"train.group=[{match=\"Gamma\", lr=0}]"});
  expect_changed(kDiversity, {"C11"}, {"train.group=[{match=\"W_?\", frozen=true}]"});
}

TEST(Perturbation, AFlippedSign) {
  expect_changed(kDiversity, {"C1", "C6", "C7", "C10", "C11"}, {"train.gradient_scale=-1"});
}

// C1 rests on two seeds here: what fails, fails whatever the number of seeds.
TEST(Perturbation, AWrongNoiseLevel) { expect_changed(kDiversity, {"C1"}, {"task.noise=1", "study.seeds=2"}); }

// What an untrained transformer does at 90 degrees it does at 0 too; no angle is flat that was not learned.
TEST(Perturbation, ATransformerThatDoesNotLearn) {
  expect_changed(kDiversity, {"C12", "C13"},
                 {"train.group=[{match=\"*\", lr=0}]", "train.steps=20", "study.seeds=1"});
}

// Few seeds, so that it takes seconds: what departs, departs whatever the number of seeds.
TEST(KineticsPerturbation, UnchangedTheClaimsAreReproduced) {
  for (const auto& [id, claim] : judged(kKinetics, {"C3", "C4", "C9"}, {"study.seeds=24"})) {
    EXPECT_EQ(claim.cause.find("failed"), std::string::npos) << id << ": " << claim.cause;
    for (const report::Check& check : claim.checks)
      EXPECT_TRUE(check.outcome == report::Outcome::kOk || check.outcome == report::Outcome::kShown) << id << ": " << check.what;
  }
}

TEST(KineticsPerturbation, AttentionThatDoesNotLearn) {
  expect_changed(kKinetics, {"C3", "C9"},
                 {"train.group=[{match=\"w\", frozen=true}, {match=\"beta\", frozen=true}]", "study.seeds=2"});
}

TEST(KineticsPerturbation, AttentionThatLearnsTwiceAsFast) {
  expect_changed(kKinetics, {"C3", "C9"}, {"train.group=[{match=\"w\", lr=0.6}, {match=\"beta\", lr=0.6}]", "study.seeds=3"});
}

TEST(KineticsPerturbation, HalfTheLearningRate) {
  expect_changed(kKinetics, {"C4"}, {"train.optimizer.lr=0.15", "study.seeds=24"});
}

TEST(KineticsPerturbation, AMemoryThatLearnsTooSlowly) {
  expect_changed(kKinetics, {"C6"}, {"train.optimizer.lr=0.003", "train.steps=400", "study.seeds=2"});
}

TEST(KineticsPerturbation, AnEarlierStart) { expect_changed(kKinetics, {"C2"}, {"model.beta=2", "study.seeds=4"}); }

}  // namespace
}  // namespace iclab::papers
