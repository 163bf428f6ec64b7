// Probes that fit every task with a target.
#pragma once

#include "probes/probe.h"

namespace iclab::probes {

/// The parameter `prompts`: how many a probe keeps.
Parameter evaluation_prompts();

/// "loss": the training loss of the batch at the step.
ProbeEntry training_loss_entry();

/// "mse": mean squared error over fixed evaluation prompts, with "mse_squared", the mean of its square,
/// from which the standard error follows.
ProbeEntry evaluation_mse_entry();

/// "weight": the numbers of one weight of the model, the series under its name.
ProbeEntry weight_entry();

}  // namespace iclab::probes
