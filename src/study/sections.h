// The tables of a study file: what each accepts, and reading one into settings.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/settings.h"
#include "study/study.h"
#include "study/toml_reader.h"

namespace iclab::study {

/// What a table accepts.
struct Section {
  std::string title;                  // "[task]"
  std::string what;                   // "task 'linear-regression'"
  std::vector<Parameter> parameters;  // all its keys, those that hold tables too
};

Section study_section();
Section train_section();
Section group_section();
Section stop_section();
Section data_section();
Section curriculum_section(const std::string& name);  // of a task's parameter that may grow
/// These throw UsageError for an unknown name.
Section task_section(const std::string& kind);
Section model_section(const std::string& kind);
Section optimizer_section(const std::string& kind);
Section rate_schedule_section(const std::string& kind);
Section probe_section(const std::string& kind);  // with the keys of its schedule

/// "study.toml:12: [task] dim", or the table's own line for a key that is not there.
std::function<std::string(const std::string&)> where_in(const Node& table,
                                                        const std::string& title);

/// The table at a key of the root or of a table. Throws UsageError if it is no table, or missing.
const Node& table_at(const Node& parent, const std::string& key, const std::string& title);

/// The items of a list of tables ([[probe]], [[train.group]]); none if the key is not there.
std::vector<const Node*> tables_at(const Node& parent, const std::string& key,
                                   const std::string& title);

/// The text at `kind`. Throws UsageError if there is none.
std::string kind_of(const Node& table, const Section& any);

/// The table's values by the section's parameters; keys in `tables` are left to the caller.
Settings read_section(const Section& section, const Node& table,
                      const std::vector<std::string>& tables = {});

// ---- reading the tables of a point --------------------------------------------------------------

/// Parameters given as curricula are resolved to their largest value and "NAME.curriculum".
train::Choice read_task(const Node& root);
train::Choice read_model(const Node& root);
std::int64_t read_steps(const Node& root);
train::Training read_training(const Node& root);
std::vector<ProbeSpec> read_probes(const Node& root, std::int64_t steps);
std::vector<train::StopRule> read_stops(const Node& root, const std::vector<ProbeSpec>& probes);

}  // namespace iclab::study
