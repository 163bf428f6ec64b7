// Judging: an estimate against what is accepted, checks into a verdict. The same rules for every
// paper.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "analysis/statistics.h"
#include "report/claim.h"

namespace iclab::papers {

/// The values that satisfy a check, both ends included.
struct Accepted {
  double lo = -std::numeric_limits<double>::infinity();
  double hi = std::numeric_limits<double>::infinity();
};

/// [value - part |value| - extra, value + part |value| + extra].
Accepted within(double value, double part, double extra = 0);
Accepted above(double value);  // value itself is not accepted
Accepted below(double value);

/// How an estimate is held against what is accepted: ok if its whole interval lies inside, or already if its
/// value does. It has failed if the whole interval lies outside, and is open otherwise.
enum class Strictness { kInterval, kValue };

/// Open if a number is missing.
report::Outcome outcome_of(const analysis::Estimate& measured, const Accepted& accepted,
                           Strictness strictness = Strictness::kInterval);

/// The checks of a claim in the making.
class Checks {
 public:
  explicit Checks(Strictness strictness = Strictness::kInterval) : strictness_(strictness) {}

  /// One row. `tolerance` in words.
  void add(const std::string& what, double predicted, const analysis::Estimate& measured,
           const Accepted& accepted, const std::string& tolerance);

  /// For orientation: decides nothing.
  void show(const std::string& what, double predicted, const analysis::Estimate& measured);

  /// Rows of one kind added since `mark = size()`: beyond `most` only the worst stays, which says
  /// of how many it is the worst.
  size_t size() const { return rows_.size(); }
  void condense(size_t mark, size_t most = 8);

  std::vector<report::Check> take();

 private:
  struct Row {
    report::Check check;
    double excess;  // how far the interval reaches out of what is accepted, in widths of it
  };
  Strictness strictness_;
  std::vector<Row> rows_;
};

/// All ok: reproduced; any failed: not reproduced; otherwise inconclusive. Shown checks don't
/// count; no checks: inconclusive.
report::Verdict verdict_of(std::span<const report::Check> checks);

/// "2 of 14 checks failed: risk at 30 degrees (predicted 0.33, measured 0.41 to 0.42, accepted:
/// within 5 %); ..." for those that are not ok, at most three of them.
std::string departures(std::span<const report::Check> checks);

}  // namespace iclab::papers
