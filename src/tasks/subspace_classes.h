// The classes of a mixture of subspaces: which columns of a basis each one spans, and how strongly.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace iclab::tasks {

/// A class of tasks: w = scale * sum_j a_j q_(columns[j]), a ~ N(0, I).
struct SubspaceClass {
  std::vector<std::int64_t> columns;
  double scale = 1;

  double power() const;  // E |w|^2
};

/// K classes of the shared-core construction: the s shared columns, then rank - s of its own each.
std::vector<SubspaceClass> shared_core(std::int64_t rank, std::int64_t components, std::int64_t shared);

/// "0,1@1/2,3@1.5": classes separated by "/", the scale after "@" (1 if absent).
/// Throws UsageError that says where the text is wrong.
std::vector<SubspaceClass> parse_classes(const std::string& text, std::int64_t dim);

/// The columns any class uses, ascending: R of them.
std::vector<std::int64_t> used_columns(const std::vector<SubspaceClass>& classes);

}  // namespace iclab::tasks
