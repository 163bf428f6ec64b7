// Options that several commands share, with the project's own messages.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace iclab::cli {

/// Options of the commands that train.
struct TrainingOptions {
  std::vector<std::string> overrides;  // --set
  std::string threads;
  std::string out;

  /// 0 (one per processor) if none were asked for. Throws UsageError.
  int thread_count() const;
};

/// Declares --set.
void add_overrides(CLI::App& parser, std::vector<std::string>& overrides);

/// Declares --set, --threads and --out; `default_out` is for the help text.
void add_training_options(CLI::App& parser, TrainingOptions& options,
                          const std::string& default_out);

/// The text as an integer in [minimum, maximum]. Throws UsageError that begins with `where`.
std::int64_t whole_number(const std::string& where, const std::string& text, std::int64_t minimum,
                          std::int64_t maximum);

/// The same for a number.
double real_number(const std::string& where, const std::string& text, double minimum, double maximum);

inline constexpr const char* kOtherFolder = "choose another folder with --out";

/// Makes nothing. Throws Error, with the advice, if the folder or what it would be made in cannot
/// be written.
void check_writable(const std::filesystem::path& folder, const std::string& advice = kOtherFolder);

/// Creates the folder if need be. Throws Error if it cannot be written.
void require_writable(const std::filesystem::path& folder);

}  // namespace iclab::cli
