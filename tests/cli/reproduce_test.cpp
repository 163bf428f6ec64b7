// `iclab reproduce` and `iclab report`: words, files, pages written again without training.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(Reproduce, SmokeWritesThePageAndGivesNoVerdicts) {
  const Folder folder;
  const Outcome outcome =
      iclab({"reproduce", "task-diversity", "--smoke", "--out", folder / "out"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("C1   not judged"));
  EXPECT_THAT(outcome.out, HasSubstr("page: " + folder / "out/task-diversity/index.html"));
  EXPECT_THAT(outcome.out, HasSubstr("all papers: " + folder / "out/index.html"));
  EXPECT_TRUE(fs::exists(folder / "out/index.html"));
  EXPECT_TRUE(fs::exists(folder / "out/task-diversity/index.html"));
  const Json claims = Json::parse(read_text(folder / "out/task-diversity/claims.json"));
  EXPECT_EQ(claims["paper"], "task-diversity");
  EXPECT_EQ(claims["mode"], "smoke");
  for (const Json& claim : claims["claims"])
    EXPECT_TRUE(claim["verdict"].is_null() || claim["verdict"] == "not built yet") << claim["id"];

  // The page is written again from the store, with the same claims, without a step of training.
  const std::string hash =
      iclab({"status", folder / "out/task-diversity", "--json"}).json()["sha256"];
  fs::remove(folder / "out/task-diversity/index.html");
  fs::remove(folder / "out/task-diversity/claims.json");
  const Outcome again = iclab({"report", folder / "out/task-diversity", "--json"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.json()["page"], folder / "out/task-diversity/index.html");
  EXPECT_EQ(Json::parse(read_text(folder / "out/task-diversity/claims.json"))["claims"],
            claims["claims"]);
  EXPECT_EQ(iclab({"status", folder / "out/task-diversity", "--json"}).json()["sha256"], hash);
}

TEST(Reproduce, OneClaimAndJson) {
  const Folder folder;
  const Json json = iclab({"reproduce", "task-diversity", "--smoke", "--claim", "C5", "--out",
                           folder / "out", "--json"})
                        .json();
  EXPECT_EQ(json["index"], folder / "out/index.html");
  ASSERT_EQ(json["papers"].size(), 1U);
  EXPECT_EQ(json["papers"][0]["paper"], "task-diversity");
  std::vector<std::string> judged;
  for (const Json& claim : json["papers"][0]["claims"])
    if (!claim["checks"].empty()) judged.push_back(claim["id"]);
  EXPECT_THAT(judged, testing::ElementsAre("C5"));
}

TEST(Reproduce, WrongWordsAreUsageErrors) {
  const Folder folder;
  const auto expect = [&](std::vector<std::string> words, const std::string& message) {
    words.insert(words.begin(), "reproduce");
    words.insert(words.end(), {"--out", folder / "out"});
    const Outcome outcome = iclab(words);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, AllOf(StartsWith("iclab: "), HasSubstr(message)));
    EXPECT_FALSE(fs::exists(folder / "out"));
  };
  expect({}, "no paper named; accepted are task-diversity");
  expect({"task-diversty"}, "did you mean 'task-diversity'?");
  expect({"task-diversity", "--all"}, "--all");
  expect({"task-diversity", "--smoke", "--full"}, "--smoke");
  expect({"task-diversity", "--claim", "C99"},
         "--claim: task-diversity has no claim 'C99'; accepted are C1");
  expect({"task-diversity", "--claim", "C1", "--headline"}, "--headline");
  expect({"task-diversity", "--set", "train.lrr=1"}, "lrr");
}

TEST(Reproduce, StopsCleanlyAndGoesOn) {
  const Folder folder;
  const std::vector<std::string> words{"reproduce", "task-diversity", "--smoke", "--out",
                                       folder / "out"};
  Process process(words);
  while (process.running() && !fs::exists(folder / "out/task-diversity/store.sqlite"))
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  process.send(SIGINT);
  const Outcome stopped = process.wait();
  EXPECT_EQ(stopped.exit_code, 1);
  EXPECT_THAT(stopped.err, HasSubstr("iclab: stopping; saving what is done"));
  EXPECT_EQ(iclab(words).exit_code, 0);
}

// ---- a study that belongs to no paper
// ------------------------------------------------------------

TEST(Report, AStudysPageHasItsSeriesAndItsFile) {
  const Folder folder;
  const std::string study = folder.write("small.toml", small_study());
  ASSERT_EQ(iclab({"run", study, "--out", folder / "out"}).exit_code, 0);
  const Outcome outcome = iclab({"report", folder / "out/"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("page: " + folder / "out/index.html"));
  const std::string page = read_text(folder / "out/index.html");
  EXPECT_THAT(page, HasSubstr("subspace-regression"));  // the study file
  EXPECT_THAT(page, HasSubstr("task.components = 2"));
  EXPECT_THAT(page, HasSubstr("<h2>Series</h2>"));
  EXPECT_THAT(page, testing::Not(HasSubstr("What is the paper")));
  // 2 sweep points, measured at steps 0, 20, 40, 60: a mark each, and the heading.
  const std::string csv = read_text(folder / "out/figures/small-risk.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 9) << csv;
  EXPECT_TRUE(fs::exists(folder / "out/figures/small-risk.vl.json"));
  EXPECT_TRUE(fs::exists(folder / "out/figures/small-loss.vl.json"));
}

TEST(Report, OpenWithoutADesktopSaysWhereThePageIs) {
  const Folder folder;
  const std::string study = folder.write("small.toml", small_study());
  ASSERT_EQ(iclab({"run", study, "--out", folder / "out"}).exit_code, 0);
  const Outcome outcome = iclab({"report", folder / "out", "--open"}, {{"PATH", "/nowhere"}});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err,
              HasSubstr("iclab: cannot open the page (xdg-open: No such file or directory)"));
}

}  // namespace
}  // namespace iclab::test
