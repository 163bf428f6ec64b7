#include "study/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/error.h"
#include "lanes/kernels.h"

namespace iclab::study {
namespace {

using Where = std::function<std::string(const std::string&)>;

Schedule every(std::int64_t interval, std::int64_t steps, const Where& where) {
  if (steps / interval >= kMaxDue)
    throw UsageError(
        fmt::format("{}: found {}, which measures {} times in {} steps; accepted are at most {}",
                    where("every"), interval, steps / interval + 1, steps, kMaxDue));
  Schedule schedule{{}, fmt::format("every {}", interval)};
  for (std::int64_t step = 0; step <= steps; step += interval) schedule.due.push_back(step);
  return schedule;
}

// from, from * factor, from * factor^2, ... up to `steps`, and 0 before.
std::vector<std::int64_t> geometric(std::int64_t from, double factor, std::int64_t steps, const Where& where) {
  if (from > steps)
    throw UsageError(fmt::format("{}: found {}, accepted is at most train.steps = {}", where("from"), from, steps));
  std::vector<double> values{0};
  for (auto step = static_cast<double>(from); step < static_cast<double>(steps) + 0.5; step *= factor) {
    if (values.size() > kMaxDue)
      throw UsageError(fmt::format("{}: found {}, which makes more than {} steps", where("factor"), factor, kMaxDue));
    values.push_back(step);
  }
  return rounded(values);
}

Schedule listed(std::vector<std::int64_t> due) {
  std::string text = fmt::format("{}", fmt::join(due, ","));
  return {std::move(due), std::move(text)};
}

void check_steps(const std::vector<std::int64_t>& due, std::int64_t steps, const Where& where) {
  if (due.empty())
    throw UsageError(fmt::format("{}: found [], accepted is at least one step", where("steps")));
  for (size_t i = 0; i < due.size(); ++i) {
    if (due[i] > steps)
      throw UsageError(fmt::format("{}: found {}, accepted are steps from 0 to train.steps = {}",
                                   where("steps"), due[i], steps));
    if (i > 0 && due[i] <= due[i - 1])
      throw UsageError(fmt::format("{}: found {} after {}, accepted are ascending steps",
                                   where("steps"), due[i], due[i - 1]));
  }
}

}  // namespace

std::vector<Parameter> schedule_parameters() {
  Parameter interval{
      .name = "every", .kind = Kind::kInteger, .help = "measure at step 0 and every N-th"};
  interval.optional = true;
  interval.minimum = 1;
  Parameter at{.name = "at",
               .kind = Kind::kText,
               .help = "measure at log- or evenly spaced steps, or at the end"};
  at.optional = true;
  at.choices = {"log", "linear", "end"};
  Parameter points{
      .name = "points", .kind = Kind::kInteger, .help = "number of steps, for at = log and linear"};
  points.optional = true;
  points.minimum = 2;
  points.maximum = static_cast<double>(kMaxDue);
  Parameter steps{
      .name = "steps", .kind = Kind::kIntegers, .help = "the steps themselves, ascending"};
  steps.optional = true;
  steps.minimum = 0;
  Parameter from{.name = "from", .kind = Kind::kInteger, .help = "for at = log: its first step, with factor"};
  from.optional = true;
  from.minimum = 1;
  Parameter factor{.name = "factor", .kind = Kind::kReal, .help = "for at = log: from one step to the next"};
  factor.optional = true;
  factor.minimum = 1;
  factor.above_minimum = true;
  return {interval, at, points, from, factor, steps};
}

Schedule make_schedule(const Settings& settings, std::int64_t steps, const Where& where) {
  const bool is_growing = settings.has("from") || settings.has("factor");
  std::vector<std::string> given;
  for (const char* key : {"every", "at", "steps"})
    if (settings.has(key)) given.push_back(key);
  const bool is_both = given == std::vector<std::string>{"every", "at"} && is_growing;
  if (given.size() != 1 && !is_both) {
    const std::string at = where(given.empty() ? "every" : given[1]);
    throw UsageError(
        fmt::format("{}: found {} of the keys every, at, steps; accepted is exactly one: "
                    "every = N, at = \"log\" or \"linear\" with points = N, at = \"end\", "
                    "steps = [...]; or every = N and at = \"log\" with from and factor",
                    at, given.size()));
  }
  const std::string at = settings.has("at") ? settings.text("at") : "";
  if (is_growing && (at != "log" || settings.has("points") || !settings.has("from") || !settings.has("factor")))
    throw UsageError(fmt::format("{}: from = N and factor = X belong together, to at = \"log\", and exclude points",
                                 where(settings.has("from") ? "from" : "factor")));
  const bool spaced = at == "linear" || (at == "log" && !is_growing);
  if (spaced != settings.has("points"))
    throw UsageError(spaced ? fmt::format("{}: missing; at = \"{}\" needs points = N", where("points"), at)
                            : fmt::format("{}: found points without at = \"log\" or \"linear\"",
                                          where("points")));

  if (is_growing) {
    std::vector<std::int64_t> due = geometric(settings.integer("from"), settings.real("factor"), steps, where);
    if (!is_both) return listed(std::move(due));
    std::vector<std::int64_t> all;
    std::ranges::set_union(due, every(settings.integer("every"), steps, where).due, std::back_inserter(all));
    return listed(std::move(all));
  }
  if (settings.has("every")) return every(settings.integer("every"), steps, where);
  if (settings.has("steps")) {
    check_steps(settings.integers("steps"), steps, where);
    return listed(settings.integers("steps"));
  }
  if (at == "end") return {{steps}, "at end", true};

  const std::int64_t points = settings.integer("points");
  if (at == "linear") return listed(rounded(linear_points(0, static_cast<double>(steps), points)));
  std::vector<std::int64_t> due = rounded(log_points(1, static_cast<double>(steps), points));
  due.insert(due.begin(), 0);
  return listed(std::move(due));
}

std::vector<double> linear_points(double low, double high, std::int64_t n) {
  std::vector<double> values(static_cast<size_t>(n), low);
  for (std::int64_t i = 1; i < n; ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(n - 1);
    values[static_cast<size_t>(i)] = low + (high - low) * part;
  }
  if (n > 1) values.back() = high;
  return values;
}

std::vector<double> log_points(double low, double high, std::int64_t n) {
  const double log_low = lanes::host_unary(lanes::Unary::kLog, low);
  const double log_high = lanes::host_unary(lanes::Unary::kLog, high);
  std::vector<double> values = linear_points(log_low, log_high, n);
  for (double& value : values) value = lanes::host_unary(lanes::Unary::kExp, value);
  values.front() = low;
  if (n > 1) values.back() = high;
  return values;
}

std::vector<std::int64_t> rounded(const std::vector<double>& values) {
  std::vector<std::int64_t> whole;
  for (const double value : values) {
    const auto nearest = static_cast<std::int64_t>(std::floor(value + 0.5));
    if (whole.empty() || nearest != whole.back()) whole.push_back(nearest);
  }
  return whole;
}

}  // namespace iclab::study
