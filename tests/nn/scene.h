// A builder with some weights and prompts, for tests of models.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nn/model.h"
#include "tests/evaluate.h"

namespace iclab::nn {

struct Scene {
  Builder b;
  Weights weights;
  std::map<std::string, iclab::testing::Numbers> inputs;

  // Numbers in (-1, 1) for every weight declared.
  void give_weights(std::uint64_t seed) {
    for (const auto& weight : weights.all())
      inputs[weight.name] =
          iclab::testing::some_numbers(program::elements(weight.value.shape()), ++seed);
  }

  // A prompt of regression, given from outside: n examples of dimension d.
  tasks::Prompt regression(std::int64_t batch, std::int64_t n, std::int64_t d) {
    tasks::Prompt prompt;
    const auto part = [&](const std::string& name, const program::Shape& shape) {
      inputs[name] =
          iclab::testing::some_numbers(batch * program::elements(shape), inputs.size() + 5);
      prompt.set(name, b.input(name, shape, program::Rate::kPrompt));
    };
    part("x", {n, d});
    part("y", {n});
    part("x_query", {d});
    part("target", {});
    part("targets", {n + 1});
    return prompt;
  }

  std::vector<iclab::testing::Numbers> evaluate(const std::vector<Value>& outputs,
                                                std::int64_t batch) {
    return iclab::testing::evaluate(b, outputs, batch, inputs);
  }
};

}  // namespace iclab::nn
