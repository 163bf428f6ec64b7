#include "train/schedule.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "lanes/kernels.h"
#include "train/power.h"

namespace iclab::train {
namespace {

constexpr double kMaxStep = 4'294'967'295.0;

Parameter integer(const std::string& name, const std::string& help, double minimum) {
  Parameter p{.name = name, .kind = Kind::kInteger, .help = help};
  p.minimum = minimum;
  p.maximum = kMaxStep;
  return p;
}

Parameter warmup_parameter() {
  Parameter warmup = integer("warmup", "steps of a linear rise from 0", 0);
  warmup.fallback = std::int64_t{0};
  return warmup;
}

std::vector<Parameter> descending_parameters() {
  Parameter end{.name = "end", .kind = Kind::kReal, .help = "fraction of lr at the end"};
  end.fallback = 0.0;
  end.minimum = 0;
  Parameter steps = integer("steps", "where it ends; default: the study's steps", 1);
  steps.optional = true;
  return {warmup_parameter(), end, steps};
}

std::vector<Parameter> step_parameters() {
  Parameter factor{.name = "factor", .kind = Kind::kReal, .help = "multiplies lr at each of them"};
  factor.minimum = 0;
  return {warmup_parameter(), integer("every", "steps between two drops", 1), factor};
}

// 1/N, 2/N, ..., 1, 1, ...
double rise(std::int64_t step, std::int64_t warmup) {
  return step < warmup ? static_cast<double>(step + 1) / static_cast<double>(warmup) : 1.0;
}

RateFactor make_constant(const Settings& settings) {
  return [warmup = settings.integer("warmup")](std::int64_t step) { return rise(step, warmup); };
}

RateFactor make_step(const Settings& settings) {
  return [warmup = settings.integer("warmup"), every = settings.integer("every"),
          factor = settings.real("factor")](std::int64_t step) {
    return rise(step, warmup) * whole_power(factor, step / every);
  };
}

// From 1 to `end` by a shape that falls from 1 to 0 as its argument goes from 0 to 1.
RateFactor make_descent(const Settings& settings, double (*shape)(double)) {
  const std::int64_t warmup = settings.integer("warmup"), steps = settings.integer("steps");
  if (steps <= warmup)
    throw UsageError(fmt::format("found steps = {} and warmup = {}, accepted are more steps than "
                                 "those of the warm-up", steps, warmup));
  return [warmup, steps, end = settings.real("end"), shape](std::int64_t step) {
    if (step < warmup) return rise(step, warmup);
    const double done = static_cast<double>(std::min(step, steps) - warmup) /
                        static_cast<double>(steps - warmup);
    return end + (1 - end) * shape(done);
  };
}

double straight(double x) { return 1 - x; }
double half_wave(double x) {
  return 0.5 * (1 + lanes::host_unary(lanes::Unary::kCosTurns, 0.5 * x));
}

}  // namespace

std::span<const ScheduleEntry> rate_schedule_registry() {
  static const std::vector<ScheduleEntry> entries = {
      {"constant", "The learning rate as it is, after a warm-up if any", "", {warmup_parameter()},
       make_constant},
      {"linear", "Falls in a straight line from the warm-up to `end`", "", descending_parameters(),
       [](const Settings& settings) { return make_descent(settings, straight); }},
      {"cosine", "Falls by half a cosine wave from the warm-up to `end`", "arXiv 1608.03983",
       descending_parameters(),
       [](const Settings& settings) { return make_descent(settings, half_wave); }},
      {"step", "Multiplied by `factor` at every `every`-th step", "", step_parameters(), make_step},
  };
  return entries;
}

const ScheduleEntry& find_rate_schedule(const std::string& name) {
  std::vector<std::string> names;
  for (const ScheduleEntry& entry : rate_schedule_registry()) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw UsageError(fmt::format("unknown schedule '{}'; accepted are {}{}", name, join(names),
                               did_you_mean(name, names)));
}

}  // namespace iclab::train
