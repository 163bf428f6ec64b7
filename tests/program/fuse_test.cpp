#include "program/fuse.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "program/autodiff.h"
#include "program/executor.h"
#include "program/functions.h"
#include "tests/evaluate.h"

namespace iclab::program {
namespace {

using iclab::testing::Numbers;
using iclab::testing::some_numbers;

int count(const Program& program, Op op) {
  int found = 0;
  for (const Node& node : program.nodes) found += node.op == op;
  return found;
}

// The outputs of a program in float, so that a different order of sums would show.
std::vector<std::vector<float>> executed(const Program& program, const std::vector<int>& outputs,
                                         Layout layout) {
  Executor<float> executor(make_plan(program, outputs, {21, false, {}, layout}));
  std::map<std::string, std::vector<float>> kept;
  const std::vector<bool> live = live_nodes(program, outputs);
  for (size_t id = 0; id < live.size(); ++id) {
    const Node& node = program.nodes[id];
    if (node.op != Op::kInput || !live[id]) continue;
    const bool prompts = node.rate == Rate::kPrompt;
    const Numbers numbers =
        some_numbers(elements(node.shape) * (prompts ? 21 : 1), node.name.size());
    std::vector<float>& x = kept[node.name];
    x.assign(numbers.begin(), numbers.end());
    if (prompts) executor.set_prompt_input(node.name, x);
    else std::ranges::copy(x, executor.input(node.name).begin());
  }
  executor.begin(make_keys(1, 0));
  executor.run(0);
  std::vector<std::vector<float>> results;
  for (size_t i = 0; i < outputs.size(); ++i)
    results.emplace_back(executor.output(i).begin(), executor.output(i).end());
  return results;
}

struct Fused {
  Builder b;
  Value w = b.input("w", {5, 7}, Rate::kStep), x = b.input("xx", {9, 5}, Rate::kPrompt);
  Value u = b.input("uuu", {5}, Rate::kPrompt);

  // Sums left after fusion; bits as before in both layouts.
  int sums_left(const std::vector<Value>& values) {
    std::vector<int> outputs;
    for (const Value& value : values) outputs.push_back(value.id());
    const Rewritten fused = fuse(b.program(), outputs);
    for (const Layout layout : {Layout::kLanes, Layout::kOrdinary})
      EXPECT_EQ(executed(fused.builder->program(), fused.outputs, layout),
                executed(b.program(), outputs, layout));
    return count(fused.builder->program(), Op::kBinary);
  }
};

TEST(Fuse, BiasesAndResidualsJoinTheirProducts) {
  Fused f;
  const Value product = matmul(f.x, f.w);
  for (const Shape& shape : {Shape{}, {7}, {1, 7}, {9, 1}, {9, 7}, {1, 1}})
    for (const Rate rate : {Rate::kReplica, Rate::kStep, Rate::kPrompt}) {
      const Value addend = f.b.input("a" + to_string(shape) + name(rate), shape, rate);
      EXPECT_EQ(f.sums_left({product + addend}), 0) << to_string(shape);
      EXPECT_EQ(f.sums_left({addend + product}), 0) << to_string(shape);
    }
}

TEST(Fuse, SeesVectorsAndBatches) {
  Fused f;
  const Value bias = f.b.input("bias", {7}, Rate::kStep);
  EXPECT_EQ(f.sums_left({relu(matmul(f.u, f.w) + bias)}), 0);
  EXPECT_EQ(f.sums_left({relu(matmul(transpose(f.w), f.u) + bias)}), 0) << "a column";
  EXPECT_EQ(f.sums_left({matmul(transpose(f.w), f.u) + f.b.input("c", {}, Rate::kStep)}), 0);
  const Value heads = f.b.input("heads", {3, 5, 7}, Rate::kStep);
  EXPECT_EQ(f.sums_left({matmul(f.x, heads) + f.b.input("by head", {3, 1, 7}, Rate::kStep)}), 0);
}

TEST(Fuse, TwoProductsOneSum) {
  Fused f;
  EXPECT_EQ(f.sums_left({matmul(f.x, f.w) + matmul(exp(f.x), f.w)}), 0);
  EXPECT_EQ(f.sums_left({matmul(f.x, f.w) + 1.0 + f.b.input("b", {7}, Rate::kStep)}), 1)
      << "one addend a product";
}

TEST(Fuse, LeavesWhatOthersRead) {
  Fused f;
  const Value product = matmul(f.x, f.w), bias = f.b.input("b", {7}, Rate::kStep);
  EXPECT_EQ(f.sums_left({product + bias, product}), 1) << "an output";
  EXPECT_EQ(f.sums_left({product + bias, exp(product)}), 1);
  EXPECT_EQ(f.sums_left({product - bias}), 1) << "a difference";
  EXPECT_EQ(f.sums_left({product + f.b.input("larger", {2, 9, 7}, Rate::kStep)}), 1) << "stretched";
  EXPECT_EQ(f.sums_left({matmul(transpose(f.w), f.w) + f.b.input("each", {7, 7}, Rate::kPrompt)}), 1)
      << "a product once a step";
}

TEST(Fuse, KeepsNames) {
  Fused f;
  const Value product = f.b.name(matmul(f.x, f.w), "product"), sum = f.b.name(product + 1.0, "sum");
  const Rewritten fused = fuse(f.b.program(), std::vector<int>{sum.id()});
  EXPECT_EQ(fused.builder->named("sum").id(), fused.outputs[0]);
  EXPECT_FALSE(fused.builder->program().names.contains("product"));
}

TEST(Fuse, ComesLast) {
  Fused f;
  const Value loss = prompt_mean(sum(matmul(f.x, f.w) + f.b.input("b", {7}, Rate::kStep)));
  const Rewritten fused = fuse(f.b.program(), std::vector<int>{loss.id()});
  Builder& b = *fused.builder;
  EXPECT_THROW(rewrite(b.program(), fused.outputs), Error);
  const Value w(&b, 0);
  ASSERT_EQ(w.node().name, "w");
  EXPECT_THROW(gradients({&b, fused.outputs[0]}, std::vector{w}), Error);
}

}  // namespace
}  // namespace iclab::program
