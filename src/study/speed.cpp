#include "study/speed.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <tuple>

#include "base/error.h"
#include "base/text.h"
#include "program/executor.h"
#include "study/job.h"

namespace iclab::study {
namespace {

using Clock = std::chrono::steady_clock;
using program::Part;

constexpr size_t kStretches = 5;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Steps a second over about so many seconds; grows the chunks so that the clock is not felt.
double speed_over(train::Run& run, double seconds) {
  std::vector<train::Measurement> measured;
  const std::int64_t first = run.step();
  const Clock::time_point begin = Clock::now();
  for (std::int64_t chunk = 1; seconds_since(begin) < seconds; chunk = std::min<std::int64_t>(2 * chunk, 64)) {
    run.advance(chunk, measured);
    if (run.status() != train::RunStatus::kRunning)
      throw Error("[speed] the run diverged before it was measured");
  }
  return static_cast<double>(run.step() - first) / seconds_since(begin);
}

std::string operand_shapes(const program::Program& program, const program::Cost& cost) {
  std::vector<std::string> shapes;
  const bool of_prompts = cost.rate == program::Rate::kPrompt;
  for (const int in : cost.in) {
    const bool shared = of_prompts && program[in].rate != program::Rate::kPrompt;
    shapes.push_back((shared ? "shared " : "") + program::to_string(program[in].shape));
  }
  return join(shapes);
}

// Adds to `speed` where the time of the profiled steps, `seconds` a step of each thread, went.
void add_profile(Speed& speed, const train::Learner& learner, const train::Profile& profile, double seconds) {
  const program::Plan& plan = *learner.step_plan();
  const std::vector<Part> parts = program::parts(plan);
  const auto batches = static_cast<double>(learner.training().accumulate);
  const double whole = seconds * static_cast<double>(profile.steps) * profile.threads;
  std::map<std::tuple<Part, std::string, std::string>, OperationCost> operations;
  for (const program::Cost& cost : learner.costs().planned.values) {
    const auto id = static_cast<size_t>(cost.id);
    const double fraction = profile.values[id] / whole;
    if (fraction == 0) continue;
    double& part = parts[id] == Part::kData      ? speed.split.data
                   : parts[id] == Part::kForward ? speed.split.forward
                                                 : speed.split.backward;
    part += fraction;
    const std::string operands = operand_shapes(plan.program, cost);
    OperationCost& sum = operations[{parts[id], cost.operation, operands}];
    sum.part = parts[id];
    sum.operation = cost.operation;
    sum.operands = operands;
    ++sum.count;
    sum.fraction += fraction;
    sum.flops += cost.flops * batches;
    sum.bytes += cost.bytes * batches;
  }
  speed.split.optimizer = profile.optimizer / whole;
  speed.split.other = 1 - speed.split.data - speed.split.forward - speed.split.backward - speed.split.optimizer;
  for (auto& [key, operation] : operations) speed.operations.push_back(std::move(operation));
  std::ranges::stable_sort(speed.operations, std::greater(), &OperationCost::fraction);
}

}  // namespace

Speed measure_speed(const Study& study, int threads, double seconds) {
  constexpr std::int64_t kEndless = std::numeric_limits<std::int64_t>::max();
  const auto jobs = make_jobs(study);
  const auto learner = jobs.front()->learner();
  Speed speed;
  speed.layout = learner->step_plan()->layout;
  const program::Account account = learner->costs().planned;
  const auto batches = static_cast<double>(learner->training().accumulate);
  speed.flops_per_step = account.step_flops() * batches;
  speed.bytes_per_step = account.step_bytes() * batches;
  const auto run = jobs.front()->start(*learner, 0, {}, kEndless, {}, threads);
  speed_over(*run, seconds / 10);  // warms up
  std::array<double, kStretches> speeds;
  for (double& one : speeds) one = speed_over(*run, seconds / kStretches);
  std::ranges::sort(speeds);
  speed.steps_per_second = speeds[kStretches / 2];

  run->profile(true);
  const double profiled = speed_over(*run, seconds / kStretches);
  const train::Profile profile = run->profile();
  speed.threads = profile.threads;
  add_profile(speed, *learner, profile, 1 / profiled);
  speed.bytes = learner->is_double() ? program::Executor<double>(learner->step_plan()).bytes()
                                     : program::Executor<float>(learner->step_plan()).bytes();
  return speed;
}

}  // namespace iclab::study
