// Every study file of examples/ runs, and shows what it says it shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

namespace fs = std::filesystem;

// Runs an example with few seeds and steps; probes and sweeps stay.
Json run_short(const fs::path& example, const std::string& out) {
  const Outcome outcome = iclab({"run", example.string(), "--out", out, "--set", "study.seeds=1",
                                 "--set", "train.steps=40", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << example << ": " << outcome.err;
  return outcome.json();
}

TEST(Examples, EachOneRuns) {
  const Folder folder;
  int count = 0;
  for (const auto& entry : fs::directory_iterator(source_file("examples"))) {
    if (entry.path().extension() != ".toml") continue;
    ++count;
    const Json json = run_short(entry.path(), folder / entry.path().stem().string());
    EXPECT_EQ(json["study"], entry.path().stem().string());
    EXPECT_EQ(json["runs"]["failed"], 0);
    EXPECT_EQ(json["runs"]["diverged"], 0);
    EXPECT_FALSE(json["points"].empty()) << entry.path();
    for (const Json& point : json["points"]) EXPECT_FALSE(point["last"].empty()) << entry.path();
  }
  EXPECT_GE(count, 4);
}

// Whoever changes bits raises the numerics version and writes the new hash into docs/commands.md.
TEST(Examples, TheDocumentedHashIsTheOneOfTheExample) {
  const Folder folder;
  const Outcome outcome =
      iclab({"run", source_file("examples/components.toml"), "--out", folder / "out", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(read_text(source_file("docs/commands.md")),
              testing::HasSubstr("sha256     " + outcome.json()["sha256"].get<std::string>()));
}

TEST(Examples, StoppingRunsStopBeforeTheirLastStep) {
  const Folder folder;
  const Outcome outcome = iclab({"run", source_file("examples/stopping.toml"), "--out",
                                 folder / "out", "--set", "study.seeds=1", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json json = outcome.json();
  for (const Json& point : json["points"]) {
    EXPECT_GT(point["steps"], 0);
    EXPECT_LT(point["steps"], 2000);
    EXPECT_LT(point["last"]["risk"], 0.8);
  }
}

// From beta = 0 the mean field passes accuracy 0.97 at step 161 (differential-kinetics.md, section 3.5: flow of the
// exact loss, beta_thr for z = 1.8808); runs take 0.9 to 1.25 times as long (C4).
TEST(Examples, TheLongTailIsThatOfItsMeanField) {
  const Folder folder;
  const Outcome outcome = iclab({"run", source_file("examples/long-tail.toml"), "--out", folder / "out", "--set",
                                 "study.seeds=9", "--set", "model.beta=0.0", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json point = outcome.json()["points"][0];
  EXPECT_GT(point["steps"], 0.9 * 161.4);
  EXPECT_LT(point["steps"], 1.25 * 161.4);
  EXPECT_GT(point["last"]["accuracy"], 0.97);
}

}  // namespace
}  // namespace iclab::test
