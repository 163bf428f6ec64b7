// Values of a builder's program in double, by the engine itself.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "program/executor.h"
#include "program/rewrite.h"

namespace iclab::testing {

using Numbers = std::vector<double>;

/// Each output as (elements), or (batch, elements) at prompt rate. `inputs` of lower rate are (elements).
inline std::vector<Numbers> evaluate(const program::Builder& b, const std::vector<program::Value>& outputs,
                                     std::int64_t batch, const std::map<std::string, Numbers>& inputs = {},
                                     std::uint64_t seed = 0) {
  std::vector<int> ids;
  for (const program::Value& output : outputs) ids.push_back(output.id());
  const program::Rewritten cheap = program::rewrite(b.program(), ids);
  program::Executor<double> executor(
      program::make_plan(cheap.builder->program(), cheap.outputs, {batch, true, {}}));
  for (const program::Node& node : cheap.builder->program().nodes) {
    if (node.op != program::Op::kInput) continue;
    const Numbers& numbers = inputs.at(node.name);
    if (node.rate == program::Rate::kPrompt) executor.set_prompt_input(node.name, numbers);
    else std::ranges::copy(numbers, executor.input(node.name).begin());
  }
  executor.begin(program::make_keys(11, seed));
  executor.run(0);
  std::vector<Numbers> results;
  for (size_t i = 0; i < outputs.size(); ++i)
    results.emplace_back(executor.output(i).begin(), executor.output(i).end());
  return results;
}

/// Numbers in (-1, 1), the same every time.
inline Numbers some_numbers(std::int64_t count, std::uint64_t seed) {
  Numbers numbers;
  std::uint64_t state = seed * 2654435761u + 99;
  for (std::int64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    numbers.push_back(static_cast<double>(state >> 11) * 0x1p-52 - 1);
  }
  return numbers;
}

}  // namespace iclab::testing
