// A training step at given weights and prompts: what recomputes test vectors is what training executes.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "nn/model.h"
#include "program/executor.h"

namespace iclab::papers {

/// A loss with its gradients, compiled as training does, in float64.
class CompiledStep {
 public:
  /// `loss` as in train::compile_step; `weights` must outlive the step. `more`: values to read after a run.
  CompiledStep(program::Value loss, const nn::Weights& weights, std::span<const program::Value> more,
               std::int64_t batch);

  /// The numbers of a weight, of an input of each prompt (batch, ...); row-major.
  void weight(const std::string& name, const std::vector<double>& numbers);
  void prompts(const std::string& name, const std::vector<double>& numbers);

  void run();

  /// One update of every weight by gradient descent, with the kernel of optimizer 'sgd'; after run().
  void descend(double lr);

  double loss() const { return executor_.output(0)[0]; }
  std::vector<double> weight(const std::string& name);
  std::vector<double> gradient(const std::string& name) const;
  /// The gradient nested in the weight's shape.
  Json nested_gradient(const std::string& name) const;
  /// The i-th of `more`.
  std::vector<double> more(size_t i) const;

 private:
  size_t position(const std::string& name) const;  // throws Error
  std::vector<double> output(size_t i) const;

  const nn::Weights& weights_;
  std::map<std::string, std::vector<double>> prompts_;
  program::Executor<double> executor_;
};

}  // namespace iclab::papers
