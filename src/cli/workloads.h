// The workloads of `iclab bench`: study files that travel inside the program.
#pragma once

#include <span>

namespace iclab::cli {

struct Workload {
  const char* name;  // "W1"
  const char* text;  // the study file
};

std::span<const Workload> workloads();

}  // namespace iclab::cli
