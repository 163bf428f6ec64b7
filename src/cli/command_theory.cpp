#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/output.h"
#include "theory/function.h"

namespace iclab::cli {
namespace {

struct TheoryOptions {
  std::string name;
  std::vector<std::string> arguments;
};

Json describe_function(const theory::Function& function) {
  return {{"name", function.name},
          {"summary", function.summary},
          {"source", function.source},
          {"parameters", describe(function.parameters)}};
}

// A setting as it would be typed after "key=".
std::string argument_text(const Setting& setting) {
  std::string text;
  for (const char c : to_text(setting))
    if (std::string_view("'[] ").find(c) == std::string_view::npos) text += c;
  return text;
}

// "diversity-risk d= r= [sigma2=0 n_test=]": what must be given, then what may be.
std::string signature(const theory::Function& function) {
  std::string required, rest;
  for (const Parameter& p : function.parameters) {
    if (p.fallback)
      rest += fmt::format(" {}={}", p.name, argument_text(*p.fallback));
    else if (p.optional)
      rest += fmt::format(" {}=", p.name);
    else
      required += fmt::format(" {}=", p.name);
  }
  return function.name + required + (rest.empty() ? "" : " [" + rest.substr(1) + "]");
}

Result list_functions(bool as_json) {
  Json list = Json::array();
  std::string text;
  for (const theory::Function& function : theory::functions()) {
    list.push_back(describe_function(function));
    text += fmt::format("{}\n  {}\n  {}\n", signature(function), function.summary, function.source);
  }
  return {as_json ? json_line(list) : text};
}

// A number as typed, "inf" among them; null where the theory has no value.
std::string number_text(const Json& value) {
  if (value.is_null()) return "undefined";
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_float() ? fmt::format("{}", value.get<double>()) : value.dump();
}

bool is_matrix(const Json& value) {
  return value.is_array() && !value.empty() && value[0].is_array();
}

// A number on one line, an array as a column, an array of arrays or an object as a table.
std::string value_text(const Json& value) {
  std::vector<std::vector<std::string>> rows;
  if (is_matrix(value)) {
    for (const Json& line : value) {
      std::vector<std::string>& row = rows.emplace_back();
      for (const Json& x : line) row.push_back(number_text(x));
    }
    return table(rows);
  }
  if (value.is_array()) {
    std::string text;
    for (const Json& x : value) text += number_text(x) + "\n";
    return text;
  }
  if (!value.is_object()) return number_text(value) + "\n";
  std::string matrices;
  for (const auto& [key, part] : value.items()) {
    if (is_matrix(part)) {
      matrices += fmt::format("\n{}\n{}", key, value_text(part));
      continue;
    }
    std::vector<std::string>& row = rows.emplace_back(std::vector<std::string>{key});
    if (part.is_array())
      for (const Json& x : part) row.push_back(number_text(x));
    else
      row.push_back(number_text(part));
  }
  return table(rows) + matrices;
}

Result evaluate(const TheoryOptions& options, bool as_json) {
  const theory::Function& function = theory::find_function(options.name);
  const Settings arguments = theory::parse_arguments(function, options.arguments);
  const Json value = function.evaluate(arguments);
  if (as_json)
    return {json_line({{"name", function.name}, {"args", arguments.json()}, {"value", value}})};
  return {value_text(value)};
}

}  // namespace

Action add_theory(CLI::App& parser) {
  const auto options = std::make_shared<TheoryOptions>();
  parser.add_option("NAME", options->name, "The closed form to evaluate (without: list them all)")
      ->type_name("");
  parser.add_option("KEY=VALUE", options->arguments, "Its arguments; lists as 1,2,3 or [1,2,3]")
      ->type_name("");
  parser.footer(
      "Example:\n  iclab theory diversity-risk d=8 r=2 K=2 s=0 n=32 test=outside "
      "angle_deg=0,45,90\n\n"
      "iclab theory lists the arguments of each, iclab theory --json their meanings and ranges.");
  return [options](bool as_json) {
    return options->name.empty() ? list_functions(as_json) : evaluate(*options, as_json);
  };
}

}  // namespace iclab::cli
