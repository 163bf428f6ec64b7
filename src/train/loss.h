// Losses by name: from a task and a model to the number a step descends.
#pragma once

#include <string>
#include <vector>

#include "nn/model.h"
#include "tasks/task.h"

namespace iclab::train {

/// The losses a study file may name. Of a prediction f at the query against the prompt's "target"
/// y:
///   mse            (f - y)^2
///   logistic       log(1 + exp(-y f)), y -1 or 1
///   hinge          max(0, 1 - y f)
///   cross-entropy  -log softmax(f)[y], y an integer, f one number a class
/// the same with "-positions": the mean over all points of a prompt, against "targets" (for
/// cross-entropy the next tokens); and population, the exact mean squared error of a linear
/// learner.
const std::vector<std::string>& loss_names();

/// The loss `name`, (), at step rate. Throws UsageError if task, model and loss don't fit together.
program::Value loss_of(program::Builder& b, nn::Weights& weights, const tasks::Task& task,
                       const nn::Model& model, const std::string& name);

/// The loss `name` (not population) of predictions against targets of a prompt, (): the mean over
/// all that is compared, or over those with `counted` = 1, where it is given and 0 for the others.
/// Throws UsageError if their shapes or types don't fit.
program::Value compared(const std::string& name, program::Value prediction, program::Value target,
                        program::Value counted = {});

}  // namespace iclab::train
