// Linear regression whose task vectors come from a mixture of low-rank Gaussians (arXiv 2606.06814).
#pragma once

#include "tasks/task.h"

namespace iclab::tasks {

TaskEntry subspace_regression_entry();

/// A class of tasks: w = scale * sum_j a_j q_(columns[j]), a ~ N(0, I).
struct SubspaceClass {
  std::vector<std::int64_t> columns;
  double scale = 1;
};

/// "0,1@1/2,3@1.5": classes separated by "/", the scale after "@" (1 if absent).
/// Throws UsageError that says where the text is wrong.
std::vector<SubspaceClass> parse_classes(const std::string& text, std::int64_t dim);

}  // namespace iclab::tasks
