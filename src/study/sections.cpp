#include "study/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "nn/model.h"
#include "probes/probe.h"
#include "study/schedule.h"
#include "tasks/curriculum.h"
#include "tasks/task.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace iclab::study {
namespace {

constexpr double kMaxStep = 4'294'967'295.0;  // the step is a 32-bit word of the random counter
constexpr double kMaxBatch = 1e9;
constexpr size_t kMaxTables = 1000;

// The keys of [train] that are read on their own.
const std::vector<std::string> kTrainTables = {"optimizer", "schedule", "data", "stop", "group"};

Parameter text(const std::string& name, const std::string& help) {
  return {.name = name, .kind = Kind::kText, .help = help};
}

Parameter number(const std::string& name, Kind kind, const std::string& help) {
  Parameter p{.name = name, .kind = kind, .help = help};
  p.optional = true;
  return p;
}

Parameter integer(const std::string& name, const std::string& help, double minimum,
                  double maximum) {
  Parameter p = number(name, Kind::kInteger, help);
  p.minimum = minimum;
  p.maximum = maximum;
  return p;
}

Parameter optional(Parameter p) {
  p.optional = true;
  return p;
}

Parameter with_fallback(Parameter p, Setting fallback) {
  p.fallback = std::move(fallback);
  return p;
}

Section with_kind(const std::string& title, const std::string& noun, const std::string& kind,
                  const std::vector<Parameter>& parameters) {
  Section section{
      title, fmt::format("{} '{}'", noun, kind), {text("kind", "name in the registry")}};
  section.parameters.insert(section.parameters.end(), parameters.begin(), parameters.end());
  return section;
}

// The settings that the registry's entry declares, without the file's own keys.
Settings own_settings(const Settings& all, const std::vector<Parameter>& declared) {
  Settings own;
  for (const Parameter& p : declared)
    if (all.has(p.name)) own.set(p.name, all.values().at(p.name));
  return own;
}

// Runs f, whose message lacks a place, with the place in front.
template <class F>
auto at_place(const std::string& place, F&& f) {
  try {
    return f();
  } catch (const UsageError& error) {
    throw UsageError(place + ": " + error.what());
  }
}

// A choice by its registry: kind found, settings resolved and accepted by the thing itself.
template <class Find, class SectionOf>
train::Choice read_choice(const Node& table, const std::string& title, const Find& find,
                          const SectionOf& section_of) {
  const std::string kind = kind_of(table, {title, "", {}});
  const auto where = where_in(table, title);
  const auto& entry = at_place(
      where("kind"), [&]() -> auto* { return &find(kind); });
  train::Choice choice{kind,
                       own_settings(read_section(section_of(kind), table), entry->parameters)};
  if constexpr (requires { entry->make(choice.settings); })
    at_place(where(""), [&] { entry->make(choice.settings); });
  return choice;
}

train::Group read_group(const Node& table) {
  const Settings settings = read_section(group_section(), table);
  train::Group group{settings.text("match"), {}, {}, settings.boolean("frozen")};
  if (settings.has("lr")) group.lr = settings.real("lr");
  if (settings.has("weight_decay")) group.weight_decay = settings.real("weight_decay");
  return group;
}

// NAME = { from, to, by, every } as the two settings that the task knows.
std::vector<Entry> curriculum_entries(const std::string& name, const Node& table) {
  const Section section = curriculum_section(name);
  const Settings settings = read_section(section, table);
  const tasks::Curriculum curriculum{settings.integer("from"), settings.integer("to"),
                                     settings.integer("by"), settings.integer("every")};
  at_place(where_in(table, section.title)(""), [&] { curriculum.check(); });

  const auto node_of = [&table](Node::Type type, Setting value) {
    Node node;
    node.type = type;
    node.value = std::move(value);
    node.source = table.source;
    node.line = table.line;
    return node;
  };
  Node numbers = node_of(Node::Type::kList, {});
  for (const std::int64_t x : {curriculum.from, curriculum.by, curriculum.every})
    numbers.items.push_back(node_of(Node::Type::kValue, x));
  return {{name, node_of(Node::Type::kValue, curriculum.to)},
          {name + tasks::kCurriculumSuffix, std::move(numbers)}};
}

// The names of parameters that may grow.
std::vector<std::string> growing(const std::vector<Parameter>& parameters) {
  const std::string suffix = tasks::kCurriculumSuffix;
  std::vector<std::string> names;
  for (const Parameter& p : parameters)
    if (p.name.ends_with(suffix)) names.push_back(p.name.substr(0, p.name.size() - suffix.size()));
  return names;
}

// The task's table with its curricula as settings.
Node with_curricula(Node table) {
  const std::string kind = kind_of(table, {"[task]", "", {}});
  const Section section =
      at_place(where_in(table, "[task]")("kind"), [&] { return task_section(kind); });
  const std::vector<std::string> names = growing(section.parameters);
  std::vector<Entry> entries;
  for (const Entry& entry : table.entries) {
    if (entry.node.type != Node::Type::kTable || names.empty()) {
      entries.push_back(entry);
    } else if (std::ranges::find(names, entry.key) != names.end()) {
      const std::string other = entry.key + tasks::kCurriculumSuffix;
      if (table.find(other))
        throw UsageError(fmt::format("{}: found a curriculum and {} too, accepted is one of them",
                                     where_in(table, "[task]")(entry.key), other));
      for (Entry& one : curriculum_entries(entry.key, entry.node))
        entries.push_back(std::move(one));
    } else {
      throw UsageError(fmt::format(
          "{}: found a table, accepted is a value; of {} may grow: {}{}",
          where_in(table, "[task]")(entry.key), section.what, join(names),
          did_you_mean(entry.key, names)));
    }
  }
  table.entries = std::move(entries);
  return table;
}

// A schedule that falls to its end has a last step: the study's, unless it says another.
std::optional<train::Choice> read_rate_schedule(const Node& train, const Settings& settings) {
  const std::string title = "[train] schedule";
  Node table = table_at(train, "schedule", title);
  const std::string kind = kind_of(table, {title, "", {}});
  const std::vector<Parameter> parameters =
      at_place(where_in(table, title)("kind"), [&] { return rate_schedule_section(kind); })
          .parameters;
  const bool ends = std::ranges::find(parameters, "steps", &Parameter::name) != parameters.end();
  if (ends && !table.find("steps")) {
    Node steps = *train.find("steps");
    steps.value = settings.integer("steps");
    table.entries.push_back({"steps", std::move(steps)});
  }
  train::Choice choice =
      read_choice(table, title, train::find_rate_schedule, rate_schedule_section);
  if (kind == "constant" && choice.settings.integer("warmup") == 0) return {};
  return choice;
}

std::int64_t read_fixed_prompts(const Node& train) {
  const Node* data = train.find("data");
  if (!data) return 0;
  const auto* name = std::get_if<std::string>(&data->value);
  if (data->type == Node::Type::kValue && name && *name == "fresh") return 0;
  if (data->type != Node::Type::kTable)
    throw UsageError(fmt::format("{}: found {}, accepted is \"fresh\" or {{ fixed = N }}{}",
                                 where_in(train, "[train]")("data"), data->found(),
                                 name ? did_you_mean(*name, std::vector<std::string>{"fresh"}) : ""));
  return read_section(data_section(), *data).integer("fixed");
}

// Which prompts an update sees. The population loss sees none: its batch, if any, changes nothing.
void read_batches(const Node& table, const Settings& settings, train::Training& training) {
  const auto where = where_in(table, "[train]");
  training.accumulate = settings.integer("accumulate");
  training.fixed_prompts = read_fixed_prompts(table);
  if (training.loss == "population") {
    if (training.accumulate > 1 || training.fixed_prompts > 0)
      throw UsageError(fmt::format(
          "{}: found with loss 'population', which draws no prompts; accepted is another loss",
          where(training.accumulate > 1 ? "accumulate" : "data")));
    return;
  }
  if (!settings.has("batch"))
    throw UsageError(fmt::format("{}: missing; loss '{}' needs it (an integer: prompts a gradient)",
                                 where("batch"), training.loss));
  training.batch = settings.integer("batch");
  if (static_cast<double>(training.batch) * static_cast<double>(training.accumulate) > kMaxBatch)
    throw UsageError(fmt::format("{}: found {} batches of {} prompts, accepted are at most {} prompts",
                                 where("accumulate"), training.accumulate, training.batch, kMaxBatch));
  if (training.fixed_prompts % training.batch != 0)
    throw UsageError(fmt::format(
        "{}: found fixed = {}, accepted is a multiple of batch = {}, such as {}", where("data"),
        training.fixed_prompts, training.batch,
        (training.fixed_prompts / training.batch + 1) * training.batch));
}

std::string probe_id(const train::Choice& choice) {
  const Json json{{"kind", choice.kind}, {"settings", choice.settings.json()}};
  return to_hex(sha256(json.dump())).substr(0, 32);
}

ProbeSpec read_probe(const Node& table, std::int64_t steps) {
  const std::string title = "[[probe]]";
  ProbeSpec spec;
  spec.choice = read_choice(table, title, probes::find_probe, probe_section);
  const auto where = where_in(table, title);
  const Settings all = read_section(probe_section(spec.choice.kind), table);
  Schedule schedule = make_schedule(all, steps, where);
  spec.due = std::move(schedule.due);
  spec.schedule = std::move(schedule.text);
  spec.at_end = schedule.at_end;
  spec.id = probe_id(spec.choice);
  spec.name = all.has("name") ? all.text("name") : spec.choice.kind;
  if (spec.name.empty() || spec.name.find('.') != std::string::npos ||
      printable_line(spec.name) != spec.name)
    throw UsageError(fmt::format("{}: found '{}', accepted is a name without dots and control characters",
                                 where("name"), printable_line(spec.name)));
  return spec;
}

bool is_list_of_tables(const Node& node) {
  return node.type == Node::Type::kList && std::ranges::all_of(node.items, [](const Node& item) {
           return item.type == Node::Type::kTable;
         });
}

// Series are found by the names of their probes: two of one name would be mixed.
void check_names(const std::vector<const Node*>& tables, const std::vector<ProbeSpec>& specs) {
  const Node& table = *tables[specs.size() - 1];
  const std::string& name = specs.back().name;
  const auto same = std::ranges::find(specs.begin(), specs.end() - 1, name, &ProbeSpec::name);
  if (same == specs.end() - 1) return;
  throw UsageError(fmt::format(
      "{}: found the name '{}' of the probe at {}; accepted is a name of its own: name = \"...\"",
      where_in(table, "[[probe]]")(table.find("name") ? "name" : ""), name,
      tables[static_cast<size_t>(same - specs.begin())]->where()));
}

}  // namespace

// ---- what the tables accept ---------------------------------------------------------------------

Section study_section() {
  Parameter precision =
      with_fallback(text("precision", "of weights and activations"), std::string("float32"));
  precision.choices = {"float32", "float64"};
  return {"[study]",
          "[study]",
          {optional(text("name", "what reports call it; default: the file's name")),
           with_fallback(integer("seeds", "runs per sweep point", 1, 1e6), std::int64_t{1}),
           with_fallback(integer("seed", "study seed, part of every random key", 0, 9.2e18),
                         std::int64_t{0}),
           precision,
           with_fallback(
               number("independent", Kind::kBoolean, "sweep points don't share random streams"),
               false)}};
}

Section train_section() {
  Parameter loss = with_fallback(text("loss", "what is minimised"), std::string("mse"));
  loss.choices = train::loss_names();
  Parameter steps = integer("steps", "updates", 1, kMaxStep);
  steps.optional = false;
  Parameter clip = number("clip", Kind::kReal, "greatest norm of the whole gradient");
  clip.minimum = 0;
  clip.above_minimum = true;
  return {"[train]",
          "[train]",
          {optional(text("optimizer", "a table: kind and its settings")),
           optional(text("schedule", "a table: kind and its settings")),
           integer("batch", "prompts a gradient", 1, kMaxBatch),
           with_fallback(integer("accumulate", "gradients averaged for one update", 1, kMaxBatch),
                         std::int64_t{1}),
           optional(text("data", "fresh, or a table: fixed")), steps, loss,
           with_fallback(
               number("gradient_scale", Kind::kReal, "multiplies the gradient, not the loss"), 1.0),
           clip,
           optional(text("stop", "a table: probe, series, above, below, mean; or a list of these")),
           optional(text("group", "tables: match, lr, weight_decay, frozen"))}};
}

Section group_section() {
  Parameter lr = number("lr", Kind::kReal, "learning rate, instead of the optimizer's");
  lr.minimum = 0;
  Parameter decay = number("weight_decay", Kind::kReal, "instead of the optimizer's");
  decay.minimum = 0;
  return {"[[train.group]]",
          "[[train.group]]",
          {text("match", "names of weights; * and ? as in file names"), lr, decay,
           with_fallback(number("frozen", Kind::kBoolean, "not trained"), false)}};
}

Section stop_section() {
  return {"[train] stop",
          "stop",
          {text("probe", "name or kind of a [[probe]]"),
           optional(text("series", "default: the probe's first")),
           number("above", Kind::kReal, "stops once the value is above"),
           number("below", Kind::kReal, "stops once the value is below"),
           with_fallback(integer("mean", "the value is the mean of so many latest measurements", 1, 1e6),
                         std::int64_t{1})}};
}

Section task_section(const std::string& kind) {
  return with_kind("[task]", "task", kind, tasks::find_task(kind).parameters);
}

Section model_section(const std::string& kind) {
  return with_kind("[model]", "model", kind, nn::find_model(kind).parameters);
}

Section optimizer_section(const std::string& kind) {
  return with_kind("[train] optimizer", "optimizer", kind, train::find_optimizer(kind).parameters);
}

Section rate_schedule_section(const std::string& kind) {
  return with_kind("[train] schedule", "schedule", kind,
                   train::find_rate_schedule(kind).parameters);
}

Section data_section() {
  Parameter fixed = integer("fixed", "prompts drawn once and taken in turns", 1, kMaxBatch);
  fixed.optional = false;
  return {"[train] data", "[train] data", {fixed}};
}

Section curriculum_section(const std::string& name) {
  constexpr double kMost = 2'147'483'647;
  Parameter from = integer("from", "the value at step 0", 1, kMost);
  Parameter to = integer("to", "the last and largest value", 1, kMost);
  Parameter by = with_fallback(integer("by", "how much it rises", 1, kMost), std::int64_t{1});
  Parameter every = integer("every", "steps from one rise to the next", 1, kMost);
  from.optional = to.optional = every.optional = false;
  const std::string title = "[task] " + name;
  return {title, "the curriculum of " + name, {from, to, by, every}};
}

Section probe_section(const std::string& kind) {
  Section section = with_kind("[[probe]]", "probe", kind, {});
  section.parameters.push_back(
      optional(text("name", "what stop and [sweep] call it; default: its kind")));
  for (const auto& parameters : {schedule_parameters(), probes::find_probe(kind).parameters})
    section.parameters.insert(section.parameters.end(), parameters.begin(), parameters.end());
  return section;
}

// ---- reading ------------------------------------------------------------------------------------

std::function<std::string(const std::string&)> where_in(const Node& table,
                                                        const std::string& title) {
  return [&table, title](const std::string& name) {
    const Node* entry = table.find(name);
    const std::string place = (entry ? *entry : table).where();
    return name.empty() ? fmt::format("{}: {}", place, title)
                        : fmt::format("{}: {} {}", place, title, name);
  };
}

const Node& table_at(const Node& parent, const std::string& key, const std::string& title) {
  const Node* table = parent.find(key);
  if (!table)
    throw UsageError(fmt::format("{}: {}: missing, a study needs it", parent.where(), title));
  if (table->type != Node::Type::kTable)
    throw UsageError(fmt::format("{}: {}: found {}, accepted is {}", table->where(), title,
                                 table->found(),
                                 is_list_of_tables(*table) ? "one table, no list of them" : "a table"));
  return *table;
}

std::vector<const Node*> tables_at(const Node& parent, const std::string& key,
                                   const std::string& title) {
  const Node* list = parent.find(key);
  if (!list) return {};
  if (list->type == Node::Type::kTable)
    throw UsageError(fmt::format("{}: {}: found a table, accepted is a list of tables; write {}",
                                 list->where(), title, title));
  if (!is_list_of_tables(*list) || list->items.size() > kMaxTables)
    throw UsageError(fmt::format("{}: {}: found {}, accepted are at most {} tables", list->where(),
                                 title, list->found(), kMaxTables));
  std::vector<const Node*> items;
  for (const Node& item : list->items) items.push_back(&item);
  return items;
}

std::string kind_of(const Node& table, const Section& any) {
  const auto where = where_in(table, any.title);
  const Node* kind = table.find("kind");
  if (!kind)
    throw UsageError(fmt::format("{}: missing; accepted is kind = \"NAME\"", where("kind")));
  const auto* name = std::get_if<std::string>(&kind->value);
  if (kind->type != Node::Type::kValue || !name)
    throw UsageError(fmt::format("{}: found {}, accepted is text", where("kind"), kind->found()));
  return *name;
}

Settings read_section(const Section& section, const Node& table,
                      const std::vector<std::string>& tables) {
  const auto where = where_in(table, section.title);
  std::map<std::string, Setting> given;
  for (const auto& [key, node] : table.entries) {
    if (std::ranges::find(tables, key) != tables.end()) continue;
    // An unknown key is reported as such, whatever it holds.
    const bool known =
        std::ranges::find(section.parameters, key, &Parameter::name) != section.parameters.end();
    given[key] = known ? node.setting(where(key)) : Setting(false);
  }
  return resolve(section.parameters, given, section.what, where);
}

train::Choice read_task(const Node& root) {
  const Node table = with_curricula(table_at(root, "task", "[task]"));
  return read_choice(table, "[task]", tasks::find_task, task_section);
}

train::Choice read_model(const Node& root) {
  return read_choice(table_at(root, "model", "[model]"), "[model]", nn::find_model, model_section);
}

std::int64_t read_steps(const Node& root) {
  const Node& table = table_at(root, "train", "[train]");
  return read_section(train_section(), table, kTrainTables).integer("steps");
}

train::Training read_training(const Node& root) {
  const Node& table = table_at(root, "train", "[train]");
  const Settings settings = read_section(train_section(), table, kTrainTables);
  train::Training training;
  training.optimizer = read_choice(table_at(table, "optimizer", "[train] optimizer"),
                                   "[train] optimizer", train::find_optimizer, optimizer_section);
  if (table.find("schedule")) training.schedule = read_rate_schedule(table, settings);
  training.loss = settings.text("loss");
  training.gradient_scale = settings.real("gradient_scale");
  if (settings.has("clip")) training.clip = settings.real("clip");
  read_batches(table, settings, training);
  for (const Node* group : tables_at(table, "group", "[[train.group]]"))
    training.groups.push_back(read_group(*group));
  return training;
}

std::vector<ProbeSpec> read_probes(const Node& root, std::int64_t steps) {
  std::vector<ProbeSpec> specs;
  const std::vector<const Node*> tables = tables_at(root, "probe", "[[probe]]");
  for (const Node* table : tables) {
    specs.push_back(read_probe(*table, steps));
    for (size_t i = 0; i + 1 < specs.size(); ++i)
      if (specs[i].id == specs.back().id)
        throw UsageError(fmt::format(
            "{}: found the probe '{}' with the same settings as at {}; accepted is "
            "each once",
            where_in(*table, "[[probe]]")(""), specs.back().choice.kind, tables[i]->where()));
    check_names(tables, specs);
  }
  return specs;
}

namespace {

train::StopRule read_stop(const Node& table, const std::vector<ProbeSpec>& probes) {
  const Section section = stop_section();
  const Settings settings = read_section(section, table);
  const auto where = where_in(table, section.title);

  train::StopRule rule;
  std::vector<std::string> names;
  for (const ProbeSpec& probe : probes) names.push_back(probe.name);
  const auto found = std::ranges::find(names, settings.text("probe"));
  if (found == names.end())
    throw UsageError(fmt::format("{}: found '{}', the name of no probe; accepted is one of {}{}",
                                 where("probe"), settings.text("probe"),
                                 names.empty() ? "none" : join(names),
                                 did_you_mean(settings.text("probe"), names)));
  rule.probe = static_cast<int>(found - names.begin());
  if (settings.has("series")) rule.series = settings.text("series");
  if (settings.has("above")) rule.above = settings.real("above");
  if (settings.has("below")) rule.below = settings.real("below");
  rule.mean = settings.integer("mean");
  if (!rule.above && !rule.below)
    throw UsageError(
        fmt::format("{}: found neither above nor below, accepted is one or both", where("")));
  if (probes[static_cast<size_t>(rule.probe)].at_end)
    throw UsageError(
        fmt::format("{}: found '{}', which measures only at the end; accepted is a probe that "
                    "measures before",
                    where("probe"), settings.text("probe")));
  return rule;
}

}  // namespace

std::vector<train::StopRule> read_stops(const Node& root, const std::vector<ProbeSpec>& probes) {
  const Node& train = table_at(root, "train", "[train]");
  const Node* stop = train.find("stop");
  if (!stop) return {};
  const std::string title = stop_section().title;
  if (stop->type != Node::Type::kList) return {read_stop(table_at(train, "stop", title), probes)};
  if (stop->items.empty())
    throw UsageError(fmt::format("{}: {}: found an empty list, accepted is a table or a list of tables", stop->where(), title));
  std::vector<train::StopRule> rules;
  for (const Node* table : tables_at(train, "stop", title)) rules.push_back(read_stop(*table, probes));
  return rules;
}

}  // namespace iclab::study
