#include "study/speed.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/error.h"
#include "program/executor.h"
#include "study/job.h"

namespace iclab::study {
namespace {

using Clock = std::chrono::steady_clock;

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
      throw Error("[speed] the run ended before it was measured: more steps are needed, or it diverged");
  }
  return static_cast<double>(run.step() - first) / seconds_since(begin);
}

}  // namespace

Speed measure_speed(const Study& study, int threads, double seconds) {
  const auto jobs = make_jobs(study);
  const auto learner = jobs.front()->learner();
  const program::Plan& plan = *learner->step_plan();
  Speed speed;
  speed.layout = plan.layout;
  speed.flops_per_step = program::step_flops(plan.program, plan.outputs, plan.options.batch);
  const auto run = jobs.front()->start(*learner, 0, {}, jobs.front()->steps(), {}, threads);
  speed_over(*run, seconds / 10);  // warms up
  std::array<double, kStretches> speeds;
  for (double& one : speeds) one = speed_over(*run, seconds / kStretches);
  std::ranges::sort(speeds);
  speed.steps_per_second = speeds[kStretches / 2];
  speed.bytes = learner->is_double() ? program::Executor<double>(learner->step_plan()).bytes()
                                     : program::Executor<float>(learner->step_plan()).bytes();
  return speed;
}

}  // namespace iclab::study
