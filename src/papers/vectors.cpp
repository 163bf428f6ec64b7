#include "papers/vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace iclab::papers {
namespace {

[[noreturn]] void refuse(const std::string& path, const Json& found, const std::string& accepted) {
  constexpr size_t kShown = 40;
  std::string text = found.is_structured() ? fmt::format("{} of {}", found.type_name(), found.size())
                                           : found.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kShown) text = text.substr(0, kShown) + "...";
  throw Error(fmt::format("{}: found {}, accepted is {}", path, text, accepted));
}

void append_numbers(const Json& value, const std::string& path, const std::vector<std::int64_t>& shape,
                    size_t axis, std::vector<double>& out) {
  if (axis == shape.size()) {
    if (!value.is_number()) refuse(path, value, "a number");
    out.push_back(value.get<double>());
    return;
  }
  const bool any = shape[axis] < 0;
  if (!value.is_array() || (!any && static_cast<std::int64_t>(value.size()) != shape[axis]))
    refuse(path, value, any ? "an array" : fmt::format("an array of {}", shape[axis]));
  for (size_t i = 0; i < value.size(); ++i)
    append_numbers(value[i], fmt::format("{}[{}]", path, i), shape, axis + 1, out);
}

}  // namespace

Case::Case(const Json& object, std::string path) : object_(&object), path_(std::move(path)) {
  if (!object.is_object()) refuse(path_, object, "an object");
}

bool Case::has(const std::string& key) const { return object_->contains(key); }

const Json& Case::at(const std::string& key) {
  const auto found = object_->find(key);
  if (found == object_->end()) throw Error(fmt::format("{}: found no \"{}\"", path_, key));
  seen_.push_back(key);
  return *found;
}

double Case::number(const std::string& key) {
  const Json& value = at(key);
  if (!value.is_number() || !std::isfinite(value.get<double>()))
    refuse(path_ + "." + key, value, "a number");
  return value.get<double>();
}

std::int64_t Case::integer(const std::string& key, std::int64_t minimum, std::int64_t maximum) {
  const Json& value = at(key);
  const double x = value.is_number() ? value.get<double>() : std::nan("");
  if (!(x >= static_cast<double>(minimum) && x <= static_cast<double>(maximum)) || x != std::floor(x))
    refuse(path_ + "." + key, value, fmt::format("an integer from {} to {}", minimum, maximum));
  return static_cast<std::int64_t>(x);
}

std::string Case::text(const std::string& key, const std::vector<std::string>& choices) {
  const Json& value = at(key);
  const std::string text = value.is_string() ? value.get<std::string>() : "";
  if (std::ranges::find(choices, text) == choices.end())
    refuse(path_ + "." + key, value, "one of " + join(choices));
  return text;
}

std::vector<double> Case::numbers(const std::string& key, const std::vector<std::int64_t>& shape) {
  std::vector<double> numbers;
  append_numbers(at(key), path_ + "." + key, shape, 0, numbers);
  return numbers;
}

Case Case::object(const std::string& key) { return {at(key), path_ + "." + key}; }

std::vector<Case> Case::objects(const std::string& key) { return cases_of(path_ + "." + key, at(key)); }

void Case::check(Comparison& comparison, const std::string& key, double tolerance,
                 const std::function<Json()>& got) {
  if (has(key)) comparison.compare(path_ + "." + key, got(), at(key), tolerance);
}

void Case::check_each(Comparison& comparison, const std::string& key, double tolerance,
                      const std::function<Json()>& got) {
  if (has(key)) comparison.compare_each(path_ + "." + key, got(), at(key), tolerance);
}

void Case::finish(Comparison& comparison) const {
  for (const auto& [key, value] : object_->items())
    if (std::ranges::find(seen_, key) == seen_.end() && key != "about" && key != "name" &&
        key != "note" && key != "version" && key != "meta")
      comparison.unknown(path_ + "." + key);
}

std::vector<Case> cases_of(const std::string& section, const Json& content) {
  if (!content.is_array()) refuse(section, content, "an array of objects");
  std::vector<Case> cases;
  for (size_t i = 0; i < content.size(); ++i) cases.emplace_back(content[i], fmt::format("{}[{}]", section, i));
  return cases;
}

Json nested(const std::vector<double>& numbers, const std::vector<std::int64_t>& shape) {
  Json all = numbers;
  for (size_t axis = shape.size(); axis-- > 1;) {
    Json rows = Json::array();
    const auto length = static_cast<size_t>(shape[axis]);
    for (size_t i = 0; i < all.size(); i += length)
      rows.push_back(Json(all.begin() + static_cast<std::ptrdiff_t>(i),
                          all.begin() + static_cast<std::ptrdiff_t>(i + length)));
    all = std::move(rows);
  }
  return shape.empty() ? all.at(0) : all;
}

}  // namespace iclab::papers
