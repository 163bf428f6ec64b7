#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

using testing::HasSubstr;

class Status : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(iclab({"run", study_, "--out", out_}).exit_code, 0); }

  Json status() const { return iclab({"status", out_, "--json"}).json(); }

  // Inverts the lowest bit of the first byte of one blob of the store.
  void flip(const std::string& table, const std::string& column, const std::string& where) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((out_ + "/store.sqlite").c_str(), &database), SQLITE_OK);
    const std::string read = "SELECT " + column + " FROM " + table + " WHERE " + where;
    sqlite3_stmt* row = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(database, read.c_str(), -1, &row, nullptr), SQLITE_OK);
    ASSERT_EQ(sqlite3_step(row), SQLITE_ROW);
    const auto* bytes = static_cast<const unsigned char*>(sqlite3_column_blob(row, 0));
    std::vector<unsigned char> changed(bytes, bytes + sqlite3_column_bytes(row, 0));
    sqlite3_finalize(row);
    changed.at(0) ^= 1;
    const std::string write = "UPDATE " + table + " SET " + column + " = ?1 WHERE " + where;
    ASSERT_EQ(sqlite3_prepare_v2(database, write.c_str(), -1, &row, nullptr), SQLITE_OK);
    sqlite3_bind_blob(row, 1, changed.data(), static_cast<int>(changed.size()), SQLITE_STATIC);
    ASSERT_EQ(sqlite3_step(row), SQLITE_DONE);
    sqlite3_finalize(row);
    ASSERT_EQ(sqlite3_changes(database), 1);
    sqlite3_close(database);
  }

  void execute(const std::string& sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((out_ + "/store.sqlite").c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    ASSERT_EQ(sqlite3_changes(database), 1);
    sqlite3_close(database);
  }

  const Folder folder_;
  const std::string study_ = folder_.write("small.toml", small_study());
  const std::string out_ = folder_ / "out";
};

TEST_F(Status, JsonSchema) {
  const Json json = status();
  EXPECT_EQ(json["runs"],
            Json::parse(R"({"done":4,"running":0,"waiting":0,"diverged":0,"failed":0})"));
  EXPECT_EQ(json["seconds_left"], 0);
  EXPECT_EQ(json["sha256"].get<std::string>().size(), 64U);
  EXPECT_EQ(json["problems"], Json::array());
}

TEST_F(Status, Text) {
  const Outcome outcome = iclab({"status", out_});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("4 runs done, 0 running, 0 waiting, 0 diverged, 0 failed\n"));
  EXPECT_THAT(outcome.out, HasSubstr("sha256     " + status()["sha256"].get<std::string>()));
}

TEST_F(Status, OneFlippedBitOfAWeightChangesTheHash) {
  const Json before = status()["sha256"];
  flip("weights", "data", "run = 1 AND position = 0");
  EXPECT_NE(status()["sha256"], before);
}

TEST_F(Status, OneFlippedBitOfASeriesChangesTheHash) {
  const Json before = status()["sha256"];
  flip("measurements", "value", "series = 1 AND step = 60");
  EXPECT_NE(status()["sha256"], before);
}

TEST_F(Status, AShardCountsItsOwnPart) {
  const std::string shard = folder_ / "shard";
  ASSERT_EQ(iclab({"run", study_, "--out", shard, "--shard", "1/2"}).exit_code, 0);
  const Json json = iclab({"status", shard, "--json"}).json();
  EXPECT_EQ(json["runs"]["done"], 2);
  EXPECT_EQ(json["runs"]["waiting"], 0);
  EXPECT_EQ(json["elsewhere"], 2);
  EXPECT_EQ(json["seconds_left"], 0);
  EXPECT_THAT(iclab({"status", shard}).out, HasSubstr("2 more runs belong to other shards\n"));
}

TEST_F(Status, VerifyFindsAFlippedBitAndNamesTheRun) {
  const Outcome sound = iclab({"status", out_, "--verify"});
  EXPECT_EQ(sound.exit_code, 0);
  EXPECT_THAT(sound.out, HasSubstr("every checksum holds\n"));

  flip("measurements", "value", "series = 1 AND step = 60");
  const Outcome text = iclab({"status", out_, "--verify"});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.out, HasSubstr("damages found: 1\n"));
  const Outcome plain = iclab({"status", out_, "--json"});  // it reads every number, too
  EXPECT_EQ(plain.exit_code, 1);
  EXPECT_EQ(plain.json()["damages"].size(), 1U);
  const Outcome outcome = iclab({"status", out_, "--verify", "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  ASSERT_EQ(outcome.json()["damages"].size(), 1U);
  EXPECT_THAT(outcome.json()["damages"][0].get<std::string>(), HasSubstr("is damaged"));

  // What would show its numbers refuses to.
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"report", out_}, {"export", out_}, {"run", study_, "--out", out_}}) {
    const Outcome refused = iclab(words);
    EXPECT_EQ(refused.exit_code, 1) << words[0];
    EXPECT_THAT(refused.err, HasSubstr("is damaged")) << words[0];
  }
}

TEST_F(Status, AChangedRowIsNotTakenForARunThatWaits) {
  execute("UPDATE runs SET step = 0 WHERE number = 1");
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"status", out_}, {"report", out_}, {"export", out_}, {"run", study_, "--out", out_}}) {
    const Outcome refused = iclab(words);
    EXPECT_EQ(refused.exit_code, 1) << words[0];
    EXPECT_THAT(refused.err + refused.out, HasSubstr("is damaged")) << words[0];
  }
}

TEST_F(Status, ADamagedStudyIsNoErrorOfTheUsersFile) {
  execute("UPDATE documents SET text = replace(text, 'batch = ', 'batch = -') WHERE key = 'study/small'");
  const Outcome outcome = iclab({"status", out_});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("store.sqlite: the document 'study/small' is damaged"));
}

}  // namespace
}  // namespace iclab::test
