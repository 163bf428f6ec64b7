// Losses by name: from a task and a model to the number a step descends.
#pragma once

#include <string>
#include <vector>

#include "nn/model.h"
#include "tasks/task.h"

namespace iclab::train {

/// The losses a study file may name. Over a batch of prompts, at the query:
///   mse            (f - target)^2
///   logistic       log(1 + exp(-target f)), target -1 or 1
///   hinge          max(0, 1 - target f)
///   cross-entropy  -log softmax(f)[target], f one number a class
/// over all points of each prompt alike (part "targets"):
///   mse-positions, cross-entropy-positions (next token)
/// and population, the exact mean squared error of a linear learner.
const std::vector<std::string>& loss_names();

/// The loss `name`, (), at step rate. Throws UsageError if task, model and loss don't fit together.
program::Value loss_of(program::Builder& b, nn::Weights& weights, const tasks::Task& task,
                       const nn::Model& model, const std::string& name);

/// The same for a given prompt, without the mean over prompts; not population.
program::Value prompt_loss(program::Builder& b, nn::Weights& weights, const tasks::Prompt& prompt,
                           const nn::Model& model, const std::string& name);

}  // namespace iclab::train
