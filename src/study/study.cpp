#include "study/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/version.h"
#include "study/sections.h"
#include "study/sweep.h"
#include "train/precision.h"

namespace iclab::study {
namespace {

constexpr std::int64_t kMaxRuns = 1'000'000;
constexpr std::int64_t kMaxDueOfAllPoints = 20'000'000;

const std::vector<std::string> kTables = {"study", "task", "model", "train", "probe", "sweep"};

Json choice_json(const train::Choice& choice) {
  return {{"kind", choice.kind}, {"settings", choice.settings.json()}};
}

Json group_json(const train::Group& group) {
  Json json{{"match", group.match}};
  if (group.lr) json["lr"] = *group.lr;
  if (group.weight_decay) json["weight_decay"] = *group.weight_decay;
  json["frozen"] = group.frozen;
  return json;
}

// What changes nothing is left out, so that a run keeps its identity as settings are added.
Json training_json(const train::Training& training) {
  Json groups = Json::array();
  for (const train::Group& group : training.groups) groups.push_back(group_json(group));
  Json json{{"optimizer", choice_json(training.optimizer)},
            {"loss", training.loss},
            {"batch", training.batch},
            {"gradient_scale", training.gradient_scale},
            {"groups", std::move(groups)}};
  if (training.schedule) json["schedule"] = choice_json(*training.schedule);
  if (training.clip) json["clip"] = *training.clip;
  if (training.accumulate > 1) json["accumulate"] = training.accumulate;
  if (training.fixed_prompts > 0) json["fixed"] = training.fixed_prompts;
  return json;
}

void check_tables(const Node& root) {
  for (const auto& [key, node] : root.entries)
    if (std::ranges::find(kTables, key) == kTables.end())
      throw UsageError(fmt::format("{}: unknown key '{}'; accepted are the tables {}{}",
                                   node.where(), key, join(kTables), did_you_mean(key, kTables)));
}

// Results, tables and figures are put into folders of a study's name.
bool is_folder_name(const std::string& name) {
  return !name.empty() && !name.starts_with('.') && name.find('/') == std::string::npos && printable_line(name) == name;
}

void read_header(const Node& root, Study& study, bool& is_double) {
  const Node empty = [&root] {
    Node node;
    node.source = root.source;
    return node;
  }();
  const Node& table = root.find("study") ? table_at(root, "study", "[study]") : empty;
  const Settings settings = read_section(study_section(), table);
  study.name = settings.has("name") ? settings.text("name")
                                    : std::filesystem::path(study.file).stem().string();
  if (!is_folder_name(study.name))
    throw UsageError(
        fmt::format("{}: found '{}', accepted is the name of a folder: UTF-8, no '/', no "
                    "control characters, no '.' in front{}",
                    where_in(table, "[study]")("name"), printable_line(study.name),
                    settings.has("name") ? "" : "; the file has no name = \"...\", and its own is not one"));
  study.seeds = settings.integer("seeds");
  study.seed = static_cast<std::uint64_t>(settings.integer("seed"));
  study.independent = settings.boolean("independent");
  is_double = settings.text("precision") == "float64";
}

std::string axes_text(const Point& point) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : point.axes)
    parts.push_back(fmt::format("{} = {}", key, to_text(value)));
  return join(parts);
}

// Numbers that single precision would lose, with the line they stand in. `key` is the node's own.
void check_float32(const Node& node, const std::string& key) {
  if (const auto* number = std::get_if<double>(&node.value); number && node.type == Node::Type::kValue)
    train::check_float32(*number, fmt::format("{}: {}", node.where(), key));
  for (const Node& item : node.items) check_float32(item, key);
  for (const auto& [name, child] : node.entries)
    if (name != "stop") check_float32(child, key + " " + name);  // a rule's numbers are compared in double precision
}

// Reads the points one after another out of one tree, whose swept settings are exchanged in
// between; tables that no axis touches are read once.
class PointReader {
 public:
  PointReader(Node& root, const Sweep& sweep, bool is_double) : root_(root), sweep_(sweep) {
    for (const SweepAxis& axis : sweep.axes) touched_.push_back(axis.path[0]);
    for (const SweepAxis& axis : sweep.axes) node_at(root_, axis.path, axis.nodes[0].where());
    for (const SweepAxis& axis :
         sweep.axes) {  // the tree has its final form: nodes stay where they are
      Node& node = node_at(root_, axis.path, "");
      check_not_overridden(axis, node);
      targets_.push_back(&node);
    }
    point_.is_double = is_double;
  }

  Point read(std::int64_t index) {
    set_axes(index);
    try {
      read_tables(index == 0);
    } catch (const UsageError& error) {
      if (point_.axes.empty()) throw;
      throw UsageError(
          fmt::format("{} (at the sweep's point {})", error.what(), axes_text(point_)));
    }
    return point_;
  }

 private:
  static void check_not_overridden(const SweepAxis& axis, const Node& node) {
    const bool overridden =
        node.source && node.source->starts_with("--set ") && node.type != Node::Type::kTable;
    if (overridden)
      throw UsageError(fmt::format("{}: '{}' is swept ({}); accepted is --set 'sweep.{}=[...]'",
                                   node.where(), axis.key, axis.nodes[0].where(), axis.key));
  }

  // The last group of axes runs fastest.
  void set_axes(std::int64_t index) {
    std::vector<size_t> chosen(sweep_.axes.size());
    for (auto group = sweep_.groups.rbegin(); group != sweep_.groups.rend(); ++group) {
      const auto length = static_cast<std::int64_t>(sweep_.axes[(*group)[0]].values.size());
      for (const size_t axis : *group) chosen[axis] = static_cast<size_t>(index % length);
      index /= length;
    }
    point_.axes.clear();
    for (size_t i = 0; i < sweep_.axes.size(); ++i) {
      *targets_[i] = sweep_.axes[i].nodes[chosen[i]];
      point_.axes.emplace_back(sweep_.axes[i].key, sweep_.axes[i].values[chosen[i]]);
    }
  }

  void read_tables(bool all) {
    const auto touched = [&](const std::string& table) {
      return all || std::ranges::find(touched_, table) != touched_.end();
    };
    if (touched("task")) point_.task = read_task(root_);
    if (touched("model")) point_.model = read_model(root_);
    if (touched("train")) point_.training = read_training(root_);
    for (const std::string table : {"task", "model", "train"})
      if (touched(table) && !point_.is_double) check_float32(table_at(root_, table, ""), fmt::format("[{}]", table));
    if (all) point_.steps = read_steps(root_);
    if (touched("probe")) point_.probes = read_probes(root_, point_.steps);
    if (touched("probe") || touched("train")) point_.stops = read_stops(root_, point_.probes);
  }

  Node& root_;
  const Sweep& sweep_;
  std::vector<std::string> touched_;
  std::vector<Node*> targets_;
  Point point_;
};

void check_size(const Study& study, const Sweep& sweep, const Point& first) {
  if (sweep.points * study.seeds > kMaxRuns)
    throw UsageError(
        fmt::format("{}: [study] seeds: found {} points of {} seeds, accepted are at most {} runs",
                    study.file, sweep.points, study.seeds, kMaxRuns));
  std::int64_t due = 0;
  for (const ProbeSpec& probe : first.probes) due += static_cast<std::int64_t>(probe.due.size());
  if (sweep.points * due > kMaxDueOfAllPoints)
    throw UsageError(
        fmt::format("{}: [[probe]]: found {} measurements at each of {} points, accepted are at "
                    "most {} in all",
                    study.file, due, sweep.points, kMaxDueOfAllPoints));
}

bool same_value(const Setting& a, const Setting& b) {
  const auto number = [](const Setting& s) -> std::optional<double> {
    if (const auto* integer = std::get_if<std::int64_t>(&s)) return static_cast<double>(*integer);
    if (const auto* real = std::get_if<double>(&s)) return *real;
    return {};
  };
  const auto x = number(a), y = number(b);
  return x && y ? *x == *y : a == b;
}

}  // namespace

Json Point::identity() const {
  Json json{{"task", choice_json(task)},
            {"model", choice_json(model)},
            {"train", training_json(training)},
            {"precision", is_double ? "float64" : "float32"}};
  Json rules = Json::array();
  for (const train::StopRule& stop : stops) {  // where a run stops depends on when its probe measures
    const ProbeSpec& probe = probes[static_cast<size_t>(stop.probe)];
    Json rule{{"probe", choice_json(probe.choice)},
              {"schedule", probe.schedule},
              {"series", stop.series}};
    if (stop.above) rule["above"] = *stop.above;
    if (stop.below) rule["below"] = *stop.below;
    if (stop.mean > 1) rule["mean"] = stop.mean;
    rules.push_back(std::move(rule));
  }
  if (rules.size() == 1) json["stop"] = std::move(rules[0]);
  if (rules.size() > 1) json["stop"] = std::move(rules);
  return json;
}

const Point& Study::at(const std::vector<std::pair<std::string, Setting>>& wanted) const {
  std::vector<std::string> keys;
  for (const Axis& axis : axes) keys.push_back(axis.key);
  for (const auto& [key, value] : wanted)
    if (std::ranges::find(keys, key) == keys.end())
      throw Error(fmt::format("study '{}': no axis '{}'; there are {}{}", name, key,
                              keys.empty() ? "none" : join(keys), did_you_mean(key, keys)));

  const Point* found = nullptr;
  int count = 0;
  for (const Point& point : points) {
    const bool fits = std::ranges::all_of(wanted, [&](const auto& want) {
      return std::ranges::any_of(point.axes, [&](const auto& axis) {
        return axis.first == want.first && same_value(axis.second, want.second);
      });
    });
    if (!fits) continue;
    found = &point;
    ++count;
  }
  if (count == 1) return *found;
  std::vector<std::string> parts;
  for (const auto& [key, value] : wanted)
    parts.push_back(fmt::format("{} = {}", key, to_text(value)));
  throw Error(fmt::format("study '{}': {} points with {}, accepted is exactly one", name, count,
                          parts.empty() ? "any value" : join(parts)));
}

std::string Study::run_id(const Point& point, std::int64_t seed_index) const {
  return run_id(point.identity().dump(), salt(point), seed_index);
}

std::string Study::run_id(const std::string& identity, const std::string& salt,
                          std::int64_t seed_index) const {
  return to_hex(sha256(fmt::format("{}\nstudy seed {}\nseed index {}\nsalt {}\nnumerics {}\n",
                                   identity, seed, seed_index, salt, kNumericsVersion)));
}

std::string Study::salt(const Point& point) const {
  return independent ? to_hex(sha256(point.identity().dump())) : "";
}

Study parse_study(const std::string& text, const std::string& file_name,
                  std::span<const std::string> overrides) {
  Node root = read_toml(text, file_name);
  root.line = 0;
  for (const std::string& assignment : overrides) apply_override(root, assignment);
  check_tables(root);

  Study study;
  study.file = file_name;
  study.text = text;
  study.overrides.assign(overrides.begin(), overrides.end());
  bool is_double = false;
  read_header(root, study, is_double);
  const Sweep sweep = read_sweep(root);
  for (const SweepAxis& axis : sweep.axes) study.axes.push_back({axis.key, axis.values});

  PointReader reader(root, sweep, is_double);
  study.points.push_back(reader.read(0));
  check_size(study, sweep, study.points[0]);
  for (std::int64_t i = 1; i < sweep.points; ++i) study.points.push_back(reader.read(i));
  return study;
}

Study read_study(const std::filesystem::path& file, std::span<const std::string> overrides) {
  const std::string name = file.string();
  std::error_code failure;
  const auto status = std::filesystem::status(file, failure);
  if (!std::filesystem::exists(status))
    throw UsageError(fmt::format("{}: no such file; accepted is a study file (TOML)", name));
  if (std::filesystem::is_directory(status))
    throw UsageError(fmt::format("{}: is a folder, accepted is a study file (TOML)", name));
  std::ifstream in(file, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || !in.is_open()) throw UsageError(fmt::format("{}: cannot be read", name));
  text.resize(static_cast<size_t>(in.gcount()));
  return parse_study(text, name, overrides);
}

}  // namespace iclab::study
