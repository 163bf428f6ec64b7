// What tables and figures call the points of a sweep.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "study/study.h"

namespace iclab::cli {

/// Texts without quotes; reals with six digits, or, where these do not tell the values of an axis apart, with as many as
/// give the number back.
class AxisLabels {
 public:
  explicit AxisLabels(const study::Study& study);

  /// The value of the axis at a position.
  std::string value(size_t axis, const Setting& setting) const;

  /// "task.components = 2, model.alpha = 0.1"; "" without axes.
  std::string point(const study::Point& point) const;

 private:
  std::vector<bool> in_full_;  // by axis
};

}  // namespace iclab::cli
