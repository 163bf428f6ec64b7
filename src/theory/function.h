// The registry of closed forms: what `iclab theory` lists and evaluates.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/settings.h"

namespace iclab::theory {

struct Function {
  std::string name;     // "diversity-risk"
  std::string summary;  // one line
  std::string source;   // paper and section
  std::vector<Parameter> parameters;
  /// The value: a number, an array or an object. What is undefined, out of a double's range or not
  /// found by integration is null; a step that never comes, and among the kinetics' no finite time,
  /// is the text "inf". Takes complete settings. Throws UsageError that names key, found, accepted
  /// where parameters do not go together.
  std::function<Json(const Settings&)> evaluate;
};

/// All of them, in the order of their papers.
std::span<const Function> functions();

/// Throws UsageError with the nearest name.
const Function& find_function(const std::string& name);

/// The settings that "key=value" texts mean, defaults filled in. Throws UsageError: no "=", a key
/// twice, and all that resolve() refuses.
Settings parse_arguments(const Function& function, std::span<const std::string> texts);

}  // namespace iclab::theory
