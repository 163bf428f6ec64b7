// Prints one SHA-256 of what the engine computes: draws, functions, and runs of several learners in both
// precisions. Every compiler, optimisation level and instruction set must print the same.
#include <cstdio>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "nn/model.h"
#include "probes/probe.h"
#include "program/executor.h"
#include "program/functions.h"
#include "program/rewrite.h"
#include "tasks/task.h"
#include "train/learner.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace iclab {
namespace {

using program::Builder;
using program::Stream;
using program::Value;
using train::Choice;
using Given = std::map<std::string, Setting>;

constexpr std::int64_t kSteps = 30;

template <class Entry>
Choice choice(const Entry& entry, const Given& given) {
  return {entry.name, resolve(entry.parameters, given, entry.name,
                              [](const std::string& key) { return key; })};
}

template <class T>
void add(Sha256& hash, std::span<const T> values) {
  hash.update(std::as_bytes(values));
}

// ---- draws and functions ------------------------------------------------------------------------

template <class T>
void add_program(Sha256& hash) {
  Builder b;
  const Value x = b.normal(Stream::kPrompt, {6, 24});
  std::vector<double> zipf;
  for (int i = 1; i <= 200; ++i) zipf.push_back(1.0 / i);
  const std::vector<Value> outputs{
      x,
      b.gamma(Stream::kPrompt, {3}, {0.3, 1.0, 7.5}),
      to_real(b.categorical(Stream::kPrompt, {8}, zipf)),
      to_real(b.integers(Stream::kPrompt, {8}, 1000)),
      program::softmax(x),
      program::causal_softmax(x),
      program::layer_norm(x),
      program::rms_norm(x),
      program::gelu(x),
      program::gelu_tanh(x),
      program::softplus(x),
      program::sort(x),
      program::cumulative_product(x),
      program::log_sum_exp(matmul(x, transpose(x)))};
  std::vector<int> ids;
  for (const Value& output : outputs) ids.push_back(output.id());
  const program::Rewritten cheap = program::rewrite(b.program(), ids);
  program::Executor<T> executor(
      program::make_plan(cheap.builder->program(), cheap.outputs, {100, sizeof(T) == 8, {}}));
  executor.begin(program::make_keys(5, 0));
  executor.run(1);
  for (size_t i = 0; i < outputs.size(); ++i) add(hash, executor.output(i));
}

// ---- runs ---------------------------------------------------------------------------------------

struct Case {
  Choice task, model;
  train::Training training;
};

Choice task(const std::string& kind, const Given& given) {
  return choice(tasks::find_task(kind), given);
}
Choice model(const std::string& kind, const Given& given) {
  return choice(nn::find_model(kind), given);
}

train::Training training(const std::string& kind, double lr, const std::string& loss, std::int64_t batch) {
  train::Training training;
  training.optimizer = choice(train::find_optimizer(kind), {{"lr", lr}});
  training.loss = loss;
  training.batch = batch;
  return training;
}

std::vector<Case> cases() {
  const std::int64_t dim = 5, context = 11;
  const Given size{{"dim", dim}, {"context", context}, {"noise", 0.1}};
  Given growing = size;
  growing["dim.curriculum"] = std::vector<std::int64_t>{2, 1, 5};
  const Choice regression = task("linear-regression", size);
  const auto attention = [](const std::string& form) {
    return model("linear-attention", {{"form", form}, {"alpha", 0.3}});
  };
  const Choice transformer = model("transformer", {{"layers", std::int64_t{2}},
                                                   {"heads", std::int64_t{2}},
                                                   {"width", std::int64_t{32}}});
  train::Training whole = training("adamw", 0.003, "mse-positions", 20);
  whole.accumulate = 3;
  whole.fixed_prompts = 120;
  whole.clip = 0.5;
  whole.schedule = choice(train::find_rate_schedule("cosine"),
                          {{"warmup", std::int64_t{5}}, {"steps", kSteps}, {"end", 0.1}});
  return {{regression, attention("full"), training("adam", 0.01, "mse", 50)},
          {regression, attention("factored"), training("sgd", 0.01, "population", 1)},
          {task("linear-regression", growing), transformer, whole},
          {task("item-label", {{"items", std::int64_t{64}}, {"context", context}, {"dim", dim}}),
           model("kinetics-minimal", {{"hidden", std::int64_t{40}}}),
           training("momentum", 0.01, "logistic", 33)}};
}

void add_run(Sha256& hash, const Case& c, bool is_double) {
  const train::Learner learner(c.task, c.model, c.training, is_double);
  std::vector<std::int64_t> due;
  for (std::int64_t step = 0; step <= kSteps; ++step) due.push_back(step);
  const train::ProbeRequest loss{.choice = choice(probes::find_probe("loss"), {}), .due = due};
  const auto run = learner.start(1, 2, "", {loss}, kSteps, {});
  std::vector<train::Measurement> measured;
  run->advance(kSteps, measured);
  for (const train::Measurement& m : measured) add(hash, std::span<const double>(&m.value, 1));
  for (const train::Tensor& tensor : run->weights()) hash.update(std::span(tensor.bytes));
}

}  // namespace
}  // namespace iclab

int main() {
  iclab::Sha256 hash;
  iclab::add_program<float>(hash);
  iclab::add_program<double>(hash);
  for (const iclab::Case& c : iclab::cases())
    for (const bool is_double : {false, true}) iclab::add_run(hash, c, is_double);
  std::puts(iclab::to_hex(hash.digest()).c_str());
}
