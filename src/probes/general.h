// Probes that fit every task with a target.
#pragma once

#include "probes/probe.h"

namespace iclab::probes {

/// "loss": the training loss of the batch at the step.
ProbeEntry training_loss_entry();

/// "mse": mean squared error over fixed evaluation prompts, with "mse_squared", the mean of its square,
/// from which the standard error follows.
ProbeEntry evaluation_mse_entry();

/// "accuracy": the fraction of fixed evaluation prompts with y f > 0, labels y -1 or 1, with "loss", the mean
/// of log(1 + e^(-y f)). Of a task with fresh items this is the accuracy of in-context learning.
ProbeEntry accuracy_entry();

/// "weight": the numbers of one weight of the model, the series under its name.
ProbeEntry weight_entry();

}  // namespace iclab::probes
