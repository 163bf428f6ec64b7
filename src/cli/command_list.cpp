#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/output.h"
#include "nn/model.h"
#include "papers/paper.h"
#include "probes/probe.h"
#include "tasks/task.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace iclab::cli {
namespace {

struct ListOptions {
  std::string kind, name;
};

const std::vector<std::string>& kinds() {
  static const std::vector<std::string> names{"tasks",      "models",    "probes",
                                              "optimizers", "schedules", "papers"};
  return names;
}

template <class Entry>
Json describe_entry(const Entry& entry) {
  return {{"name", entry.name},
          {"summary", entry.summary},
          {"source", entry.source},
          {"parameters", describe(entry.parameters)}};
}

Json describe_entry(const papers::Paper& paper) {
  return {
      {"name", paper.id},          {"summary", paper.summary}, {"source", "arXiv " + paper.arxiv},
      {"title", paper.title},      {"authors", paper.authors}, {"claims", paper.claims},
      {"headline", paper.headline}};
}

template <class Registry>
Json describe_all(const Registry& registry) {
  Json list = Json::array();
  for (const auto& entry : registry) list.push_back(describe_entry(entry));
  return list;
}

Json everything(const std::string& kind) {
  if (kind == "tasks") return describe_all(tasks::task_registry());
  if (kind == "models") return describe_all(nn::model_registry());
  if (kind == "probes") return describe_all(probes::probe_registry());
  if (kind == "optimizers") return describe_all(train::optimizer_registry());
  if (kind == "schedules") return describe_all(train::rate_schedule_registry());
  if (kind == "papers") return describe_all(papers::paper_registry());
  throw UsageError(fmt::format("list: found '{}', accepted is one of {}{}", kind, join(kinds()),
                               did_you_mean(kind, kinds())));
}

// The entry of that name; the registries' own lookups give the error.
Json one(const std::string& kind, const std::string& name) {
  if (kind == "tasks") return describe_entry(tasks::find_task(name));
  if (kind == "models") return describe_entry(nn::find_model(name));
  if (kind == "probes") return describe_entry(probes::find_probe(name));
  if (kind == "optimizers") return describe_entry(train::find_optimizer(name));
  if (kind == "schedules") return describe_entry(train::find_rate_schedule(name));
  return describe_entry(papers::find_paper(name));
}

std::string accepted_range(const Json& parameter) {
  if (parameter.contains("choices"))
    return fmt::format("{}",
                       fmt::join(parameter["choices"].get<std::vector<std::string>>(), " | "));
  std::string text = parameter["kind"];
  const auto bound = [&](const char* key, const char* words) {
    if (parameter.contains(key))
      text += fmt::format(", {} {}", words, parameter[key].get<double>());
  };
  bound("minimum", "at least");
  bound("above", "above");
  bound("maximum", "at most");
  bound("below", "below");
  return text;
}

std::string default_text(const Json& parameter) {
  if (parameter["required"]) return "required";
  return parameter.contains("default") ? parameter["default"].dump() : "none";
}

std::string entry_text(const Json& entry) {
  std::string text =
      entry["name"].get<std::string>() + "\n  " + entry["summary"].get<std::string>();
  if (entry.contains("title"))
    text += fmt::format("\n  {}\n  {}", entry["title"].get<std::string>(),
                        entry["authors"].get<std::string>());
  if (!entry["source"].get<std::string>().empty())
    text += "\n  Source: " + entry["source"].get<std::string>();
  text += "\n";
  if (entry.contains("claims"))
    return text + fmt::format("  Claims: {} (headline {})\n",
                              fmt::join(entry["claims"].get<std::vector<std::string>>(), ", "),
                              entry["headline"].get<std::string>());
  std::vector<std::vector<std::string>> rows{{"parameter", "accepted", "default", "meaning"}};
  for (const Json& p : entry["parameters"])
    rows.push_back({p["name"], accepted_range(p), default_text(p), p["help"]});
  return text + (rows.size() > 1 ? "\n" + table(rows) : "  No parameters.\n");
}

std::string list_text(const Json& entries) {
  std::vector<std::vector<std::string>> rows{{"name", "summary", "source"}};
  for (const Json& entry : entries)
    rows.push_back({entry["name"], entry["summary"], entry["source"]});
  return table(rows);
}

Result list(const ListOptions& options, bool as_json) {
  const Json entries = everything(options.kind);
  if (options.name.empty()) return {as_json ? json_line(entries) : list_text(entries)};
  const Json entry = one(options.kind, options.name);
  return {as_json ? json_line(entry) : entry_text(entry)};
}

}  // namespace

Action add_list(CLI::App& parser) {
  const auto options = std::make_shared<ListOptions>();
  parser.add_option("KIND", options->kind, join(kinds(), ", "))->required()->type_name("");
  parser.add_option("NAME", options->name, "Only this one, with its parameters")->type_name("");
  parser.footer("Example:\n  iclab list tasks subspace-regression");
  return [options](bool as_json) { return list(*options, as_json); };
}

}  // namespace iclab::cli
