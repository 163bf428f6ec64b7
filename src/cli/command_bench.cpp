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
#include "cli/speed_text.h"
#include "cli/workloads.h"
#include "lanes/peak.h"
#include "study/example_batch.h"
#include "study/export.h"
#include "study/speed.h"

namespace iclab::cli {
namespace {

constexpr std::int64_t kMaxThreads = 1024;
constexpr double kMaxSeconds = 3600;

struct BenchOptions {
  std::vector<std::string> names;
  std::string study;
  std::vector<std::string> overrides;  // --set
  std::string threads = "1", seconds = "2", example;
  bool profile = false;
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

std::vector<study::Study> chosen_studies(const BenchOptions& options) {
  std::vector<study::Study> studies;
  if (!options.study.empty()) studies.push_back(study::read_study(options.study, options.overrides));
  if (!options.study.empty() && options.names.empty()) return studies;
  for (const Workload& workload : chosen_workloads(options.names))
    studies.push_back(study::parse_study(workload.text, workload.name, options.overrides));
  return studies;
}

// Instead of measuring: a batch of the one study, with its loss and gradients, as a file.
Result write_example(const BenchOptions& options, bool as_json) {
  if (options.names.size() + !options.study.empty() != 1)
    throw UsageError(fmt::format("--example needs one workload or study; found {}",
                                 options.names.size() + !options.study.empty()));
  const study::Study study = chosen_studies(options).front();
  study::write_safetensors(options.example, study::example_batch(study),
                           {{"workload", study.name}, {"version", kVersion}});
  return {as_json ? json_line({{"file", options.example}}) : options.example + "\n"};
}

Result bench(const BenchOptions& options, bool as_json) {
  if (!options.example.empty()) return write_example(options, as_json);
  const auto threads = static_cast<int>(whole_number("--threads", options.threads, 1, kMaxThreads));
  const double seconds = real_number("--seconds", options.seconds, 0.001, kMaxSeconds);
  const std::vector<study::Study> studies = chosen_studies(options);
  const lanes::InstructionSet set = lanes::chosen_instruction_set();
  const double peak = lanes::measure_peak(set);
  Json all = Json::array();
  for (const study::Study& study : studies) {
    say(fmt::format("{} ...", study.name));
    const study::Speed speed = study::measure_speed(study, threads, seconds);
    all.push_back(speed_json(speed, study.name, threads, peak, options.profile));
  }
  const Json machine{{"processor", processor_name()},
                     {"processors", processor_count()},
                     {"instructions", lanes::name(set)},
                     {"peak_gflops_per_core", peak * 1e-9},
                     {"version", kVersion}};
  if (as_json) return {json_line({{"machine", machine}, {"workloads", all}})};

  std::string text = fmt::format("{}, {}, fma peak {:.0f} GFLOP/s a core, {} thread{}\n\n{}\n{}", processor_name(),
                                 lanes::name(set), peak * 1e-9, threads, threads == 1 ? "" : "s",
                                 speed_table(all), split_table(all));
  if (options.profile)
    for (const Json& one : all)
      text += fmt::format("\n{}, operation by operation\n\n{}", one["name"].get<std::string>(),
                          operations_table(one));
  return {text};
}

}  // namespace

Action add_bench(CLI::App& parser) {
  const auto options = std::make_shared<BenchOptions>();
  parser.add_option("WORKLOAD", options->names, "Which workloads (default: all)");
  parser.add_option("--study", options->study, "A study file: how fast its first run would train here")
      ->type_name("FILE");
  add_overrides(parser, options->overrides);
  auto* threads = parser.add_option("--threads", options->threads, "Threads of one run (default: 1)")
                      ->type_name("N");
  auto* seconds =
      parser.add_option("--seconds", options->seconds, "Time for each, and at least seven steps (default: 2)")
          ->type_name("S");
  auto* profile =
      parser.add_flag("--profile", options->profile, "Also the time of each operation of a step");
  parser.add_option("--example", options->example,
                    "Write a batch of the workload, its loss and gradients, as safetensors; measure nothing")
      ->type_name("FILE")
      ->excludes(threads)
      ->excludes(seconds)
      ->excludes(profile);
  parser.footer(
      "Example:\n  iclab bench W3 W4 --profile\n  iclab bench W4 --set model.width=128 --set train.batch=16\n\n"
      "docs/performance.md describes the workloads and what the columns mean.");
  return [options](bool as_json) { return bench(*options, as_json); };
}

}  // namespace iclab::cli
