// A task: a small program that samples one prompt from a random stream.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/settings.h"
#include "program/builder.h"

namespace iclab::tasks {

using program::Builder;
using program::Value;

/// One prompt, in named parts. Regression tasks give: "x" (n, d) context inputs, "y" (n) their labels,
/// "x_query" (d), its clean label "target" () and "targets" (n + 1), the clean labels of all points, the query
/// last; a statistics sampler gives "h" (d) = (1/n) sum_i y_i x_i in place of x, y, targets. A model that counts
/// points, as transformers do, has n + 1 of them. "weight" (), if there, multiplies the prompt's training loss;
/// "counted" (n + 1), if there, is 1 for the points that losses over all points count, else 0. "power" (): E y^2 of the
/// clean labels, in prompts of test tasks. The parts that other tasks give are listed with their entries (item_label.h,
/// gaussian_tokens.h).
class Prompt {
 public:
  void set(const std::string& part, Value value) { parts_[part] = value; }
  bool has(const std::string& part) const { return parts_.contains(part); }
  /// Throws Error that names the parts there are.
  Value operator[](const std::string& part) const;
  const std::map<std::string, Value>& parts() const { return parts_; }

 private:
  std::map<std::string, Value> parts_;
};

/// What a linear learner sees of a linear-regression task: y = w.x + sigma eps, x ~ N(0, I_d), w a
/// mixture of zero-mean Gaussians with equal weights. Clean query targets.
struct LinearMoments {
  Value second_moment;           // C = E w w^T (d, d)
  std::vector<Value> classes;    // C_k (d, d); second_moment is their mean
  std::int64_t context = 1;      // n
  double noise_variance = 0;     // sigma^2
};

/// Where the tasks of a test lie relative to those of training (task-diversity.md, sections 1 and 3).
struct TestTasks {
  std::string where = "id";      // id, class, isotropic, complement, span, outside
  double angle_deg = 0;          // span, outside
  std::int64_t component = 0;    // class: one class of the training tasks
};

class Task {
 public:
  virtual ~Task() = default;

  virtual Prompt sample(Builder& b) const = 0;

  /// A prompt of tests[which], which () an integer: sample()'s parts but "weight", and "power" (), E y^2 of
  /// the clean labels of that test. Throws UsageError if a test is undefined for this task.
  virtual Prompt sample_test(Builder& b, std::span<const TestTasks> tests, Value which) const;

  /// A prompt of a set that is kept for evaluation, by name: "novel", where only the context tells the answer;
  /// "trained", where only memory does. Throws UsageError with the sets there are.
  virtual Prompt sample_set(Builder& b, const std::string& set) const;

  /// How many items the prompts of such a set share, if they do: so few are drawn, however many prompts there are.
  virtual std::optional<std::int64_t> shared_items(const std::string& set) const;

  /// Number of items that are fixed for the whole run (0: none). kept_item(k) is item k, an integer, as "query" and
  /// "target", with "weight" (): its frequency in training prompts times kept_items(), absent if all are equally frequent.
  virtual std::int64_t kept_items() const { return 0; }
  virtual Prompt kept_item(Builder& b, Value k) const;

  /// The moments of the training tasks, or of test tasks; nothing if the task is not linear.
  /// Throws UsageError if the test is undefined for this task.
  virtual std::optional<LinearMoments> moments(Builder& b, const TestTasks& test) const = 0;

  /// Classes the training tasks are a mixture of.
  virtual std::int64_t classes() const { return 1; }

  /// True if targets are labels -1 and 1, so that a prediction's sign answers; false if they are any numbers.
  virtual bool targets_are_signs() const { return false; }

  /// Dimension d of the inputs.
  virtual std::int64_t dim() const = 0;
};

struct TaskEntry {
  std::string name, summary, source;
  std::vector<Parameter> parameters;
  std::function<std::unique_ptr<Task>(const Settings&)> make;
};

std::span<const TaskEntry> task_registry();

/// Throws UsageError with the nearest name.
const TaskEntry& find_task(const std::string& name);

}  // namespace iclab::tasks
