// A model: a small program that maps one prompt to a prediction, and the weights it declares.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/settings.h"
#include "program/builder.h"
#include "tasks/task.h"

namespace iclab::nn {

using program::Builder;
using program::Value;

/// The weights of a model, in the order of their declaration.
class Weights {
 public:
  struct Weight {
    std::string name;
    Value value;    // what the model computes with (step rate)
    Value initial;  // what it starts from (replica or study rate), same shape
  };

  /// The weight of that name (mention weights in separate statements: their order is that of the run's
  /// weights, and C++ does not order arguments); the first mention declares it and asks for its initial value, later ones
  /// don't, so that random initial values do not depend on how often a weight is mentioned.
  Value declare(const std::string& name, const std::function<Value()>& initial);

  std::span<const Weight> all() const { return weights_; }

 private:
  std::vector<Weight> weights_;
};

class Model {
 public:
  virtual ~Model() = default;

  /// The prediction for the prompt's query, () or (classes). Inner values are named.
  virtual Value predict(Builder& b, Weights& weights, const tasks::Prompt& prompt) const = 0;

  /// The prediction for the query without the context: what memory alone says. Throws UsageError if the model
  /// has no such part.
  virtual Value predict_alone(Builder& b, Weights& weights, const tasks::Prompt& prompt) const;

  /// The predictions for every point of the prompt, each from those before it, the query last: (points)
  /// or (points, classes). Throws UsageError if the model predicts at the query alone.
  virtual Value predict_positions(Builder& b, Weights& weights, const tasks::Prompt& prompt) const;

  /// True if predictions over positions see also what comes after their point, their own answers among it.
  virtual bool sees_later_points() const { return false; }

  /// The matrix Gamma (d, d) with prediction x_q^T Gamma h, if the model has one.
  /// Throws UsageError otherwise.
  virtual Value effective_matrix(Builder& b, Weights& weights, std::int64_t dim) const;

  /// E (f - y_q)^2 over the task's prompts, at step rate. Throws UsageError if it has no closed form.
  virtual Value population_loss(Builder& b, Weights& weights,
                                const tasks::LinearMoments& moments) const;
};

/// Throws UsageError if the model's predictions over positions would be compared with answers that they see.
void check_positions(const Model& model);

struct ModelEntry {
  std::string name, summary, source;
  std::vector<Parameter> parameters;
  std::function<std::unique_ptr<Model>(const Settings&)> make;
};

std::span<const ModelEntry> model_registry();

/// Throws UsageError with the nearest name.
const ModelEntry& find_model(const std::string& name);

}  // namespace iclab::nn
