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

// The prompt's part that the predictions are compared with.
Value targets_of(const tasks::Prompt& prompt, const std::string& loss, bool positions) {
  const std::string part = positions ? "targets" : "target";
  if (!prompt.has(part))
    throw UsageError(fmt::format(
        "loss '{}' needs the prompt's part '{}', which this task doesn't give", loss, part));
  return prompt[part];
}

void check(const std::string& loss, Value prediction, Value target, bool classes) {
  if (target.dtype() != (classes ? DType::kInteger : DType::kReal))
    throw UsageError(fmt::format("loss '{}' needs {} targets; this task's are {}", loss,
                                 classes ? "integer" : "real", classes ? "real" : "integer"));
  Shape compared(prediction.shape());
  if (classes && !compared.empty()) compared.pop_back();
  if (compared != target.shape() || (classes && prediction.shape() == target.shape()))
    throw UsageError(fmt::format("loss '{}': the model predicts {} for targets {}{}", loss,
                                 program::to_string(prediction.shape()),
                                 program::to_string(target.shape()),
                                 classes ? "; accepted is one number a class more" : ""));
}

}  // namespace

const std::vector<std::string>& loss_names() {
  static const std::vector<std::string> names = {
      "mse",           "mse-positions",           "logistic",  "hinge",
      "cross-entropy", "cross-entropy-positions", "population"};
  return names;
}

Value prompt_loss(Builder& b, nn::Weights& weights, const tasks::Prompt& prompt,
                  const nn::Model& model, const std::string& name) {
  const bool positions = name.ends_with("-positions"), classes = name.starts_with("cross-entropy");
  const Value target = targets_of(prompt, name, positions);
  const Value f =
      positions ? model.predict_positions(b, weights, prompt) : model.predict(b, weights, prompt);
  check(name, f, target, classes);
  if (name == "logistic") return program::logistic_loss(target, f);
  if (name == "hinge") return program::hinge_loss(target, f);
  return mean(classes ? program::cross_entropy(f, target) : square(f - target));
}

Value loss_of(Builder& b, nn::Weights& weights, const tasks::Task& task, const nn::Model& model,
              const std::string& name) {
  if (name == "population") {
    const auto moments = task.moments(b, {});
    if (!moments) throw UsageError("loss 'population' needs a task of linear regression");
    return model.population_loss(b, weights, *moments);
  }
  return prompt_mean(prompt_loss(b, weights, task.sample(b), model, name));
}

}  // namespace iclab::train
