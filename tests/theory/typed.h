// Closed forms by the line that a user types.
#pragma once

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "theory/function.h"

namespace iclab::theory {

// The arguments of a line as it is typed after `iclab theory`, name first.
inline Json evaluate(const std::string& line) {
  std::istringstream words(line);
  std::string name, word;
  words >> name;
  std::vector<std::string> arguments;
  while (words >> word) arguments.push_back(word);
  const Function& function = find_function(name);
  return function.evaluate(parse_arguments(function, arguments));
}

inline std::string refusal(const std::string& line) {
  try {
    evaluate(line);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace iclab::theory
