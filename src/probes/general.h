// Probes that fit every task with a target.
#pragma once

#include "probes/probe.h"

namespace iclab::probes {

/// "loss": the training loss of the batch at the step.
ProbeEntry training_loss_entry();

/// "mse": mean squared error over fixed evaluation prompts, with "mse_squared", the mean of its square,
/// from which the standard error follows.
ProbeEntry evaluation_mse_entry();

}  // namespace iclab::probes
