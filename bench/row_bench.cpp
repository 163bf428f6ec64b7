// Functions of rows in both layouts, 64 prompts of 41 rows, one thread:
//   row_bench --benchmark_repetitions=9
// `ns` is nanoseconds a scalar; everything stays within L2, as in a strand.
#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "lanes/kernels.h"

namespace iclab::lanes {
namespace {

constexpr std::int64_t kPrompts = 64, kRows = 41;

constexpr const char* kNames[] = {
    "softmax",           "softmax_gradient",  "log_sum_exp",         "layer_norm",
    "layer_norm_gradient", "rms_norm",        "rms_norm_gradient",   "cumulative_sum",
    "cumulative_sum_back", "cumulative_product", "rank"};

void report(benchmark::State& state, std::int64_t scalars) {
  using benchmark::Counter;
  state.counters["ns"] =
      Counter(1e-9 * static_cast<double>(scalars) * static_cast<double>(state.iterations()),
              Counter::kIsRate | Counter::kInvert);
}

// One group of 16 prompts at a time in lanes, one prompt at a time in the ordinary layout.
template <class T>
void BM_Row(benchmark::State& state) {
  const auto kind = static_cast<size_t>(state.range(0));
  const std::int64_t n = state.range(1);
  const bool lanes = state.range(2) == 1;
  const std::int64_t per_group = kRows * n;
  std::vector<T> x(static_cast<size_t>(kPrompts * per_group)), g(x), out(x);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<T>(i * 7919 % 1013) / 256;
    g[i] = static_cast<T>(i * 104729 % 1009) / 512 - 1;
  }
  RowArgs args;
  args.groups = lanes ? kPrompts / kLanes : kPrompts;
  args.dims = {1, 1, kRows, n};
  args.epsilon = 1e-5;
  args.causal = state.range(3);
  const auto operand = [&](std::vector<T>& data) {
    return Operand{data.data(), {0, 0, n, 1}, per_group, lanes};
  };
  args.out = operand(out);
  args.in = {operand(x), operand(g)};
  const auto row = kernels<T>(chosen_instruction_set()).row[kind];
  for (auto _ : state) {
    row(args);
    benchmark::ClobberMemory();
  }
  state.SetLabel(kNames[kind]);
  report(state, kPrompts * per_group);
}

void rows(benchmark::internal::Benchmark* bench) {
  const auto add = [&](RowFunction f, int n, int causal) {
    for (const int lanes : {0, 1}) bench->Args({static_cast<int>(f), n, lanes, causal});
  };
  for (const RowFunction f : {RowFunction::kSoftmax, RowFunction::kSoftmaxGradient})
    for (const int n : {20, 41}) add(f, n, 0);
  add(RowFunction::kSoftmax, 41, 1);
  add(RowFunction::kLogSumExp, 20, 0);
  for (const RowFunction f : {RowFunction::kLayerNorm, RowFunction::kLayerNormGradient,
                              RowFunction::kRmsNorm, RowFunction::kRmsNormGradient})
    add(f, 64, 0);
  for (const RowFunction f : {RowFunction::kCumulativeSum, RowFunction::kRank}) add(f, 41, 0);
  bench->ArgNames({"function", "n", "lanes", "causal"});
}
BENCHMARK(BM_Row<float>)->Apply(rows);
BENCHMARK(BM_Row<double>)->Apply(rows);

// Activations of 41 x 256 numbers a prompt, lanes.
template <class T>
void BM_Activation(benchmark::State& state) {
  std::vector<T> x(static_cast<size_t>(kRows * 256 * kLanes)), out(x);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i * 7919 % 1013) / 128 - 4;
  ElementwiseArgs args;
  args.dims = {1, 1, kRows, 256};
  args.out = {out.data(), {0, 0, 256, 1}, 0, true};
  args.in[0] = {x.data(), {0, 0, 256, 1}, 0, true};
  const auto kernel =
      kernels<T>(chosen_instruction_set()).unary[static_cast<size_t>(state.range(0))];
  for (auto _ : state) {
    kernel(args);
    benchmark::ClobberMemory();
  }
  report(state, static_cast<std::int64_t>(x.size()));
}
void activations(benchmark::internal::Benchmark* bench) {
  for (const Unary f : {Unary::kExp, Unary::kTanh, Unary::kErf, Unary::kRelu, Unary::kSigmoid,
                        Unary::kSoftplus, Unary::kGelu, Unary::kGeluTanh, Unary::kGeluSlope,
                        Unary::kGeluTanhSlope})
    bench->Arg(static_cast<int>(f));
  bench->ArgName("function");
}
BENCHMARK(BM_Activation<float>)->Apply(activations);
BENCHMARK(BM_Activation<double>)->Apply(activations);

// Embeddings: 41 tokens a lane by index into a plain table of 100 rows of 64, and their gradient.
template <class T>
struct Tokens {
  Tokens()
      : table(100 * 64), out(static_cast<size_t>(4 * kRows * 64 * kLanes), T(1)),
        index(static_cast<size_t>(4 * kRows * kLanes)) {
    for (size_t i = 0; i < index.size(); ++i) index[i] = static_cast<std::int32_t>(i * 31 % 100);
    args.groups = 4, args.outer = kRows, args.inner = 64, args.rows = 100;
    args.out = {out.data(), {0, 0, 64, 1}, kRows * 64, true};
    args.table = {table.data(), {0, 0, 64, 1}, 0, false};
    args.index = {index.data(), {0, 0, 0, 1}, kRows, true};
  }
  std::vector<T> table, out;
  std::vector<std::int32_t> index;
  GatherArgs args;
};
template <class T>
void BM_Gather(benchmark::State& state) {
  Tokens<T> tokens;
  for (auto _ : state) kernels<T>(chosen_instruction_set()).gather(tokens.args);
  report(state, static_cast<std::int64_t>(tokens.out.size()));
}
template <class T>
void BM_ScatterOverPrompts(benchmark::State& state) {
  Tokens<T> tokens;
  for (auto _ : state)
    kernels<T>(chosen_instruction_set()).scatter_add_over_prompts(tokens.args);
  report(state, static_cast<std::int64_t>(tokens.out.size()));
}
BENCHMARK(BM_Gather<float>);
BENCHMARK(BM_Gather<double>);
BENCHMARK(BM_ScatterOverPrompts<float>);
BENCHMARK(BM_ScatterOverPrompts<double>);

}  // namespace
}  // namespace iclab::lanes

BENCHMARK_MAIN();
