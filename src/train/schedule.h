// Schedules of the learning rate: their registry, and the factor they give for each step.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/settings.h"

namespace iclab::train {

/// What multiplies every learning rate (the optimiser's and the groups') at step t = 0, 1, ...
using RateFactor = std::function<double(std::int64_t step)>;

/// With `warmup` = N, the first N steps have 1/N, 2/N, ..., 1 times what follows. `steps` is where a
/// schedule reaches its `end`, and stays there; it is part of a run's identity.
struct ScheduleEntry {
  std::string name, summary, source;
  std::vector<Parameter> parameters;
  /// Throws UsageError for settings that don't fit together.
  std::function<RateFactor(const Settings&)> make;
};

std::span<const ScheduleEntry> rate_schedule_registry();

/// Throws UsageError with the nearest name.
const ScheduleEntry& find_rate_schedule(const std::string& name);

}  // namespace iclab::train
