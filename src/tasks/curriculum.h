// Curricula: a whole-numbered parameter that grows with the step. A task samples at the parameter's
// largest value, which is the parameter itself, and masks what is not yet active.
#pragma once

#include <optional>
#include <string>

#include "base/settings.h"
#include "program/builder.h"

namespace iclab::tasks {

/// `from` at step 0, `by` more at every `every`-th step, `to` at last.
struct Curriculum {
  std::int64_t from = 1, to = 1, by = 1, every = 1;

  /// Throws UsageError if it falls, or would still grow at a step above 2^31 - 1.
  void check() const;

  /// 1 for the indices below the value at the program's step, 0 for the others: (to).
  program::Value mask(program::Builder& b) const;
};

inline constexpr const char* kCurriculumSuffix = ".curriculum";

/// The declaration "NAME.curriculum" that lets a task's parameter NAME grow: integers from, by,
/// every. A study file gives it as NAME = { from, to, by, every }.
Parameter curriculum_parameter(const std::string& name);

/// The curriculum of a parameter, if its settings have one. Throws UsageError as check() does.
std::optional<Curriculum> curriculum_of(const Settings& settings, const std::string& name);

/// The settings of the whole task: every parameter at its largest value.
Settings without_curricula(const Settings& settings);

}  // namespace iclab::tasks
