// Counts allocations of a test executable that compiles allocations.cpp.
#pragma once

#include <cstdint>

namespace iclab::testing {

/// Calls of operator new so far, by all threads.
std::int64_t allocations();

}  // namespace iclab::testing
