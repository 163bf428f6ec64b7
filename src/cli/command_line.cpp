#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <exception>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/failure.h"
#include "cli/output.h"

namespace iclab::cli {
namespace {

constexpr const char* kOverview =
    "A laboratory for in-context learning: trains small models on synthetic tasks and holds them "
    "against "
    "theory.";

struct Parsers {
  CLI::App app{kOverview, "iclab"};
  struct Entry {
    CLI::App* parser;
    Action action;
  };
  std::vector<Entry> entries;
  bool json = false;
  bool version = false;
};

// An empty word is most often a variable of a shell that is not set; it is not the default.
void refuse_empty_words(CLI::App& parser) {
  for (CLI::Option* option : parser.get_options())
    if (option->get_items_expected_max() > 0)
      option->check([](const std::string& word) {
        return word.empty() ? "found an empty word, accepted is a value" : "";
      });
}

void declare(Parsers& parsers) {
  parsers.app.require_subcommand(0, 1);
  parsers.app.add_flag("--version", parsers.version, "What this build is");
  parsers.app.footer("Example:\n  iclab reproduce task-diversity --quick");
  for (const Command& command : commands()) {
    CLI::App* parser = parsers.app.add_subcommand(command.name, command.summary);
    parser->add_flag("--json", parsers.json, "Machine-readable output (docs/formats.md)");
    parsers.entries.push_back({parser, command.add(*parser)});
    refuse_empty_words(*parser);
  }
}

std::vector<std::string> option_names(const CLI::App& parser) {
  std::vector<std::string> names;
  for (const CLI::Option* option : parser.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

// CLI11 does not suggest: the first word must be a command, every --word one of its options.
void check_words(Parsers& parsers, int count, const char* const* words) {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.emplace_back(command.name);
  const CLI::App* parser = &parsers.app;
  int next = 1;
  if (count > 1 && words[1][0] != '-') {
    const std::string word = words[1];
    if (std::find(names.begin(), names.end(), word) == names.end())
      throw UsageError(fmt::format("unknown command '{}'; accepted are {}{}", word, join(names),
                                   did_you_mean(word, names)));
    parser = parsers.app.get_subcommand(word);
    next = 2;
  }
  const std::vector<std::string> options = option_names(*parser);
  for (; next < count; ++next) {
    const std::string word = words[next];
    if (word == "--") break;
    const std::string option = word.substr(0, word.find('='));
    if (option.size() < 3 || option.compare(0, 2, "--") != 0) continue;
    if (std::find(options.begin(), options.end(), option) == options.end())
      throw UsageError(fmt::format("unknown option '{}' of {}; accepted are {}{}", option,
                                   parser->get_name(), join(options),
                                   did_you_mean(option, options)));
    if (word == option + "=")  // CLI11 would take the next word for the value
      throw UsageError(fmt::format("{}: found nothing after '=', accepted is a value", option));
  }
}

// Nothing if the words asked for help, which has been written.
std::optional<Result> parse_and_run(int count, const char* const* words) {
  Parsers parsers;
  declare(parsers);
  check_words(parsers, count, words);
  try {
    parsers.app.parse(count, words);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = parsers.app.get_subcommands();
    return Result{chosen.empty() ? parsers.app.help() : chosen.front()->help("iclab")};
  } catch (const CLI::ParseError& error) {
    const auto chosen = parsers.app.get_subcommands();
    const std::string name = chosen.empty() ? "" : " " + chosen.front()->get_name();
    throw UsageError(fmt::format("{}; see iclab{} --help", error.what(), name));
  }
  for (const Parsers::Entry& entry : parsers.entries)
    if (entry.parser->parsed()) return entry.action(parsers.json);
  if (parsers.version) return Result{fmt::format("iclab {}\n", kVersion)};
  return {};
}

int fail(const std::string& message, int exit_code) {
  say("iclab: " + message);
  return exit_code;
}

}  // namespace

std::span<const Command> commands() {
  static const Command all[] = {
      {"reproduce", "Run a paper's studies, judge its claims, write the report", add_reproduce},
      {"run", "Run a study, or resume it", add_run},
      {"status", "How far a study is, and which runs failed", add_status},
      {"merge", "Join the stores of shards into one", add_merge},
      {"report", "Write the page again from the store", add_report},
      {"theory", "List the closed forms, or evaluate one", add_theory},
      {"verify", "Recompute files of test vectors", add_verify},
      {"list", "What there is: tasks, models, probes, optimizers, schedules, papers", add_list},
      {"export", "Weights as safetensors, everything else as tidy CSV", add_export},
      {"bench", "Measure this machine's speed on the standard workloads", add_bench},
      {"version", "What this build is", add_version},
  };
  return all;
}

int run_command_line(int count, const char* const* words) {
  // A reader that goes away ("| head") and a file that may grow no more (ulimit -f) show as errors of
  // the write, which are told, not as signals, which end the process without a word.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    const std::optional<Result> result = parse_and_run(count, words);
    if (!result) return fail("no command; see iclab --help", 2);
    write_results(result->output);
    return result->exit_code;
  } catch (...) {
    const Failure failure = failure_of(std::current_exception());
    return fail(failure.message, failure.exit_code);
  }
}

}  // namespace iclab::cli
