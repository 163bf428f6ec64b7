#include "program/diagonal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "program/autodiff.h"
#include "tests/program/interpreter.h"

namespace iclab::program {
namespace {

using testing::Interpreter;
using testing::Numbers;
using testing::with_inputs;

constexpr std::int64_t kBatch = 64;

// 1e-12 of the largest entry of all outputs: sums in another order, of which a gradient may be a vanishing one.
void expect_same(const Program& program, const std::vector<int>& outputs, const Rewritten& other,
                 const std::string& what = "") {
  const Interpreter run = with_inputs(program, 5);
  const auto before = run.evaluate(program, outputs);
  const auto after = run.evaluate(other.builder->program(), other.outputs);
  double largest = 0;
  for (const Numbers& output : before)
    for (const double x : output) largest = std::max(largest, std::fabs(x));
  for (size_t i = 0; i < outputs.size(); ++i) {
    ASSERT_EQ(before[i].size(), after[i].size()) << what;
    EXPECT_EQ(other.builder->program()[other.outputs[i]].shape, program[outputs[i]].shape);
    for (size_t e = 0; e < before[i].size(); ++e)
      ASSERT_NEAR(before[i][e], after[i][e], 1e-12 * largest) << what << ", output " << i << " at " << e;
  }
}

// Functions of two on matrices of this shape.
int count_binary(const Program& program, std::span<const int> outputs, const Shape& shape) {
  const std::vector<bool> live = live_nodes(program, outputs);
  int found = 0;
  for (size_t id = 0; id < live.size(); ++id)
    found += live[id] && program.nodes[id].op == Op::kBinary && program.nodes[id].shape == shape;
  return found;
}

double cost(const Program& program, std::span<const int> outputs) { return step_flops(program, outputs, kBatch); }

// The loss and the gradients of all step-rate inputs, of the program itself and of its form in which diagonals left.
struct Compared {
  std::vector<int> written, outputs;
  Rewritten forward, cheap;

  Compared(Builder& b, Value loss, std::span<const Value> weights) {
    std::vector<int> wanted{loss.id()};
    for (const Value& w : weights) wanted.push_back(w.id());
    forward = extract_diagonals(b.program(), wanted, kBatch);
    std::vector<Value> inputs;
    for (size_t i = 1; i < wanted.size(); ++i) inputs.emplace_back(forward.builder.get(), forward.outputs[i]);
    const Value mapped(forward.builder.get(), forward.outputs[0]);
    outputs = {mapped.id()};
    for (const Value& slope : gradients(mapped, inputs)) outputs.push_back(slope.id());
    written = {loss.id()};
    for (const Value& slope : gradients(loss, weights)) written.push_back(slope.id());
    cheap = rewrite(forward.builder->program(), outputs, kBatch);
    expect_same(b.program(), written, cheap);
  }
};

TEST(Diagonal, EveryScaleAndBiasLeavesEveryProduct) {
  // A large V (12, 14), and few rows or columns on the other side.
  for (const bool has_scale : {true, false})
    for (const bool has_bias : {true, false})
      for (const bool scale_of_rows : {true, false})
        for (const bool bias_of_rows : {true, false})
          for (const bool transposed : {true, false})
            for (const bool left : {true, false}) {
              if (!has_scale && !has_bias) continue;
              SCOPED_TRACE(::testing::Message() << "scale " << has_scale << scale_of_rows << ", bias " << has_bias
                                                << bias_of_rows << ", transposed " << transposed << ", left " << left);
              Builder b;
              const auto thin = [&](const std::string& name, bool of_rows) {
                return b.input(name, of_rows ? Shape{12, 1} : Shape{14}, Rate::kStep);
              };
              const Value s = thin("s", scale_of_rows), c = thin("c", bias_of_rows);
              const Value x = tanh(b.input("x", {12, 14}, Rate::kPrompt));
              Value v = x;
              if (has_scale) v = scale_of_rows ? v * s : s * v;
              if (has_bias) v = bias_of_rows ? c + v : v + c;
              const Value seen = transposed ? transpose(v) : v;
              const std::int64_t k = seen.shape()[left ? 1 : 0];
              const Value other = b.input("other", left ? Shape{k, 1} : Shape{1, k}, Rate::kPrompt);
              const Value product = left ? matmul(seen, other) : matmul(other, seen);
              const Compared compared(b, prompt_mean(sum(tanh(product))), std::vector{s, c});
              const Program& program = compared.forward.builder->program();
              EXPECT_EQ(count_binary(program, std::span(compared.forward.outputs).first(1), {12, 14}), 0);
              EXPECT_LT(cost(program, compared.forward.outputs), cost(b.program(), std::vector<int>{compared.written[0]}));
            }
}

// LayerNorm's scale and bias before attention of the last token, whose keys and values stay unwritten.
TEST(Diagonal, AttentionOfOneTokenScalesNoTokens) {
  constexpr std::int64_t t = 40, d = 12;
  Builder b;
  const Value x = b.input("x", {t, d}, Rate::kPrompt);
  const Value g = b.input("g", {d}, Rate::kStep), c = b.input("c", {d}, Rate::kStep);
  const Value wq = b.input("W_Q", {d, d}, Rate::kStep), wk = b.input("W_K", {d, d}, Rate::kStep);
  const Value wv = b.input("W_V", {d, d}, Rate::kStep);
  const Value v = x * g + c, last = slice(v, 0, t - 1, 1);
  const Value a = softmax(matmul(matmul(last, wq), transpose(matmul(v, wk))));
  const Value h = last + matmul(a, matmul(v, wv));
  const Value loss = prompt_mean(sum(tanh(h)));
  const std::vector<Value> weights{g, c, wq, wk, wv};
  std::vector<int> wanted{loss.id()}, written = wanted;
  for (const Value& w : weights) wanted.push_back(w.id());
  const Rewritten forward = rewrite(b.program(), wanted, kBatch);
  const Program& program = forward.builder->program();
  const std::span<const int> one = std::span(forward.outputs).first(1);
  EXPECT_EQ(count_binary(program, one, {t, d}), 0);
  EXPECT_EQ(count_binary(program, one, {1, t}), 0) << "softmax forgets what is added to all scores";
  // Two passes over the tokens; a few vectors and matrices of weights.
  EXPECT_LT(cost(program, one), kBatch * (4.0 * t * d + 5 * t + 4 * d * d + 12 * d) + 3.0 * d * d * d);

  std::vector<Value> inputs;
  for (size_t i = 1; i < wanted.size(); ++i) inputs.emplace_back(forward.builder.get(), forward.outputs[i]);
  std::vector<int> outputs{forward.outputs[0]};
  for (const Value& slope : gradients({forward.builder.get(), forward.outputs[0]}, inputs))
    outputs.push_back(slope.id());
  for (const Value& slope : gradients(loss, weights)) written.push_back(slope.id());
  const Rewritten cheap = rewrite(forward.builder->program(), outputs, kBatch);
  EXPECT_EQ(count_binary(cheap.builder->program(), cheap.outputs, {t, d}), 0) << "nor do gradients";
  expect_same(b.program(), written, cheap);
}

TEST(Diagonal, ASoftmaxForgetsWhatAWholeRowShares) {
  Builder b;
  const Value x = b.input("x", {3, 5}, Rate::kPrompt), c = b.input("c", {3, 1}, Rate::kStep);
  const std::vector<int> outputs{softmax(x + c).id(), causal_softmax(2.0 + reshape(c + x, {1, 3, 5})).id()};
  const Rewritten cheap = rewrite(b.program(), outputs, kBatch);
  EXPECT_EQ(count_binary(cheap.builder->program(), cheap.outputs, {3, 5}), 0);
  EXPECT_EQ(count_binary(cheap.builder->program(), cheap.outputs, {1, 3, 5}), 0);
  expect_same(b.program(), outputs, cheap);
  // Not what differs along the row.
  const std::vector<int> kept{softmax(x + b.input("r", {5}, Rate::kStep)).id()};
  const Rewritten same = rewrite(b.program(), kept, kBatch);
  EXPECT_EQ(count_binary(same.builder->program(), same.outputs, {3, 5}), 1);
}

TEST(Diagonal, NothingHappensWhereItDoesNotPay) {
  Builder b;
  const Value x = b.input("x", {12, 14}, Rate::kPrompt), s = b.input("s", {14}, Rate::kStep);
  const Value small = b.input("small", {14, 1}, Rate::kPrompt), large = b.input("large", {14, 30}, Rate::kPrompt);
  const Value number = b.input("number", {}, Rate::kStep), full = b.input("full", {12, 14}, Rate::kStep);
  const Value v = x * s;
  const auto is_kept = [&](std::vector<Value> outputs) {
    std::vector<int> ids;
    for (const Value& value : outputs) ids.push_back(value.id());
    const Rewritten result = extract_diagonals(b.program(), ids, kBatch);
    expect_same(b.program(), ids, result);
    return cost(result.builder->program(), result.outputs) == cost(b.program(), ids);
  };
  EXPECT_FALSE(is_kept({matmul(v, small)}));
  EXPECT_TRUE(is_kept({matmul(v, large)})) << "the other side is larger, and changes as often";
  EXPECT_FALSE(is_kept({matmul(v, b.input("weights", {14, 30}, Rate::kStep))})) << "it changes once a step";
  EXPECT_TRUE(is_kept({matmul(v, small), v})) << "an output";
  EXPECT_TRUE(is_kept({matmul(v, small), exp(v)})) << "read by something else";
  EXPECT_TRUE(is_kept({matmul(v, small), exp(transpose(v))}));
  EXPECT_TRUE(is_kept({matmul(v, transpose(v))})) << "both sides";
  EXPECT_TRUE(is_kept({matmul(x * full, small)})) << "no diagonal";
  EXPECT_TRUE(is_kept({matmul(x * number, small)})) << "a number, which chains of products take along";
  EXPECT_FALSE(is_kept({matmul(v, small), slice(v, 0, 3, 2), slice(transpose(v), 0, 1, 3)}));
}

TEST(Diagonal, RandomProgramsHaveTheSameValuesAndGradients) {
  int changed = 0;
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](std::initializer_list<std::int64_t> choices) {
      return *(choices.begin() + static_cast<std::ptrdiff_t>(random() % choices.size()));
    };
    Builder b;
    const std::int64_t m = pick({2, 5, 9}), k = pick({2, 4, 11}), n = pick({1, 1, 2, 6});
    std::vector<Value> weights;
    const auto thin = [&](std::int64_t rows, std::int64_t columns) {
      const Shape shape = pick({0, 1}) ? Shape{rows, 1} : pick({0, 1}) ? Shape{columns} : Shape{1, columns};
      weights.push_back(b.input("w" + std::to_string(weights.size()), shape, pick({0, 1}) ? Rate::kStep : Rate::kReplica));
      return weights.back();
    };
    const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
      const std::string name = "m" + std::to_string(random());
      Value v = tanh(b.input(name, {rows, columns}, pick({0, 1, 1}) ? Rate::kPrompt : Rate::kStep));
      if (pick({0, 1})) v = v * thin(rows, columns);
      if (pick({0, 1})) v = thin(rows, columns) + v;
      return v;
    };
    const Value left = pick({0, 1}) ? matrix(m, k) : transpose(matrix(k, m));
    const Value right = pick({0, 1}) ? matrix(k, n) : transpose(matrix(n, k));
    const Value weighted = pick({0, 1}) ? softmax(left) : left;
    Value y = tanh(matmul(weighted, right));
    if (pick({0, 1})) y = matmul(y, matrix(n, 3));
    Value total = sum(square(y));
    if (pick({0, 1})) total = total + sum(slice(right, 0, 0, 1)) + sum(slice(left, 1, 1, 1));
    std::erase_if(weights, [](const Value& w) { return w.rate() != Rate::kStep; });
    SCOPED_TRACE(seed);
    const Compared compared(b, prompt_mean(total), weights);
    changed += cost(compared.forward.builder->program(), compared.forward.outputs) <
               cost(b.program(), std::vector<int>{compared.written[0]});
  }
  EXPECT_GT(changed, 60);
}

}  // namespace
}  // namespace iclab::program
