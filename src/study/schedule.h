// When a probe measures.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/settings.h"

namespace iclab::study {

/// The keys of a [[probe]] that say when: one of
///   every = N                      step 0 and every N-th; the last step only if N divides it
///   at = "log", points = N         step 0, then N steps from 1 to the last, spaced evenly in log(step)
///   at = "log", from = N, factor   step 0, then N factor^i, i = 0, 1, ..., up to the last; may stand beside
///                                  `every`: the steps of both
///   at = "linear", points = N      N steps from 0 to the last, spaced evenly
///   at = "end"                     where the run ends (its last step, or where it stopped or diverged)
///   steps = [0, 10, ...]           these steps, ascending
/// Spaced steps are rounded, duplicates dropped; with `points` both ends are among them.
std::vector<Parameter> schedule_parameters();

struct Schedule {
  std::vector<std::int64_t> due;  // ascending
  std::string text;               // canonical: "every 100", "at end", "0,1,2,5"
  bool at_end = false;
};

/// Most steps at which one probe may measure.
inline constexpr std::int64_t kMaxDue = 1'000'000;

/// The schedule over a run of `steps` updates, from settings resolved with schedule_parameters().
/// `where(name)` begins a message. Throws UsageError: none or several given, too many, out of
/// range.
Schedule make_schedule(const Settings& settings, std::int64_t steps,
                       const std::function<std::string(const std::string&)>& where);

/// n numbers from `low` to `high`, both included: evenly spaced, or evenly in their logarithms (n =
/// 1: `low`). The same bits on every machine.
std::vector<double> linear_points(double low, double high, std::int64_t n);
std::vector<double> log_points(double low, double high, std::int64_t n);

/// Rounded to the nearest integer (halves up), equal neighbours dropped.
std::vector<std::int64_t> rounded(const std::vector<double>& values);

}  // namespace iclab::study
