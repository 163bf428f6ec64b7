#include "cli/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/settings.h"

namespace iclab::cli {
namespace {

constexpr std::int64_t kMaxThreads = 1024;

[[noreturn]] void refuse(const std::filesystem::path& folder, const std::error_code& failure,
                         const std::string& advice) {
  throw Error(
      fmt::format("{}: cannot be written ({}); {}", folder.string(), failure.message(), advice));
}

Settings number(Kind kind, const std::string& where, const std::string& text, double minimum, double maximum) {
  Parameter number{.name = where, .kind = kind};
  number.minimum = minimum;
  number.maximum = maximum;
  const Setting given = parse_setting(number, text, where);
  return resolve(std::span(&number, 1), {{where, given}}, where, [&](const std::string&) { return where; });
}

}  // namespace

int TrainingOptions::thread_count() const {
  return threads.empty() ? 0 : static_cast<int>(whole_number("--threads", threads, 1, kMaxThreads));
}

void add_overrides(CLI::App& parser, std::vector<std::string>& overrides) {
  // One value a --set: the next word may be a study file.
  parser
      .add_option("--set", overrides,
                  "Replace a setting of the study file, e.g. train.steps=2000 or study.seeds=3")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

void add_training_options(CLI::App& parser, TrainingOptions& options,
                          const std::string& default_out) {
  add_overrides(parser, options.overrides);
  parser.add_option("--threads", options.threads, "Threads (default: one per processor)")
      ->type_name("N");
  parser.add_option("--out", options.out, "Where results go (default: " + default_out + ")")
      ->type_name("DIR");
}

std::int64_t whole_number(const std::string& where, const std::string& text, std::int64_t minimum,
                          std::int64_t maximum) {
  return number(Kind::kInteger, where, text, static_cast<double>(minimum), static_cast<double>(maximum))
      .integer(where);
}

double real_number(const std::string& where, const std::string& text, double minimum, double maximum) {
  return number(Kind::kReal, where, text, minimum, maximum).real(where);
}

void check_writable(const std::filesystem::path& folder, const std::string& advice) {
  std::filesystem::path there = std::filesystem::absolute(folder).lexically_normal();
  std::error_code failure;
  while (!std::filesystem::exists(there, failure) && there.has_relative_path())
    there = there.parent_path();
  failure.clear();
  if (!std::filesystem::is_directory(there, failure) && !failure)
    failure = std::make_error_code(std::errc::not_a_directory);
  if (!failure && access(there.c_str(), W_OK | X_OK) != 0)
    failure = std::error_code(errno, std::generic_category());
  if (failure) refuse(folder, failure, advice);
}

void require_writable(const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) refuse(folder, failure, kOtherFolder);
  check_writable(folder);
}

}  // namespace iclab::cli
