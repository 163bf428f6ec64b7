#include "study/example_batch.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "nn/model.h"
#include "program/executor.h"
#include "tasks/task.h"
#include "train/compile.h"

namespace iclab::study {
namespace {

using program::Builder;
using program::DType;
using program::Rate;
using program::Stream;
using program::Value;

constexpr double kMoved = 0.1;  // standard deviation of what is added to the initial weights

Value as_real(Value value) { return value.dtype() == DType::kReal ? value : to_real(value); }

// What a batch is made of, declared in the order of a training step so that the draws are those of the run.
class Parts {
 public:
  explicit Parts(const Point& point) {
    if (point.training.fixed_prompts > 0) builder_.fix_prompts();
    const auto task = tasks::find_task(point.task.kind).make(point.task.settings);
    const auto model = nn::find_model(point.model.kind).make(point.model.settings);
    const tasks::Prompt prompt = task->sample(builder_);
    if (point.training.loss.ends_with("-positions"))
      model->predict_positions(builder_, weights_, prompt);
    else
      model->predict(builder_, weights_, prompt);

    for (const auto& weight : weights_.all()) {
      const program::Shape shape = weight.value.shape();
      add("weight." + weight.name, weight.initial + kMoved * builder_.normal(Stream::kModel, shape));
    }
    for (const auto& [part, value] : prompt.parts()) add("prompt." + part, value);
    const std::map<std::string, int> names = builder_.program().names;
    for (const auto& [name, id] : names)
      if (const Value value(&builder_, id); value.rate() == Rate::kReplica) add("drawn." + name, value);
  }

  const std::vector<std::string>& names() const { return names_; }
  const std::vector<Value>& values() const { return values_; }

 private:
  void add(const std::string& name, Value value) {
    names_.push_back(name);
    values_.push_back(as_real(value));
  }

  Builder builder_;
  nn::Weights weights_;
  std::vector<std::string> names_;
  std::vector<Value> values_;
};

template <class T>
train::Tensor tensor(const std::string& name, const program::Shape& shape, std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {name, {shape.begin(), shape.end()}, sizeof(T) == sizeof(double), {bytes.begin(), bytes.end()}};
}

template <class T>
std::vector<train::Tensor> computed(const Study& study, const Point& point) {
  const train::Learner learner(point.task, point.model, point.training, point.is_double);
  const Parts parts(point);
  const std::int64_t batch = point.training.batch;
  const program::Keys keys = program::make_keys(study.seed, 0, study.salt(point));
  std::vector<train::Tensor> tensors;

  program::Executor<T> given(train::compile_outputs(parts.values(), {}, batch, point.is_double));
  given.begin(keys);
  given.run(0, point.training.first_prompt(0, 0));
  for (size_t i = 0; i < parts.names().size(); ++i) {
    program::Shape shape = parts.values()[i].shape();
    if (parts.values()[i].rate() == Rate::kPrompt) shape.insert(shape.begin(), batch);
    tensors.push_back(tensor(parts.names()[i], shape, given.output(i)));
  }

  program::Executor<T> step(learner.step_plan());
  for (size_t i = 0; i < learner.weights().size(); ++i)
    std::ranges::copy(given.output(i), step.parameters().begin() + learner.weights()[i].offset);
  step.begin(keys);
  step.run(0, point.training.first_prompt(0, 0));
  tensors.push_back(tensor("loss", {}, step.output(0)));
  for (size_t i = 0; i < learner.weights().size(); ++i) {
    const auto& weight = learner.weights()[i];
    tensors.push_back(tensor("gradient." + weight.name, weight.shape, step.output(1 + i)));
  }
  return tensors;
}

}  // namespace

std::vector<train::Tensor> example_batch(const Study& study) {
  const Point& point = study.points.front();
  if (point.training.loss == "population")
    throw UsageError("train: loss: found 'population', which has no prompts; accepted for an example is any other loss");
  return point.is_double ? computed<double>(study, point) : computed<float>(study, point);
}

}  // namespace iclab::study
