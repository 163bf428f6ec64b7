// Breaking the model must change the verdict of the claims it touches (promise 4).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "papers/paper.h"

namespace iclab::papers {
namespace {

using report::Verdict;
using testing::HasSubstr;

// The claims' verdicts in quick mode with every study changed so; no more seeds are drawn.
std::map<std::string, report::Claim> judged(const std::vector<std::string>& claims,
                                            const std::vector<std::string>& overrides) {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  ReproduceOptions options;
  options.claims = claims;
  options.overrides = overrides;
  options.seed_limit = 0;
  options.out = std::filesystem::path(testing::TempDir()) / "iclab-perturbation" / info->name();
  std::filesystem::remove_all(options.out);
  std::filesystem::create_directories(options.out);
  std::map<std::string, report::Claim> found;
  for (report::Claim& claim : find_paper("task-diversity").reproduce(options).claims)
    found[claim.id] = claim;
  return found;
}

void expect_changed(const std::vector<std::string>& claims,
                    const std::vector<std::string>& overrides) {
  for (const auto& [id, claim] : judged(claims, overrides)) {
    EXPECT_EQ(claim.verdict, Verdict::kNotReproduced) << id;
    EXPECT_THAT(claim.cause, HasSubstr("The studies were changed by " + overrides[0])) << id;
    EXPECT_THAT(claim.cause, HasSubstr("failed")) << id;
  }
}

TEST(Perturbation, UnchangedTheClaimsAreReproduced) {
  for (const auto& [id, claim] : judged({"C1", "C6", "C7", "C9", "C10", "C11"}, {})) {
    EXPECT_EQ(claim.verdict, Verdict::kReproduced) << id << ": " << claim.cause;
    EXPECT_EQ(claim.cause, "") << id;
  }
}

TEST(Perturbation, AFrozenMatrix) {
  expect_changed({"C6", "C7", "C9"}, {"train.group=[{match=\"W\", frozen=true}]"});
  expect_changed({"C10"}, {"train.group=[{match=\"Gamma\", frozen=true}]"});
  expect_changed({"C11"}, {"train.group=[{match=\"W_?\", frozen=true}]"});
}

TEST(Perturbation, AFlippedSign) {
  expect_changed({"C1", "C6", "C7", "C10", "C11"}, {"train.gradient_scale=-1"});
}

// C1 rests on two seeds here: what fails, fails whatever the number of seeds.
TEST(Perturbation, AWrongNoiseLevel) { expect_changed({"C1"}, {"task.noise=1", "study.seeds=2"}); }

// What an untrained transformer does at 90 degrees it does at 0 too; no angle is flat that was not learned.
TEST(Perturbation, ATransformerThatDoesNotLearn) {
  expect_changed({"C12", "C13"},
                 {"train.group=[{match=\"*\", frozen=true}]", "train.steps=20", "study.seeds=1"});
}

}  // namespace
}  // namespace iclab::papers
