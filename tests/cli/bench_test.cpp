#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "study/export.h"
#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

using testing::HasSubstr;

TEST(Bench, MeasuresWhatItIsAskedFor) {
  const Json json = iclab({"bench", "W3-b8", "W2-b8", "--threads", "1", "--json"}).json();
  EXPECT_GT(json["machine"]["peak_gflops_per_core"].get<double>(), 1);
  ASSERT_EQ(json["workloads"].size(), 2u);
  const Json& first = json["workloads"][0];
  EXPECT_EQ(first["name"], "W3-b8");
  EXPECT_EQ(first["layout"], "ordinary");
  EXPECT_EQ(json["workloads"][1]["layout"], "lanes");
  EXPECT_EQ(first["threads"], 1);
  const double steps = first["model_steps_per_second"], flops = first["megaflops_per_step"];
  EXPECT_GT(steps, 0);
  EXPECT_NEAR(first["gflops"].get<double>(), steps * flops * 1e-3, 1e-9 * steps * flops);
  EXPECT_GT(first["fraction_of_peak"].get<double>(), 0);
  EXPECT_LT(first["fraction_of_peak"].get<double>(), 1);
}

TEST(Bench, WrongWordsAreUsageErrors) {
  const Outcome unknown = iclab({"bench", "W33"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("unknown workload 'W33'; accepted are W1, "));
  EXPECT_THAT(unknown.err, HasSubstr("did you mean 'W3'?"));
  EXPECT_EQ(iclab({"bench", "--threads", "0"}).exit_code, 2);
}

TEST(Bench, AnExampleHoldsABatchWithItsLossAndGradients) {
  const Folder folder;
  const std::string file = folder / "batch.safetensors";
  EXPECT_EQ(iclab({"bench", "W3-b8", "--example", file, "--json"}).json(), Json({{"file", file}}));
  std::map<std::string, train::Tensor> tensors;
  for (train::Tensor& tensor : study::read_safetensors(file)) tensors[tensor.name] = std::move(tensor);

  using Shape = std::vector<std::int64_t>;
  EXPECT_EQ(tensors["prompt.tokens"].shape, Shape({8, 20, 40}));
  EXPECT_EQ(tensors["prompt.target"].shape, Shape({8}));
  EXPECT_EQ(tensors["drawn.read_out"].shape, Shape({100}));
  EXPECT_EQ(tensors["loss"].shape, Shape());
  for (const std::string letter : {"Q", "K", "V", "O"}) {
    const Shape shape{1, 40, letter == "O" ? 100 : 40};
    EXPECT_EQ(tensors["weight.blocks.0.attn.W_" + letter].shape, shape);
    EXPECT_EQ(tensors["gradient.blocks.0.attn.W_" + letter].shape, shape);
  }
  // That the numbers are right is for tests/reference/workloads.py.
}

TEST(Bench, AnExampleIsOfOneWorkload) {
  const Outcome none = iclab({"bench", "--example", "batch.safetensors"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("--example needs one workload; found 0"));
  const Outcome nowhere = iclab({"bench", "W3-b8", "--example", "no-such-folder/batch.safetensors"});
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_THAT(nowhere.err, HasSubstr("no-such-folder/batch.safetensors: cannot be written"));
}

}  // namespace
}  // namespace iclab::test
