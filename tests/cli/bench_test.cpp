#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "study/export.h"
#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

using testing::HasSubstr;

TEST(Bench, MeasuresWhatItIsAskedFor) {
  const Json json = iclab({"bench", "W3-b8", "W2-b8", "--threads", "1", "--seconds", "0.3", "--json"}).json();
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
  const double bytes = first["megabytes_per_step"];
  EXPECT_GT(bytes, 0);
  EXPECT_NEAR(first["gigabytes_per_second"].get<double>(), steps * bytes * 1e-3, 1e-9 * steps * bytes);
  EXPECT_FALSE(first.contains("operations"));
}

TEST(Bench, SplitsAStep) {
  const Json json = iclab({"bench", "W2", "W3", "--profile", "--seconds", "0.3", "--json"}).json();
  for (const Json& one : json["workloads"]) {
    double sum = 0;
    for (const char* part : {"data", "forward", "backward", "optimizer"}) {
      EXPECT_GT(one["split"][part].get<double>(), 0) << one["name"] << part;
      sum += one["split"][part].get<double>();
    }
    EXPECT_LE(sum, 1);
    EXPECT_NEAR(sum + one["split"]["other"].get<double>(), 1, 1e-9);

    double operations = 0, draws = 0, flops = 0;
    for (const Json& operation : one["operations"]) {
      operations += operation["fraction"].get<double>();
      flops += operation["gflops"].get<double>() * operation["microseconds"].get<double>() * 1e-3;
      if (operation["operation"] == "draw normal") {
        EXPECT_EQ(operation["part"], "data");
        draws += operation["fraction"].get<double>();
      }
    }
    EXPECT_NEAR(operations, one["split"]["data"].get<double>() + one["split"]["forward"].get<double>() +
                                one["split"]["backward"].get<double>(), 1e-9);
    EXPECT_NEAR(flops, one["megaflops_per_step"].get<double>(), 1e-6 * flops);
    EXPECT_GT(draws, 0) << one["name"] << ": its prompts are normal numbers";
  }
  EXPECT_THAT(iclab({"bench", "W3-b8", "--profile", "--seconds", "0.1"}).out,
              testing::AllOf(HasSubstr("time of a step"), HasSubstr("draw normal"), HasSubstr("of peak")));
}

// A study of few steps that would stop early: how fast it trains is measured all the same.
TEST(Bench, MeasuresAStudyFile) {
  const Folder folder;
  const std::string file = folder.write("mine.toml", R"(
[study]
name = "mine"
[task]
kind = "linear-regression"
dim = 5
context = 10
[model]
kind = "linear-attention"
form = "full"
[train]
optimizer = { kind = "sgd", lr = 0.001 }
batch = 16
accumulate = 2
steps = 3
stop = { probe = "loss", below = 1e6 }
[[probe]]
kind = "loss"
every = 1
)");
  const Json json = iclab({"bench", "--study", file, "--seconds", "0.2", "--json"}).json();
  ASSERT_EQ(json["workloads"].size(), 1u) << "the built-in ones were not asked for";
  EXPECT_EQ(json["workloads"][0]["name"], "mine");
  EXPECT_GT(json["workloads"][0]["model_steps_per_second"].get<double>(), 0);
  EXPECT_EQ(iclab({"bench", "--study", file + "x"}).exit_code, 2);

  const auto megaflops = [&](const std::string& batch) {
    const Json wider = iclab({"bench", "--study", file, "--set", batch, "--seconds", "0.01", "--json"}).json();
    return wider["workloads"][0]["megaflops_per_step"].get<double>();
  };
  EXPECT_GT(megaflops("train.batch=64"), 3 * megaflops("train.batch=16"));
}

TEST(Bench, WrongWordsAreUsageErrors) {
  const Outcome unknown = iclab({"bench", "W33"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("unknown workload 'W33'; accepted are W1, "));
  EXPECT_THAT(unknown.err, HasSubstr("did you mean 'W3'?"));
  EXPECT_EQ(iclab({"bench", "--threads", "0"}).exit_code, 2);
  EXPECT_EQ(iclab({"bench", "--seconds", "0"}).exit_code, 2);
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
  EXPECT_THAT(none.err, HasSubstr("--example needs one workload or study; found 0"));
  const Outcome both = iclab({"bench", "W3", "--example", "batch.safetensors", "--profile"});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_THAT(both.err, HasSubstr("--profile"));
  const Outcome nowhere = iclab({"bench", "W3-b8", "--example", "no-such-folder/batch.safetensors"});
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_THAT(nowhere.err, HasSubstr("no-such-folder/batch.safetensors: cannot be written"));
}

}  // namespace
}  // namespace iclab::test
