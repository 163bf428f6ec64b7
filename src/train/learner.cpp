#include "train/learner.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "nn/model.h"
#include "probes/probe.h"
#include "program/autodiff.h"
#include "program/rewrite.h"
#include "tasks/task.h"
#include "train/trainer.h"

namespace iclab::train {
namespace {

using program::Builder;
using program::Value;

std::vector<std::string> names_of(std::span<const nn::Weights::Weight> weights) {
  std::vector<std::string> names;
  for (const auto& weight : weights) names.push_back(weight.name);
  return names;
}

Value loss_of(Builder& b, nn::Weights& weights, const tasks::Task& task, const nn::Model& model,
              const std::string& loss) {
  if (loss == "population") {
    const auto moments = task.moments(b, {});
    if (!moments) throw UsageError("loss 'population' needs a task of linear regression");
    return model.population_loss(b, weights, *moments);
  }
  const tasks::Prompt prompt = task.sample(b);
  return prompt_mean(square(model.predict(b, weights, prompt) - prompt["target"]));
}

// The value's id in a rewritten program, by the name of the weight's input.
std::vector<Value> inputs_named(Builder& b, const std::vector<std::string>& names) {
  std::vector<Value> values;
  for (const std::string& name : names) values.push_back(b.named(name));
  return values;
}

}  // namespace

const std::vector<std::string>& loss_names() {
  static const std::vector<std::string> names = {"mse", "population"};
  return names;
}

bool matches(const std::string& pattern, const std::string& name) {
  size_t p = 0, n = 0, star = std::string::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (star != std::string::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Learner::Learner(const Choice& task_choice, const Choice& model_choice, const Training& training,
                 bool is_double)
    : task_(task_choice), model_(model_choice), training_(training), is_double_(is_double) {
  const auto task = tasks::find_task(task_.kind).make(task_.settings);
  const auto model = nn::find_model(model_.kind).make(model_.settings);

  // Forward first, in its cheap form, so that gradients are taken of what is really computed.
  Builder forward;
  nn::Weights weights;
  const Value loss = loss_of(forward, weights, *task, *model, training_.loss);
  const std::vector<std::string> names = names_of(weights.all());
  for (const auto& weight : weights.all()) {
    const std::int64_t offset =
        weights_.empty() ? 0 : weights_.back().offset + elements(weights_.back().shape);
    weights_.push_back({weight.name, weight.value.shape(), offset});
  }
  for (const Group& group : training_.groups) {
    const bool used = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return matches(group.match, name);
    });
    if (!used)
      throw UsageError(fmt::format("[[train.group]] match = \"{}\" matches no weight; there are {}{}",
                                   group.match, join(names), did_you_mean(group.match, names)));
  }

  std::vector<int> wanted{loss.id()};
  for (const auto& weight : weights.all()) wanted.push_back(weight.value.id());
  program::Rewritten cheap = program::rewrite(forward.program(), wanted);
  const std::vector<Value> inputs = inputs_named(*cheap.builder, names);
  std::vector<int> outputs{cheap.outputs[0]};
  for (const Value& gradient :
       program::gradients(Value(cheap.builder.get(), cheap.outputs[0]), inputs))
    outputs.push_back(gradient.id());
  for (const Value& input : inputs) outputs.push_back(input.id());  // keeps unused weights alive
  const program::Rewritten whole = program::rewrite(cheap.builder->program(), outputs);
  const std::span<const int> step_outputs(whole.outputs.data(), 1 + names.size());
  const program::PlanOptions options{training_.loss == "population" ? 1 : training_.batch, is_double_,
                                     names};
  step_plan_ = program::make_plan(whole.builder->program(), step_outputs, options);

  std::vector<int> initial;
  for (const auto& weight : weights.all()) initial.push_back(weight.initial.id());
  const program::Rewritten start = program::rewrite(forward.program(), initial);
  initial_plan_ = program::make_plan(start.builder->program(), start.outputs, {1, is_double_, {}});
}

Stage Learner::compile_probe(const Choice& choice) const {
  const auto probe = probes::find_probe(choice.kind).make(choice.settings);
  if (probe->is_training_loss()) return {nullptr, {"loss"}};
  const auto task = tasks::find_task(task_.kind).make(task_.settings);
  const auto model = nn::find_model(model_.kind).make(model_.settings);

  Builder b(random::Purpose::kEvaluation);
  nn::Weights weights;
  for (const WeightInfo& weight : weights_)  // the same weights in the same order
    weights.declare(weight.name, b.constant(weight.shape, {0.0}));
  Stage stage;
  std::vector<int> outputs;
  for (const probes::Series& series : probe->build(b, weights, *task, *model)) {
    stage.series.push_back(series.name);
    outputs.push_back(prompt_mean(series.value).id());
  }
  const size_t measured = outputs.size();
  for (const auto& weight : weights.all()) outputs.push_back(weight.value.id());
  const program::Rewritten cheap = program::rewrite(b.program(), outputs);
  const program::PlanOptions options{probe->prompts(), is_double_, names_of(weights.all())};
  stage.plan = program::make_plan(cheap.builder->program(),
                                  std::span(cheap.outputs.data(), measured), options);
  return stage;
}

std::unique_ptr<Run> Learner::start(std::uint64_t study_seed, std::uint64_t seed_index,
                                    const std::string& salt, std::vector<ProbeRequest> probes,
                                    std::int64_t steps, std::optional<StopRule> stop) const {
  const program::Keys keys = program::make_keys(study_seed, seed_index, salt);
  if (is_double_)
    return std::make_unique<Trainer<double>>(*this, keys, std::move(probes), steps, std::move(stop));
  return std::make_unique<Trainer<float>>(*this, keys, std::move(probes), steps, std::move(stop));
}

}  // namespace iclab::train
