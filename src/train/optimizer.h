// Optimisers: their registry and the update of a block of weights.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/settings.h"
#include "lanes/kernels.h"

namespace iclab::train {

/// What an optimiser sets for step t = 0, 1, ...: everything of the update but the arrays.
struct OptimizerEntry {
  std::string name, summary, source;
  std::vector<Parameter> parameters;
  lanes::Update update;
  int moments;  // arrays of the weights' size it keeps: 0, 1 (m) or 2 (m, v)
  std::function<void(const Settings&, std::int64_t step, lanes::UpdateArgs&)> set;
};

std::span<const OptimizerEntry> optimizer_registry();

/// Throws UsageError with the nearest name.
const OptimizerEntry& find_optimizer(const std::string& name);

}  // namespace iclab::train
