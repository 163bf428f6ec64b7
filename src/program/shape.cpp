#include "program/shape.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace iclab::program {

std::int64_t elements(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t d : shape) count *= d;
  return count;
}

std::string to_string(const Shape& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

Shape broadcast(const std::string& operation, const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()));
  for (size_t back = 1; back <= out.size(); ++back) {
    const std::int64_t da = back <= a.size() ? a[a.size() - back] : 1;
    const std::int64_t db = back <= b.size() ? b[b.size() - back] : 1;
    if (da != db && da != 1 && db != 1)
      throw Error(fmt::format(
          "[{}] shapes {} and {} do not broadcast: expected equal dimensions or 1, received {} and {}",
          operation, to_string(a), to_string(b), da, db));
    out[out.size() - back] = std::max(da, db);
  }
  return out;
}

Shape row_major_strides(const Shape& shape) {
  Shape strides(shape.size());
  std::int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

lanes::Dims padded_dims(const Shape& shape) {
  lanes::Dims dims{1, 1, 1, 1};
  std::copy(shape.begin(), shape.end(), dims.end() - static_cast<std::ptrdiff_t>(shape.size()));
  return dims;
}

void check_shape(const std::string& operation, const Shape& shape) {
  if (shape.size() > lanes::kMaxRank)
    throw Error(fmt::format("[{}] expected at most {} dimensions, received {}", operation,
                            lanes::kMaxRank, to_string(shape)));
  for (const std::int64_t d : shape)
    if (d < 1)
      throw Error(fmt::format("[{}] expected dimensions of at least 1, received {}", operation,
                              to_string(shape)));
}

}  // namespace iclab::program
