#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

using testing::HasSubstr;

std::vector<std::string> names_of(const Json& entries) {
  std::vector<std::string> names;
  for (const Json& entry : entries) names.push_back(entry["name"]);
  return names;
}

TEST(List, HasWhatTheRegistriesHave) {
  using testing::IsSupersetOf;
  using Names = std::vector<std::string>;
  EXPECT_THAT(names_of(iclab({"list", "tasks", "--json"}).json()),
              IsSupersetOf(Names{"linear-regression", "subspace-regression"}));
  EXPECT_THAT(names_of(iclab({"list", "models", "--json"}).json()),
              IsSupersetOf(Names{"linear-attention"}));
  EXPECT_THAT(names_of(iclab({"list", "probes", "--json"}).json()),
              IsSupersetOf(Names{"loss", "mse", "risk", "effective-matrix"}));
  EXPECT_THAT(names_of(iclab({"list", "optimizers", "--json"}).json()),
              IsSupersetOf(Names{"sgd", "momentum", "adam", "adamw"}));
  EXPECT_THAT(names_of(iclab({"list", "schedules", "--json"}).json()),
              IsSupersetOf(Names{"constant", "linear", "cosine", "step"}));
  EXPECT_THAT(names_of(iclab({"list", "papers", "--json"}).json()),
              IsSupersetOf(Names{"task-diversity"}));
}

TEST(List, TextHasOneLineAnEntry) {
  const Outcome outcome = iclab({"list", "tasks"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("\nlinear-regression "));
  EXPECT_THAT(outcome.out, HasSubstr("\nsubspace-regression "));
}

TEST(List, OneEntryHasParametersRangesAndSource) {
  const Json task = iclab({"list", "tasks", "subspace-regression", "--json"}).json();
  EXPECT_EQ(task["name"], "subspace-regression");
  EXPECT_THAT(task["source"].get<std::string>(), HasSubstr("arXiv"));
  const Json& dim = task["parameters"][0];
  EXPECT_EQ(dim["name"], "dim");
  EXPECT_EQ(dim["kind"], "an integer");
  EXPECT_EQ(dim["required"], true);
  EXPECT_EQ(dim["minimum"], 1);

  const std::string text = iclab({"list", "models", "linear-attention"}).out;
  EXPECT_THAT(text, HasSubstr("merged | factored | separate | full"));
  EXPECT_THAT(text, HasSubstr("at least 0"));
}

TEST(List, APaperHasItsClaims) {
  const Json paper = iclab({"list", "papers", "task-diversity", "--json"}).json();
  EXPECT_THAT(paper["claims"].get<std::vector<std::string>>(), testing::Contains("C8"));
  EXPECT_EQ(paper["headline"], "C8");
}

TEST(List, UnknownNamesAreUsageErrors) {
  const auto expect = [](const std::vector<std::string>& words, const std::string& message) {
    const Outcome outcome = iclab(words);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr(message));
  };
  expect({"list", "taks"}, "did you mean 'tasks'?");
  expect({"list", "tasks", "linear-regresion"}, "did you mean 'linear-regression'?");
  expect({"list", "models", "linear-atention"}, "did you mean 'linear-attention'?");
  expect({"list", "probes", "rsik"}, "did you mean 'risk'?");
  expect({"list", "optimizers", "adan"}, "did you mean 'adam'?");
  expect({"list", "schedules", "linaer"}, "did you mean 'linear'?");
  expect({"list", "papers", "task-diversty"}, "did you mean 'task-diversity'?");
}

}  // namespace
}  // namespace iclab::test
