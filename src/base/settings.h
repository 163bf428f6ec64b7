// Typed settings with declared parameters: what a task, model, probe, optimiser or formula accepts.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"

namespace iclab {

enum class Kind { kBoolean, kInteger, kReal, kText, kIntegers, kReals };

using Setting = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>,
                             std::vector<double>>;

/// One declared parameter. A parameter without fallback and not optional must be given.
struct Parameter {
  std::string name;
  Kind kind = Kind::kReal;
  std::string help{};                // one line: meaning, unit, symbol of the paper
  std::optional<Setting> fallback{}; // the value if none is given
  bool optional = false;             // may be absent altogether
  double minimum = -std::numeric_limits<double>::infinity();  // inclusive
  double maximum = std::numeric_limits<double>::infinity();   // inclusive
  bool above_minimum = false;        // minimum itself is not accepted
  bool below_maximum = false;        // maximum itself is not accepted
  std::vector<std::string> choices{};  // for text
};

/// Settings by name, complete and checked against their parameters.
class Settings {
 public:
  bool has(const std::string& name) const { return values_.contains(name); }
  bool boolean(const std::string& name) const;
  std::int64_t integer(const std::string& name) const;
  double real(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  const std::vector<std::int64_t>& integers(const std::string& name) const;
  const std::vector<double>& reals(const std::string& name) const;

  void set(const std::string& name, Setting value) { values_[name] = std::move(value); }
  const std::map<std::string, Setting>& values() const { return values_; }

  /// Keys in alphabetical order: the canonical form that enters a run's identity.
  Json json() const;

 private:
  std::map<std::string, Setting> values_;
};

/// The integer that a whole number stands for ("1e6", "4.0"); nothing for other numbers and beyond
/// +-2^53, where doubles skip integers.
std::optional<std::int64_t> as_integer(double x);

/// Checks `given` against `parameters` and fills in fallbacks. An integer is accepted where a real
/// is declared, a whole real where an integer is, a single number where a list is. `where(name)` begins the message, for example
/// "study.toml:12: [task] dim"; `what` names the accepting thing, for example "task 'x'".
/// Throws UsageError: unknown name (with the nearest), wrong kind, out of range, NaN, missing.
Settings resolve(std::span<const Parameter> parameters, const std::map<std::string, Setting>& given,
                 const std::string& what, const std::function<std::string(const std::string&)>& where);

/// The setting written as text ("3", "0.5", "true", "1,2,3" or "[1,2,3]") in the parameter's kind.
/// Throws UsageError that begins with `where`.
Setting parse_setting(const Parameter& parameter, const std::string& text, const std::string& where);

/// "integer", "real number", "text", ...
const char* kind_name(Kind kind);

/// A setting as cells and labels show it: the real 4.0 is "4".
std::string to_text(const Setting& setting);

/// A setting as messages quote it: in one line, and a real that is whole has the point that tells it
/// from an integer, "4.0".
std::string as_typed(const Setting& setting);

/// The parameters as JSON, for `iclab list NAME --json`.
Json describe(std::span<const Parameter> parameters);

}  // namespace iclab
