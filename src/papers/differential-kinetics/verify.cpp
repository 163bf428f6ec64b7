#include "papers/differential-kinetics/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "papers/vectors.h"
#include "theory/function.h"

namespace iclab::papers::differential_kinetics {
namespace {

[[noreturn]] void refuse(const std::string& path, const Json& found, const char* accepted) {
  throw Error(fmt::format("{}: found {}, accepted is {}", path,
                          found.is_structured() ? found.type_name() : found.dump(), accepted));
}

// A number or a list of numbers; what JSON wrote as 32.0 is an integer where one is declared.
Setting setting(const Json& value, Kind kind, const std::string& path) {
  constexpr double kLargestExact = 9e15;
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number()) {
    const auto x = value.get<double>();
    const bool whole = x == std::floor(x) && std::fabs(x) < kLargestExact;
    return kind == Kind::kInteger && whole ? Setting(static_cast<std::int64_t>(x)) : Setting(x);
  }
  const bool is_list =
      value.is_array() && std::ranges::all_of(value, [](const Json& x) { return x.is_number(); });
  if (!is_list) refuse(path, value, "a number or a list of numbers");
  return value.get<std::vector<double>>();
}

double tolerance_of(const std::string& function, const Settings& arguments) {
  static const std::set<std::string> integrated = {"G_friction", "tau_star_general", "meanfield_Kinf",
                                                   "t_icl_from_memoriser", "decay_fold"};
  if (function == "t_icl_Kinf") return arguments.real("c2") == 0 ? kClosed : kIntegrated;
  return integrated.contains(function) ? kIntegrated : kClosed;
}

void verify_value(const theory::Function& function, const Json& entry, const std::string& path,
                  Comparison& comparison) {
  for (const char* key : {"args", "value"})
    if (!entry.is_object() || !entry.contains(key))
      refuse(path, entry, "an object with \"args\" and \"value\"");
  const Json& args = entry["args"];
  if (!args.is_object()) refuse(path + ".args", args, "an object");

  std::map<std::string, Setting> given;
  for (const auto& [key, value] : args.items()) {
    const auto parameter = std::ranges::find(function.parameters, key, &Parameter::name);
    const Kind kind = parameter == function.parameters.end() ? Kind::kReal : parameter->kind;
    given[key] = setting(value, kind, path + ".args." + key);
  }
  const Settings arguments =
      resolve(function.parameters, given, "function '" + function.name + "'",
              [&](const std::string& key) { return path + ".args." + key; });
  comparison.compare_each(path + ".value", function.evaluate(arguments), entry["value"],
                          tolerance_of(function.name, arguments));
}

void verify_theory(const Json& content, Comparison& comparison) {
  if (!content.is_object()) refuse("theory", content, "an object of lists by function");
  for (const auto& [name, entries] : content.items()) {
    const std::string path = "theory." + name;
    const auto known = std::ranges::find(theory::functions(), name, &theory::Function::name);
    if (known == theory::functions().end()) {
      comparison.unknown(path);
      continue;
    }
    if (!entries.is_array() || entries.empty()) refuse(path, entries, "a list of {args, value}");
    for (size_t i = 0; i < entries.size(); ++i) {
      const std::string at = fmt::format("{}[{}]", path, i);
      try {
        verify_value(*known, entries[i], at, comparison);
      } catch (const Error& error) {
        const std::string message = error.what();
        throw Error(message.starts_with(at) ? message : at + ": " + message);
      }
    }
  }
}

void verify_models(const Json& content, Comparison& comparison) {
  if (content.empty()) refuse("models", content, "a list of cases");
  for (Case& entry : cases_of("models", content)) {
    try {
      verify_model(entry, comparison);
    } catch (const Error& error) {
      const std::string message = error.what();
      throw Error(message.starts_with(entry.path()) ? message : entry.path() + ": " + message);
    }
    entry.finish(comparison);
  }
}

}  // namespace

bool verify(const std::string& section, const Json& content, Comparison& comparison) {
  static const std::map<std::string, void (*)(const Json&, Comparison&)> sections = {
      {"models", verify_models}, {"theory", verify_theory}};
  const auto known = sections.find(section);
  if (known == sections.end()) return false;
  known->second(content, comparison);
  return true;
}

}  // namespace iclab::papers::differential_kinetics
