#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/processor.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/workloads.h"
#include "lanes/peak.h"
#include "study/example_batch.h"
#include "study/export.h"
#include "study/speed.h"

namespace iclab::cli {
namespace {

constexpr std::int64_t kMaxThreads = 1024;
constexpr double kSeconds = 2;  // a workload, or six steps if they take longer

struct BenchOptions {
  std::vector<std::string> names;
  std::string threads = "1", example;
};

std::vector<Workload> chosen_workloads(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const Workload& workload : workloads()) known.push_back(workload.name);
  std::vector<Workload> chosen;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(known, name);
    if (found == known.end())
      throw UsageError(fmt::format("unknown workload '{}'; accepted are {}{}", name, join(known),
                                   did_you_mean(name, known)));
    chosen.push_back(workloads()[static_cast<size_t>(found - known.begin())]);
  }
  return chosen.empty() ? std::vector<Workload>(workloads().begin(), workloads().end()) : chosen;
}

Json measured(const Workload& workload, int threads, double peak) {
  const study::Study study = study::parse_study(workload.text, workload.name);
  const study::Speed speed = study::measure_speed(study, threads, kSeconds);
  const double flops = speed.flops_per_step * speed.steps_per_second;
  return {{"name", workload.name},
          {"layout", program::name(speed.layout)},
          {"threads", threads},
          {"model_steps_per_second", speed.steps_per_second},
          {"gflops", flops * 1e-9},
          {"fraction_of_peak", flops / (peak * threads)},
          {"megaflops_per_step", speed.flops_per_step * 1e-6},
          {"bytes", speed.bytes}};
}

// Instead of measuring: a batch of the one workload, with its loss and gradients, as a file.
Result write_example(const BenchOptions& options, bool as_json) {
  if (options.names.size() != 1)
    throw UsageError(fmt::format("--example needs one workload; found {}", options.names.size()));
  const Workload workload = chosen_workloads(options.names).front();
  const study::Study study = study::parse_study(workload.text, workload.name);
  study::write_safetensors(options.example, study::example_batch(study),
                           {{"workload", workload.name}, {"version", kVersion}});
  return {as_json ? json_line({{"file", options.example}}) : options.example + "\n"};
}

Result bench(const BenchOptions& options, bool as_json) {
  if (!options.example.empty()) return write_example(options, as_json);
  const auto threads = static_cast<int>(whole_number("--threads", options.threads, 1, kMaxThreads));
  const std::vector<Workload> chosen = chosen_workloads(options.names);
  const lanes::InstructionSet set = lanes::chosen_instruction_set();
  const double peak = lanes::measure_peak(set);
  Json all = Json::array();
  for (const Workload& workload : chosen) {
    say(fmt::format("{} ...", workload.name));
    all.push_back(measured(workload, threads, peak));
  }
  const Json machine{{"processor", processor_name()},
                     {"processors", processor_count()},
                     {"instructions", lanes::name(set)},
                     {"peak_gflops_per_core", peak * 1e-9},
                     {"version", kVersion}};
  if (as_json) return {json_line({{"machine", machine}, {"workloads", all}})};

  std::vector<std::vector<std::string>> rows{
      {"workload", "layout", "steps/s", "GFLOP/s", "of peak", "Mflop a step", "memory"}};
  for (const Json& one : all)
    rows.push_back({one["name"], one["layout"],
                    fmt::format("{:.1f}", one["model_steps_per_second"].get<double>()),
                    fmt::format("{:.1f}", one["gflops"].get<double>()),
                    fmt::format("{:.0f} %", 100 * one["fraction_of_peak"].get<double>()),
                    fmt::format("{:.2f}", one["megaflops_per_step"].get<double>()),
                    human_bytes(one["bytes"].get<double>())});
  return {fmt::format("{}, {}, fma peak {:.0f} GFLOP/s a core, {} thread{}\n\n{}", processor_name(),
                      lanes::name(set), peak * 1e-9, threads, threads == 1 ? "" : "s", table(rows))};
}

}  // namespace

Action add_bench(CLI::App& parser) {
  const auto options = std::make_shared<BenchOptions>();
  parser.add_option("WORKLOAD", options->names, "Which workloads (default: all)");
  parser.add_option("--threads", options->threads, "Threads of one run (default: 1)")
      ->type_name("N");
  parser.add_option("--example", options->example,
                    "Write a batch of the workload, its loss and gradients, as safetensors; measure nothing")
      ->type_name("FILE");
  parser.footer("Example:\n  iclab bench W3 W4\n\nThe workloads are described in docs/performance.md.");
  return [options](bool as_json) { return bench(*options, as_json); };
}

}  // namespace iclab::cli
