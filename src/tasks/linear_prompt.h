// Prompts of linear regression for a given task vector: shared by the linear tasks.
#pragma once

#include "tasks/task.h"

namespace iclab::tasks {

enum class Sampler { kPrompts, kStatistics };

/// The parameters `context`, `noise`, `sampler` that all linear-regression tasks share.
std::vector<Parameter> linear_prompt_parameters();
Sampler sampler_of(const Settings& settings);

/// x_i, x_q ~ N(0, I_d), y_i = w.x_i + sigma eps_i, target = w.x_q (clean).
/// kPrompts gives x, y, x_query, target, targets. kStatistics gives h, x_query, target with exactly the same law:
/// with u = w/|w|, a_i = u.x_i, y_i = |w| a_i + sigma eps_i,
///   h = (a.y/n) u + (|y|/n) (I - u u^T) g,   g ~ N(0, I_d),
/// because the parts of the x_i across w are Gaussian and independent of y.
Prompt linear_prompt(Builder& b, Value w, std::int64_t context, double noise, Sampler sampler);

}  // namespace iclab::tasks
