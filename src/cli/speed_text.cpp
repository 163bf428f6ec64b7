#include "cli/speed_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/output.h"

namespace iclab::cli {
namespace {

constexpr double kLeastFraction = 0.002;  // operations below are one row together

std::string percent(const Json& fraction) {
  return fmt::format("{:.1f} %", 100 * fraction.get<double>());
}

std::string number(const Json& value) { return fmt::format("{:.1f}", value.get<double>()); }

Json split_json(const study::Split& split) {
  return {{"data", split.data},
          {"forward", split.forward},
          {"backward", split.backward},
          {"optimizer", split.optimizer},
          {"other", split.other}};
}

// What operations take of a thread's time, so that rates are of one core.
Json operations_json(const study::Speed& speed, double peak) {
  Json all = Json::array();
  for (const study::OperationCost& operation : speed.operations) {
    const double seconds = operation.fraction * speed.threads / speed.steps_per_second;
    all.push_back({{"part", program::name(operation.part)},
                   {"operation", operation.operation},
                   {"operands", operation.operands},
                   {"count", operation.count},
                   {"fraction", operation.fraction},
                   {"microseconds", seconds * 1e6},
                   {"gflops", operation.flops / seconds * 1e-9},
                   {"fraction_of_peak", operation.flops / (seconds * peak)},
                   {"gigabytes_per_second", operation.bytes / seconds * 1e-9}});
  }
  return all;
}

}  // namespace

Json speed_json(const study::Speed& speed, const std::string& name, int threads, double peak,
                bool with_operations) {
  const double flops = speed.flops_per_step * speed.steps_per_second;
  Json result{{"name", name},
              {"layout", program::name(speed.layout)},
              {"threads", threads},
              {"working_threads", speed.threads},
              {"model_steps_per_second", speed.steps_per_second},
              {"gflops", flops * 1e-9},
              {"fraction_of_peak", flops / (peak * threads)},
              {"megaflops_per_step", speed.flops_per_step * 1e-6},
              {"megabytes_per_step", speed.bytes_per_step * 1e-6},
              {"gigabytes_per_second", speed.bytes_per_step * speed.steps_per_second * 1e-9},
              {"split", split_json(speed.split)},
              {"bytes", speed.bytes}};
  if (with_operations) result["operations"] = operations_json(speed, peak);
  return result;
}

std::string speed_table(const Json& workloads) {
  std::vector<std::vector<std::string>> rows{{"workload", "layout", "steps/s", "GFLOP/s", "of peak", "GB/s",
                                              "Mflop a step", "MB a step", "memory"}};
  for (const Json& one : workloads)
    rows.push_back({one["name"], one["layout"], number(one["model_steps_per_second"]), number(one["gflops"]),
                    percent(one["fraction_of_peak"]), number(one["gigabytes_per_second"]),
                    fmt::format("{:.2f}", one["megaflops_per_step"].get<double>()),
                    fmt::format("{:.2f}", one["megabytes_per_step"].get<double>()),
                    human_bytes(one["bytes"].get<double>())});
  return table(rows);
}

std::string split_table(const Json& workloads) {
  const std::vector<std::string> parts{"data", "forward", "backward", "optimizer", "other"};
  std::vector<std::vector<std::string>> rows{parts};
  rows.front().insert(rows.front().begin(), "time of a step");
  for (const Json& one : workloads) {
    rows.push_back({one["name"]});
    for (const std::string& part : parts) rows.back().push_back(percent(one["split"][part]));
  }
  return table(rows);
}

std::string operations_table(const Json& workload) {
  std::vector<std::vector<std::string>> rows{
      {"time", "part", "operation", "operands", "count", "us", "GFLOP/s", "of peak", "GB/s"}};
  double rest = 0;
  std::int64_t count = 0;
  for (const Json& one : workload["operations"]) {
    if (one["fraction"] < kLeastFraction) {
      rest += one["fraction"].get<double>();
      count += one["count"].get<std::int64_t>();
      continue;
    }
    rows.push_back({percent(one["fraction"]), one["part"], one["operation"], one["operands"],
                    fmt::format("{}", one["count"].get<std::int64_t>()), number(one["microseconds"]),
                    number(one["gflops"]), percent(one["fraction_of_peak"]), number(one["gigabytes_per_second"])});
  }
  if (count > 0) rows.push_back({percent(rest), "", "others", "", fmt::format("{}", count), "", "", "", ""});
  return table(rows);
}

}  // namespace iclab::cli
