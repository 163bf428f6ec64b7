// `iclab merge`: shards become one store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

using testing::HasSubstr;

class Merge : public testing::Test {
 protected:
  // Runs a shard into the folder that `run` takes by itself.
  void run_shard(int shard, int shards) const {
    const std::string part = std::to_string(shard) + "/" + std::to_string(shards);
    const Outcome outcome = shell("cd " + folder_.path().string() + " && \"$ICLAB\" run small.toml --shard " + part);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }

  std::string whole_hash() const {
    return iclab({"run", folder_ / "small.toml", "--out", folder_ / "whole", "--json"}).json()["sha256"];
  }

  const Folder folder_;
  const std::string study_ = folder_.write("small.toml", small_study());
  const std::string out_ = folder_ / "iclab-out/small";
};

TEST_F(Merge, ShardsBecomeTheStudysStore) {
  for (int shard = 1; shard <= 3; ++shard) run_shard(shard, 3);
  const Outcome before = iclab({"status", out_});
  EXPECT_EQ(before.exit_code, 1);
  EXPECT_THAT(before.err, HasSubstr("iclab merge"));

  const Outcome merged = iclab({"merge", out_, "--json"});
  ASSERT_EQ(merged.exit_code, 0) << merged.err;
  EXPECT_EQ(merged.json()["stores"], 3);
  EXPECT_EQ(merged.json()["added"], 4);
  EXPECT_EQ(merged.json()["gaps"], Json::array());
  EXPECT_EQ(merged.json()["sha256"], whole_hash());
  EXPECT_EQ(iclab({"merge", out_, "--json"}).json()["known"], 4);  // again it changes nothing
  EXPECT_EQ(iclab({"status", out_, "--json"}).json()["sha256"], whole_hash());
  EXPECT_EQ(iclab({"run", study_, "--out", out_, "--json"}).json()["steps"], 0);
}

TEST_F(Merge, GapsAreReported) {
  run_shard(2, 2);
  const Outcome merged = iclab({"merge", out_});
  EXPECT_EQ(merged.exit_code, 0) << merged.err;
  EXPECT_THAT(merged.out, HasSubstr("runs missing or not at their end: 2"));
  EXPECT_THAT(merged.out, HasSubstr("waiting: small, seed 0, task.components = 1, at step 0"));
  EXPECT_EQ(iclab({"status", out_, "--json"}).json()["runs"]["waiting"], 2);
}

TEST_F(Merge, AnExtendedStudyIsMergedAgain) {
  for (int shard = 1; shard <= 2; ++shard) run_shard(shard, 2);
  ASSERT_EQ(iclab({"merge", out_}).exit_code, 0);
  std::int64_t computed = 0;
  for (const std::string shard : {"1/2", "2/2"}) {
    const std::string folder = out_ + "/shard-" + shard.substr(0, 1) + "-of-2";
    const Json json =
        iclab({"run", study_, "--set", "study.seeds=3", "--shard", shard, "--out", folder, "--json"}).json();
    computed += json["runs"]["computed"].get<std::int64_t>();
  }
  EXPECT_EQ(computed, 2);  // a new seed at each of two points, and nothing again
  const Outcome merged = iclab({"merge", out_, "--json"});
  ASSERT_EQ(merged.exit_code, 0) << merged.err;
  EXPECT_EQ(merged.json()["added"], 2);
  EXPECT_EQ(merged.json()["gaps"], Json::array());
  EXPECT_EQ(iclab({"status", out_, "--json"}).json()["runs"]["done"], 6);
  const Json whole = iclab({"run", study_, "--set", "study.seeds=3", "--out", folder_ / "whole", "--json"}).json();
  EXPECT_EQ(merged.json()["sha256"], whole["sha256"]);
}

TEST_F(Merge, StudiesThatDoNotGoTogetherAreRefusedBeforeAnythingIsWritten) {
  const std::vector<std::string> shard{"run", study_, "--shard", "1/2", "--out", folder_ / "a"};
  ASSERT_EQ(iclab(shard).exit_code, 0);
  ASSERT_EQ(iclab({"run", study_, "--shard", "2/2", "--set", "train.batch=8", "--out", folder_ / "b"}).exit_code, 0);
  const Outcome refused = iclab({"merge", folder_ / "a", folder_ / "b", "--out", folder_ / "joined"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("is not the same study in both stores"));
  const Json status = iclab({"status", folder_ / "joined", "--json"}).json();
  EXPECT_EQ(status["runs"]["done"], 0);
}

TEST_F(Merge, ThePageTellsTheTimeOfAllShards) {
  for (int shard = 1; shard <= 2; ++shard) run_shard(shard, 2);
  ASSERT_EQ(iclab({"merge", out_}).exit_code, 0);
  const auto seconds = [](const std::string& folder) {
    return iclab({"report", folder, "--json"}).json()["report"]["seconds"].get<double>();
  };
  const double parts = seconds(out_ + "/shard-1-of-2") + seconds(out_ + "/shard-2-of-2");
  EXPECT_NEAR(seconds(out_), parts, 1e-9);
  ASSERT_EQ(iclab({"merge", out_}).exit_code, 0);
  EXPECT_NEAR(seconds(out_), parts, 1e-9);
}

TEST_F(Merge, FoldersAnywhereNeedAPlaceForTheStore) {
  ASSERT_EQ(iclab({"run", study_, "--out", folder_ / "a", "--shard", "1/2"}).exit_code, 0);
  ASSERT_EQ(iclab({"run", study_, "--out", folder_ / "b", "--shard", "2/2"}).exit_code, 0);
  const Outcome nowhere = iclab({"merge", folder_ / "a", folder_ / "b"});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("--out DIR"));
  const Outcome merged = iclab({"merge", folder_ / "a", folder_ / "b", "--out", folder_ / "joined", "--json"});
  ASSERT_EQ(merged.exit_code, 0) << merged.err;
  EXPECT_EQ(merged.json()["sha256"], whole_hash());
}

TEST_F(Merge, WhatIsNoStoreIsRefusedBeforeAnythingIsMade) {
  run_shard(1, 2);
  const Outcome refused = iclab({"merge", out_ + "/shard-1-of-2", folder_ / "nothing", "--out", folder_ / "joined"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("no store here"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "joined"));
}

}  // namespace
}  // namespace iclab::test
