// `iclab run`: results, streams, resuming, the same bits whatever happens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <random>
#include <thread>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Words = std::vector<std::string>;

// Long enough to be killed several times: about a second on one core.
std::string long_study() {
  std::string text = small_study();
  const auto replace = [&](const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
  };
  replace("steps = 60", "steps = 100000");
  replace("every = 20", "every = 5000");
  replace("every = 30", "every = 1000");
  return text;
}

std::string hash_of(const std::string& folder) {
  const Outcome outcome = iclab({"status", folder, "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return outcome.json()["sha256"];
}

Outcome run(const std::string& study, const std::string& out, const Words& more = {},
            const Environment& environment = {}) {
  Words words{"run", study, "--out", out};
  words.insert(words.end(), more.begin(), more.end());
  return iclab(words, environment);
}

class Run : public testing::Test {
 protected:
  const Folder folder_;
  const std::string study_ = folder_.write("small.toml", small_study());
  const std::string out_ = folder_ / "out";
};

TEST_F(Run, SaysWhereResultsAreAndWhatCameOut) {
  const Outcome outcome = run(study_, out_);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("small: 4 runs computed, 0 already there, 240 steps in "));
  EXPECT_THAT(outcome.out, HasSubstr("results in " + out_ + "\n"));
  EXPECT_THAT(outcome.out, HasSubstr("task.components  runs  loss"));
  EXPECT_THAT(outcome.out, HasSubstr("\n1                2     "));
  EXPECT_THAT(outcome.out, HasSubstr("\n2                2     "));
}

TEST_F(Run, JsonSchema) {
  const Json json = run(study_, out_, {"--json"}).json();
  EXPECT_EQ(json["study"], "small");
  EXPECT_EQ(json["out"], out_);
  EXPECT_EQ(json["runs"],
            Json::parse(R"({"computed":4,"already_there":0,"diverged":0,"failed":0})"));
  EXPECT_EQ(json["steps"], 240);
  EXPECT_GE(json["seconds"], 0);
  EXPECT_EQ(json["stopped"], false);
  EXPECT_EQ(json["sha256"], hash_of(out_));
  ASSERT_EQ(json["points"].size(), 2U);
  EXPECT_EQ(json["points"][1]["axes"]["task.components"], 2);
  EXPECT_EQ(json["points"][1]["runs"], 2);
  EXPECT_GT(json["points"][1]["last"]["risk"], 0);
  EXPECT_GT(json["points"][1]["last"]["loss"], 0);
}

TEST_F(Run, TheDefaultFolderHasTheStudysName) {
  const Outcome outcome = shell("cd " + folder_.path().string() + " && \"$ICLAB\" run small.toml");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("results in iclab-out/small\n"));
  EXPECT_TRUE(std::filesystem::is_directory(folder_.path() / "iclab-out/small"));
}

TEST_F(Run, ASecondTimeComputesNothing) {
  run(study_, out_);
  const std::string hash = hash_of(out_);
  const Json json = run(study_, out_, {"--json"}).json();
  EXPECT_EQ(json["runs"]["computed"], 0);
  EXPECT_EQ(json["runs"]["already_there"], 4);
  EXPECT_EQ(json["steps"], 0);
  EXPECT_EQ(json["sha256"], hash);
}

TEST_F(Run, AnExtendedStudyComputesOnlyWhatIsNewWithTheBitsOfAFreshOne) {
  run(study_, out_);
  const Words extended{"--set", "study.seeds=3", "--set", "sweep.\"task.components\"=[1,2,3]",
                       "--json"};
  const Json json = run(study_, out_, extended).json();
  EXPECT_EQ(json["runs"]["computed"], 5);
  EXPECT_EQ(json["runs"]["already_there"], 4);
  EXPECT_EQ(json["sha256"], run(study_, folder_ / "fresh", extended).json()["sha256"]);
}

TEST_F(Run, SetReplacesSettings) {
  const Json json =
      run(study_, out_, {"--set", "train.steps=20", "--set", "study.seeds=1", "--json"}).json();
  EXPECT_EQ(json["runs"]["computed"], 2);
  EXPECT_EQ(json["steps"], 40);
}

TEST_F(Run, SetTakesOneValueSoTheStudyMayFollow) {
  EXPECT_EQ(iclab({"run", "--set", "train.steps=20", study_, "--out", out_}).exit_code, 0);
}

TEST_F(Run, ShardsShareTheRuns) {
  std::int64_t computed = 0;
  for (const std::string shard : {"1/3", "2/3", "3/3"})
    computed += run(study_, folder_ / shard.substr(0, 1), {"--shard", shard, "--json"})
                    .json()["runs"]["computed"]
                    .get<std::int64_t>();
  EXPECT_EQ(computed, 4);
}

TEST_F(Run, DryRunSaysHowMuchAndWritesNothing) {
  const Outcome text = run(study_, out_, {"--dry-run"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("small: 4 runs, 240 steps at most, "));
  EXPECT_THAT(text.out, HasSubstr(" of memory, about "));
  const Json json = run(study_, out_, {"--dry-run", "--json"}).json();
  EXPECT_EQ(json["study"], "small");
  EXPECT_EQ(json["runs"], 4);
  EXPECT_EQ(json["steps"], 240);
  EXPECT_GT(json["bytes"], 0);
  EXPECT_GT(json["seconds"], 0);
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(Run, OneAndTwoThreadsAndEitherInstructionSetGiveTheSameBits) {
  const std::string one = run(study_, folder_ / "1", {"--threads", "1", "--json"}).json()["sha256"];
  const std::string two = run(study_, folder_ / "2", {"--threads", "2", "--json"}).json()["sha256"];
  const std::string avx2 =
      run(study_, folder_ / "3", {"--json"}, {{"ICLAB_SIMD", "avx2"}}).json()["sha256"];
  EXPECT_EQ(one, two);
  EXPECT_EQ(one, avx2);
}

TEST_F(Run, ADivergedRunDisturbsNobody) {
  const Outcome outcome =
      run(study_, out_, {"--set", "sweep={\"train.optimizer.lr\"=[0.02,1e30]}", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["runs"]["diverged"], 2);
  const Json status = iclab({"status", out_, "--json"}).json();
  EXPECT_EQ(status["runs"]["done"], 2);
  EXPECT_EQ(status["runs"]["diverged"], 2);
  ASSERT_EQ(status["problems"].size(), 2U);
  EXPECT_EQ(status["problems"][0]["what"], "diverged");
  EXPECT_THAT(status["problems"][0]["settings"].get<std::string>(),
              HasSubstr("train.optimizer.lr = 1e+30"));
}

TEST_F(Run, ElsewhereProgressIsPlainLines) {
  const Outcome outcome = run(study_, out_);
  EXPECT_THAT(outcome.err, HasSubstr("100%  4 of 4 runs"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("\r")));
  EXPECT_THAT(outcome.err, Not(HasSubstr("\x1b")));
}

TEST_F(Run, OnATerminalProgressIsABar) {
  const std::string terminal = folder_ / "terminal";
  const Outcome outcome = shell("TERM=xterm script -qec '\"$ICLAB\" run " + study_ + " --out " +
                                out_ + "' " + terminal + " </dev/null");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::string text = read_text(terminal);
  EXPECT_THAT(text, HasSubstr("\r\x1b[K["));
  EXPECT_THAT(text, HasSubstr("of 4 runs"));
  EXPECT_THAT(text, HasSubstr("results in"));
}

// ---- stopping
// ------------------------------------------------------------------------------------

class Stopping : public testing::Test {
 protected:
  // The hash of the study run in one go.
  std::string expected() { return run(study_, folder_ / "whole", {"--json"}).json()["sha256"]; }

  // Waits until the store is there, then a little longer.
  void let_it_train(Process& process, std::chrono::milliseconds more) const {
    while (process.running() && !std::filesystem::exists(out_))
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::this_thread::sleep_for(more);
  }

  void expect_clean_stop(int signal) {
    Process process({"run", study_, "--out", out_, "--json"});
    let_it_train(process, std::chrono::milliseconds(300));
    process.send(signal);
    const Outcome outcome = process.wait();
    EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("iclab: stopping; saving what is done"));
    EXPECT_EQ(outcome.json()["stopped"], true);
    EXPECT_GT(outcome.json()["steps"], 0);

    // What was trained is there: going on takes only the rest.
    const Json rest = run(study_, out_, {"--json"}).json();
    EXPECT_EQ(rest["stopped"], false);
    EXPECT_EQ(rest["steps"].get<std::int64_t>() + outcome.json()["steps"].get<std::int64_t>(),
              400000);
    EXPECT_EQ(rest["sha256"], expected());
  }

  const Folder folder_;
  const std::string study_ = folder_.write("long.toml", long_study());
  const std::string out_ = folder_ / "out";
};

TEST_F(Stopping, SigintSavesAndTheSameCommandGoesOn) { expect_clean_stop(SIGINT); }

TEST_F(Stopping, SigtermSavesAndTheSameCommandGoesOn) { expect_clean_stop(SIGTERM); }

TEST_F(Stopping, SigkillAtTenRandomTimesGivesTheSameBits) {
  std::mt19937 random(20);
  std::uniform_int_distribution<int> milliseconds(0, 200);
  for (int i = 0; i < 10; ++i) {
    Process process({"run", study_, "--out", out_});
    let_it_train(process, std::chrono::milliseconds(milliseconds(random)));
    process.send(SIGKILL);
    process.wait();
  }
  EXPECT_EQ(run(study_, out_).exit_code, 0);
  EXPECT_EQ(hash_of(out_), expected());
}

TEST_F(Stopping, ASecondProcessOnTheSameStoreIsRefused) {
  Process first({"run", study_, "--out", out_});
  let_it_train(first, std::chrono::milliseconds(100));
  ASSERT_TRUE(first.running());
  const Outcome second = run(study_, out_);
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.out, IsEmpty());
  EXPECT_THAT(second.err, HasSubstr("another process"));
  // Reading meanwhile is welcome.
  EXPECT_EQ(iclab({"status", out_}).exit_code, 0);
}

}  // namespace
}  // namespace iclab::test
