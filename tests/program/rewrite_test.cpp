#include "program/rewrite.h"

#include <gtest/gtest.h>

#include <cmath>

#include "program/autodiff.h"
#include "program/executor.h"
#include "tests/program/interpreter.h"

namespace iclab::program {
namespace {

using testing::Interpreter;
using testing::Numbers;
using testing::with_inputs;

int count(const Program& program, Op op) {
  int found = 0;
  for (const Node& node : program.nodes) found += node.op == op;
  return found;
}

double live_flops(const Program& program, std::span<const int> outputs) {
  std::vector<bool> live(program.nodes.size(), false);
  for (const int id : outputs) live[static_cast<size_t>(id)] = true;
  double total = 0;
  for (int id = static_cast<int>(program.nodes.size()); id-- > 0;) {
    if (!live[static_cast<size_t>(id)]) continue;
    for (const int in : program[id].in) live[static_cast<size_t>(in)] = true;
    total += flops(program, id);
  }
  return total;
}

// Rewriting may reassociate sums: equal to a few roundings of the largest entry.
void expect_same_values(const Program& program, const std::vector<int>& outputs) {
  const Rewritten cheap = rewrite(program, outputs);
  const Interpreter run = with_inputs(program, 3);
  const auto before = run.evaluate(program, outputs);
  const auto after = run.evaluate(cheap.builder->program(), cheap.outputs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    ASSERT_EQ(before[i].size(), after[i].size());
    EXPECT_EQ(cheap.builder->program()[cheap.outputs[i]].shape, program[outputs[i]].shape);
    double largest = 0;
    for (const double x : before[i]) largest = std::max(largest, std::fabs(x));
    for (size_t e = 0; e < before[i].size(); ++e)
      EXPECT_NEAR(before[i][e], after[i][e], 256 * 0x1p-52 * largest) << "output " << i << " at " << e;
  }
}

TEST(Rewrite, ASumOverAxesOfOneElementIsNone) {
  Builder b;
  const Value x = b.input("x", {1, 7, 1}, Rate::kPrompt), y = b.input("y", {2, 7}, Rate::kPrompt);
  const std::vector<int> outputs{sum(x, {0, 2}).id(), sum(y, {0}).id()};
  const Rewritten cheap = rewrite(b.program(), outputs);
  EXPECT_EQ(count(cheap.builder->program(), Op::kSum), 1);
  expect_same_values(b.program(), outputs);
}

TEST(Rewrite, DropsWhatNobodyUses) {
  Builder b;
  const Value x = b.input("x", {2}, Rate::kStep);
  const Value used = exp(x);
  (void)tanh(x);
  const std::vector<int> outputs{used.id()};
  EXPECT_EQ(rewrite(b.program(), outputs).builder->program().nodes.size(), 2u);
  EXPECT_EQ(count_live(b.program(), outputs), 2);
}

TEST(Rewrite, ComputesOnlyTheRowSomebodyReads) {
  Builder b;
  const Value w = b.input("w", {40, 30}, Rate::kStep), x = b.input("x", {30, 20}, Rate::kPrompt);
  const Value layer = tanh(matmul(w, x) + b.input("bias", {40, 1}, Rate::kStep)) * 2.0;
  const std::vector<int> outputs{index(index(layer, 0, 39), 0, 19).id()};
  const Rewritten cheap = rewrite(b.program(), outputs);
  EXPECT_EQ(live_flops(cheap.builder->program(), cheap.outputs), 2 * 30 + 3) << "one dot product, bias, tanh, 2x";
  expect_same_values(b.program(), outputs);
}

TEST(Rewrite, PushesSlicesThroughEveryOperationBeforeThem) {
  Builder b;
  const Value x = b.input("x", {4, 5}, Rate::kPrompt), y = b.input("y", {4, 5}, Rate::kPrompt);
  const Value row = b.input("row", {5}, Rate::kStep), w = b.input("w", {5, 5}, Rate::kStep);
  const Value batched = b.input("batched", {3, 4, 5}, Rate::kPrompt);
  const std::vector<std::pair<const char*, Value>> whole = {
      {"unary", exp(x)},
      {"binary", x * row},
      {"select", select(x < y, x, row)},
      {"logic", to_real(logical_and(x < y, x < row))},
      {"broadcast", broadcast_to(reshape(index(x, 0, 0) * 2.0, {1, 5}), {4, 5})},
      {"transpose", transpose(matmul(w, transpose(x)))},
      {"product", matmul(x, w)},
      {"concat along", concat({x * y, exp(y)}, 0)},
      {"concat across", concat({x * y, exp(y)}, 1)},
      {"pad across", pad(x * y, 0, 1, 7)},
      {"reshape", reshape(x * y, {4, 1, 5})},
      {"softmax", softmax(x * y)},
      {"causal softmax", causal_softmax(x * y, 1)},
      {"log_sum_exp", log_sum_exp(x * y)},
      {"layer norm", layer_norm(x * y)},
      {"rms norm", rms_norm(x * y)},
      {"cumulative sum", cumulative_sum(x * y)},
      {"rank", to_real(rank(x * y))},
      {"gather", gather(x * y, b.integer_constant({3}, {3, 0, 3}))},
      {"gather by prompt", gather(w * 2.0, b.prompt_index() + b.integer_constant({2}, {0, 1}))},
  };
  for (const auto& [what, value] : whole)
    for (int axis = 0; axis < static_cast<int>(value.shape().size()); ++axis)
      for (std::int64_t begin = 0; begin < value.shape()[static_cast<size_t>(axis)]; ++begin) {
        SCOPED_TRACE(what);
        const std::vector<int> outputs{slice(value, axis, begin, 1).id()};
        expect_same_values(b.program(), outputs);
        const Rewritten cheap = rewrite(b.program(), outputs);
        EXPECT_LE(live_flops(cheap.builder->program(), cheap.outputs), live_flops(b.program(), outputs));
        // And every other one from there on.
        const std::int64_t rest = value.shape()[static_cast<size_t>(axis)] - begin;
        expect_same_values(b.program(), {slice(value, axis, begin, (rest + 1) / 2, 2).id()});
      }
  for (int axis = 0; axis < 3; ++axis) {
    expect_same_values(b.program(), {slice(matmul(batched, w), axis, 1, 2).id()});
    if (axis < 2) expect_same_values(b.program(), {slice(sum(exp(batched), {axis}), 0, 1, 2).id()});
  }
}

TEST(Rewrite, SlicesPassAReshapeThatKeepsTheirAxis) {
  Builder b;
  const Value x = exp(b.input("x", {3, 4, 5}, Rate::kPrompt));
  for (const Value& part : {index(reshape(x, {3, 20}), 0, 1), index(reshape(x, {12, 5}), 1, 2),
                            index(reshape(x, {3, 2, 2, 5}), 3, 4)}) {
    const std::vector<int> outputs{part.id()};
    expect_same_values(b.program(), outputs);
    const Rewritten cheap = rewrite(b.program(), outputs);
    const auto share = static_cast<double>(elements(part.shape())) / 60;
    EXPECT_EQ(live_flops(cheap.builder->program(), cheap.outputs),
              share * live_flops(b.program(), outputs));
  }
}

// The number of elements that functions of rows compute.
std::int64_t row_elements(const Program& program) {
  std::int64_t total = 0;
  for (const Node& node : program.nodes) total += node.op == Op::kRow ? elements(node.shape) : 0;
  return total;
}

TEST(Rewrite, TheLastRowOfACausalSoftmaxSeesEverything) {
  Builder b;
  const Value x = b.input("x", {2, 6, 6}, Rate::kPrompt), w = b.input("w", {6, 6}, Rate::kStep);
  const std::vector<int> outputs{index(causal_softmax(layer_norm(matmul(x, w))), 1, 5).id()};
  const Rewritten cheap = rewrite(b.program(), outputs);
  const Program& program = cheap.builder->program();
  EXPECT_EQ(row_elements(program), 2 * 2 * 6) << "one row a head of the norm and the softmax";
  for (const Node& node : program.nodes) {
    if (node.op == Op::kRow) { EXPECT_EQ(node.ints[0], 0) << "nothing left to hide"; }
  }
  expect_same_values(b.program(), outputs);

  const std::vector<int> middle{index(causal_softmax(matmul(x, w), 1), 1, 2).id()};
  const Rewritten third = rewrite(b.program(), middle);
  EXPECT_EQ(row_elements(third.builder->program()), 2 * 6);
  expect_same_values(b.program(), middle);
}

TEST(Rewrite, AnEmbeddingsGradientIsOneScatterOverPrompts) {
  Builder b;
  const Value table = b.input("table", {50, 4}, Rate::kStep), w = b.input("w", {4, 1}, Rate::kStep);
  const Value tokens = b.prompt_index() + b.integer_constant({3}, {0, 7, 20});
  const Value loss = prompt_mean(sum(square(matmul(gather(table, tokens), w))));
  const std::vector<int> outputs{gradients(loss, std::vector{table})[0].id()};
  const Rewritten cheap = rewrite(b.program(), outputs);
  EXPECT_EQ(count(cheap.builder->program(), Op::kPromptScatterAdd), 1);
  EXPECT_EQ(count(cheap.builder->program(), Op::kPromptSum), 0) << "no (50, 4) table a prompt";
  EXPECT_EQ(count(cheap.builder->program(), Op::kScatterAdd), 0);
  expect_same_values(b.program(), outputs);
}

TEST(Rewrite, OneTokensEmbeddingIsGatheredAlone) {
  Builder b;
  const Value table = b.input("table", {50, 4}, Rate::kStep);
  const Value tokens = b.prompt_index() + b.integer_constant({3}, {0, 7, 20});
  const std::vector<int> outputs{exp(index(gather(table, tokens), 0, 2)).id()};
  const Rewritten cheap = rewrite(b.program(), outputs);
  for (const Node& node : cheap.builder->program().nodes) {
    if (node.op == Op::kGather) { EXPECT_EQ(node.shape, (Shape{1, 4})); }
  }
  expect_same_values(b.program(), outputs);
}

TEST(Rewrite, KeepsAWholeValueThatSlicesReadTogether) {
  Builder b;
  const Value x = exp(b.input("x", {6}, Rate::kPrompt));
  const Value windows = slice(x, 0, 0, 4) * slice(x, 0, 1, 4) * slice(x, 0, 2, 4);
  const std::vector<int> outputs{windows.id()};
  const Rewritten cheap = rewrite(b.program(), outputs);
  EXPECT_EQ(count(cheap.builder->program(), Op::kUnary), 1) << "not one exp a window";
  expect_same_values(b.program(), outputs);
}

// Of full linear attention only the last row of the query's column is used.
TEST(Rewrite, FullAttentionCostsOnlyTheQuery) {
  constexpr std::int64_t d = 20, n = 40;
  Builder b;
  const Value z = b.input("z", {d + 1, n + 1}, Rate::kPrompt);
  const Value pv = b.input("W_PV", {d + 1, d + 1}, Rate::kStep), kq = b.input("W_KQ", {d + 1, d + 1}, Rate::kStep);
  const Value out = z + matmul(matmul(pv, z), matmul(transpose(z), matmul(kq, z)) * (1.0 / n));
  const Value f = index(index(out, 0, d), 0, n);
  const Value loss = prompt_mean(square(f - b.input("target", {}, Rate::kPrompt)));
  std::vector<int> outputs{loss.id()};
  for (const Value& gradient : gradients(loss, std::vector{pv, kq})) outputs.push_back(gradient.id());
  expect_same_values(b.program(), outputs);

  // Forward and backward each touch z a few times and the matrices once: a small multiple of d n + d^2,
  // where all columns would cost d^2 n.
  const Rewritten forward = rewrite(b.program(), std::vector<int>{loss.id(), pv.id(), kq.id()});
  EXPECT_LT(live_flops(forward.builder->program(), std::span(forward.outputs).first(1)),
            2.0 * (2 * (d + 1) * (n + 1) + (d + 1) * (d + 1)) + 4 * (n + d + 2));
  EXPECT_GT(live_flops(b.program(), std::vector<int>{loss.id()}), 2.0 * (d + 1) * (d + 1) * n);
}

TEST(Rewrite, SumsOverPromptsBecomeOneProduct) {
  Builder b;
  const Value w = b.input("w", {3, 4}, Rate::kStep), x = b.input("x", {4}, Rate::kPrompt);
  const Value loss = prompt_mean(sum(square(matmul(w, x) - b.input("y", {3}, Rate::kPrompt))));
  const std::vector<int> outputs{gradients(loss, std::vector{w})[0].id()};
  const Rewritten cheap = rewrite(b.program(), outputs);
  EXPECT_EQ(count(cheap.builder->program(), Op::kPromptProduct), 1);
  EXPECT_EQ(count(cheap.builder->program(), Op::kPromptSum), 0) << "no (3, 4) matrix a prompt";
  expect_same_values(b.program(), outputs);
}

TEST(Rewrite, WhatIsLinearOverPromptsIsSummedFirst) {
  Builder b;
  const Value w = b.input("w", {3, 4}, Rate::kStep), x = b.input("x", {4, 2}, Rate::kPrompt);
  const Value weighted = x * b.prompt_weight();
  const Value total = b.emit({.op = Op::kPromptSum, .shape = {2, 3},
                              .in = {transpose(-matmul(w, weighted) / 3.0).id()}});
  const std::vector<int> outputs{total.id()};
  const Rewritten cheap = rewrite(b.program(), outputs);
  for (const Node& node : cheap.builder->program().nodes) {
    if (node.op == Op::kProduct) {
      EXPECT_EQ(node.rate, Rate::kStep) << "w times the sum, once";
    }
  }
  expect_same_values(b.program(), outputs);
}

TEST(Rewrite, FoldsConstants) {
  Builder b;
  const Value x = b.input("x", {2}, Rate::kStep);
  const std::vector<int> outputs{((x * 2.0 + b.constant(0.0)) * 3.0 * (b.constant(1.0) / 6.0)).id()};
  const Rewritten cheap = rewrite(b.program(), outputs);
  EXPECT_EQ(cheap.builder->program().nodes.size(), 1u) << to_text(cheap.builder->program());
}

TEST(Rewrite, StreamsNeverShift) {
  Builder b;
  (void)b.normal(Stream::kPrompt, {50});  // dropped
  const Value kept = b.normal(Stream::kPrompt, {3}), table = b.normal(Stream::kTask, {4, 3});
  (void)b.integers(Stream::kPrompt, {}, 7);  // dropped
  const Value late = b.normal(Stream::kPrompt, {6, 3});
  const std::vector<int> outputs{(slice(late * kept, 0, 5, 1) + slice(table, 0, 2, 1)).id()};
  expect_same_values(b.program(), outputs);

  const Rewritten cheap = rewrite(b.program(), outputs);
  std::vector<std::vector<double>> drawn;
  for (const auto& [program, ids] : {std::pair{&b.program(), outputs}, {&cheap.builder->program(), cheap.outputs}}) {
    Executor<double> executor(make_plan(*program, ids, {21, true, {}}));
    executor.begin(make_keys(5, 1));
    executor.run(9);
    drawn.emplace_back(executor.output(0).begin(), executor.output(0).end());
  }
  EXPECT_EQ(drawn[0], drawn[1]) << "bit for bit";
}

TEST(Rewrite, TheOrderDoesNotDependOnTheOrderOfWriting) {
  const auto written = [](bool left_first) {
    auto b = std::make_unique<Builder>();
    const Value x = b->input("x", {3}, Rate::kPrompt), w = b->input("w", {3}, Rate::kStep);
    Value left, right;
    if (left_first) left = exp(x * w);
    right = tanh(x - w);
    if (!left_first) left = exp(x * w);
    const std::vector<int> outputs{prompt_mean(sum(left * right)).id()};
    return to_text(rewrite(b->program(), outputs).builder->program());
  };
  EXPECT_EQ(written(true), written(false));
}

TEST(Rewrite, KeepsTheNamesOfWhatSurvives) {
  Builder b;
  const Value x = b.input("x", {2}, Rate::kStep);
  const Value used = b.name(exp(x), "used");
  b.name(tanh(x), "unused");
  const Rewritten cheap = rewrite(b.program(), std::vector<int>{used.id()});
  EXPECT_EQ(cheap.builder->named("used").id(), cheap.outputs[0]);
  EXPECT_FALSE(cheap.builder->program().names.contains("unused"));
}

}  // namespace
}  // namespace iclab::program
