// From a loss to the plan of a training step: rewriting, gradients, rewriting, planning. What the trainer
// executes is compiled here and nowhere else.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nn/model.h"
#include "program/plan.h"

namespace iclab::train {

/// The plan of one step. Outputs: 0 is the loss, then its gradient for each weight in order, then `more`.
/// Parameters: the weights in order. `loss` is a scalar below prompt rate; `batch` is its number of prompts,
/// 1 if it has none. Throws Error as gradients() and make_plan() do.
std::shared_ptr<const program::Plan> compile_step(program::Value loss, const nn::Weights& weights,
                                                  std::span<const program::Value> more,
                                                  std::int64_t batch, bool is_double);

/// The same outputs as they are written, before any rewriting: the gradients join the loss's builder.
std::vector<int> written_step(program::Value loss, const nn::Weights& weights);

/// The plan of `outputs` alone, functions of the weights. Parameters: the weights in order.
std::shared_ptr<const program::Plan> compile_outputs(std::span<const program::Value> outputs,
                                                     const nn::Weights& weights, std::int64_t batch,
                                                     bool is_double);

std::vector<std::string> names_of(const nn::Weights& weights);

}  // namespace iclab::train
