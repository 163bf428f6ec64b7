#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "tasks/gaussian_tokens.h"
#include "tasks/item_label.h"
#include "tasks/linear_regression.h"
#include "tasks/subspace_regression.h"
#include "tasks/task.h"

namespace iclab::tasks {

std::span<const TaskEntry> task_registry() {
  static const std::vector<TaskEntry> entries = {linear_regression_entry(), subspace_regression_entry(),
                                                 item_label_entry(), gaussian_tokens_entry()};
  return entries;
}

const TaskEntry& find_task(const std::string& name) {
  std::vector<std::string> names;
  for (const TaskEntry& entry : task_registry()) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw UsageError(fmt::format("unknown task '{}'; accepted are {}{}", name, join(names),
                               did_you_mean(name, names)));
}

Prompt Task::sample_test(Builder&, std::span<const TestTasks>, Value) const {
  throw UsageError("this task has no test tasks; accepted are tasks of regression");
}

Prompt Task::sample_set(Builder&, const std::string& set) const {
  throw UsageError(fmt::format("this task has no set '{}'; accepted are tasks that keep sets: item-label has "
                               "'novel' and 'trained'", set));
}

std::optional<std::int64_t> Task::shared_items(const std::string&) const { return {}; }

Prompt Task::kept_item(Builder&, Value) const {
  throw UsageError("this task keeps no items; accepted are tasks that do: item-label with items = K");
}

Value Prompt::operator[](const std::string& part) const {
  const auto found = parts_.find(part);
  if (found != parts_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, value] : parts_) names.push_back(name);
  throw UsageError(fmt::format("the model needs the prompt's part '{}', but the task gives {}", part,
                               join(names)));
}

}  // namespace iclab::tasks
