#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/output.h"
#include "lanes/kernels.h"

namespace iclab::cli {
namespace {

#ifdef __clang__
constexpr const char* kCompiler = __VERSION__;
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

// Nothing ("none") on a processor that cannot train.
std::string instruction_set() {
  const lanes::InstructionSets sets = lanes::available_instruction_sets();
  return sets.avx2 || sets.avx512 ? lanes::name(lanes::chosen_instruction_set()) : "none";
}

Result version(bool as_json) {
  const Json json{{"version", kVersion},
                  {"numerics", kNumericsVersion},
                  {"instructions", instruction_set()},
                  {"compiler", kCompiler}};
  if (as_json) return {json_line(json)};
  return {fmt::format("iclab {}\nnumerics      {}\ninstructions  {}\ncompiler      {}\n", kVersion,
                      kNumericsVersion, instruction_set(), kCompiler)};
}

}  // namespace

Action add_version(CLI::App& parser) {
  parser.footer("Example:\n  iclab version --json");
  return version;
}

}  // namespace iclab::cli
