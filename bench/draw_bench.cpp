// Random draws, 64 prompts (four groups of lanes) by 200 elements:
//   draw_bench --benchmark_repetitions=9
// `ns` is nanoseconds an element; alias among 1000 categories, gamma of shape 2.5. Where the generator was chosen: docs/random.md.
#include <benchmark/benchmark.h>

#include <vector>

#include "lanes/kernels.h"

namespace iclab::lanes {
namespace {

constexpr std::int64_t kGroups = 4, kCount = 200;
constexpr const char* kNames[] = {"uniform",     "normal", "sign", "integer",
                                    "categorical", "alias",  "gamma"};

template <class T>
void BM_Draw(benchmark::State& state) {
  const std::vector<double> thresholds{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
  const std::vector<double> keep(1000, 0.5), shapes(kCount, 2.5);
  const std::vector<std::int32_t> other(1000, 7);
  std::vector<T> out(static_cast<size_t>(kGroups * kCount * kLanes));
  DrawArgs args;
  args.groups = kGroups;
  args.count = kCount;
  args.key = {1, 2};
  args.last_prompt = kGroups * kLanes - 1;
  args.bound = 10;
  args.thresholds = thresholds.data();
  args.categories = 10;
  args.alias_keep = keep.data();
  args.alias_other = other.data();
  args.gamma_shapes = shapes.data();
  args.out.data = out.data();
  args.out.lanes = true;
  args.out.group_stride = kCount;

  const auto kind = static_cast<size_t>(state.range(0));
  if (state.range(0) == static_cast<int>(Draw::kAlias)) args.categories = 1000;
  const auto draw = kernels<T>(chosen_instruction_set()).draw[kind];
  for (auto _ : state) {
    ++args.step;
    draw(args);
    benchmark::ClobberMemory();
  }
  using benchmark::Counter;
  state.SetLabel(kNames[kind]);
  state.counters["ns"] =
      Counter(1e-9 * static_cast<double>(out.size()) * static_cast<double>(state.iterations()),
              Counter::kIsRate | Counter::kInvert);
}
BENCHMARK(BM_Draw<float>)->DenseRange(0, static_cast<int>(Draw::kCount) - 1);
BENCHMARK(BM_Draw<double>)->DenseRange(0, static_cast<int>(Draw::kCount) - 1);

}  // namespace
}  // namespace iclab::lanes

BENCHMARK_MAIN();
