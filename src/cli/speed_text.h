// What `iclab bench` found, as JSON and as tables.
#pragma once

#include <string>

#include "base/json.h"
#include "study/speed.h"

namespace iclab::cli {

/// One workload; `peak` in flops a second of a core.
Json speed_json(const study::Speed& speed, const std::string& name, int threads, double peak,
                bool with_operations);

/// Of workloads as speed_json writes them: their speeds, where a step's time goes, and that by operation.
std::string speed_table(const Json& workloads);
std::string split_table(const Json& workloads);
std::string operations_table(const Json& workload);

}  // namespace iclab::cli
