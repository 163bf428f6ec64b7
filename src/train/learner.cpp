#include "train/learner.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "nn/model.h"
#include "probes/probe.h"
#include "tasks/curriculum.h"
#include "tasks/task.h"
#include "train/compile.h"
#include "train/loss.h"
#include "train/precision.h"
#include "train/trainer.h"

namespace iclab::train {

using program::Builder;
using program::Value;

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

const Group* group_of(const Training& training, const std::string& weight) {
  for (const Group& group : training.groups)
    if (matches(group.match, weight)) return &group;
  return nullptr;
}

namespace {

// Single precision counts halves exactly up to here.
constexpr std::int64_t kMostCounted = std::int64_t{1} << 23;

// 1 at the prompt's part of the batch, else 0: (parts).
Value part_of_batch(Builder& b, std::int64_t parts) {
  std::vector<std::int64_t> begin, last;
  for (std::int64_t part = 0; part < parts; ++part) {
    begin.push_back(part * kMostCounted);
    last.push_back((part + 1) * kMostCounted - 1);
  }
  const Value index = b.prompt_index();
  return to_real(logical_and(b.integer_constant({parts}, begin) <= index, index <= b.integer_constant({parts}, last)));
}

// What a fraction is divided from: sums of weight * value and of weight over prompts below `prompts`, in one order, (2).
// More prompts than can be counted exactly are counted in parts, (parts, 2).
Value sums_of(Builder& b, const probes::Series& fraction, std::int64_t prompts) {
  if (!fraction.value.shape().empty())
    throw Error(fmt::format("[probe] series '{}': expected a scalar as a fraction, received {}", fraction.name,
                            program::to_string(fraction.value.shape())));
  const Value value = reshape(fraction.value, {1}), all = b.constant({1}, {1.0});
  const Value both = fraction.weight * program::concat({value, all}, 0);
  const std::int64_t parts = (prompts + kMostCounted - 1) / kMostCounted;
  return prompt_sum(parts == 1 ? both : reshape(part_of_batch(b, parts), {parts, 1}) * both);
}

}  // namespace

// The probes compiled so far, by kind and settings; runs ask from several threads.
struct Learner::Compiled {
  std::mutex mutex;
  std::map<std::string, Stage> probes;
};

Learner::Learner(const Choice& task_choice, const Choice& model_choice, const Training& training,
                 bool is_double)
    : task_(task_choice), model_(model_choice), training_(training), is_double_(is_double),
      compiled_(std::make_shared<Compiled>()) {
  if (!is_double_) check_float32(task_, model_, training_);
  const auto task = tasks::find_task(task_.kind).make(task_.settings);
  const auto model = nn::find_model(model_.kind).make(model_.settings);
  if (training_.loss == "population" &&
      tasks::without_curricula(task_.settings).values() != task_.settings.values())
    throw UsageError("loss 'population' has no curriculum; accepted is another loss");

  // The loss as it is written; compile_step brings it to its cheap form before it takes gradients.
  Builder forward;
  if (training_.fixed_prompts > 0) forward.fix_prompts();
  nn::Weights weights;
  const Value loss = loss_of(forward, weights, *task, *model, training_.loss);
  for (const auto& weight : weights.all()) {
    const std::int64_t offset =
        weights_.empty() ? 0 : weights_.back().offset + program::elements(weights_.back().shape);
    weights_.push_back({weight.name, weight.value.shape(), offset});
  }
  check_groups(names_of(weights));

  const std::int64_t batch = training_.loss == "population" ? 1 : training_.batch;
  step_plan_ = compile_step(loss, weights, {}, batch, is_double_);
  std::vector<Value> initial;
  for (const auto& weight : weights.all()) initial.push_back(weight.initial);
  initial_plan_ = compile_outputs(initial, {}, 1, is_double_);
}

void Learner::check_groups(const std::vector<std::string>& names) const {
  for (const Group& group : training_.groups) {
    const bool used = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return matches(group.match, name);
    });
    if (!used)
      throw UsageError(fmt::format("[[train.group]] match = \"{}\" matches no weight; there are {}{}",
                                   group.match, join(names), did_you_mean(group.match, names)));
  }
  const bool all_frozen = std::ranges::all_of(names, [&](const std::string& name) {
    const Group* group = group_of(training_, name);
    return group && group->frozen;
  });
  if (all_frozen) throw UsageError("[[train.group]] frozen: every weight is frozen: nothing would be trained");
}

Stage Learner::compile_probe(const Choice& choice) const {
  const std::string key = choice.kind + " " + choice.settings.json().dump();
  const std::lock_guard lock(compiled_->mutex);
  const auto found = compiled_->probes.find(key);
  if (found != compiled_->probes.end()) return found->second;
  return compiled_->probes.emplace(key, build_probe(choice)).first->second;
}

namespace {

// What all prompts of a step cost.
double prompt_work(const program::Plan& plan) {
  const program::Account account = program::explain(plan, std::vector<std::string>(plan.outputs.size()));
  const auto prompts = static_cast<size_t>(program::Rate::kPrompt);
  return account.flops[prompts] + account.bytes[prompts];
}

// The same plan for so few prompts that they cost no more than `work`, one at least.
std::shared_ptr<const program::Plan> with_less_work(const std::shared_ptr<const program::Plan>& plan, double work) {
  const double share = work / prompt_work(*plan);
  if (!(share < 1)) return plan;
  program::PlanOptions options = plan->options;
  options.batch = std::max<std::int64_t>(1, static_cast<std::int64_t>(share * static_cast<double>(options.batch)));
  return program::make_plan(plan->program, plan->outputs, options);
}

}  // namespace

Learner Learner::limited(double work) const {
  Learner less = *this;
  less.compiled_ = std::make_shared<Compiled>();
  less.most_work_ = work;
  less.step_plan_ = with_less_work(step_plan_, work);
  if (less.step_plan_ != step_plan_) {
    less.training_.batch = less.step_plan_->options.batch;
    if (training_.fixed_prompts > 0) less.training_.fixed_prompts = less.training_.batch;
  }
  const double batches = work / std::max(1.0, prompt_work(*less.step_plan_));
  if (batches < static_cast<double>(training_.accumulate))
    less.training_.accumulate = std::max<std::int64_t>(1, static_cast<std::int64_t>(batches));
  return less;
}

std::int64_t Learner::bytes(std::span<const Choice> probes, int threads) const {
  std::int64_t total = program::executor_bytes(*step_plan_, threads) + program::executor_bytes(*initial_plan_);
  for (const Choice& probe : probes)
    if (const auto plan = compile_probe(probe).plan) total += program::executor_bytes(*plan, threads);

  // The weights before an update, the optimiser's moments, and a saved state of weights and moments.
  const std::int64_t moments = find_optimizer(training_.optimizer.kind).moments;
  std::int64_t numbers = step_plan_->parameter_elements * (1 + moments + 1 + moments);
  if (training_.accumulate > 1) numbers += step_plan_->output_elements;
  return total + numbers * program::scalar_bytes(program::DType::kReal, is_double_);
}

Learner::Costs Learner::costs() const {
  Builder b;
  nn::Weights weights;
  const Value loss = loss_of(b, weights, *tasks::find_task(task_.kind).make(task_.settings),
                             *nn::find_model(model_.kind).make(model_.settings), training_.loss);
  std::vector<std::string> names{"loss"};
  for (const WeightInfo& weight : weights_) names.push_back("gradient of " + weight.name);
  const std::vector<int> outputs = written_step(loss, weights);
  return {program::explain(b.program(), outputs, names, step_plan_->options.batch, is_double_),
          program::explain(*step_plan_, names)};
}

std::vector<std::string> Learner::notes(const Choice& choice) const {
  const auto task = tasks::find_task(task_.kind).make(tasks::without_curricula(task_.settings));
  return probes::find_probe(choice.kind).make(choice.settings)->notes(*task);
}

Stage Learner::build_probe(const Choice& choice) const {
  const auto probe = probes::find_probe(choice.kind).make(choice.settings);
  Stage stage;
  if (probe->is_training_loss()) {
    stage.series = {"loss"};
    stage.elements = {1};
    stage.is_fraction = {false};
    return stage;
  }
  // Curricula are for training: probes measure the whole task, unless it is the step's batch they look at.
  const bool on_batch = probe->on_training_batch();
  const auto task = tasks::find_task(task_.kind)
                        .make(on_batch ? task_.settings : tasks::without_curricula(task_.settings));
  const auto model = nn::find_model(model_.kind).make(model_.settings);

  Builder b(on_batch ? random::Purpose::kPrompts : random::Purpose::kEvaluation);
  if (on_batch && training_.fixed_prompts > 0) b.fix_prompts();
  nn::Weights weights;
  for (const WeightInfo& weight : weights_)  // the same weights in the same order
    weights.declare(weight.name, [&] { return b.constant(weight.shape, {0.0}); });
  const std::int64_t prompts = on_batch ? training_.batch : probe->prompts(*task);
  const std::int64_t last_prompt = on_batch ? std::max(prompts, training_.fixed_prompts) : prompts;
  std::vector<Value> outputs;
  for (const probes::Series& series : probe->build(b, weights, *task, *model)) {
    stage.series.push_back(series.name);
    stage.is_fraction.push_back(series.weight.valid());
    stage.elements.push_back(series.weight.valid() ? 1 : program::elements(series.value.shape()));
    outputs.push_back(series.weight.valid() ? sums_of(b, series, last_prompt) : prompt_mean(series.value));
  }
  stage.on_training_batch = on_batch;
  stage.plan = compile_outputs(outputs, weights, prompts, is_double_);
  if (most_work_) stage.plan = with_less_work(stage.plan, *most_work_);
  return stage;
}

std::unique_ptr<Run> Learner::start(std::uint64_t study_seed, std::uint64_t seed_index,
                                    const std::string& salt, std::vector<ProbeRequest> probes,
                                    std::int64_t steps, std::vector<StopRule> stops,
                                    int threads) const {
  const program::Keys keys = program::make_keys(study_seed, seed_index, salt);
  if (is_double_)
    return std::make_unique<Trainer<double>>(*this, keys, std::move(probes), steps, std::move(stops), threads);
  return std::make_unique<Trainer<float>>(*this, keys, std::move(probes), steps, std::move(stops), threads);
}

}  // namespace iclab::train
