#include "lanes/kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/error.h"

namespace iclab::lanes {
namespace {

// ICLAB_SIMD for the lifetime of the object.
class Wish {
 public:
  explicit Wish(const char* value) { setenv("ICLAB_SIMD", value, 1); }
  ~Wish() { unsetenv("ICLAB_SIMD"); }
};

std::string refusal() {
  try {
    chosen_instruction_set();
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

// As if the processor had none of these.
class Without {
 public:
  explicit Without(std::int64_t targets) { hwy::DisableTargets(targets); }
  ~Without() { hwy::DisableTargets(0); }
};

TEST(KernelsTest, ChoosesTheBestSetUnlessOneIsNamed) {
  unsetenv("ICLAB_SIMD");
  const bool avx512 = available_instruction_sets().avx512;
  EXPECT_EQ(chosen_instruction_set(), avx512 ? InstructionSet::kAvx512 : InstructionSet::kAvx2);
  const Wish wish("avx2");
  EXPECT_EQ(chosen_instruction_set(), InstructionSet::kAvx2);
}

TEST(KernelsTest, RefusesUnknownAndUnavailableSets) {
  EXPECT_EQ((Wish("avx3"), refusal()).find("[lanes] ICLAB_SIMD is 'avx3'; this processor has avx2"),
            0u);
  const Without without(HWY_AVX3 | HWY_AVX3_DL);
  const Wish wish("avx512");
  EXPECT_THAT(refusal(),
              testing::StartsWith("[lanes] ICLAB_SIMD is 'avx512'; this processor has avx2"));
  EXPECT_THROW(kernels<float>(InstructionSet::kAvx512), Error);
}

TEST(KernelsTest, RefusesProcessorsBelowAvx2) {
  const Without without(HWY_AVX2 | HWY_AVX3 | HWY_AVX3_DL);
  EXPECT_EQ(refusal(), "[lanes] this processor lacks AVX2 or FMA, which ICLab needs");
}

template <class T>
void expect_full(const Kernels<T>& table) {
  const auto all = [](const auto& kernels) {
    for (const auto kernel : kernels) EXPECT_NE(kernel, nullptr);
  };
  all(table.unary), all(table.binary), all(table.compare), all(table.compare_integer);
  all(table.logic), all(table.integer), all(table.draw), all(table.update);
  all(std::array{table.copy_integer, table.to_real, table.select});
  all(std::array{table.product, table.product_over_prompts});
  all(std::array{table.sum, table.sum_over_prompts});
  all(std::array{table.gather, table.gather_integer, table.scatter_add});
  EXPECT_NE(table.accumulate, nullptr);
  EXPECT_NE(table.all_finite, nullptr);
}

TEST(KernelsTest, TablesAreFull) {
  expect_full(kernels<float>(chosen_instruction_set()));
  expect_full(kernels<double>(chosen_instruction_set()));
}

TEST(KernelsTest, FlushesDenormalsForALifetimeOnly) {
  volatile double smallest = std::numeric_limits<double>::min();
  {
    const FlushDenormals flush;
    EXPECT_EQ(smallest / 2, 0);
    volatile double denormal = std::numeric_limits<double>::denorm_min();
    EXPECT_EQ(denormal * 0x1p60, 0);
  }
  EXPECT_GT(smallest / 2, 0);
}

TEST(KernelsTest, HostFunctionsAreTheKernels) {
  EXPECT_EQ(host_unary(Unary::kSqrt, 2), std::sqrt(2.0));
  EXPECT_EQ(host_unary(Unary::kExp, 0), 1);
  EXPECT_EQ(host_binary(Binary::kSubtract, 2, 5), -3);
  EXPECT_EQ(host_binary(Binary::kPower, 10, 3), 1000);
  std::vector<double> x{0.3, 1.7, -2.5, 9.1, 4.4}, y(5);
  ElementwiseArgs args;
  args.dims[3] = 5;
  args.out.data = y.data(), args.in[0].data = x.data();
  args.out.strides[3] = args.in[0].strides[3] = 1;
  kernels<double>(chosen_instruction_set()).unary[static_cast<size_t>(Unary::kTanh)](args);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(host_unary(Unary::kTanh, x[i]), y[i]);
}

}  // namespace
}  // namespace iclab::lanes
