// A study, read from one TOML file and resolved: every key known, every value checked, every sweep
// point complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/settings.h"
#include "train/learner.h"

namespace iclab::study {

/// A sweep axis: `key` as in [sweep] ("task.components"), with its values in the order of the file.
struct Axis {
  std::string key;
  std::vector<Setting> values;
};

/// What one probe of the study measures; the steps are those of a run that is not stopped.
struct ProbeSpec {
  train::Choice choice;
  std::vector<std::int64_t> due;  // ascending
  std::string id;        // hash of kind and settings (not of the steps): the series' key in a store
  std::string name;      // what `stop` and [sweep] call it: `name` of the file, or its kind
  std::string schedule;  // canonical: "every 100", "0,1,2,5"
  bool at_end = false;   // due where the run ends, wherever that is
};

/// One point of the sweep: all that a run needs but its seed.
struct Point {
  std::vector<std::pair<std::string, Setting>> axes;  // this point's value of every axis, in order
  train::Choice task, model;
  train::Training training;
  std::int64_t steps = 0;
  std::vector<ProbeSpec> probes;
  std::vector<train::StopRule> stops;  // any of them; StopRule::probe is an index into `probes`
  bool is_double = false;

  /// Canonical settings of this point's runs: task, model, train (without steps and probes), stop,
  /// precision. Runs that differ in nothing else than steps or probes are the same run.
  Json identity() const;
};

struct Study {
  std::string name;
  std::uint64_t seed = 0;    // study seed; enters every key
  std::int64_t seeds = 1;    // runs per point
  bool independent = false;  // true: points don't share streams
  std::vector<Axis> axes;
  std::vector<Point> points;           // the cross product, last axis fastest
  std::string file;                    // as messages call it
  std::string text;                    // the file as read
  std::vector<std::string> overrides;  // "key=value", applied to it

  /// The point with these axis values (others than those named: any). Throws Error if none or
  /// several fit.
  const Point& at(const std::vector<std::pair<std::string, Setting>>& axes) const;

  /// 64 hexadecimal digits: hash of the point's identity, study seed, seed index, salt, numerics
  /// version.
  std::string run_id(const Point& point, std::int64_t seed_index) const;

  /// The same from the texts of identity and salt, for the many seeds of a point.
  std::string run_id(const std::string& identity, const std::string& salt,
                     std::int64_t seed_index) const;

  /// What mixes into the random keys: "" or, if `independent`, the hash of the point's identity.
  std::string salt(const Point& point) const;
};

/// Reads a study. `overrides` are "key=value" with TOML values ("train.lr=0.1", "study.seeds=3"),
/// applied before anything is checked. Throws UsageError: file, line, key, found, accepted, nearest
/// name.
Study parse_study(const std::string& text, const std::string& file_name,
                  std::span<const std::string> overrides = {});
Study read_study(const std::filesystem::path& file, std::span<const std::string> overrides = {});

}  // namespace iclab::study
