#include "papers/compiled_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lanes/kernels.h"
#include "papers/vectors.h"
#include "train/compile.h"

namespace iclab::papers {

CompiledStep::CompiledStep(program::Value loss, const nn::Weights& weights, std::span<const program::Value> more,
                           std::int64_t batch)
    : weights_(weights), executor_(train::compile_step(loss, weights, more, batch, true)) {}

void CompiledStep::weight(const std::string& name, const std::vector<double>& numbers) {
  std::ranges::copy(numbers, executor_.input(name).begin());
}

void CompiledStep::prompts(const std::string& name, const std::vector<double>& numbers) {
  std::vector<double>& kept = prompts_[name] = numbers;  // the executor reads them at each run
  executor_.set_prompt_input(name, kept);
}

void CompiledStep::run() {
  executor_.begin({});
  executor_.run(0);
}

void CompiledStep::descend(double lr) {
  const lanes::Kernels<double>& kernels = lanes::kernels<double>(lanes::chosen_instruction_set());
  const lanes::FlushDenormals flush;
  for (const nn::Weights::Weight& weight : weights_.all()) {
    const std::vector<double> slope = gradient(weight.name);
    lanes::UpdateArgs args;
    args.n = static_cast<std::int64_t>(slope.size());
    args.lr = lr;
    args.scale = 1;
    args.theta = executor_.input(weight.name).data();
    args.gradient = slope.data();
    if (!kernels.update[static_cast<size_t>(lanes::Update::kSgd)](args))
      throw Error(fmt::format("[verify] descent: '{}' is not finite", weight.name));
  }
}

std::vector<double> CompiledStep::weight(const std::string& name) {
  const std::span<const double> numbers = executor_.input(name);
  return {numbers.begin(), numbers.end()};
}

std::vector<double> CompiledStep::gradient(const std::string& name) const { return output(1 + position(name)); }

Json CompiledStep::nested_gradient(const std::string& name) const {
  return nested(gradient(name), weights_.all()[position(name)].value.shape());
}

std::vector<double> CompiledStep::more(size_t i) const { return output(1 + weights_.all().size() + i); }

size_t CompiledStep::position(const std::string& name) const {
  const auto all = weights_.all();
  const auto found = std::ranges::find(all, name, &nn::Weights::Weight::name);
  if (found == all.end()) throw Error(fmt::format("[verify] no weight '{}'", name));
  return static_cast<size_t>(found - all.begin());
}

std::vector<double> CompiledStep::output(size_t i) const {
  const std::span<const double> values = executor_.output(i);
  return {values.begin(), values.end()};
}

}  // namespace iclab::papers
