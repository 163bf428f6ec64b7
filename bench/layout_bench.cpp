// Steps a second of a workload's gradients in both layouts, beside what the planner chooses:
//   layout_bench W3 [KEY=VALUE ...]     e.g. layout_bench W4 model.width=128 train.batch=16
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "cli/workloads.h"
#include "program/executor.h"
#include "study/study.h"
#include "train/learner.h"

namespace {

using iclab::program::Executor;
using iclab::program::Layout;
using iclab::program::Plan;

// The median over seven stretches of 0.2 seconds.
double steps_per_second(const Plan& plan, Layout layout) {
  iclab::program::PlanOptions options = plan.options;
  options.layout = layout;
  Executor<float> executor(iclab::program::make_plan(plan.program, plan.outputs, options));
  for (size_t i = 0; i < executor.parameters().size(); ++i)
    executor.parameters()[i] = 0.01F * static_cast<float>(i % 13) - 0.06F;
  executor.begin(iclab::program::make_keys(1, 0));
  std::vector<double> speeds;
  std::uint32_t step = 0;
  for (int stretch = 0; stretch < 8; ++stretch) {
    const auto begin = std::chrono::steady_clock::now();
    std::chrono::duration<double> passed{};
    int steps = 0;
    for (; passed.count() < 0.2; ++steps) {
      executor.run(step++);
      passed = std::chrono::steady_clock::now() - begin;
    }
    if (stretch > 0) speeds.push_back(steps / passed.count());
  }
  std::ranges::sort(speeds);
  return speeds[speeds.size() / 2];
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    fmt::print(stderr, "usage: layout_bench WORKLOAD [KEY=VALUE ...]\n");
    return 2;
  }
  const std::vector<std::string> overrides(words + 2, words + count);
  for (const iclab::cli::Workload& workload : iclab::cli::workloads()) {
    if (std::string(workload.name) != words[1]) continue;
    const auto study = iclab::study::parse_study(workload.text, workload.name, overrides);
    const auto& point = study.points.front();
    const iclab::train::Learner learner(point.task, point.model, point.training, false);
    const Plan& plan = *learner.step_plan();
    fmt::print("{} {}: lanes {:.1f}, ordinary {:.1f}, chosen {}\n", workload.name,
               fmt::join(overrides, " "), steps_per_second(plan, Layout::kLanes),
               steps_per_second(plan, Layout::kOrdinary), iclab::program::name(plan.layout));
    return 0;
  }
  fmt::print(stderr, "unknown workload '{}'\n", words[1]);
  return 2;
}
