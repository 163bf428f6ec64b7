#include "train/loss.h"

#include <fmt/format.h>

#include "base/error.h"
#include "program/functions.h"

namespace iclab::train {
namespace {

using program::Builder;
using program::DType;
using program::Shape;
using program::Value;

constexpr const char* kPositions = "-positions";

// The prompt's part that the predictions are compared with.
Value target_of(const tasks::Prompt& prompt, const std::string& loss) {
  const std::string part = loss.ends_with(kPositions) ? "targets" : "target";
  if (!prompt.has(part))
    throw UsageError(
        fmt::format("loss '{}' needs the prompt's part '{}'; this task gives none", loss, part));
  return prompt[part];
}

void check_signs(const tasks::Task& task, const std::string& loss) {
  if ((loss.starts_with("logistic") || loss.starts_with("hinge")) && !task.targets_are_signs())
    throw UsageError(fmt::format("loss '{}' is for targets -1 and 1; this task's targets are real numbers, for which "
                                 "'mse' is accepted", loss));
}

}  // namespace

const std::vector<std::string>& loss_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const std::string loss : {"mse", "logistic", "hinge", "cross-entropy"}) {
      all.push_back(loss);
      all.push_back(loss + kPositions);
    }
    all.push_back("population");
    return all;
  }();
  return names;
}

Value compared(const std::string& name, Value f, Value target, Value counted) {
  const bool classes = name.starts_with("cross-entropy");
  if (target.dtype() != (classes ? DType::kInteger : DType::kReal))
    throw UsageError(fmt::format("loss '{}' needs {} targets; this task's are {}", name,
                                 classes ? "integer" : "real", program::name(target.dtype())));
  Shape wanted(target.shape());
  if (classes) wanted.push_back(f.shape().empty() ? 0 : f.shape().back());
  if (f.shape() != wanted)
    throw UsageError(fmt::format("loss '{}': the model predicts {} for targets {}{}", name,
                                 program::to_string(f.shape()), program::to_string(target.shape()),
                                 classes ? "; accepted is one number a class for each" : ""));
  const auto average = [&counted](Value each) {
    return counted.valid() ? sum(counted * each) / sum(counted) : mean(each);
  };
  if (classes) return average(program::cross_entropy(f, target));
  if (name.starts_with("logistic")) return average(program::logistic_loss(target, f));
  if (name.starts_with("hinge")) return average(program::hinge_loss(target, f));
  return average(square(f - target));
}

Value loss_of(Builder& b, nn::Weights& weights, const tasks::Task& task, const nn::Model& model,
              const std::string& name) {
  if (name == "population") {
    const auto moments = task.moments(b, {});
    if (!moments) throw UsageError("loss 'population' needs a task of linear regression");
    Builder aside;
    if (task.sample(aside).has("weight"))
      throw UsageError("loss 'population' is of prompts that count alike; this task gives them weights, for which 'mse' is "
                       "accepted");
    return model.population_loss(b, weights, *moments);
  }
  check_signs(task, name);
  const tasks::Prompt prompt = task.sample(b);
  const Value target = target_of(prompt, name);
  const bool positions = name.ends_with(kPositions);
  if (positions) nn::check_positions(model);
  const Value f =
      positions ? model.predict_positions(b, weights, prompt) : model.predict(b, weights, prompt);
  const Value counted = positions && prompt.has("counted") ? prompt["counted"] : Value();
  const Value loss = compared(name, f, target, counted);
  return prompt_mean(prompt.has("weight") ? prompt["weight"] * loss : loss);
}

}  // namespace iclab::train
