// How fast a study's first run trains.
#pragma once

#include <string>

#include "program/plan.h"
#include "study/study.h"

namespace iclab::study {

struct Speed {
  double steps_per_second = 0;  // updates of one model: the median over equal stretches of time
  double flops_per_step = 0;    // what the plan's operations need, without the update
  program::Layout layout = program::Layout::kLanes;
  std::int64_t bytes = 0;       // that the step's executor holds
};

/// Trains the first point's first run for about `seconds` on `threads`; nothing is stored.
Speed measure_speed(const Study& study, int threads, double seconds);

}  // namespace iclab::study
