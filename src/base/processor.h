// The machine a number was measured on.
#pragma once

#include <string>

namespace iclab {

/// The processor's name, or "unknown processor".
std::string processor_name();

/// Processors this program may use, at least 1.
int processor_count();

}  // namespace iclab
