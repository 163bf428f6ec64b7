// The program's twin: every operation as its definition, in double, one prompt after the other.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "program/program.h"

namespace iclab::program::testing {

using Numbers = std::vector<double>;

struct Interpreter {
  std::int64_t batch = 1;
  std::map<std::string, Numbers> inputs;  // plain: (elements); prompt rate: (batch, elements)
  std::int64_t step = 0;

  /// The outputs: (elements), or (batch, elements) at prompt rate. A draw's numbers are a hash of its
  /// draw number, prompt and element: not the stream's, but as sensitive to a shift.
  std::vector<Numbers> evaluate(const Program& program, std::span<const int> outputs) const;
};

/// An interpreter whose inputs are numbers in (-size, size), the same every time.
Interpreter with_inputs(const Program& program, std::int64_t batch, double size = 1);

}  // namespace iclab::program::testing
