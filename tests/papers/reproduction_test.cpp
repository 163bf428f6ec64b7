#include "papers/reproduction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "report/page.h"
#include "study/store.h"

namespace iclab::papers {
namespace {

using report::RowKind;
using report::Verdict;
using testing::HasSubstr;

// An empty folder of this test.
std::filesystem::path fresh_folder() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "iclab-reproduction" / info->name();
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

const Paper& task_diversity() { return find_paper("task-diversity"); }

ReproduceOptions options_for(Mode mode, std::vector<std::string> claims = {}) {
  ReproduceOptions options;
  options.mode = mode;
  options.claims = std::move(claims);
  options.out = fresh_folder();
  return options;
}

std::string message_of(const ReproduceOptions& options) {
  try {
    task_diversity().reproduce(options);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

bool has_rows(const report::Figure& figure, RowKind kind) {
  const std::vector<report::Row> rows = figure.rows();
  return std::ranges::any_of(rows, [kind](const report::Row& row) { return row.kind == kind; });
}

TEST(Papers, UnknownPaperNamesTheNearest) {
  try {
    find_paper("task-divercity");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'task-diversity'?"));
  }
}

TEST(Reproduction, SmokeDrawsEveryFigureAndJudgesNothing) {
  const report::PaperReport whole = task_diversity().reproduce(options_for(Mode::kSmoke));
  ASSERT_EQ(whole.claims.size(), 13U);
  for (const report::Claim& claim : whole.claims) {
    EXPECT_EQ(claim.verdict, Verdict::kNone) << claim.id;
    EXPECT_FALSE(claim.statement.empty()) << claim.id;
    EXPECT_FALSE(claim.checks.empty()) << claim.id;
    EXPECT_FALSE(claim.provenance.empty()) << claim.id;
    EXPECT_FALSE(claim.studies.empty()) << claim.id;
    EXPECT_FALSE(claim.figures.empty()) << claim.id;
    // Nothing predicts a softmax transformer: its figures have references.
    const bool softmax = claim.id == "C12" || claim.id == "C13";
    for (const report::Figure& figure : claim.figures) {
      if (figure.name() != "c12-plateaus" && figure.name() != "c12-plateau-and-strength") {
        EXPECT_TRUE(has_rows(figure, softmax ? RowKind::kReference : RowKind::kTheory))
            << figure.name();
      }
      EXPECT_TRUE(has_rows(figure, RowKind::kMeasured)) << figure.name();
    }
  }
  EXPECT_EQ(whole.headline, "C8");
  EXPECT_EQ(whole.seeds, 2);
}

// The schema of docs/formats.md, as others read it.
TEST(Reproduction, ClaimsFileHasItsSchema) {
  const ReproduceOptions options = options_for(Mode::kQuick, {"C10", "C11"});
  const report::PaperReport whole = task_diversity().reproduce(options);
  report::write_page(whole, options.out);
  std::ifstream in(options.out / "task-diversity" / "claims.json");
  const Json claims = Json::parse(in);

  EXPECT_EQ(claims.at("paper"), "task-diversity");
  EXPECT_EQ(claims.at("mode"), "quick");
  EXPECT_TRUE(claims.at("seconds").is_number());
  ASSERT_EQ(claims.at("claims").size(), 2U);
  for (const Json& claim : claims.at("claims")) {
    EXPECT_EQ(claim.at("verdict"), "reproduced") << claim.at("id");
    EXPECT_EQ(claim.at("expected"), "reproduced");
    EXPECT_TRUE(claim.at("title").is_string());
    EXPECT_TRUE(claim.contains("cause"));
    EXPECT_GT(claim.at("checks").size(), 0U);
    for (const Json& check : claim.at("checks")) {
      EXPECT_TRUE(check.at("what").is_string());
      for (const char* key : {"predicted", "measured", "tolerance", "ok"})
        EXPECT_TRUE(check.contains(key)) << key;
      EXPECT_EQ(check.at("interval").size(), 2U);
      EXPECT_TRUE(check.at("seeds").is_number_integer());
    }
    for (const Json& figure : claim.at("figures"))
      EXPECT_TRUE(
          std::filesystem::exists(options.out / "task-diversity" / figure.get<std::string>()));
  }
}

TEST(Reproduction, JudgingAgainGivesTheSame) {
  const ReproduceOptions options = options_for(Mode::kQuick, {"C10"});
  const report::PaperReport first = task_diversity().reproduce(options);
  const std::filesystem::path folder = options.out / "task-diversity";
  EXPECT_EQ(paper_in(folder), "task-diversity");
  report::PaperReport again = task_diversity().judge_again(folder);
  EXPECT_NEAR(again.seconds, first.seconds, 60);
  again.seconds = first.seconds;
  again.threads = first.threads;
  EXPECT_EQ(report::to_json(again), report::to_json(first));
}

TEST(Reproduction, StoppedAndResumedEndsWithTheSameBits) {
  ReproduceOptions options = options_for(Mode::kQuick, {"C9"});
  const report::PaperReport whole = task_diversity().reproduce(options);

  options.out /= "again";
  std::stop_source source;
  options.stop = source.get_token();
  options.progress = [&](const ReproduceProgress& progress) {
    EXPECT_LE(progress.steps_done, progress.steps_total);
    if (progress.steps_done > 0) source.request_stop();
  };
  EXPECT_THROW(task_diversity().reproduce(options), Interrupted);

  options.stop = {};
  options.progress = {};
  const report::PaperReport resumed = task_diversity().reproduce(options);
  EXPECT_EQ(resumed.store_sha256, whole.store_sha256);
  EXPECT_EQ(resumed.optimizer_steps, whole.optimizer_steps);
}

TEST(Reproduction, AnUnfinishedOneCannotBeJudged) {
  ReproduceOptions options = options_for(Mode::kQuick, {"C9"});
  std::stop_source source;
  source.request_stop();
  options.stop = source.get_token();
  EXPECT_THROW(task_diversity().reproduce(options), Interrupted);
  EXPECT_THROW(task_diversity().judge_again(options.out / "task-diversity"), Error);
}

TEST(Reproduction, MissingSeedsAreInconclusiveUntilMoreAreDrawn) {
  ReproduceOptions options = options_for(Mode::kQuick, {"C10"});
  options.overrides = {"study.seeds=5"};
  options.seed_limit = 10;
  const report::PaperReport few = task_diversity().reproduce(options);
  EXPECT_EQ(few.claims.at(0).verdict, Verdict::kInconclusive);
  EXPECT_EQ(few.seeds, 10);
  EXPECT_THAT(few.claims.at(0).cause, HasSubstr("Seeds are missing: 10 of 20 in conditioning"));

  options.seed_limit = 40;
  const report::PaperReport enough = task_diversity().reproduce(options);
  EXPECT_EQ(enough.claims.at(0).verdict, Verdict::kReproduced);
  EXPECT_GE(enough.seeds, 20);
}

TEST(Reproduction, WrongWordsAreRefused) {
  EXPECT_THAT(message_of(options_for(Mode::kSmoke, {"C99"})),
              HasSubstr("found 'C99', accepted are C1"));
  ReproduceOptions options = options_for(Mode::kSmoke, {"C10"});
  options.overrides = {"sweep.task.components=[1]"};
  EXPECT_NE(message_of(options), "no error");
  options.overrides = {"task.colour=3"};
  EXPECT_THAT(message_of(options), HasSubstr("colour"));
}

// The judges of the full mode, on runs of a few steps: every study starts, every figure is drawn.
TEST(Reproduction, FullModeRunsAndIsJudged) {
  ReproduceOptions options = options_for(Mode::kFull, {"C2", "C4", "C6", "C8", "C9", "C10", "C11"});
  options.overrides = {"train.steps=2", "study.seeds=1"};
  options.seed_limit = 0;
  const report::PaperReport whole = task_diversity().reproduce(options);
  for (const report::Claim& claim : whole.claims) {
    EXPECT_EQ(claim.verdict, Verdict::kNotReproduced) << claim.id;
    for (const report::Figure& figure : claim.figures)
      EXPECT_TRUE(has_rows(figure, RowKind::kMeasured)) << figure.name();
  }
}

}  // namespace
}  // namespace iclab::papers
