// Words, streams and exit codes: what holds for every command.
#include "tests/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iclab::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::vector<std::string>& names() {
  static const std::vector<std::string> all{"reproduce", "run",  "status", "report", "theory",
                                            "verify",    "list", "export", "version"};
  return all;
}

// A usage error: exit 2, nothing on stdout, one message on stderr.
void expect_usage_error(const std::vector<std::string>& words, const std::string& message) {
  const Outcome outcome = iclab(words);
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, StartsWith("iclab: "));
  EXPECT_THAT(outcome.err, HasSubstr(message));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

TEST(CommandLine, HelpGoesToStdoutAndNamesEveryCommand) {
  const Outcome outcome = iclab({"--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, IsEmpty());
  for (const std::string& name : names()) EXPECT_THAT(outcome.out, HasSubstr(name));
}

TEST(CommandLine, EveryCommandHasHelpWithAnExampleAndJson) {
  for (const std::string& name : names()) {
    const Outcome outcome = iclab({name, "--help"});
    EXPECT_EQ(outcome.exit_code, 0) << name;
    EXPECT_THAT(outcome.err, IsEmpty()) << name;
    EXPECT_THAT(outcome.out, HasSubstr("Example:\n  iclab " + name)) << name;
    EXPECT_THAT(outcome.out, HasSubstr("--json")) << name;
  }
}

TEST(CommandLine, NoCommandIsAUsageError) { expect_usage_error({}, "no command"); }

TEST(CommandLine, AnUnknownCommandNamesTheNearest) {
  expect_usage_error({"reprodcue"}, "unknown command 'reprodcue'");
  expect_usage_error({"reprodcue"}, "did you mean 'reproduce'?");
}

TEST(CommandLine, AnUnknownOptionNamesTheNearest) {
  expect_usage_error({"run", "--dry-rum", "x.toml"}, "unknown option '--dry-rum' of run");
  expect_usage_error({"run", "--dry-rum", "x.toml"}, "did you mean '--dry-run'?");
  expect_usage_error({"--verzion"}, "did you mean '--version'?");
  expect_usage_error({"run", "x.toml", "--thread=2"}, "did you mean '--threads'?");
}

TEST(CommandLine, AMissingArgumentPointsToHelp) {
  expect_usage_error({"run"}, "see iclab run --help");
  expect_usage_error({"status"}, "see iclab status --help");
  expect_usage_error({"verify"}, "see iclab verify --help");
  expect_usage_error({"list"}, "see iclab list --help");
}

TEST(CommandLine, AWordTooManyIsAUsageError) {
  expect_usage_error({"version", "now"}, "see iclab version --help");
}

// Most often a variable of a shell that is not set: not the default.
TEST(CommandLine, AnEmptyWordIsAUsageError) {
  expect_usage_error({"run", "x.toml", "--out", ""}, "--out: found an empty word");
  expect_usage_error({"run", "x.toml", "--set", ""}, "--set: found an empty word");
  expect_usage_error({"export", "x", "--run", ""}, "--run: found an empty word");
  expect_usage_error({"reproduce", "task-diversity", "--smoke", "--out", ""}, "--out: found an empty word");
  expect_usage_error({"bench", "--study", ""}, "--study: found an empty word");
  expect_usage_error({"status", ""}, "DIR: found an empty word");
  expect_usage_error({"theory", ""}, "NAME: found an empty word");
  expect_usage_error({"run", "--out=", "x.toml"}, "--out: found nothing after '=', accepted is a value");
}

TEST(CommandLine, BytesOfAWordAreShown) {
  expect_usage_error({"run", "caf\xe9.toml"}, "caf\\xe9.toml: no such file");
}

TEST(CommandLine, VersionAsTextAndJson) {
  const Outcome text = iclab({"version"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.out, StartsWith("iclab 0."));
  const Json json = iclab({"version", "--json"}).json();
  EXPECT_TRUE(json["version"].is_string());
  EXPECT_TRUE(json["numerics"].is_number_integer());
  EXPECT_TRUE(json["instructions"].is_string());
  EXPECT_TRUE(json["compiler"].is_string());
  EXPECT_THAT(iclab({"--version"}).out, StartsWith("iclab 0."));
}

TEST(CommandLine, InstructionsFollowTheEnvironment) {
  EXPECT_EQ(iclab({"version", "--json"}, {{"ICLAB_SIMD", "avx2"}}).json()["instructions"], "avx2");
  const Outcome wrong = iclab({"version"}, {{"ICLAB_SIMD", "sse9"}});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("sse9"));
}

TEST(CommandLine, AReaderThatGoesAwayIsNoError) {
  // The pipe's reader ends first; the writer's own status is kept by the braces.
  const Outcome outcome = shell("{ sleep 0.2; \"$ICLAB\" list tasks; echo status $? >&2; } | true");
  EXPECT_THAT(outcome.err, HasSubstr("status 0"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("iclab:")));
}

TEST(CommandLine, AFileThatMayGrowNoMoreIsAnError) {
  const Folder folder;
  const Outcome outcome = shell("(ulimit -f 0; \"$ICLAB\" list tasks 2>&1 >" + folder / "list" +
                                "; echo status $?) | cat");
  EXPECT_THAT(outcome.out, HasSubstr("iclab: standard output: File too large"));
  EXPECT_THAT(outcome.out, HasSubstr("status 1"));
}

TEST(CommandLine, AFullStdoutIsAnError) {
  const Outcome outcome = shell("\"$ICLAB\" list tasks >/dev/full");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("iclab: standard output: No space left on device"));
}

}  // namespace
}  // namespace iclab::test
