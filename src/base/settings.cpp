#include "base/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace iclab {
namespace {

template <class T>
const T& get(const std::map<std::string, Setting>& values, const std::string& name) {
  const auto found = values.find(name);
  if (found == values.end()) throw Error(fmt::format("[settings] no setting '{}'", name));
  return std::get<T>(found->second);
}

template <class T>
std::optional<Setting> optional_setting(const std::optional<T>& value) {
  return value ? std::optional<Setting>(*value) : std::nullopt;
}

// All of them as integers, or nothing.
std::optional<std::vector<std::int64_t>> as_integers(std::span<const double> reals) {
  std::vector<std::int64_t> integers;
  for (const double real : reals) {
    const std::optional<std::int64_t> integer = as_integer(real);
    if (!integer) return {};
    integers.push_back(*integer);
  }
  return integers;
}

// The setting in the declared kind, or nothing if it cannot be one.
std::optional<Setting> convert(const Setting& value, Kind kind) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  const auto* real = std::get_if<double>(&value);
  const auto* integers = std::get_if<std::vector<std::int64_t>>(&value);
  const auto* reals = std::get_if<std::vector<double>>(&value);
  switch (kind) {
    case Kind::kBoolean:
      if (std::holds_alternative<bool>(value)) return value;
      break;
    case Kind::kInteger:
      if (integer) return value;
      if (real) return optional_setting(as_integer(*real));
      break;
    case Kind::kReal:
      if (real) return value;
      if (integer) return static_cast<double>(*integer);
      break;
    case Kind::kText:
      if (std::holds_alternative<std::string>(value)) return value;
      break;
    case Kind::kIntegers:
      if (integers) return value;
      if (reals) return optional_setting(as_integers(*reals));
      if (integer) return std::vector<std::int64_t>{*integer};
      if (real) return optional_setting(as_integers({real, 1}));
      break;
    case Kind::kReals:
      if (reals) return value;
      if (integers) return std::vector<double>(integers->begin(), integers->end());
      if (real) return std::vector<double>{*real};
      if (integer) return std::vector<double>{static_cast<double>(*integer)};
      break;
  }
  return {};
}

std::string range_text(const Parameter& p) {
  const bool low = std::isfinite(p.minimum), high = std::isfinite(p.maximum);
  const std::string at_least = fmt::format("{} {}", p.above_minimum ? "above" : "at least", p.minimum);
  const std::string at_most = fmt::format("{} {}", p.below_maximum ? "below" : "at most", p.maximum);
  if (low && high) return at_least + " and " + at_most;
  return low ? at_least : high ? at_most : "finite";
}

void check_number(const Parameter& p, double x, const std::string& where) {
  const bool low_ok = p.above_minimum ? x > p.minimum : x >= p.minimum;
  const bool high_ok = p.below_maximum ? x < p.maximum : x <= p.maximum;
  if (!std::isfinite(x) || !low_ok || !high_ok)
    throw UsageError(fmt::format("{}: found {}, accepted is a number {}", where, x, range_text(p)));
}

void check_value(const Parameter& p, const Setting& value, const std::string& where) {
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    check_number(p, static_cast<double>(*integer), where);
  if (const auto* real = std::get_if<double>(&value)) check_number(p, *real, where);
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value))
    for (const std::int64_t x : *integers) check_number(p, static_cast<double>(x), where);
  if (const auto* reals = std::get_if<std::vector<double>>(&value))
    for (const double x : *reals) check_number(p, x, where);
  const auto* text = std::get_if<std::string>(&value);
  if (text && !p.choices.empty() && std::find(p.choices.begin(), p.choices.end(), *text) == p.choices.end())
    throw UsageError(fmt::format("{}: found {}, accepted is one of {}{}", where, as_typed(value),
                                 join(p.choices), did_you_mean(*text, p.choices)));
}

template <class T>
std::optional<T> read_number(std::string_view text) {
  T value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || text.empty()) return {};
  return value;
}

[[noreturn]] void refuse_text(std::string_view text, const Parameter& p, const std::string& where) {
  throw UsageError(fmt::format("{}: found '{}', accepted is {}", where, text, kind_name(p.kind)));
}

double parse_real(std::string_view text, const Parameter& p, const std::string& where) {
  const std::optional<double> value = read_number<double>(text);
  if (!value) refuse_text(text, p, where);
  return *value;
}

std::int64_t parse_integer(std::string_view text, const Parameter& p, const std::string& where) {
  std::optional<std::int64_t> value = read_number<std::int64_t>(text);
  if (!value)
    if (const std::optional<double> real = read_number<double>(text)) value = as_integer(*real);
  if (!value) refuse_text(text, p, where);
  return *value;
}

// Writes a setting; how real numbers and texts are written is given.
struct Printer {
  std::string (*real)(double x);
  std::string (*text)(std::string_view x);

  std::string operator()(bool x) const { return x ? "true" : "false"; }
  std::string operator()(std::int64_t x) const { return fmt::format("{}", x); }
  std::string operator()(double x) const { return real(x); }
  std::string operator()(const std::string& x) const { return fmt::format("'{}'", text(x)); }
  std::string operator()(const std::vector<std::int64_t>& x) const {
    return fmt::format("[{}]", fmt::join(x, ", "));
  }
  std::string operator()(const std::vector<double>& x) const {
    std::vector<std::string> parts;
    for (const double one : x) parts.push_back(real(one));
    return fmt::format("[{}]", fmt::join(parts, ", "));
  }
};

// "1,2,3" or "[1,2,3]".
std::vector<std::string> list_parts(const std::string& text) {
  std::string_view inner = trim(text);
  if (inner.size() >= 2 && inner.front() == '[' && inner.back() == ']')
    inner = inner.substr(1, inner.size() - 2);
  return split(trim(inner), ',');
}

}  // namespace

bool Settings::boolean(const std::string& name) const { return get<bool>(values_, name); }
std::int64_t Settings::integer(const std::string& name) const {
  return get<std::int64_t>(values_, name);
}
double Settings::real(const std::string& name) const { return get<double>(values_, name); }
const std::string& Settings::text(const std::string& name) const {
  return get<std::string>(values_, name);
}
const std::vector<std::int64_t>& Settings::integers(const std::string& name) const {
  return get<std::vector<std::int64_t>>(values_, name);
}
const std::vector<double>& Settings::reals(const std::string& name) const {
  return get<std::vector<double>>(values_, name);
}

std::optional<std::int64_t> as_integer(double x) {
  constexpr double kMaxWhole = 9'007'199'254'740'992.0;  // 2^53
  if (!(std::abs(x) <= kMaxWhole) || std::floor(x) != x) return {};
  return static_cast<std::int64_t>(x);
}

Json Settings::json() const {
  Json json = Json::object();
  for (const auto& entry : values_)  // clang 14 captures no structured bindings
    std::visit([&](const auto& x) { json[entry.first] = x; }, entry.second);
  return json;
}

Settings resolve(std::span<const Parameter> parameters, const std::map<std::string, Setting>& given,
                 const std::string& what, const std::function<std::string(const std::string&)>& where) {
  std::vector<std::string> names;
  for (const Parameter& p : parameters) names.push_back(p.name);

  for (const auto& [name, value] : given)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw UsageError(fmt::format("{}: unknown key of {}; accepted are {}{}", where(name), what,
                                   names.empty() ? "none" : join(names), did_you_mean(name, names)));

  Settings settings;
  for (const Parameter& p : parameters) {
    const auto found = given.find(p.name);
    if (found == given.end()) {
      if (p.fallback) settings.set(p.name, *p.fallback);
      else if (!p.optional)
        throw UsageError(fmt::format("{}: missing; {} needs it ({}: {})", where(p.name), what,
                                     kind_name(p.kind), p.help));
      continue;
    }
    const std::optional<Setting> value = convert(found->second, p.kind);
    if (!value)
      throw UsageError(fmt::format("{}: found {}, accepted is {}", where(p.name),
                                   as_typed(found->second), kind_name(p.kind)));
    check_value(p, *value, where(p.name));
    settings.set(p.name, *value);
  }
  return settings;
}

Setting parse_setting(const Parameter& p, const std::string& text, const std::string& where) {
  switch (p.kind) {
    case Kind::kBoolean:
      if (text == "true") return true;
      if (text == "false") return false;
      throw UsageError(fmt::format("{}: found '{}', accepted is true or false", where, text));
    case Kind::kInteger:
      return parse_integer(text, p, where);
    case Kind::kReal:
      return parse_real(text, p, where);
    case Kind::kText:
      return text;
    case Kind::kIntegers: {
      std::vector<std::int64_t> values;
      for (const std::string& part : list_parts(text))
        values.push_back(parse_integer(part, p, where));
      return values;
    }
    case Kind::kReals: {
      std::vector<double> values;
      for (const std::string& part : list_parts(text))
        values.push_back(parse_real(part, p, where));
      return values;
    }
  }
  return text;
}

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::kBoolean: return "true or false";
    case Kind::kInteger: return "an integer";
    case Kind::kReal: return "a real number";
    case Kind::kText: return "text";
    case Kind::kIntegers: return "a list of integers";
    case Kind::kReals: return "a list of real numbers";
  }
  return "";
}

std::string to_text(const Setting& setting) {
  const Printer printer{[](double x) { return fmt::format("{}", x); },
                        [](std::string_view x) { return std::string(x); }};
  return std::visit(printer, setting);
}

std::string as_typed(const Setting& setting) {
  const auto with_point = [](double x) {
    const std::string text = fmt::format("{}", x);
    return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
  };
  return std::visit(Printer{with_point, printable_line}, setting);
}

Json describe(std::span<const Parameter> parameters) {
  Json list = Json::array();
  for (const Parameter& p : parameters) {
    Json entry{{"name", p.name}, {"kind", kind_name(p.kind)}, {"help", p.help}};
    if (p.fallback) std::visit([&](const auto& x) { entry["default"] = x; }, *p.fallback);
    entry["required"] = !p.fallback && !p.optional;
    if (std::isfinite(p.minimum)) entry[p.above_minimum ? "above" : "minimum"] = p.minimum;
    if (std::isfinite(p.maximum)) entry[p.below_maximum ? "below" : "maximum"] = p.maximum;
    if (!p.choices.empty()) entry["choices"] = p.choices;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace iclab
