#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

using testing::HasSubstr;

// A file of the golden layout with one theory case: the risk of the single plane d=4, r=2, n=16.
Json small_vectors() {
  Json golden = Json::parse(read_text(source_file("tests/golden/task-diversity.json")));
  Json file{{"paper", golden["paper"]}, {"batch_cases", Json::array({golden["batch_cases"][0]})}};
  return file;
}

TEST(Verify, TheGoldenFilePasses) {
  const Outcome outcome =
      iclab({"verify", source_file("tests/golden/task-diversity.json"), "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  const Json json = outcome.json();
  EXPECT_EQ(json["file"], source_file("tests/golden/task-diversity.json"));
  EXPECT_EQ(json["paper"], "task-diversity");
  EXPECT_GT(json["passed"], 0);
  EXPECT_EQ(json["failed"], 0);
  EXPECT_EQ(json["unknown"], 0);
  for (const char* key : {"path", "got", "want", "error", "tolerance"})
    EXPECT_TRUE(json["worst"].contains(key)) << key;
}

TEST(Verify, AWrongNumberIsPrintedAndFails) {
  const Folder folder;
  Json vectors = small_vectors();
  const double want = vectors["batch_cases"][0]["merged"]["J"].get<double>() * (1 + 1e-6);
  vectors["batch_cases"][0]["merged"]["J"] = want;
  const std::string file = folder.write("wrong.json", vectors.dump());
  const Outcome text = iclab({"verify", file});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.out, HasSubstr("1 failed"));
  EXPECT_THAT(text.out, HasSubstr("batch_cases[0].merged.J: got "));
  const Json json = iclab({"verify", file, "--json"}).json();
  EXPECT_EQ(json["failed"], 1);
  EXPECT_EQ(json["worst"]["path"], "batch_cases[0].merged.J");
  EXPECT_EQ(json["worst"]["want"], want);
}

TEST(Verify, AnUnknownSectionFails) {
  const Folder folder;
  Json vectors = small_vectors();
  vectors["tea_leaves"] = Json::array({1, 2});
  const std::string file = folder.write("unknown.json", vectors.dump());
  const Outcome outcome = iclab({"verify", file});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("unknown sections: tea_leaves"));
  EXPECT_EQ(iclab({"verify", file, "--json"}).json()["unknown"], 1);
}

TEST(Verify, SeveralFilesGiveAnArray) {
  const Folder folder;
  const std::string file = folder.write("a.json", small_vectors().dump());
  const Json json = iclab({"verify", file, file, "--json"}).json();
  ASSERT_TRUE(json.is_array());
  EXPECT_EQ(json.size(), 2U);
}

TEST(Verify, WhatCannotBeReadIsAnError) {
  const Folder folder;
  const auto expect = [](const std::string& file, const std::string& message) {
    const Outcome outcome = iclab({"verify", file});
    EXPECT_EQ(outcome.exit_code, 1) << file;
    EXPECT_THAT(outcome.out, testing::IsEmpty());
    EXPECT_THAT(outcome.err, testing::StartsWith("iclab: "));
    EXPECT_THAT(outcome.err, HasSubstr(message));
  };
  expect(folder / "absent.json", "absent.json");
  expect(folder.write("broken.json", "{\"paper\": "), "broken.json");
  expect(folder.write("nameless.json", "{}"), "paper");
}

}  // namespace
}  // namespace iclab::test
