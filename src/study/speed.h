// How fast a study's first run trains, and where its time goes.
#pragma once

#include <string>
#include <vector>

#include "program/explain.h"
#include "study/study.h"

namespace iclab::study {

/// Fractions of the time of a step's threads; they sum to 1.
struct Split {
  double data = 0, forward = 0, backward = 0;  // program::Part
  double optimizer = 0;                        // checks, clipping and the update
  double other = 0;                            // copies of results, waiting threads
};

/// What equal operations on equal shapes take of a step, together.
struct OperationCost {
  program::Part part = program::Part::kForward;
  std::string operation;   // "product", "row softmax"
  std::string operands;    // shapes: "(41, 64), shared (64, 256)", shared by the prompts
  std::int64_t count = 0;  // values
  double fraction = 0;     // of the time of a step's threads
  double flops = 0, bytes = 0;
};

struct Speed {
  double steps_per_second = 0;  // updates of one model: the median over equal stretches of time
  double flops_per_step = 0;    // what the plan's operations need, without the update
  double bytes_per_step = 0;    // that its operations read and write, likewise
  program::Layout layout = program::Layout::kLanes;
  std::int64_t bytes = 0;       // that the step's executor holds
  int threads = 1;              // that had work
  Split split;
  std::vector<OperationCost> operations;  // the slowest first
};

/// Trains the first point's first run for about `seconds` on `threads`, however many steps it asks for, and then
/// for a fifth of that with its operations timed; nothing is measured of the model or stored.
Speed measure_speed(const Study& study, int threads, double seconds);

}  // namespace iclab::study
