// `iclab run --explain`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

const char* const kAttention = R"(
[study]
name = "attention"

[task]
kind = "gaussian-tokens"
tokens = 20
dim = 40
labels = "sign"

[model]
kind = "one-layer-transformer"
hidden = 100

[train]
loss = "hinge"
optimizer = { kind = "adam", lr = 0.001 }
batch = 64
steps = 10

[sweep]
"model.scale" = [0.5, 1.0]
)";

class Explain : public testing::Test {
 protected:
  Outcome explain(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"run", study_, "--explain", "--out", folder_ / "out"};
    words.insert(words.end(), more.begin(), more.end());
    return iclab(words);
  }

  const Folder folder_;
  const std::string study_ = folder_.write("attention.toml", kAttention);
};

TEST_F(Explain, ShowsTheStepAsWrittenAndAsExecuted) {
  const Outcome outcome = explain();
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("attention: a step of 64 prompts in float32; the first of 2 sweep points, "
                                     "model.scale = 0.5\n"));
  EXPECT_THAT(outcome.out, HasSubstr("value  operation"));
  EXPECT_THAT(outcome.out, HasSubstr("prompt_product(%"));
  EXPECT_THAT(outcome.out, HasSubstr("gradient of blocks.0.attn.W_Q"));
  EXPECT_THAT(outcome.out, HasSubstr("once a step"));
  const std::string last = outcome.out.substr(outcome.out.rfind('\n', outcome.out.size() - 2) + 1);
  EXPECT_THAT(last, MatchesRegex("flops a step: before [0-9.]+M, after [0-9.]+M \\([0-9.]+ x less\\)\n"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out")) << "nothing is run";
}

TEST_F(Explain, JsonAddsUpAndSaysWhatRewritingSaves) {
  const Json json = explain({"--json"}).json();
  EXPECT_EQ(json["batch"], 64);
  EXPECT_EQ(json["precision"], "float32");
  EXPECT_EQ(json["point"]["model.scale"], 0.5);
  for (const std::string when : {"before", "after"}) {
    double flops = 0;
    for (const Json& value : json[when]["values"])
      if (value["rate"] == "step" || value["rate"] == "prompt") flops += value["flops"].get<double>();
    EXPECT_DOUBLE_EQ(flops, json[when]["flops"].get<double>()) << when;
  }
  // Keys and values of 20 tokens, and their gradients, are never formed.
  EXPECT_GT(json["before"]["flops"].get<double>(), 3 * json["after"]["flops"].get<double>());
  for (const Json& value : json["after"]["values"]) {
    EXPECT_FALSE(value["operation"] == "product" && value["rate"] == "prompt" &&
                 value["shape"] == Json({20, 40}))
        << value;
    EXPECT_FALSE(value["layout"].is_null());
  }
}

TEST_F(Explain, GoesNotWithADryRun) {
  const Outcome outcome = explain({"--dry-run"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--dry-run"));
}

}  // namespace
}  // namespace iclab::test
