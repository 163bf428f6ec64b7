// Everything a user can get wrong in a study or its folder, as the user sees it: one message that
// says where, what was found and what would be accepted; nothing trained, nothing written.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// The study with `from` replaced by `to`, and the line on which `to` begins.
struct Edited {
  std::string text;
  std::int64_t line;
};

Edited edit(const std::string& from, const std::string& to) {
  std::string text = small_study();
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  return {text, 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')};
}

struct Mistake {
  const char* name;
  const char* from;
  const char* to;
  std::vector<std::string> message;  // parts of it, besides file and line
  std::int64_t line_offset = 0;      // of the line it names, from that of the edit
};

class BadStudy : public testing::TestWithParam<Mistake> {};

TEST_P(BadStudy, IsOneMessageWithFileAndLine) {
  const Mistake& mistake = GetParam();
  const Folder folder;
  const Edited edited = edit(mistake.from, mistake.to);
  const std::string study = folder.write("study.toml", edited.text);
  const Outcome outcome = iclab({"run", study, "--out", folder / "out"});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  EXPECT_THAT(outcome.out, IsEmpty());
  const std::int64_t line = edited.line + mistake.line_offset;
  EXPECT_THAT(outcome.err, StartsWith(fmt::format("iclab: {}:{}", study, line)));
  for (const std::string& part : mistake.message) EXPECT_THAT(outcome.err, HasSubstr(part));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

INSTANTIATE_TEST_SUITE_P(
    Study, BadStudy,
    testing::Values(
        Mistake{"UnknownKey", "context = 8", "contxt = 8", {"contxt", "did you mean 'context'?"}},
        Mistake{"UnknownTable", "[train]", "[trian]", {"trian", "did you mean 'train'?"}},
        Mistake{
            "WrongType", "context = 8", "context = \"eight\"", {"context", "eight", "an integer"}},
        Mistake{"Negative", "context = 8", "context = -8", {"context", "-8", "at least 1"}},
        Mistake{"Zero", "batch = 16", "batch = 0", {"batch", "found 0", "at least 1"}},
        Mistake{
            "TooLargeForTheSetting", "dim     = 4", "dim = 5000", {"dim", "5000", "at most 4096"}},
        Mistake{"Overflow", "steps = 60", "steps = 99999999999999999999", {}},
        Mistake{"NotANumber", "lr = 0.02", "lr = nan", {"lr", "nan"}},
        Mistake{"Infinite", "lr = 0.02", "lr = inf", {"lr", "inf"}},
        Mistake{"EmptySweep", "[1, 2]", "[]", {"task.components"}},
        Mistake{"UnknownAxis", "task.components", "task.component", {"did you mean 'components'?"}},
        Mistake{"ZipOfUnequalLengths",
                "\"task.components\" = [1, 2]",
                "\"task.components\" = [1, 2]\n\"train.batch\" = [8, 16, 32]\n"
                "zip = [[\"task.components\", \"train.batch\"]]",
                {"zip"},
                2},
        Mistake{"UnknownTask",
                "\"subspace-regression\"",
                "\"subspace-regresion\"",
                {"unknown task", "did you mean 'subspace-regression'?"}},
        Mistake{"UnknownModel",
                "\"linear-attention\"",
                "\"linear-atention\"",
                {"unknown model", "did you mean 'linear-attention'?"}},
        Mistake{"UnknownProbe", "\"risk\"", "\"rsik\"", {"unknown probe", "did you mean 'risk'?"}},
        Mistake{
            "UnknownOptimizer", "\"sgd\"", "\"sdg\"", {"unknown optimizer", "did you mean 'sgd'?"}},
        Mistake{
            "UnknownChoice", "\"factored\"", "\"factord\"", {"form", "did you mean 'factored'?"}},
        Mistake{"DuplicateKey", "dim     = 4", "dim = 4\ndim = 5", {"dim"}, 1},
        Mistake{"NotToml", "dim     = 4", "dim = = 4", {}},
        Mistake{"BadUtf8", "\"small\"", "\"sm\xff\"", {"UTF-8"}}),
    [](const testing::TestParamInfo<Mistake>& mistake) { return mistake.param.name; });

// Studies whose parts are each right and don't go together.
TEST(BadInput, ShapesThatConflict) {
  const Folder folder;
  const auto expect = [&](const std::string& text, const std::string& message) {
    const Outcome outcome =
        iclab({"run", folder.write("study.toml", text), "--out", folder / "out"});
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err,
                AllOf(StartsWith("iclab: " + folder / "study.toml"), HasSubstr(message)));
  };
  expect(edit("rank    = 1", "rank = 5").text, "rank 5 is above dim 4");
  expect(edit("rank    = 1", "rank = 3").text, "6 distinct columns do not fit into dim 4");
  std::string statistics = edit("context = 8", "context = 8\nsampler = \"statistics\"").text;
  statistics.replace(statistics.find("\"factored\""), 10, "\"full\"");
  expect(statistics, "the model needs the prompt's part");
}

TEST(BadInput, AStudyThatIsNotThere) {
  const Folder folder;
  const Outcome outcome = iclab({"run", folder / "absent.toml", "--out", folder / "out"});
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, AllOf(StartsWith("iclab: "), HasSubstr("absent.toml")));
}

TEST(BadInput, OptionsOfRun) {
  const Folder folder;
  const std::string study = folder.write("small.toml", small_study());
  const auto expect = [&](const std::vector<std::string>& more, const std::string& message) {
    std::vector<std::string> words{"run", study, "--out", folder / "out"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = iclab(words);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(message));
    EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  };
  expect({"--threads", "0"},
         "--threads: found 0, accepted is a number at least 1 and at most 1024");
  expect({"--threads", "many"}, "--threads: found 'many', accepted is an integer");
  expect({"--shard", "3"}, "--shard: found '3', accepted is I/N with I from 1 to N");
  expect({"--shard", "0/2"},
         "--shard, I of I/N: found 0, accepted is a number at least 1 and at most 2");
  expect({"--shard", "3/2"}, "--shard, I of I/N: found 3");
  expect({"--set", "train.lrr=1"}, "lrr");
  expect({"--set", "train.batch"}, "train.batch");
  expect({"--set", "train.batch=-1"}, "-1");
}

// What this machine cannot run is found before a folder is made, not run by run.
TEST(BadInput, WhatThisMachineCannotRun) {
  const Folder folder;
  const std::string study = folder.write("small.toml", small_study()), out = folder / "out";
  const Outcome lacking = iclab({"run", study, "--out", out}, {{"ICLAB_SIMD", "none"}});
  EXPECT_EQ(lacking.exit_code, 1);
  EXPECT_THAT(lacking.err, HasSubstr("ICLAB_SIMD is 'none'"));
  EXPECT_FALSE(std::filesystem::exists(out));

  const std::string huge = folder.write("huge.toml",
                                        "[study]\nname = \"huge\"\n[task]\nkind = \"linear-regression\"\ndim = 2\n"
                                        "context = 3\n[model]\nkind = \"transformer\"\nlayers = 1\nheads = 1\n"
                                        "width = 1000000\n[train]\noptimizer = { kind = \"sgd\", lr = 0.01 }\n"
                                        "batch = 4\nsteps = 10\n");
  const Outcome refused = iclab({"run", huge, "--out", out});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("memory, this machine has"));
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST(BadInput, NamesThatAreNotUtf8) {
  const Folder folder;
  const std::string inner = folder / "caf\xe9";
  std::filesystem::create_directory(inner);
  std::filesystem::copy(folder.write("small.toml", small_study()), inner + "/small.toml");
  const Outcome works = iclab({"run", inner + "/small.toml", "--out", folder / "out"});
  EXPECT_EQ(works.exit_code, 0) << works.err;
  EXPECT_EQ(iclab({"status", folder / "out", "--json"}).json()["runs"]["done"], 4);

  std::string nameless = small_study();
  const std::string name = "name  = \"small\"\n";
  nameless.erase(nameless.find(name), name.size());
  const Outcome refused = iclab({"run", folder.write("caf\xe9.toml", nameless), "--out", folder / "other"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("caf\\xe9"));
  EXPECT_FALSE(std::filesystem::exists(folder / "other"));
}

TEST(BadInput, AProbeThatIsLessCertainThanItLooksSaysSo) {
  const Folder folder;
  const std::string study = folder.write(
      "novel.toml", "[study]\nname = \"novel\"\n[task]\nkind = \"item-label\"\nitems = 16\ncontext = 8\ndim = 16\n"
                    "[model]\nkind = \"kinetics-minimal\"\nhidden = 8\nattention = \"none\"\n"
                    "[train]\noptimizer = { kind = \"sgd\", lr = 0.3 }\nloss = \"logistic\"\nbatch = 4\nsteps = 2\n"
                    "[[probe]]\nkind = \"accuracy\"\nset = \"novel\"\nprompts = 1024\nat = \"end\"\n");
  const Outcome outcome = iclab({"run", study, "--out", folder / "out", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("the standard error of its accuracy is up to 0.126"));
  ASSERT_EQ(outcome.json()["notes"].size(), 1U);
  ASSERT_EQ(iclab({"report", folder / "out"}).exit_code, 0);
  EXPECT_THAT(read_text(folder / "out/index.html"), HasSubstr("up to 0.126"));
}

TEST(BadInput, AFolderThatCannotBeWritten) {
  const Folder folder;
  const std::string study = folder.write("small.toml", small_study());
  // A file stands where a folder should be made: refused to every user, root too.
  const std::string out = folder.write("file", "") + "/out";
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"run", study, "--out", out},
        std::vector<std::string>{"reproduce", "task-diversity", "--smoke", "--out", out}}) {
    const Outcome outcome = iclab(words);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, AllOf(StartsWith("iclab: " + out), HasSubstr("cannot be written")));
  }
}

TEST(BadInput, AFolderWithoutAStore) {
  const Folder folder;
  for (const std::string command : {"status", "report", "export"}) {
    const Outcome outcome = iclab({command, folder.path().string()});
    EXPECT_EQ(outcome.exit_code, 1) << command;
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, AllOf(StartsWith("iclab: "), HasSubstr(folder.path().string())));
  }
}

TEST(BadInput, AStoreOfAnotherSchema) {
  const Folder folder;
  const std::string study = folder.write("small.toml", small_study()), out = folder / "out";
  ASSERT_EQ(iclab({"run", study, "--out", out}).exit_code, 0);
  std::string store;
  for (const auto& entry : std::filesystem::directory_iterator(out))
    if (read_text(entry.path()).starts_with("SQLite format 3")) store = entry.path().string();
  ASSERT_FALSE(store.empty());
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(store.c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, "PRAGMA user_version = 999", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(database);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"run", study, "--out", out},
        std::vector<std::string>{"status", out}}) {
    const Outcome outcome = iclab(words);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, AllOf(StartsWith("iclab: "), HasSubstr("schema"), HasSubstr("999")));
  }
}

}  // namespace
}  // namespace iclab::test
