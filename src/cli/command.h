// The commands' common shape: each is one file, command_NAME.cpp, with its options and its one
// action.
#pragma once

#include <functional>
#include <span>
#include <string>

namespace CLI {
class App;
}

namespace iclab::cli {

/// What a command has to say on stdout, ready to print, and how it ends.
struct Result {
  std::string output;
  int exit_code = 0;
};

/// Runs the command; `as_json` asks for machine-readable output.
using Action = std::function<Result(bool as_json)>;

/// A command of `iclab`. `add` declares its options on its own CLI11 parser and returns its action.
struct Command {
  const char* name;
  const char* summary;  // one line, for `iclab --help`
  Action (*add)(CLI::App& parser);
};

/// All commands in the order of `iclab --help`.
std::span<const Command> commands();

Action add_reproduce(CLI::App& parser);
Action add_run(CLI::App& parser);
Action add_status(CLI::App& parser);
Action add_merge(CLI::App& parser);
Action add_report(CLI::App& parser);
Action add_theory(CLI::App& parser);
Action add_verify(CLI::App& parser);
Action add_list(CLI::App& parser);
Action add_export(CLI::App& parser);
Action add_bench(CLI::App& parser);
Action add_version(CLI::App& parser);

/// Parses the words of a command line and runs the command. Results go to stdout, all else to
/// stderr. Returns the exit status: 0, 2 for a usage error, 1 otherwise.
int run_command_line(int count, const char* const* words);

}  // namespace iclab::cli
