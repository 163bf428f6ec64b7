#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace iclab::test
