#include "report/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace iclab::report {
namespace {

bool is_name(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

void check_lengths(const std::string& figure, const std::string& series, size_t x, size_t y) {
  if (x == y) return;
  throw Error(
      fmt::format("figure '{}', series '{}': {} values of x and {} of y", figure, series, x, y));
}

// Quoted where RFC 4180 asks for it.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string field(double value) {
  if (std::isnan(value)) return "";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return fmt::format("{}", value);
}

// Whether a coordinate has a place on the axis; absent ones are none of the axis's business.
bool drawable(const Axis& axis, double value) {
  return std::isnan(value) || !axis.log || value > 0;
}

}  // namespace

const char* row_kind_name(RowKind kind) {
  switch (kind) {
    case RowKind::kTheory:
      return "theory";
    case RowKind::kMeasured:
      return "measured";
    case RowKind::kSeed:
      return "seed";
    case RowKind::kBar:
      return "bar";
    case RowKind::kReference:
      return "reference";
  }
  return "";
}

Figure::Figure(std::string name, std::string title, Axis x, Axis y)
    : name_(std::move(name)), title_(std::move(title)), x_(std::move(x)), y_(std::move(y)) {
  if (!is_name(name_))
    throw Error(fmt::format("figure '{}': a name is made of a to z, 0 to 9 and '-'", name_));
}

Figure& Figure::caption(std::string sentence) {
  caption_ = std::move(sentence);
  return *this;
}

Figure& Figure::panels(std::string word) {
  panel_word_ = std::move(word);
  return *this;
}

Figure& Figure::theory(const std::string& series, std::span<const double> x,
                       std::span<const double> y, const std::string& panel) {
  check_lengths(name_, series, x.size(), y.size());
  for (size_t i = 0; i < x.size(); ++i)
    rows_.push_back(
        {.kind = RowKind::kTheory, .panel = panel, .series = series, .x = x[i], .y = y[i]});
  return *this;
}

Figure& Figure::measured(const std::string& series, Point point) {
  rows_.push_back({.kind = RowKind::kMeasured,
                   .panel = std::move(point.panel),
                   .series = series,
                   .x = point.x,
                   .y = point.y,
                   .lo = point.lo,
                   .hi = point.hi,
                   .seeds = point.seeds,
                   .settings = std::move(point.settings)});
  return *this;
}

Figure& Figure::run(const std::string& series, Dot dot) {
  rows_.push_back({.kind = RowKind::kSeed,
                   .panel = std::move(dot.panel),
                   .series = series,
                   .x = dot.x,
                   .y = dot.y,
                   .seed = dot.seed,
                   .settings = std::move(dot.settings)});
  return *this;
}

Figure& Figure::bars(const std::string& series, std::span<const double> edges,
                     std::span<const double> counts, const std::string& panel) {
  check_lengths(name_, series, edges.size(), counts.size() + 1);
  for (size_t i = 0; i < counts.size(); ++i)
    rows_.push_back({.kind = RowKind::kBar,
                     .panel = panel,
                     .series = series,
                     .x = edges[i],
                     .x2 = edges[i + 1],
                     .y = counts[i]});
  return *this;
}

Figure& Figure::rule_x(double x, const std::string& label, const std::string& panel) {
  return reference({.panel = panel, .series = label, .x = x});
}

Figure& Figure::rule_y(double y, const std::string& label, const std::string& panel) {
  return reference({.panel = panel, .series = label, .y = y});
}

Figure& Figure::curve(const std::string& label, std::span<const double> x,
                      std::span<const double> y, const std::string& panel) {
  check_lengths(name_, label, x.size(), y.size());
  for (size_t i = 0; i < x.size(); ++i)
    reference({.panel = panel, .series = label, .x = x[i], .y = y[i]});
  return *this;
}

Figure& Figure::slope(const std::string& label, double exponent, double x0, double y0, double x1,
                      const std::string& panel) {
  constexpr int kPieces = 32;  // enough for a smooth curve where an axis is linear
  for (int i = 0; i <= kPieces; ++i) {
    const double ratio = std::pow(x1 / x0, static_cast<double>(i) / kPieces);
    reference(
        {.panel = panel, .series = label, .x = x0 * ratio, .y = y0 * std::pow(ratio, exponent)});
  }
  return *this;
}

Figure& Figure::reference(Row row) {
  row.kind = RowKind::kReference;
  rows_.push_back(std::move(row));
  return *this;
}

std::vector<Row> Figure::rows() const {
  const std::vector<std::string> panels = panel_names();
  std::vector<Row> result;
  for (const Row& row : rows_) {
    if (std::isinf(row.y) && row.y < 0) continue;  // only "never", upwards, has a place beyond the axis
    const bool empty = std::isnan(row.y) && (row.kind != RowKind::kReference || std::isnan(row.x));
    if (empty || !drawable(x_, row.x) || !drawable(y_, row.y)) continue;
    if (row.kind != RowKind::kReference || !row.panel.empty() || panels.empty()) {
      result.push_back(row);
      continue;
    }
    for (const std::string& panel : panels) {
      result.push_back(row);
      result.back().panel = panel;
    }
  }
  return result;
}

std::vector<std::string> Figure::series() const {
  std::vector<std::string> result;
  for (const Row& row : rows_)
    if (row.kind != RowKind::kReference &&
        std::find(result.begin(), result.end(), row.series) == result.end())
      result.push_back(row.series);
  return result;
}

std::vector<std::string> Figure::panel_names() const {
  std::vector<std::string> result;
  if (panel_word_.empty()) return result;
  for (const Row& row : rows_)
    if (!row.panel.empty() && std::find(result.begin(), result.end(), row.panel) == result.end())
      result.push_back(row.panel);
  return result;
}

std::string Figure::category(double x) const {
  if (!(x >= 0 && x < static_cast<double>(x_.categories.size())))
    throw Error(fmt::format("figure '{}': x = {} has no category; there are {}", name_, x,
                            x_.categories.size()));
  return x_.categories[static_cast<size_t>(x)];
}

std::string Figure::csv() const {
  std::string text = "kind,panel,series,x,x2,y,lo,hi,never,seed,seeds,settings\n";
  for (const Row& row : rows()) {
    const bool named = !x_.categories.empty() && !std::isnan(row.x);
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{}\n", row_kind_name(row.kind),
                        field(row.panel), field(row.series),
                        named ? field(category(row.x)) : field(row.x), field(row.x2), field(row.y),
                        field(row.lo), field(row.hi), std::isinf(row.y) ? "true" : "",
                        row.seed < 0 ? "" : fmt::format("{}", row.seed),
                        row.seeds <= 0 ? "" : fmt::format("{}", row.seeds), field(row.settings));
  }
  return text;
}

std::vector<size_t> thin(std::span<const double> x, size_t limit, bool log) {
  std::vector<size_t> usable, result;
  for (size_t i = 0; i < x.size(); ++i)
    if (!log || x[i] > 0) usable.push_back(i);
  if (usable.size() <= limit || limit < 2) {
    if (usable.size() > limit) usable.resize(limit);
    return usable;
  }
  const auto place = [&](size_t i) { return log ? std::log(x[i]) : x[i]; };
  const double first = place(usable.front()), last = place(usable.back());
  size_t next = 0;
  for (size_t k = 0; k < limit; ++k) {
    const double target =
        first + (last - first) * static_cast<double>(k) / static_cast<double>(limit - 1);
    while (next + 1 < usable.size() && place(usable[next]) < target) ++next;
    if (k + 1 == limit) next = usable.size() - 1;
    if (result.empty() || result.back() != usable[next]) result.push_back(usable[next]);
  }
  return result;
}

}  // namespace iclab::report
