#include "theory/mixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace iclab::theory {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw UsageError(fmt::format("{}: {}", where, what));
}

template <class T>
T number(std::string_view text, const std::string& where, const char* accepted) {
  T value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || text.empty())
    refuse(where, fmt::format("found '{}', accepted is {}", text, accepted));
  return value;
}

}  // namespace

void check(const Mixture& mixture, const std::string& where) {
  const auto& [d, r, K, s] = mixture;
  if (r < 1 || r > d) refuse(where + "r", fmt::format("found {}, accepted is 1 to d = {}", r, d));
  if (K < 1) refuse(where + "K", fmt::format("found {}, accepted is at least 1", K));
  if (s < 0 || s > r) refuse(where + "s", fmt::format("found {}, accepted is 0 to r = {}", s, r));
  if (K == 1 && s > 0)
    refuse(where + "s", fmt::format("found {}, accepted is 0 where K = 1 (nothing to share)", s));
  // In this order no product can overflow.
  if (mixture.nu() > 0 && K > (d - s) / mixture.nu()) {
    const double R = static_cast<double>(s) + static_cast<double>(K) * static_cast<double>(r - s);
    refuse(where + "d",
           fmt::format("found {}, accepted is at least R = s + K (r-s) = {}, the number "
                       "of distinct columns",
                       d, R));
  }
}

std::vector<ColumnClass> parse_classes(const std::string& text, const std::string& where) {
  std::vector<ColumnClass> classes;
  for (const std::string& part : split(text, '/')) {
    const std::vector<std::string> halves = split(part, '@');
    if (halves.empty() || halves.size() > 2)
      refuse(where, fmt::format("found '{}', accepted is classes such as 0,1@1/2,3@1.5", text));
    ColumnClass& added = classes.emplace_back();
    for (const std::string& column : split(halves[0], ','))
      added.columns.push_back(number<std::int64_t>(column, where, "a column, an integer from 0"));
    if (halves.size() == 2)
      added.scale = number<double>(halves[1], where, "a scale, a real number");
  }
  return classes;
}

void check(const std::vector<ColumnClass>& classes, std::int64_t d, const std::string& where) {
  if (classes.empty()) refuse(where, "found no class, accepted is at least one, such as 0,1@1");
  for (size_t k = 0; k < classes.size(); ++k) {
    const ColumnClass& one = classes[k];
    if (one.columns.empty()) refuse(where, fmt::format("found no column in class {}", k));
    for (const std::int64_t column : one.columns)
      if (column < 0 || column >= d)
        refuse(where, fmt::format("found column {} in class {}, accepted is 0 to d-1 = {}", column,
                                  k, d - 1));
    if (std::set(one.columns.begin(), one.columns.end()).size() != one.columns.size())
      refuse(where, fmt::format("found a column twice in class {}, accepted is each once", k));
    if (!(one.scale > 0) || !std::isfinite(one.scale))
      refuse(where,
             fmt::format("found scale {} in class {}, accepted is a number above 0", one.scale, k));
  }
}

}  // namespace iclab::theory
