// How a model is trained: the settings of [train], but for steps and the stopping rule.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/settings.h"

namespace iclab::train {

/// A task, model, probe, optimiser or schedule by its registry name.
struct Choice {
  std::string kind;
  Settings settings;
};

/// Weights whose names match `match` ("*" and "?" as in file names) train differently.
struct Group {
  std::string match;
  std::optional<double> lr = {};            // instead of the optimiser's
  std::optional<double> weight_decay = {};  // instead of the optimiser's
  bool frozen = false;
};

struct Training {
  Choice optimizer;
  std::optional<Choice> schedule = {};  // of the learning rate; none: constant
  std::string loss = "mse";             // one of loss_names() in train/loss.h
  std::int64_t batch = 1;               // prompts a gradient; ignored by the population loss
  std::int64_t accumulate = 1;          // gradients averaged for one update, each of `batch` prompts
  std::int64_t fixed_prompts = 0;       // cycles through this many fixed prompts; 0: new prompts at every step
  double gradient_scale = 1;            // multiplies the gradient, not the loss
  std::optional<double> clip = {};      // greatest norm of the scaled gradient of all trained weights
  std::vector<Group> groups;            // the first match counts

  /// Batch j of step t is `batch` prompts from here on: of the step's own stream, or of the fixed
  /// prompts (a multiple of `batch`), batch after batch in order and then from the first again.
  std::int64_t first_prompt(std::int64_t step, std::int64_t j) const {
    if (fixed_prompts == 0) return j * batch;
    const std::int64_t batches = fixed_prompts / batch;
    return (step % batches * accumulate + j) % batches * batch;
  }
};

}  // namespace iclab::train
