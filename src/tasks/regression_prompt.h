// Prompts of regression for a given task: shared by the regression tasks.
#pragma once

#include "tasks/curriculum.h"
#include "tasks/task.h"

namespace iclab::tasks {

enum class Sampler { kPrompts, kStatistics };

/// What all regression tasks share.
struct Regression {
  std::int64_t context = 1;  // labelled examples n
  double noise = 0;          // sigma
  Sampler sampler = Sampler::kPrompts;
  std::int64_t hidden = 0;   // m of the class of ReLU networks; 0: linear functions
  std::optional<Curriculum> active_context = {}, active_dim = {};  // of kPrompts
};

/// The parameters `context`, `noise`, `sampler`, `function`, `hidden`; `context` may grow, and `dim`
/// if the task declares curriculum_parameter("dim").
std::vector<Parameter> regression_parameters();
/// Throws UsageError if they don't fit together.
Regression regression_of(const Settings& settings);

/// Coefficients of one task in `rank` directions, N(0, 1): (rank), for ReLU networks (rank, m).
Value draw_coefficients(Builder& b, const Regression& regression, std::int64_t rank);

/// The prompt of a task, x ~ N(0, I_d), y_i = f(x_i) + sigma eps_i, targets clean.
/// `task` is w (d), f(x) = w.x, or the inner weights u_h of a ReLU network as columns (d, m),
///   f(x) = sqrt(2/m) sum_h a_h relu(u_h.x),  a_h ~ N(0, 1), so that E f^2 = E |u_h|^2.
/// kPrompts gives x, y, x_query, target, targets. kStatistics (linear functions only) gives h, x_query, target
/// with exactly the same law: with u = w/|w|, a_i = u.x_i, y_i = |w| a_i + sigma eps_i,
///   h = (a.y/n) u + (|y|/n) (I - u u^T) g,   g ~ N(0, I_d),
/// because the parts of the x_i across w are Gaussian and independent of y.
///
/// Under a curriculum (arXiv 2208.01066) inputs are 0 beyond the active dimension, and examples and
/// their labels 0 beyond the active context; "counted" (n + 1) is 1 for the points that are there,
/// the query too.
Prompt regression_prompt(Builder& b, const Regression& regression, Value task);

}  // namespace iclab::tasks
