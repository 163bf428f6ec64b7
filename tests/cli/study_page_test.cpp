// What a study's table and page say of its runs: numbers over all seeds, each at its step, under a name of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// Linear regression in two dimensions; what follows [train] is the test's.
std::string study(int seeds, const std::string& train, const std::string& rest) {
  return "[study]\nname = \"s\"\nseeds = " + std::to_string(seeds) +
         "\n[task]\nkind = \"linear-regression\"\ndim = 2\ncontext = 3\n"
         "[model]\nkind = \"linear-attention\"\nform = \"factored\"\nalpha = 0.3\n"
         "[train]\noptimizer = { kind = \"sgd\", lr = 0.02 }\nbatch = 4\n" +
         train + rest;
}

class StudyPage : public testing::Test {
 protected:
  // Runs a study and writes its page; the table, the JSON and claims.json.
  void show(const std::string& text, const std::vector<std::string>& more = {}) {
    const std::string file = folder_.write("s.toml", text);
    std::vector<std::string> words{"run", file, "--out", out_};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome table = iclab(words);
    ASSERT_EQ(table.exit_code, 0) << table.err;
    table_ = table.out;
    words.emplace_back("--json");
    points_ = iclab(words).json()["points"];
    const Outcome page = iclab({"report", out_});
    ASSERT_EQ(page.exit_code, 0) << page.err;
    claims_ = Json::parse(read_text(out_ + "/claims.json"))["claims"];
    html_ = read_text(out_ + "/index.html");
  }

  const Folder folder_;
  const std::string out_ = folder_ / "out";
  std::string table_, html_;
  Json points_, claims_;
};

TEST_F(StudyPage, ASeedThatDivergedIsCountedAndNotLeftOut) {
  show(study(9, "steps = 300\n", "[[probe]]\nkind = \"risk\"\nevery = 1\n[sweep]\n"
                                 "\"train.optimizer.lr\" = [0.02, 0.04, 0.06]\n"));
  const Json& checks = claims_[0]["checks"];
  ASSERT_EQ(checks.size(), 3U);
  const double all = checks[0]["measured"];
  EXPECT_EQ(checks[0]["valued"], 9);
  EXPECT_EQ(checks[0]["interval_of"], "95 % interval");
  // Four of nine diverged: the median of nine is the largest of the five others.
  EXPECT_EQ(checks[1]["valued"], 5);
  EXPECT_EQ(checks[1]["missing"], "4 diverged");
  EXPECT_GT(checks[1]["measured"].get<double>(), all);
  // Six of nine: it is infinite.
  EXPECT_EQ(checks[2]["seeds"], 9);
  EXPECT_EQ(checks[2]["valued"], 3);
  EXPECT_EQ(checks[2]["missing"], "6 diverged");
  EXPECT_TRUE(checks[2]["measured"].is_null());
  EXPECT_TRUE(checks[2]["interval"][1].is_null());
  EXPECT_THAT(html_, HasSubstr("3 of 9; 6 diverged"));
  EXPECT_THAT(html_, HasSubstr("train.optimizer.lr = 0.06: 3 of 9; 6 diverged"));

  EXPECT_THAT(table_, HasSubstr("0.06                3 of 9; 6 diverged  inf"));
  EXPECT_TRUE(points_[2]["last"]["risk"].is_null());
  EXPECT_EQ(points_[2]["series"]["risk"]["missing"], "6 diverged");
  EXPECT_EQ(points_[2]["states"]["diverged"], 6);
  EXPECT_EQ(points_[1]["last"]["risk"], checks[1]["measured"]);
}

TEST_F(StudyPage, AtTheEndMeansEachRunsOwn) {
  show(study(4, "steps = 400\nstop = { probe = \"risk\", below = 0.7 }\n",
             "[[probe]]\nkind = \"risk\"\nevery = 1\n[[probe]]\nname = \"end\"\nkind = \"risk\"\ntest = \"isotropic\"\n"
             "at = \"end\"\n"), {"--set", "train.optimizer.lr=0.002"});
  ASSERT_EQ(points_[0]["states"], Json::parse("{\"stopped\":4}"));
  const Json& end = points_[0]["series"]["end"];
  EXPECT_EQ(end["valued"], 4);
  EXPECT_LT(end["steps"][0], end["steps"][1]);  // they stopped at different steps
  const Json& check = claims_[1]["checks"][0];
  EXPECT_EQ(check["valued"], 4);
  EXPECT_EQ(check["measured"], end["value"]);
  EXPECT_EQ(check["interval_of"], "range of 4 seeds");
  EXPECT_THAT(check["what"].get<std::string>(), HasSubstr(", steps "));
  EXPECT_THAT(html_, HasSubstr("Median over all 4 seeds with their range"));
  EXPECT_THAT(html_, Not(HasSubstr("95 % interval")));
}

TEST_F(StudyPage, OneSeedIsAPoint) {
  show(study(1, "steps = 10\n", "[[probe]]\nkind = \"risk\"\nevery = 5\n"));
  const Json& check = claims_[0]["checks"][0];
  EXPECT_EQ(check["interval"].dump(), "[null,null]");
  EXPECT_EQ(check["interval_of"], "one seed");
  EXPECT_THAT(html_, Not(HasSubstr("interval</li>")));
}

TEST_F(StudyPage, SeriesThatShareANameAreRefused) {
  const std::string file = folder_.write(
      "s.toml", study(1, "steps = 10\n", "[[probe]]\nkind = \"risk\"\nevery = 5\n"
                                         "[[probe]]\nkind = \"risk\"\ntest = \"isotropic\"\nevery = 5\n"));
  const Outcome outcome = iclab({"run", file, "--out", out_});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("s.toml:19"));
  EXPECT_THAT(outcome.err, HasSubstr("s.toml:16"));
}

TEST_F(StudyPage, FewerStepsShowTheirOwnLast) {
  const std::string text = study(2, "steps = 200\n", "[[probe]]\nkind = \"risk\"\nevery = 50\n");
  show(text);
  const Json longer = points_[0]["last"]["risk"];
  show(text, {"--set", "train.steps=50"});
  EXPECT_NE(points_[0]["last"]["risk"], longer);
  EXPECT_EQ(points_[0]["series"]["risk"]["steps"], Json::parse("[50,50]"));
  const Outcome fresh = iclab({"run", folder_ / "s.toml", "--set", "train.steps=50", "--out", folder_ / "fresh", "--json"});
  EXPECT_EQ(points_[0]["last"], fresh.json()["points"][0]["last"]);
  EXPECT_THAT(claims_[0]["checks"][0]["what"].get<std::string>(), HasSubstr("step 50"));
  ASSERT_EQ(iclab({"export", out_}).exit_code, 0);
  EXPECT_THAT(read_text(out_ + "/export/s/series.csv"), Not(HasSubstr(",100,0,")));
}

TEST_F(StudyPage, AnOverflowedValueHasNoOlderOne) {
  show(study(2, "steps = 100\n", "[[probe]]\nkind = \"mse\"\nprompts = 16\nat = \"log\"\npoints = 12\n"
                                 "[sweep]\n\"train.optimizer.lr\" = [0.01, 0.5]\n\"model.form\" = [\"merged\"]\n"));
  ASSERT_EQ(points_[1]["states"], Json::parse("{\"finished\":2}"));
  const double mse = points_[1]["last"]["mse"];
  EXPECT_GT(mse, 1e20);
  EXPECT_TRUE(points_[1]["last"]["mse.mse_squared"].is_null());
  EXPECT_EQ(points_[1]["series"]["mse.mse_squared"]["missing"], "2 not finite");
  EXPECT_THAT(table_, HasSubstr("mse.mse_squared at 0.5, merged: 0 of 2 runs; 2 not finite\n"));
}

TEST_F(StudyPage, AnOutputThatNoRunHasIsShownToBeMissing) {
  const std::string probes =
      "[[probe]]\nkind = \"mse\"\nprompts = 16\nat = \"end\"\n[[probe]]\nkind = \"effective-matrix\"\nat = \"end\"\n";
  show(study(2, "steps = 100\n", probes), {"--set", "model.form=merged", "--set", "train.optimizer.lr=0.5"});
  ASSERT_EQ(points_[0]["states"], Json::parse("{\"finished\":2}"));
  EXPECT_EQ(points_[0]["series"]["mse.mse_squared"]["missing"], "2 not finite");
  EXPECT_FALSE(points_[0]["series"].contains("effective-matrix"));  // an array is no column
  EXPECT_FALSE(points_[0]["series"].contains("effective-matrix.effective_matrix"));
  EXPECT_THAT(table_, HasSubstr("mse.mse_squared"));
  std::vector<std::string> titles;
  for (const Json& claim : claims_) titles.push_back(claim["title"]);
  EXPECT_THAT(titles, testing::ElementsAre("mse", "mse.mse_squared"));

  // Runs that diverged before a probe was due have its outputs all the same, under their names.
  show(study(3, "steps = 100\n", "[[probe]]\nname = \"late\"\nkind = \"sampled-risk\"\nprompts = 16\nsteps = [100]\n"),
       {"--set", "train.optimizer.lr=0.9", "--set", "study.name=late"});
  EXPECT_EQ(points_[0]["series"]["late.risk"]["missing"], "3 diverged");
  EXPECT_THAT(table_, HasSubstr("0 of 3; 3 diverged  inf"));
}

TEST_F(StudyPage, SharedRunsAreCountedOnce) {
  show(study(2, "steps = 40\n", "[[probe]]\nname = \"sr\"\nkind = \"sampled-risk\"\nprompts = 8\nat = \"end\"\n"
                                "[sweep]\n\"probe.sr.prompts\" = [8, 16, 32]\n"));
  const Json page = Json::parse(read_text(out_ + "/claims.json"));
  EXPECT_EQ(page["runs"], 2);
  EXPECT_EQ(page["optimizer_steps"], 80);
  EXPECT_EQ(iclab({"status", out_, "--json"}).json()["runs"]["done"], 2);
}

TEST_F(StudyPage, ARefusedStudyLeavesNoStore) {
  const std::string file = folder_.write("s.toml", study(1, "steps = 10\nloss = \"logistic\"\n", ""));
  EXPECT_EQ(iclab({"run", file, "--out", out_}).exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(StudyPage, FigureNamesNeverClash) {
  show(study(2, "steps = 10\n", "[[probe]]\nname = \"Risk A\"\nkind = \"risk\"\nevery = 5\n"
                                "[[probe]]\nname = \"risk-a\"\nkind = \"risk\"\ntest = \"isotropic\"\nevery = 5\n"
                                "[[probe]]\nname = \"損失\"\nkind = \"loss\"\nevery = 5\n"
                                "[[probe]]\nname = \"精度\"\nkind = \"mse\"\nprompts = 4\nevery = 5\n"));
  std::set<std::string> ids;
  for (const Json& claim : claims_) {
    EXPECT_TRUE(ids.insert(claim["id"]).second) << claim["id"];
    EXPECT_TRUE(std::filesystem::exists(out_ + "/" + claim["figures"][0].get<std::string>()));
  }
  EXPECT_EQ(ids.size(), 5U);
}

TEST_F(StudyPage, LabelsTellTheValuesOfAnAxisApart) {
  show(study(1, "steps = 10\n", "[[probe]]\nkind = \"risk\"\nevery = 10\n"
                                "[sweep]\n\"train.optimizer.lr\" = [0.01000001, 0.01000002, 0.5]\n"));
  EXPECT_THAT(table_, HasSubstr("\n0.01000001 "));
  EXPECT_THAT(table_, HasSubstr("\n0.01000002 "));
  EXPECT_THAT(table_, HasSubstr("\n0.5 "));
  const std::string csv = read_text(out_ + "/" + "figures/s-risk.csv");
  EXPECT_THAT(csv, HasSubstr("train.optimizer.lr = 0.01000001,"));
  EXPECT_THAT(csv, HasSubstr("train.optimizer.lr = 0.01000002,"));
}

}  // namespace
}  // namespace iclab::test
