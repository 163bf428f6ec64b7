// Products of matrices beside the processor's peak, in one run (AVX2, float, 16 lanes, one thread):
//   product_bench --benchmark_counters_tabular=true
// `of_peak` is the fraction of the best fma rate measured beside it; noise on shared machines is
// 5-10 %.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "lanes/kernels.h"
#include "lanes/peak.h"

namespace iclab::lanes {
namespace {

constexpr std::int64_t kRows = 41;  // tokens

void report(benchmark::State& state, double flops) {
  static const double peak = measure_peak(InstructionSet::kAvx2);
  using benchmark::Counter;
  state.counters["GFLOP/s"] =
      Counter(flops * 1e-9 * static_cast<double>(state.iterations()), Counter::kIsRate);
  state.counters["of_peak"] =
      Counter(flops / peak * static_cast<double>(state.iterations()), Counter::kIsRate);
}

using Numbers = std::vector<float>;

Operand matrix(Numbers& x, std::int64_t row, std::int64_t column, std::int64_t group_stride) {
  Operand result;
  result.data = x.data();
  result.strides = {0, 0, row, column};
  result.lanes = group_stride > 0;
  result.group_stride = group_stride;
  return result;
}

// Y = X W, dX = dY W^T and dW = sum over prompts of X^T dY; X is 41 x d.
struct Layer {
  Layer(std::int64_t d, std::int64_t groups)
      : x(static_cast<size_t>(groups * kRows * d * kLanes), 0.5f),
        y(x),
        dx(x),
        w(static_cast<size_t>(d * d), 0.25f),
        dw(w) {
    const std::int64_t group = kRows * d;
    forward.groups = groups;
    forward.m = kRows, forward.n = d, forward.k = d;
    forward.c = matrix(y, d, 1, group);
    forward.a = matrix(x, d, 1, group);
    forward.b = matrix(w, d, 1, 0);
    backward = forward;
    backward.c = matrix(dx, d, 1, group);
    backward.a = matrix(y, d, 1, group);
    backward.b = matrix(w, 1, d, 0);
    weights = forward;
    weights.m = d, weights.k = kRows;
    weights.c = matrix(dw, d, 1, 0);
    weights.a = matrix(x, 1, d, group);
    weights.b = matrix(y, d, 1, group);
    // Scores of attention, both operands in lanes.
    scores = forward;
    scores.n = kRows;
    s.resize(static_cast<size_t>(groups * kRows * kRows * kLanes));
    scores.c = matrix(s, kRows, 1, kRows * kRows);
    scores.b = matrix(y, 1, d, group);
    // Plain matrices.
    plain = forward;
    plain.groups = 1;
    plain.m = d;
    plain.a = matrix(w, d, 1, 0);
    plain.c = matrix(dw, d, 1, 0);
    flops = 2.0 * static_cast<double>(groups * kRows * d * d * kLanes);
  }

  Numbers x, y, dx, w, dw, s;
  ProductArgs forward, backward, weights, scores, plain;
  double flops;
};

const Kernels<float>& table() {
  static const Kernels<float>& chosen = kernels<float>(chosen_instruction_set());
  return chosen;
}

void BM_Layer(benchmark::State& state) {
  Layer layer(state.range(0), state.range(1));
  for (auto _ : state) {
    table().product(layer.forward);
    table().product(layer.backward);
    table().product_over_prompts(layer.weights);
  }
  report(state, 3 * layer.flops);
}
void BM_Forward(benchmark::State& state) {
  Layer layer(state.range(0), state.range(1));
  for (auto _ : state) table().product(layer.forward);
  report(state, layer.flops);
}
void BM_Weights(benchmark::State& state) {
  Layer layer(state.range(0), state.range(1));
  for (auto _ : state) table().product_over_prompts(layer.weights);
  report(state, layer.flops);
}
void BM_Scores(benchmark::State& state) {
  Layer layer(state.range(0), state.range(1));
  for (auto _ : state) table().product(layer.scores);
  report(state, layer.flops / static_cast<double>(state.range(0)) * kRows);
}
void BM_Plain(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Layer layer(d, 1);
  for (auto _ : state) table().product(layer.plain);
  report(state, 2.0 * static_cast<double>(d * d * d));
}

// ---- the ordinary layout: a group is one prompt ----

Operand of_prompts(Numbers& x, std::int64_t row, std::int64_t column, std::int64_t group_stride,
                   std::int64_t head_stride = 0) {
  Operand result = matrix(x, row, column, 0);
  result.strides[1] = head_stride;
  result.group_stride = group_stride;
  return result;
}

// Y = X W, dX = dY W^T and dW = sum over prompts of X^T dY, with rows x in matrices X.
enum Part { kForward, kBackward, kWeights };
void BM_OrdinaryLayer(benchmark::State& state, Part part) {
  const std::int64_t prompts = state.range(0), rows = state.range(1), in = state.range(2),
                     out = state.range(3);
  Numbers x(static_cast<size_t>(prompts * rows * in), 0.5f),
      y(static_cast<size_t>(prompts * rows * out), 0.25f), w(static_cast<size_t>(in * out), 0.125f);
  ProductArgs args;
  args.groups = prompts;
  args.m = rows, args.n = out, args.k = in;
  args.a = of_prompts(x, in, 1, rows * in);
  args.b = of_prompts(w, out, 1, 0);
  args.c = of_prompts(y, out, 1, rows * out);
  if (part == kBackward) {
    std::swap(args.a, args.c);
    args.b = of_prompts(w, 1, out, 0);
    args.n = in, args.k = out;
  } else if (part == kWeights) {
    std::swap(args.b, args.c);
    args.a = of_prompts(x, 1, in, rows * in);
    args.m = in, args.k = rows;
  }
  const auto kernel = part == kWeights ? table().product_over_prompts : table().product;
  for (auto _ : state) kernel(args);
  report(state, 2.0 * static_cast<double>(prompts * rows * in * out));
}

// y = W x, with a column x of each prompt.
void BM_OrdinaryColumns(benchmark::State& state) {
  const std::int64_t prompts = state.range(0), d = state.range(1);
  Numbers x(static_cast<size_t>(prompts * d), 0.5f), y(x), w(static_cast<size_t>(d * d), 0.125f);
  ProductArgs args;
  args.groups = prompts;
  args.m = d, args.n = 1, args.k = d;
  args.a = of_prompts(w, d, 1, 0);
  args.b = of_prompts(x, 1, 0, d);
  args.c = of_prompts(y, 1, 0, d);
  for (auto _ : state) table().product(args);
  report(state, 2.0 * static_cast<double>(prompts * d * d));
}

// Each prompt and head its own matrices: m x k by k x n, b lying transposed or not.
void BM_OrdinaryHeads(benchmark::State& state) {
  constexpr std::int64_t kPrompts = 16;
  const std::int64_t heads = state.range(0), m = state.range(1), k = state.range(2),
                     n = state.range(3);
  const bool turned = state.range(4) != 0;
  Numbers a(static_cast<size_t>(kPrompts * heads * m * k), 0.5f),
      b(static_cast<size_t>(kPrompts * heads * k * n), 0.25f),
      c(static_cast<size_t>(kPrompts * heads * m * n));
  ProductArgs args;
  args.groups = kPrompts;
  args.batch1 = heads;
  args.m = m, args.n = n, args.k = k;
  args.a = of_prompts(a, k, 1, heads * m * k, m * k);
  args.b = of_prompts(b, turned ? 1 : n, turned ? k : 1, heads * k * n, k * n);
  args.c = of_prompts(c, n, 1, heads * m * n, m * n);
  for (auto _ : state) table().product(args);
  report(state, 2.0 * static_cast<double>(kPrompts * heads * m * k * n));
}

// Widths, ragged ones among them, by groups of 16 prompts in a strand.
void widths(benchmark::internal::Benchmark* bench) {
  for (const int groups : {1, 4})
    for (const int d : {8, 16, 20, 21, 24, 32, 37, 40, 48, 53, 64, 96, 128})
      bench->Args({d, groups});
  bench->ArgNames({"d", "groups"});
}
BENCHMARK(BM_Layer)->Apply(widths);
BENCHMARK(BM_Forward)->Apply(widths);
BENCHMARK(BM_Weights)->Apply(widths);
BENCHMARK(BM_Scores)->Apply(widths);
BENCHMARK(BM_Plain)->ArgName("d")->DenseRange(32, 256, 32);

// The layers of W1, of W4, and square ones.
void layers(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"prompts", "rows", "in", "out"});
  for (const auto& [in, out] : {std::pair{63, 512}, {512, 512}, {512, 1}, {512, 3}})
    bench->Args({128, 1, in, out});
  for (const auto& [in, out] : {std::pair{64, 64}, {64, 256}, {256, 64}})
    bench->Args({4, kRows, in, out});
  for (const int d : {16, 21, 32, 40, 63, 96, 100, 128, 256, 512}) bench->Args({4, kRows, d, d});
}
BENCHMARK_CAPTURE(BM_OrdinaryLayer, forward, kForward)->Apply(layers);
BENCHMARK_CAPTURE(BM_OrdinaryLayer, backward, kBackward)->Apply(layers);
BENCHMARK_CAPTURE(BM_OrdinaryLayer, weights, kWeights)->Apply(layers);
BENCHMARK(BM_OrdinaryColumns)->ArgNames({"prompts", "d"})->Args({16, 40})->Args({16, 512});
// Scores and values of W4's attention, of W1's, and of one query.
BENCHMARK(BM_OrdinaryHeads)
    ->ArgNames({"heads", "m", "k", "n", "turned"})
    ->Args({4, kRows, 16, kRows, 1})
    ->Args({4, kRows, kRows, 16, 0})
    ->Args({1, 100, 63, 1, 0})
    ->Args({1, 1, 100, 63, 0})
    ->Args({1, 1, 100, 64, 0})
    ->Args({1, 1, 41, 256, 0})
    ->Args({1, 41, 256, 1, 0})
    ->Args({1, 20, 20, 20, 0});

}  // namespace
}  // namespace iclab::lanes

BENCHMARK_MAIN();
