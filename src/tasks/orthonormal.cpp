#include "tasks/orthonormal.h"

#include <vector>

namespace iclab::tasks {

using program::Value;

Value orthonormal(Value a) {
  const std::int64_t d = a.shape()[1];
  std::vector<Value> columns;
  for (std::int64_t j = 0; j < d; ++j) {
    Value column = slice(a, 1, j, 1);
    if (!columns.empty()) {
      const Value before = program::concat(columns, 1);
      for (int pass = 0; pass < 2; ++pass)
        column = column - matmul(before, matmul(transpose(before), column));
    }
    columns.push_back(column / sqrt(sum(square(column))));
  }
  return program::concat(columns, 1);
}

}  // namespace iclab::tasks
