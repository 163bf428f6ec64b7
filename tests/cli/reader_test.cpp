// A reader of the store, however long, never ends a training.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>

#include <chrono>
#include <thread>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

using testing::HasSubstr;

// An open cursor, as a notebook's cell or a pager leaves it.
class Cursor {
 public:
  explicit Cursor(const std::string& folder) {
    EXPECT_EQ(sqlite3_open((folder + "/store.sqlite").c_str(), &database_), SQLITE_OK);
    sqlite3_busy_timeout(database_, 10'000);
    EXPECT_EQ(sqlite3_prepare_v2(database_, "SELECT id FROM runs", -1, &rows_, nullptr), SQLITE_OK);
    EXPECT_EQ(sqlite3_step(rows_), SQLITE_ROW);
  }
  ~Cursor() {
    sqlite3_finalize(rows_);
    sqlite3_close(database_);
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

 private:
  sqlite3* database_ = nullptr;
  sqlite3_stmt* rows_ = nullptr;
};

TEST(Reader, OfTwoMinutesEndsNothingAndLosesNothing) {
  const Folder folder;
  std::string text = small_study();
  const auto replace = [&](const std::string& from, const std::string& to) { text.replace(text.find(from), from.size(), to); };
  replace("steps = 60", "steps = 4000000000");
  replace("lr = 0.02", "lr = 1e-9");  // a run that diverges after millions of steps would end
  replace("every = 20", "every = 10000000");
  replace("every = 30", "every = 10000000");
  const std::string study = folder.write("long.toml", text), out = folder / "out";
  Process process({"run", study, "--out", out, "--threads", "1", "--json"});
  const auto has_run = [&] {
    return std::filesystem::exists(out + "/store.sqlite") && iclab({"status", out, "--json"}).json()["runs"]["waiting"] == 3;
  };
  while (process.running() && !has_run()) std::this_thread::sleep_for(std::chrono::milliseconds(200));

  Outcome outcome;
  {
    const Cursor cursor(out);
    std::this_thread::sleep_for(std::chrono::minutes(2));
    ASSERT_TRUE(process.running());
    EXPECT_EQ(iclab({"status", out}).exit_code, 0);  // others still read
    process.send(SIGTERM);
    outcome = process.wait();  // while the cursor is open
  }
  EXPECT_EQ(outcome.exit_code, 1);
  const size_t told = outcome.err.find("another program reads");
  ASSERT_NE(told, std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find("another program reads", told + 1), std::string::npos);  // once
  EXPECT_EQ(outcome.json()["set_aside"], true);
  const std::int64_t steps = outcome.json()["steps"];

  // What could not be written is taken in: not a step is lost.
  EXPECT_EQ(iclab({"status", out, "--json"}).json()["set_aside"], true);
  ASSERT_EQ(iclab({"merge", out}).exit_code, 0);
  const Json status = iclab({"status", out, "--verify", "--json"}).json();
  EXPECT_EQ(status["set_aside"], false);
  EXPECT_EQ(status["damages"], Json::array());
  const Outcome joined = iclab({"merge", out, "--json"});
  EXPECT_EQ(joined.json()["gaps"][0]["step"], steps);
}

}  // namespace
}  // namespace iclab::test
