#include "theory/function.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/text.h"
#include "theory/diversity_functions.h"
#include "theory/kinetics_functions.h"

namespace iclab::theory {
namespace {

// A list without items gives no value to show, unless it is the default ("no times").
bool is_empty_list(const Setting& setting) {
  const auto* integers = std::get_if<std::vector<std::int64_t>>(&setting);
  const auto* reals = std::get_if<std::vector<double>>(&setting);
  return (integers && integers->empty()) || (reals && reals->empty());
}

}  // namespace

std::span<const Function> functions() {
  static const std::vector<Function> all = [] {
    std::vector<Function> list = diversity_functions();
    std::ranges::move(kinetics_functions(), std::back_inserter(list));
    return list;
  }();
  return all;
}

const Function& find_function(const std::string& name) {
  std::vector<std::string> names;
  for (const Function& function : functions()) {
    if (function.name == name) return function;
    names.push_back(function.name);
  }
  throw UsageError(fmt::format("[theory] found no function '{}', accepted is one of {}{}", name,
                               join(names), did_you_mean(name, names)));
}

Settings parse_arguments(const Function& function, std::span<const std::string> texts) {
  const auto where = [&](const std::string& key) {
    return fmt::format("[{}] {}", function.name, key);
  };
  std::map<std::string, Setting> given;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos)
      throw UsageError(fmt::format("[{}]: found '{}', accepted is key=value", function.name, text));
    const std::string key(trim(text.substr(0, equals))), value(trim(text.substr(equals + 1)));
    const auto parameter = std::ranges::find(function.parameters, key, &Parameter::name);
    // An unknown key keeps its text: resolve() names it and the nearest known one.
    const Setting setting = parameter == function.parameters.end()
                                ? Setting(value)
                                : parse_setting(*parameter, value, where(key));
    if (parameter != function.parameters.end() && is_empty_list(setting) && parameter->fallback != setting)
      throw UsageError(fmt::format("{}: found no number, accepted is at least one", where(key)));
    if (!given.emplace(key, setting).second)
      throw UsageError(fmt::format("{}: found twice, accepted is once", where(key)));
  }
  return resolve(function.parameters, given, fmt::format("function '{}'", function.name), where);
}

}  // namespace iclab::theory
