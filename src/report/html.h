// Text and numbers as HTML.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace iclab::report {

/// & < > " ' as entities: safe as content and inside quoted attributes. Bytes that are not UTF-8
/// become U+FFFD.
std::string escape(std::string_view text);

/// Four significant digits, as a reader writes it: "0.1351", "−2.5", "1.2 × 10<sup>−12</sup>", "12
/// 480" (whole numbers in full up to 10^9), "–" for NaN. What infinity is called depends on what the number is.
std::string number(double value, std::string_view infinite = "never");

/// "[0.131, 0.139]" or "–".
std::string interval(double lo, double hi, std::string_view infinite = "never");

/// JSON that is safe inside a script element: every '<' is written as \u003c; not UTF-8: U+FFFD.
std::string script_json(const Json& value);

/// A script's text inside a script element: what would end it or comment it out ("</script",
/// "<!--") gets a backslash, which means nothing in JavaScript's strings and regular expressions.
std::string script_text(std::string_view script);

/// The template with every {{name}} replaced. Values are inserted as they are; every place has one.
std::string fill(std::string_view page,
                 std::span<const std::pair<std::string, std::string>> values);

}  // namespace iclab::report
