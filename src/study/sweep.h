// [sweep]: the axes of a study and which of them move together.
#pragma once

#include <string>
#include <vector>

#include "study/study.h"
#include "study/toml_reader.h"

namespace iclab::study {

struct SweepAxis {
  std::string key;                // "task.components"
  std::vector<std::string> path;  // of the swept key in the file's tree
  std::vector<Setting> values;
  std::vector<Node> nodes;  // the values as they stand in the tree, each with its line
};

struct Sweep {
  std::vector<SweepAxis> axes;  // in the order of the file
  std::vector<std::vector<size_t>>
      groups;  // axes that move together; the cross product is over groups
  std::int64_t points = 1;
};

#ifndef ICLAB_MAX_POINTS
#define ICLAB_MAX_POINTS 100'000  // less when fuzzing
#endif
inline constexpr std::int64_t kMaxPoints = ICLAB_MAX_POINTS;

/// Reads the root's [sweep]:
///   "task.items" = [1, 2, 5]                         the values
///   "task.items" = { logspace = [low, high, n] }     n values, both ends included
///   "task.items" = { linspace = [low, high, n] }     the same, evenly spaced
///   "task.items" = { range = [first, last, step] }   integers, both ends included; step 1 if not given
///   zip = [["task.a", "task.b"]]                     these move together
/// Of an integer setting, spaced values are rounded, duplicates dropped; of a real one, those that are
/// a number of 12 digits but for rounding are that number, as it would be typed.
/// Throws UsageError: unknown or unsweepable key, value not accepted, no or equal values, lengths
/// of zipped axes that differ, more than kMaxPoints points.
Sweep read_sweep(const Node& root);

}  // namespace iclab::study
