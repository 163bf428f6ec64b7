#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "nn/kinetics_full.h"
#include "nn/kinetics_minimal.h"
#include "nn/linear_attention.h"
#include "nn/model.h"
#include "nn/one_layer_transformer.h"
#include "nn/transformer.h"

namespace iclab::nn {

Value Weights::declare(const std::string& name, const std::function<Value()>& initial) {
  for (const Weight& weight : weights_)
    if (weight.name == name) return weight.value;
  const Value start = initial();
  Builder& b = start.builder();
  const program::Shape shape = start.shape();
  const Value value = b.name(b.input(name, shape, program::Rate::kStep), name);
  weights_.push_back({name, value, start});
  return value;
}

Value Model::predict_alone(Builder&, Weights&, const tasks::Prompt&) const {
  throw UsageError("this model has no prediction without the context; accepted are the kinetics models");
}

Value Model::predict_positions(Builder&, Weights&, const tasks::Prompt&) const {
  throw UsageError("this model predicts at the query alone, not at every position");
}

void check_positions(const Model& model) {
  if (model.sees_later_points())
    throw UsageError("losses and risks over positions would compare each point with an answer that the model sees, as its "
                     "attention is not causal; accepted is causal = true, or a loss or risk at the query alone");
}

Value Model::effective_matrix(Builder&, Weights&, std::int64_t) const {
  throw UsageError("this model has no effective matrix");
}

Value Model::population_loss(Builder&, Weights&, const tasks::LinearMoments&) const {
  throw UsageError("this model has no population loss in closed form; accepted is loss = \"mse\"");
}

std::span<const ModelEntry> model_registry() {
  static const std::vector<ModelEntry> entries = {linear_attention_entry(), transformer_entry(),
                                                  one_layer_transformer_entry(),
                                                  kinetics_minimal_entry(), kinetics_full_entry()};
  return entries;
}

const ModelEntry& find_model(const std::string& name) {
  std::vector<std::string> names;
  for (const ModelEntry& entry : model_registry()) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw UsageError(fmt::format("unknown model '{}'; accepted are {}{}", name, join(names),
                               did_you_mean(name, names)));
}

}  // namespace iclab::nn
