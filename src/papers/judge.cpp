#include "papers/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace iclab::papers {
namespace {

using analysis::Estimate;
using report::Check;
using report::Outcome;
using report::Verdict;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Positive outside, negative inside; in widths of what is accepted (of its end, if it has only
// one).
double excess_of(const Estimate& measured, const Accepted& accepted) {
  if (std::isnan(measured.lo) || std::isnan(measured.hi)) return kInfinity;
  const double width = accepted.hi - accepted.lo;
  const double end = std::isinf(accepted.hi) ? accepted.lo : accepted.hi;
  const double unit = std::isfinite(width) && width > 0 ? width : std::max(std::abs(end), 1e-300);
  return std::max(measured.hi - accepted.hi, accepted.lo - measured.lo) / unit;
}

// Worse is larger.
int severity(Outcome outcome) {
  switch (outcome) {
    case Outcome::kShown:
      return 0;
    case Outcome::kOk:
      return 1;
    case Outcome::kOpen:
      return 2;
    case Outcome::kFailed:
      return 3;
  }
  return 3;
}

std::string number(double x) {
  if (std::isinf(x)) return x > 0 ? "never" : "minus infinity";
  return fmt::format("{:.4g}", x);
}

Check check_of(const std::string& what, double predicted, const Estimate& measured) {
  Check check;
  check.what = what;
  check.predicted = predicted;
  check.measured = measured.value;
  check.lo = measured.lo;
  check.hi = measured.hi;
  check.seeds = measured.seeds;
  check.valued = measured.finite;
  if (measured.finite >= 0 && measured.finite < measured.seeds)
    check.missing = fmt::format("{} never, diverged or without a value", measured.seeds - measured.finite);
  return check;
}

std::string departure(const Check& check) {
  const std::string measured = check.lo == check.hi
                                   ? number(check.measured)
                                   : fmt::format("{} ({} to {})", number(check.measured),
                                                 number(check.lo), number(check.hi));
  const std::string predicted =
      std::isnan(check.predicted) ? "" : fmt::format("predicted {}, ", number(check.predicted));
  return fmt::format("{}: {}measured {}, accepted is {}", check.what, predicted, measured,
                     check.tolerance);
}

}  // namespace

Accepted within(double value, double part, double extra) {
  const double half = part * std::abs(value) + extra;
  return {value - half, value + half};
}

Accepted above(double value) { return {std::nextafter(value, kInfinity), kInfinity}; }

Accepted below(double value) { return {-kInfinity, std::nextafter(value, -kInfinity)}; }

Outcome outcome_of(const Estimate& measured, const Accepted& accepted, Strictness strictness) {
  if (std::isnan(measured.lo) || std::isnan(measured.hi) || std::isnan(measured.value))
    return Outcome::kOpen;
  const bool value_inside = measured.value >= accepted.lo && measured.value <= accepted.hi;
  const bool inside = measured.lo >= accepted.lo && measured.hi <= accepted.hi;
  if (inside || (strictness == Strictness::kValue && value_inside)) return Outcome::kOk;
  if (measured.hi < accepted.lo || measured.lo > accepted.hi) return Outcome::kFailed;
  return Outcome::kOpen;
}

void Checks::add(const std::string& what, double predicted, const Estimate& measured,
                 const Accepted& accepted, const std::string& tolerance) {
  report::Check check = check_of(what, predicted, measured);
  check.tolerance = tolerance;
  check.outcome = outcome_of(measured, accepted, strictness_);
  rows_.push_back({std::move(check), excess_of(measured, accepted)});
}

void Checks::show(const std::string& what, double predicted, const Estimate& measured) {
  report::Check check = check_of(what, predicted, measured);
  check.outcome = Outcome::kShown;
  rows_.push_back({std::move(check), 0});
}

void Checks::condense(size_t mark, size_t most) {
  const size_t count = rows_.size() - mark;
  if (count <= most) return;
  const auto begin = rows_.begin() + static_cast<std::ptrdiff_t>(mark);
  Row worst = *std::max_element(begin, rows_.end(), [](const Row& a, const Row& b) {
    const int x = severity(a.check.outcome), y = severity(b.check.outcome);
    return x != y ? x < y : a.excess < b.excess;
  });
  worst.check.what += fmt::format(" (the worst of {})", count);
  rows_.erase(begin, rows_.end());
  rows_.push_back(std::move(worst));
}

std::vector<Check> Checks::take() {
  std::vector<Check> checks;
  for (Row& row : rows_) checks.push_back(std::move(row.check));
  rows_.clear();
  return checks;
}

Verdict verdict_of(std::span<const Check> checks) {
  bool any = false, failed = false, open = false;
  for (const Check& check : checks) {
    any |= check.outcome != Outcome::kShown;
    failed |= check.outcome == Outcome::kFailed;
    open |= check.outcome == Outcome::kOpen;
  }
  if (failed) return Verdict::kNotReproduced;
  return any && !open ? Verdict::kReproduced : Verdict::kInconclusive;
}

std::string departures(std::span<const Check> checks) {
  constexpr size_t kMost = 3;
  for (const Outcome outcome : {Outcome::kFailed, Outcome::kOpen}) {
    std::vector<std::string> texts;
    size_t count = 0, judged = 0;
    for (const Check& check : checks) {
      judged += check.outcome != Outcome::kShown;
      if (check.outcome != outcome) continue;
      if (++count <= kMost) texts.push_back(departure(check));
    }
    if (count == 0) continue;
    if (count > kMost) texts.push_back("...");
    return fmt::format("{} of {} checks {}: {}", count, judged,
                       outcome == Outcome::kFailed ? "failed" : "are open", join(texts, "; "));
  }
  return "";
}

}  // namespace iclab::papers
