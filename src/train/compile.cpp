#include "train/compile.h"

#include "base/error.h"
#include "program/autodiff.h"
#include "program/fuse.h"
#include "program/rewrite.h"

namespace iclab::train {
namespace {

using program::Builder;
using program::Value;

// The weights themselves are asked for too, so that rewriting keeps those nothing depends on.
std::vector<int> with_weights(std::vector<int> outputs, const nn::Weights& weights) {
  for (const auto& weight : weights.all()) outputs.push_back(weight.value.id());
  return outputs;
}

}  // namespace

std::vector<std::string> names_of(const nn::Weights& weights) {
  std::vector<std::string> names;
  for (const auto& weight : weights.all()) names.push_back(weight.name);
  return names;
}

std::shared_ptr<const program::Plan> compile_step(Value loss, const nn::Weights& weights,
                                                  std::span<const Value> more, std::int64_t batch,
                                                  bool is_double) {
  // Differentiate the cheap form: what the forward program does not compute has no adjoint.
  std::vector<int> wanted{loss.id()};
  for (const Value& value : more) wanted.push_back(value.id());
  const size_t more_end = wanted.size();
  wanted = with_weights(std::move(wanted), weights);
  const program::Rewritten cheap = program::rewrite(loss.builder().program(), wanted, batch);
  const auto mapped = [&](size_t i) { return Value(cheap.builder.get(), cheap.outputs[i]); };

  std::vector<Value> inputs;
  for (size_t i = more_end; i < wanted.size(); ++i) inputs.push_back(mapped(i));
  std::vector<int> outputs{cheap.outputs[0]};
  for (const Value& gradient : program::gradients(mapped(0), inputs)) outputs.push_back(gradient.id());
  for (size_t i = 1; i < more_end; ++i) outputs.push_back(cheap.outputs[i]);
  const size_t measured = outputs.size();
  for (const Value& input : inputs) outputs.push_back(input.id());

  const program::Rewritten whole = program::rewrite(cheap.builder->program(), outputs, batch);
  const program::Rewritten fused = program::fuse(whole.builder->program(), whole.outputs);
  return program::make_plan(fused.builder->program(), std::span(fused.outputs).first(measured),
                            {batch, is_double, names_of(weights)});
}

std::vector<int> written_step(Value loss, const nn::Weights& weights) {
  std::vector<Value> inputs;
  for (const auto& weight : weights.all()) inputs.push_back(weight.value);
  std::vector<int> outputs{loss.id()};
  for (const Value& gradient : program::gradients(loss, inputs)) outputs.push_back(gradient.id());
  return outputs;
}

std::shared_ptr<const program::Plan> compile_outputs(std::span<const Value> outputs,
                                                     const nn::Weights& weights, std::int64_t batch,
                                                     bool is_double) {
  if (outputs.empty()) throw Error("[compile] expected at least one output, received none");
  std::vector<int> wanted;
  for (const Value& value : outputs) wanted.push_back(value.id());
  const program::Rewritten cheap = program::rewrite(outputs[0].builder().program(),
                                                    with_weights(wanted, weights), batch);
  const program::Rewritten fused = program::fuse(cheap.builder->program(), cheap.outputs);
  return program::make_plan(fused.builder->program(), std::span(fused.outputs).first(outputs.size()),
                            {batch, is_double, names_of(weights)});
}

}  // namespace iclab::train
