// Numbers that single precision cannot hold.
#pragma once

#include <string>

#include "train/training.h"

namespace iclab::train {

/// Throws UsageError that begins with `where` if float32 turns the number into 0 (denormals are flushed) or infinity.
void check_float32(double number, const std::string& where);

/// The same for all numbers of task, model and training.
void check_float32(const Choice& task, const Choice& model, const Training& training);

}  // namespace iclab::train
