#include "tasks/curriculum.h"

#include <fmt/format.h>

#include <vector>

#include "base/error.h"

namespace iclab::tasks {

using program::Builder;
using program::Value;

namespace {

constexpr std::int64_t kLastStep = 2'147'483'647;  // of the program's integers

}  // namespace

void Curriculum::check() const {
  if (from > to)
    throw UsageError(
        fmt::format("found from = {} above to = {}; accepted is at most that", from, to));
  const std::int64_t rises = (to - from) / by + ((to - from) % by > 0);
  if (rises > 0 && every > kLastStep / rises)
    throw UsageError(fmt::format("found {} rises, one every {} steps; accepted are at most {} "
                                 "steps", rises, every, kLastStep));
}

Value Curriculum::mask(Builder& b) const {
  std::vector<std::int64_t> due;  // the step from which an index is active
  for (std::int64_t i = 0; i < to; ++i)
    due.push_back(i < from ? 0 : ((i - from) / by + 1) * every);
  const Value step = b.step();  // below 0 from 2^31 on
  return to_real(logical_or(b.integer_constant({to}, std::move(due)) <= step,
                            step < b.integer_constant({}, {0})));
}

Parameter curriculum_parameter(const std::string& name) {
  Parameter p{.name = name + kCurriculumSuffix,
              .kind = Kind::kIntegers,
              .help = fmt::format("from, by, every, if {} grows: written {} = "
                                  "{{ from = .., to = .., by = 1, every = .. }}", name, name)};
  p.optional = true;
  p.minimum = 1;
  return p;
}

std::optional<Curriculum> curriculum_of(const Settings& settings, const std::string& name) {
  const std::string key = name + kCurriculumSuffix;
  if (!settings.has(key)) return {};
  const std::vector<std::int64_t>& numbers = settings.integers(key);
  const auto fail = [&](const std::string& message) {
    throw UsageError(fmt::format("{}: {}", key, message));
  };
  if (numbers.size() != 3)
    fail(fmt::format("found {} numbers; accepted are from, by, every", numbers.size()));
  const Curriculum curriculum{numbers[0], settings.integer(name), numbers[1], numbers[2]};
  try {
    curriculum.check();
  } catch (const UsageError& error) {
    fail(error.what());
  }
  return curriculum;
}

Settings without_curricula(const Settings& settings) {
  Settings whole;
  for (const auto& [name, value] : settings.values())
    if (!name.ends_with(kCurriculumSuffix)) whole.set(name, value);
  return whole;
}

}  // namespace iclab::tasks
