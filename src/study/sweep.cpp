#include "study/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "nn/model.h"
#include "probes/probe.h"
#include "study/schedule.h"
#include "study/sections.h"
#include "tasks/curriculum.h"
#include "tasks/task.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace iclab::study {
namespace {

const std::vector<std::string> kGenerators = {"logspace", "linspace", "range"};

std::string at_key(const Node& node, const std::string& key) {
  return fmt::format("{}: [sweep] \"{}\"", node.where(), key);
}

// ---- which setting a key means ------------------------------------------------------------------

template <class Entry>
Parameter kind_parameter(std::span<const Entry> registry) {
  Parameter kind{.name = "kind", .kind = Kind::kText};
  for (const Entry& entry : registry) kind.choices.push_back(entry.name);
  return kind;
}

struct NamedKind {
  std::string name, where;
};

// The kinds that a section may have: those swept, else the one given.
std::vector<NamedKind> kinds(const Node& root, const std::string& section) {
  const Node* swept = root.find("sweep");
  swept = swept ? swept->find(section + ".kind") : nullptr;
  std::vector<NamedKind> names;
  if (swept)
    for (const Node& item : swept->items)
      if (const auto* name = std::get_if<std::string>(&item.value))
        names.push_back({*name, at_key(item, section + ".kind")});
  if (!names.empty()) return names;
  const Node* table = &root;
  for (const std::string& part : split(section, '.')) table = table ? table->find(part) : nullptr;
  std::string title = "[" + section + "]";
  if (section.starts_with("train.")) title = "[train] " + section.substr(6);
  if (!table)
    throw UsageError(fmt::format("{}: {}: missing, a study needs it", root.where(), title));
  return {{kind_of(*table, {title, "", {}}), where_in(*table, title)("kind")}};
}

// The section whose parameters include the name; else the last one, for the message.
template <class SectionOf>
Section section_with(const std::string& name, const std::vector<NamedKind>& kinds,
                     const SectionOf& section_of) {
  Section section;
  for (const NamedKind& kind : kinds) {
    try {
      section = section_of(kind.name);
    } catch (const UsageError& error) {
      throw UsageError(kind.where + ": " + error.what());
    }
    if (std::ranges::find(section.parameters, name, &Parameter::name) != section.parameters.end())
      break;
  }
  return section;
}

[[noreturn]] void not_swept(const std::string& where, const std::string& why) {
  throw UsageError(
      fmt::format("{}: not swept: {}; accepted are the settings of task, model, train (but "
                  "steps), train.optimizer, train.schedule, train.data, train.group.N, train.stop "
                  "and probe.NAME",
                  where, why));
}

Section probe_of(Node& root, const std::vector<std::string>& path, const std::string& where) {
  tables_at(root, "probe", "[[probe]]");
  const Node& table = node_at(root, {"probe", path[1]}, where);
  Section section = probe_section(kind_of(table, {"[[probe]]", "", {}}));
  std::vector<std::string> schedule{"kind", "name"};
  for (const Parameter& p : schedule_parameters()) schedule.push_back(p.name);
  if (std::ranges::find(schedule, path[2]) != schedule.end())
    not_swept(where, "a probe's kind, name and steps are those of the study");
  return section;
}

// The section that the key's last part belongs to.
Section section_at(Node& root, const std::vector<std::string>& path, const std::string& where) {
  if (path.empty()) not_swept(where, "the key has no name");
  const std::string& head = path[0];
  const std::string& name = path.back();
  if (head == "task" && path.size() == 2) {
    const Node* task = root.find("task");
    const Node* given = task ? task->find(name) : nullptr;
    if (given && given->type == Node::Type::kTable)
      not_swept(where, fmt::format("{} is a table; a curriculum is swept by its keys, as {}.from",
                                   name, join(path, ".")));
    return section_with(name, kinds(root, "task"), task_section);
  }
  if (head == "task" && path.size() == 3) {
    const std::string grows = path[1] + tasks::kCurriculumSuffix;
    const Section task = section_with(grows, kinds(root, "task"), task_section);
    if (std::ranges::find(task.parameters, grows, &Parameter::name) != task.parameters.end())
      return curriculum_section(path[1]);
  }
  if (head == "model" && path.size() == 2)
    return section_with(name, kinds(root, "model"), model_section);
  if (head == "train" && path.size() == 3 && path[1] == "optimizer")
    return section_with(name, kinds(root, "train.optimizer"), optimizer_section);
  if (head == "train" && path.size() == 3 && path[1] == "schedule")
    return section_with(name, kinds(root, "train.schedule"), rate_schedule_section);
  if (head == "train" && path.size() == 3 && path[1] == "data") return data_section();
  if (head == "train" && path.size() == 3 && path[1] == "stop") return stop_section();
  if (head == "train" && path.size() == 4 && path[1] == "group") return group_section();
  if (head == "train" && path.size() == 2) {
    if (name == "steps") not_swept(where, "a study has one number of steps");
    for (const char* table : {"optimizer", "schedule", "data", "stop", "group"})
      if (name == table) not_swept(where, name + " is a table");
    return train_section();
  }
  if (head == "probe" && path.size() == 3 && root.find("probe")) return probe_of(root, path, where);
  if (head == "study") not_swept(where, "settings of [study] hold for all points");
  not_swept(where, fmt::format("'{}' is no setting", join(path, ".")));
}

Parameter parameter_at(Node& root, const std::vector<std::string>& path, const std::string& where) {
  const Section section = section_at(root, path, where);
  const std::string& name = path.back();
  if (name == "kind" && path[0] == "task") return kind_parameter(tasks::task_registry());
  if (name == "kind" && path[0] == "model") return kind_parameter(nn::model_registry());
  if (name == "kind" && path[0] == "train")
    return path[1] == "schedule" ? kind_parameter(train::rate_schedule_registry())
                                 : kind_parameter(train::optimizer_registry());
  const auto found = std::ranges::find(section.parameters, name, &Parameter::name);
  if (found != section.parameters.end()) return *found;
  std::vector<std::string> names;
  for (const Parameter& p : section.parameters) names.push_back(p.name);
  throw UsageError(fmt::format("{}: unknown key of {}; accepted are {}{}", where, section.what,
                               join(names), did_you_mean(name, names)));
}

// ---- its values ---------------------------------------------------------------------------------

// The generator's numbers, checked for their count.
std::vector<double> numbers(const Node& list, const std::string& where, size_t fewest,
                            size_t most) {
  std::vector<double> values;
  for (const Node& item : list.items) {
    const auto* integer = std::get_if<std::int64_t>(&item.value);
    const auto* real = std::get_if<double>(&item.value);
    if (item.type != Node::Type::kValue || (!integer && !real)) break;
    values.push_back(integer ? static_cast<double>(*integer) : *real);
  }
  const bool finite = std::ranges::all_of(values, [](double x) { return std::isfinite(x); });
  if (list.type != Node::Type::kList || values.size() != list.items.size() ||
      values.size() < fewest || values.size() > most || !finite)
    throw UsageError(fmt::format(
        "{}: found {}, accepted is a list of {} finite numbers", where, list.found(),
        fewest == most ? fmt::format("{}", most) : fmt::format("{} or {}", fewest, most)));
  return values;
}

std::int64_t whole(double x, const std::string& where) {
  const std::optional<std::int64_t> integer = as_integer(x);
  if (!integer)
    throw UsageError(fmt::format("{}: found {}, accepted is an integer", where, as_typed(x)));
  return *integer;
}

std::vector<Setting> range(const Node& list, const std::string& where) {
  std::vector<double> given = numbers(list, where, 2, 3);
  const std::int64_t first = whole(given[0], where), last = whole(given[1], where);
  const std::int64_t step = given.size() == 3 ? whole(given[2], where) : 1;
  if (step == 0 || (step > 0 ? first > last : first < last))
    throw UsageError(
        fmt::format("{}: found {}, an empty range; accepted is [first, last, step] with a step "
                    "that leads from first to last",
                    where, list.found()));
  const std::int64_t count = (last - first) / step + 1;
  if (count > kMaxPoints)
    throw UsageError(
        fmt::format("{}: found {} values, accepted are at most {}", where, count, kMaxPoints));
  std::vector<Setting> values;
  for (std::int64_t i = 0; i < count; ++i) values.emplace_back(first + i * step);
  return values;
}

// The number nearest to x with 12 digits where `scale` has its first.
double at_twelve_digits(double x, double scale) {
  constexpr int kDigits = 12;
  const std::string power = fmt::format("{:e}", scale);
  const int exponent = std::atoi(power.c_str() + power.find('e') + 1);
  const std::string text = fmt::format("{:.{}f}", x, std::max(0, kDigits - 1 - exponent));
  double nearest = x;
  std::from_chars(text.data(), text.data() + text.size(), nearest);
  return nearest + 0.0;  // -0 is 0
}

// Values between the ends carry the rounding errors of their spacing: 0.010000000000000005 for 0.01,
// which is another point than the 0.01 of a list. Those that lie within these errors of a number of
// 12 digits become that number. Evenly spaced values err by roundings of the larger end; values
// evenly spaced in their logarithms by roundings of a logarithm, which is at most the exponent.
void snap(std::vector<double>& values, bool logarithmic) {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const double end = std::max(std::abs(values.front()), std::abs(values.back()));
  const double roundings =
      logarithmic ? 4 + 2 * std::abs(std::ilogb(values.front())) + 2 * std::abs(std::ilogb(values.back())) : 4;
  for (size_t i = 1; i + 1 < values.size(); ++i) {
    const double scale = logarithmic ? values[i] : end, error = roundings * kEpsilon * scale;
    const double snapped = at_twelve_digits(values[i], scale);
    if (std::abs(snapped - values[i]) <= error) values[i] = snapped;
  }
}

std::vector<Setting> spaced(const Node& list, const std::string& where, bool logarithmic,
                            Kind kind) {
  const std::vector<double> given = numbers(list, where, 3, 3);
  const std::int64_t count = whole(given[2], where);
  if (count < 1 || count > kMaxPoints)
    throw UsageError(
        fmt::format("{}: found {} values, accepted are 1 to {}", where, count, kMaxPoints));
  if (logarithmic && (given[0] <= 0 || given[1] <= 0))
    throw UsageError(fmt::format("{}: found {}, accepted are ends above 0", where, list.found()));
  std::vector<double> values = logarithmic ? log_points(given[0], given[1], count)
                                           : linear_points(given[0], given[1], count);
  if (kind != Kind::kInteger) {
    snap(values, logarithmic);
    return {values.begin(), values.end()};
  }
  whole(std::floor(given[0]), where);  // small enough to be rounded
  whole(std::floor(given[1]), where);
  const std::vector<std::int64_t> integers = rounded(values);
  return {integers.begin(), integers.end()};
}

std::vector<Setting> generated(const Node& table, const std::string& where, Kind kind) {
  const std::vector<std::string> keys = table.keys();
  if (keys.size() != 1 || std::ranges::find(kGenerators, keys[0]) == kGenerators.end())
    throw UsageError(fmt::format("{}: found a table with {}, accepted is one of {}{}", where,
                                 keys.empty() ? "no key" : join(keys), join(kGenerators),
                                 keys.empty() ? "" : did_you_mean(keys[0], kGenerators)));
  const Node& list = table.entries[0].node;
  if (keys[0] == "range") return range(list, where + " range");
  return spaced(list, where + " " + keys[0], keys[0] == "logspace", kind);
}

// The node's values, in the parameter's kind and accepted by it.
SweepAxis read_axis(Node& root, const std::string& key, const Node& node) {
  const std::string where = at_key(node, key);
  SweepAxis axis{key, split(key, '.'), {}, {}};
  const Parameter parameter = parameter_at(root, axis.path, where);
  if (node.type == Node::Type::kValue)
    throw UsageError(
        fmt::format("{}: found {}, accepted is a list of values or a table with one of {}", where,
                    node.found(), join(kGenerators)));
  if (node.type == Node::Type::kTable) {
    axis.values = generated(node, where, parameter.kind);
    for (const Setting& value : axis.values) {
      Node& item = axis.nodes.emplace_back();
      item.type = Node::Type::kValue;
      item.value = value;
      item.source = node.source;
      item.line = node.line;
    }
  } else {
    axis.nodes = node.items;
    for (const Node& item : axis.nodes) axis.values.push_back(item.setting(at_key(item, key)));
  }
  if (axis.values.empty())
    throw UsageError(fmt::format("{}: found an empty list, accepted is at least one value", where));

  for (size_t i = 0; i < axis.values.size(); ++i) {
    const std::string at = at_key(axis.nodes[i], key);
    const Settings one = resolve({&parameter, 1}, {{parameter.name, axis.values[i]}}, "[sweep]",
                                 [&](const std::string&) { return at; });
    axis.values[i] = one.values().at(parameter.name);
  }
  return axis;
}

// ---- the whole table ----------------------------------------------------------------------------

// [sweep] with unquoted keys is tables within tables: brings them to the form of quoted ones.
void flatten(const std::string& prefix, const Node& table, std::vector<Entry>& out) {
  for (const auto& [key, node] : table.entries) {
    const std::string name = prefix.empty() ? key : prefix + "." + key;
    const bool is_path =
        key.find('.') == std::string::npos && node.type == Node::Type::kTable &&
        std::ranges::none_of(kGenerators,
                             [&n = node](const std::string& g) { return n.find(g); }) &&
        !node.entries.empty();
    if (is_path)
      flatten(name, node, out);
    else
      out.push_back({name, node});
  }
}

std::vector<std::vector<size_t>> read_zip(const Node& node, const std::vector<SweepAxis>& axes) {
  const std::string where = node.where() + ": [sweep] zip";
  std::vector<std::string> names;
  for (const SweepAxis& axis : axes) names.push_back(axis.key);
  std::vector<std::vector<size_t>> zips;
  std::vector<bool> used(axes.size(), false);
  const auto wrong = [&](const Node& found) {
    throw UsageError(
        fmt::format("{}: found {}, accepted is [[\"KEY\", \"KEY\"], ...]", where, found.found()));
  };

  if (node.type != Node::Type::kList) wrong(node);
  for (const Node& pair : node.items) {
    if (pair.type != Node::Type::kList || pair.items.size() < 2) wrong(pair);
    std::vector<size_t> group;
    for (const Node& item : pair.items) {
      const auto* key = std::get_if<std::string>(&item.value);
      if (item.type != Node::Type::kValue || !key) wrong(pair);
      const size_t i = static_cast<size_t>(std::ranges::find(names, *key) - names.begin());
      if (i == names.size())
        throw UsageError(fmt::format("{}: found '{}', accepted are axes of this sweep: {}{}", where,
                                     *key, join(names), did_you_mean(*key, names)));
      if (used[i])
        throw UsageError(
            fmt::format("{}: found '{}' twice, accepted is each axis once", where, *key));
      used[i] = true;
      group.push_back(i);
      const size_t length = axes[i].values.size(), first = axes[group[0]].values.size();
      if (length != first)
        throw UsageError(
            fmt::format("{}: found {} values of '{}' and {} of '{}'; accepted are equal numbers",
                        where, first, axes[group[0]].key, length, *key));
    }
    zips.push_back(std::move(group));
  }
  return zips;
}

// Zipped axes stand where the first of them stands.
std::vector<std::vector<size_t>> grouped(size_t axes,
                                         const std::vector<std::vector<size_t>>& zips) {
  std::vector<std::vector<size_t>> groups;
  for (size_t i = 0; i < axes; ++i) {
    const auto zip = std::ranges::find_if(zips, [i](const std::vector<size_t>& group) {
      return std::ranges::find(group, i) != group.end();
    });
    if (zip == zips.end())
      groups.push_back({i});
    else if (*std::ranges::min_element(*zip) == i)
      groups.push_back(*zip);
  }
  return groups;
}

// The values of an axis, or of axes that move together, must differ: two points alike would be one.
void check_distinct(const std::vector<SweepAxis>& axes, const std::vector<size_t>& group,
                    const Node& table) {
  std::vector<std::vector<Setting>> sorted(axes[group[0]].values.size());
  std::vector<std::string> keys;
  for (const size_t i : group) {
    keys.push_back(axes[i].key);
    for (size_t j = 0; j < sorted.size(); ++j) sorted[j].push_back(axes[i].values[j]);
  }
  std::ranges::sort(sorted);
  const auto twice = std::ranges::adjacent_find(sorted);
  if (twice == sorted.end()) return;
  std::vector<std::string> values;
  for (const Setting& value : *twice) values.push_back(as_typed(value));
  const Node& place = axes[group[0]].nodes.empty() ? table : axes[group[0]].nodes[0];
  throw UsageError(fmt::format("{}: [sweep] \"{}\": found {} twice, accepted is each value once",
                               place.where(), join(keys, "\", \""), join(values)));
}

}  // namespace

Sweep read_sweep(const Node& given) {
  Sweep sweep;
  if (!given.find("sweep")) return sweep;
  Node root = given;
  Node& table = *root.find("sweep");
  table_at(root, "sweep", "[sweep]");
  std::vector<Entry> entries;
  flatten("", table, entries);
  table.entries = std::move(entries);

  const Node* zip = nullptr;
  for (const auto& [key, node] : table.entries) {
    if (key == "zip") {
      zip = &node;
      continue;
    }
    if (std::ranges::find(sweep.axes, key, &SweepAxis::key) != sweep.axes.end())
      throw UsageError(
          fmt::format("{}: swept twice, accepted is each key once", at_key(node, key)));
    sweep.axes.push_back(read_axis(root, key, node));
  }
  sweep.groups = grouped(sweep.axes.size(),
                         zip ? read_zip(*zip, sweep.axes) : std::vector<std::vector<size_t>>{});

  for (const auto& group : sweep.groups) check_distinct(sweep.axes, group, table);

  double points = 1;
  for (const auto& group : sweep.groups)
    points *= static_cast<double>(sweep.axes[group[0]].values.size());
  if (points > static_cast<double>(kMaxPoints))
    throw UsageError(fmt::format("{}: [sweep]: found {:.0f} points, accepted are at most {}",
                                 table.where(), points, kMaxPoints));
  sweep.points = static_cast<std::int64_t>(points);
  return sweep;
}

}  // namespace iclab::study
