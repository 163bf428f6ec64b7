#include "report/html.h"

#include <fmt/format.h>

#include <cassert>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace iclab::report {
namespace {

constexpr std::string_view kMinus = "\u2212", kThinSpace = "\u202f", kDash = "\u2013";

// The text with ill-formed UTF-8 replaced: a page is never unreadable because of one file name.
std::string well_formed(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  const std::string quoted =
      Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(quoted).get<std::string>();
}

// Digits in groups of three from four digits on: "1 480".
std::string grouped(long long value) {
  const std::string digits = fmt::format("{}", std::llabs(value));
  std::string text(value < 0 ? kMinus : "");
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += kThinSpace;
    text += digits[i];
  }
  return text;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string result;
  for (const char c : well_formed(text)) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string number(double value, std::string_view infinite) {
  if (std::isnan(value)) return std::string(kDash);
  if (std::isinf(value)) return value > 0 ? std::string(infinite) : fmt::format("{}\u221e", kMinus);
  if (value == std::round(value) && std::abs(value) < 1e9) return grouped(std::llround(value));
  std::string text = fmt::format("{:.4g}", std::abs(value));
  const size_t exponent = text.find('e');
  if (exponent != std::string::npos) {
    const int power = std::stoi(text.substr(exponent + 1));
    text = fmt::format("{}\u00a0\u00d7\u00a010<sup>{}{}</sup>", text.substr(0, exponent),
                       power < 0 ? kMinus : "", std::abs(power));
  }
  return (value < 0 ? std::string(kMinus) : "") + text;
}

std::string interval(double lo, double hi, std::string_view infinite) {
  if (std::isnan(lo) || std::isnan(hi)) return std::string(kDash);
  return fmt::format("[{},\u00a0{}]", number(lo, infinite), number(hi, infinite));
}

std::string script_json(const Json& value) {
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      result += "\\u003c";
    } else {
      result += c;
    }
  }
  return result;
}

std::string script_text(std::string_view script) {
  std::string result;
  result.reserve(script.size());
  for (size_t i = 0; i < script.size(); ++i) {
    result += script[i];
    const std::string_view rest = script.substr(i);
    if (rest.starts_with("</script") || rest.starts_with("<!--")) result += '\\';
  }
  return result;
}

std::string fill(std::string_view page,
                 std::span<const std::pair<std::string, std::string>> values) {
  std::string result;
  while (true) {
    const size_t begin = page.find("{{");
    if (begin == std::string_view::npos) return result.append(page);
    const size_t end = page.find("}}", begin);
    const std::string_view name = page.substr(begin + 2, end - begin - 2);
    result.append(page.substr(0, begin));
    [[maybe_unused]] bool found = false;
    for (const auto& [place, value] : values) {
      if (place != name) continue;
      result += value;
      found = true;
    }
    assert(found);
    page.remove_prefix(end + 2);
  }
}

}  // namespace iclab::report
