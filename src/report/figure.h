// A figure: tidy rows and how they are drawn. Theory is a line, a measurement is a point with its
// interval, a single run is a pale dot, a reference is dashed: the same in every figure of a page.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace iclab::report {

inline constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

/// An axis carries word, symbol and unit: "angle to the training subspace θ (degrees)".
struct Axis {
  std::string word;
  std::string symbol{};  // may be empty
  std::string unit{};    // empty: a pure number
  bool log = false;
  double from = kAbsent, to = kAbsent;  // absent: from the data (a linear y axis then starts at 0)
  std::vector<double> ticks{};          // empty: chosen by Vega
  std::vector<std::string> categories{};  // x axis only: the names of the positions 0, 1, ...
  std::string infinite = "never";         // y axis only: what an infinite value is called
};

enum class RowKind { kTheory, kMeasured, kSeed, kBar, kReference };

/// "theory", "measured", "seed", "bar", "reference": the CSV's column `kind`.
const char* row_kind_name(RowKind kind);

/// One row of a figure's table, one mark of the figure. y = infinity means "never happened" and has
/// its place at the upper edge of the axis.
struct Row {
  RowKind kind = RowKind::kMeasured;
  std::string panel{}, series{};
  double x = kAbsent, x2 = kAbsent;  // x2: right edge of a bar; a rule has either x or y
  double y = kAbsent, lo = kAbsent, hi = kAbsent;
  std::int64_t seed = -1;  // -1: not a single run
  std::int64_t seeds = 0;  // how many seeds the point summarises; 0: exact
  std::string settings{};  // hover text: which runs, "components 2, shared 1"
};

/// A measurement with its interval (absent: none), or, with `seed`, a single run.
struct Point {
  double x = kAbsent, y = kAbsent;
  double lo = kAbsent, hi = kAbsent;
  std::int64_t seeds = 0;
  std::string settings{};
  std::string panel{};
};

/// One run.
struct Dot {
  double x = kAbsent, y = kAbsent;
  std::int64_t seed = 0;
  std::string settings{};
  std::string panel{};
};

class Figure {
 public:
  /// `name` is the name of its files and unique within a page: small letters, digits, '-'.
  Figure(std::string name, std::string title, Axis x, Axis y);

  /// One sentence: what to see.
  Figure& caption(std::string sentence);

  /// Panels side by side with shared axes, in order of their first row; `word` is what
  /// distinguishes them ("context n"). Every row but references then needs a panel; a reference
  /// without one is drawn in all.
  Figure& panels(std::string word);

  /// A line through the points, x ascending. Throws Error unless x and y are of one length.
  Figure& theory(const std::string& series, std::span<const double> x, std::span<const double> y,
                 const std::string& panel = "");
  Figure& measured(const std::string& series, Point point);
  Figure& run(const std::string& series, Dot dot);

  /// A histogram: counts[i] between edges[i] and edges[i+1].
  Figure& bars(const std::string& series, std::span<const double> edges,
               std::span<const double> counts, const std::string& panel = "");

  /// Dashed and labelled: a threshold, a curve, a power law y = y0 (x/x0)^exponent from x0 to x1
  /// (where both axes are logarithmic, a straight line).
  Figure& rule_x(double x, const std::string& label, const std::string& panel = "");
  Figure& rule_y(double y, const std::string& label, const std::string& panel = "");
  Figure& curve(const std::string& label, std::span<const double> x, std::span<const double> y,
                const std::string& panel = "");
  Figure& slope(const std::string& label, double exponent, double x0, double y0, double x1,
                const std::string& panel = "");

  const std::string& name() const { return name_; }
  const std::string& title() const { return title_; }
  const std::string& caption() const { return caption_; }
  const std::string& panel_word() const { return panel_word_; }
  const Axis& x_axis() const { return x_; }
  const Axis& y_axis() const { return y_; }

  /// The rows that have a place on the axes (none without y, or <= 0 on a logarithmic axis); a
  /// reference without panel once for each panel.
  std::vector<Row> rows() const;

  /// Series in order of their first row (without references), panels likewise.
  std::vector<std::string> series() const;
  std::vector<std::string> panel_names() const;

  /// The name of a position on an axis of categories. Throws Error if it has none.
  std::string category(double x) const;

  /// The rows as CSV (RFC 4180 quoting, shortest round-trip numbers, "Infinity" for never, empty
  /// for absent): kind,panel,series,x,x2,y,lo,hi,never,seed,seeds,settings. With categories, x is a
  /// name.
  std::string csv() const;

 private:
  Figure& reference(Row row);

  std::string name_, title_, caption_, panel_word_;
  Axis x_, y_;
  std::vector<Row> rows_;
};

/// Indices of at most `limit` of the points, first and last among them, evenly spaced in x (or in
/// log x): what a long series shows on a page. x ascending; for `log`, x <= 0 is left out.
std::vector<size_t> thin(std::span<const double> x, size_t limit, bool log);

}  // namespace iclab::report
