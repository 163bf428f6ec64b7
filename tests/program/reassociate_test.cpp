// Chains of products find their cheapest bracketing: the workloads of the benchmark from their plain
// formulas, against minima derived by hand.
#include "program/reassociate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "program/autodiff.h"
#include "program/functions.h"
#include "tests/program/interpreter.h"

namespace iclab::program {
namespace {

using testing::Interpreter;
using testing::Numbers;
using testing::with_inputs;

double product_flops(const Program& program, std::span<const int> outputs, std::int64_t batch) {
  const std::vector<bool> live = live_nodes(program, outputs);
  double total = 0;
  for (size_t id = 0; id < live.size(); ++id) {
    const Op op = program.nodes[id].op;
    if (live[id] && (op == Op::kProduct || op == Op::kPromptProduct))
      total += step_flops(program, static_cast<int>(id), batch);
  }
  return total;
}

// A model's loss and gradients as training compiles them: the cheap form is differentiated, then
// rewritten again.
struct Step {
  Builder b;
  std::vector<Value> weights;
  std::int64_t batch;

  explicit Step(std::int64_t prompts) : batch(prompts) {}
  Value weight(const std::string& name, const Shape& shape) {
    weights.push_back(b.input(name, shape, Rate::kStep));
    return weights.back();
  }
  Value data(const std::string& name, const Shape& shape) { return b.input(name, shape, Rate::kPrompt); }

  std::vector<int> with_weights(Value loss) const {
    std::vector<int> wanted{loss.id()};
    for (const Value& w : weights) wanted.push_back(w.id());
    return wanted;
  }
  Rewritten compiled(Value loss) const {
    const Rewritten forward = rewrite(b.program(), with_weights(loss), batch);
    std::vector<Value> inputs;
    for (size_t i = 1; i <= weights.size(); ++i) inputs.emplace_back(forward.builder.get(), forward.outputs[i]);
    std::vector<int> outputs{forward.outputs[0]};
    for (const Value& slope : gradients(Value(forward.builder.get(), outputs[0]), inputs))
      outputs.push_back(slope.id());
    return rewrite(forward.builder->program(), outputs, batch);
  }
  // Loss and gradients as written, without rewriting.
  std::vector<int> plain(Value loss) const {
    std::vector<int> outputs{loss.id()};
    for (const Value& slope : gradients(loss, weights)) outputs.push_back(slope.id());
    return outputs;
  }
};

// Equal up to the roundings of sums of up to 10^4 terms in another order.
void expect_same(const Program& program, const std::vector<int>& outputs, const Rewritten& cheap) {
  const Interpreter run = with_inputs(program, 3, 0.5);
  const auto before = run.evaluate(program, outputs);
  const auto after = run.evaluate(cheap.builder->program(), cheap.outputs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    ASSERT_EQ(before[i].size(), after[i].size());
    EXPECT_EQ(cheap.builder->program()[cheap.outputs[i]].shape, program[outputs[i]].shape);
    double largest = 0;
    for (const double x : before[i]) largest = std::max(largest, std::fabs(x));
    for (size_t e = 0; e < before[i].size(); ++e)
      ASSERT_NEAR(before[i][e], after[i][e], 1e4 * 0x1p-52 * largest) << "output " << i << " at " << e;
  }
}

void expect_minimum(const Step& step, Value loss, double multiply_adds, const std::string& what) {
  const Rewritten cheap = step.compiled(loss);
  const double found = product_flops(cheap.builder->program(), cheap.outputs, step.batch);
  EXPECT_LE(found, 1.05 * 2 * multiply_adds) << what << "\n" << to_text(cheap.builder->program());
  EXPECT_GE(found, 0.95 * 2 * multiply_adds) << what << ": below the minimum derived here";
  expect_same(step.b.program(), step.plain(loss), cheap);
}

// ---- W3: softmax attention of the query over T tokens of width d, ReLU layer of h ----

constexpr double kD = 40, kT = 20, kH = 100;

// Products of a prompt, in multiply-adds, with z = P^T a, v = W_V z, r the read-out:
//   forward   P u: T d   P^T a: T d   W_V z: d^2   W_O v: h d   r.h: h
//   backward  dW_O and dv: 2 h d   dW_V and dz: 2 d^2   da = P dz: T d   du = P^T ds: T d
// and for u = W_K^T W_Q x the cheaper of
//   W_K^T (W_Q x), forward 2 d^2, backward dW_K, dq, dW_Q: 3 d^2;
//   M x with M = W_K^T W_Q once a step: d^2 and d^3, backward dM: d^2, dW_K and dW_Q once: 2 d^3.
double w3_minimum(double batch, double tokens) {
  const double shared = 4 * tokens * kD + 3 * kD * kD + 3 * kH * kD + kH;
  return batch * shared + std::min(batch * 5 * kD * kD, batch * 2 * kD * kD + 3 * kD * kD * kD);
}

Value hinge(Step& step, Value f) { return prompt_mean(hinge_loss(step.data("y", {}), f)); }

TEST(Reassociate, SoftmaxAttentionOfTheQueryNeverFormsKeysAndValues) {
  for (const std::int64_t batch : {8, 64}) {
    Step step(batch);
    const Value p = step.data("P", {20, 40}), x = step.data("x", {40});
    const Value wq = step.weight("W_Q", {40, 40}), wk = step.weight("W_K", {40, 40});
    const Value wv = step.weight("W_V", {40, 40}), wo = step.weight("W_O", {100, 40});
    const Value keys = matmul(p, transpose(wk)), values = matmul(p, transpose(wv));
    const Value a = softmax(matmul(keys, matmul(wq, x)) / std::sqrt(40.0));
    const Value f = dot(step.b.input("r", {100}, Rate::kReplica), relu(matmul(wo, matmul(a, values))));
    expect_minimum(step, hinge(step, f), w3_minimum(static_cast<double>(batch), kT), "W3");
  }
}

TEST(Reassociate, SoftmaxAttentionWithAllRowsWrittenPaysForTheLastAlone) {
  for (const std::int64_t batch : {8, 64}) {
    Step step(batch);
    const Value p = concat({step.data("P", {20, 40}), step.data("x", {1, 40})}, 0);
    const Value wq = step.weight("W_Q", {40, 40}), wk = step.weight("W_K", {40, 40});
    const Value wv = step.weight("W_V", {40, 40}), wo = step.weight("W_O", {40, 100});
    const Value q = matmul(p, wq), k = matmul(p, wk), v = matmul(p, wv);
    const Value a = causal_softmax(0.15 * matmul(q, transpose(k)));
    const Value h = relu(matmul(matmul(a, v), wo));
    const Value f = index(matmul(h, step.b.input("r", {100}, Rate::kReplica)), 0, 20);
    expect_minimum(step, hinge(step, f), w3_minimum(static_cast<double>(batch), kT + 1), "W3, all rows");
  }
}

TEST(Reassociate, GradientsTakenBeforeRewritingAreAsCheap) {
  Step step(8);
  const Value p = step.data("P", {20, 40}), x = step.data("x", {40});
  const Value wk = step.weight("W_K", {40, 40}), wq = step.weight("W_Q", {40, 40});
  const Value keys = matmul(p, transpose(wk));
  const Value a = softmax(matmul(keys, matmul(wq, x)));
  const Value loss = prompt_mean(square(dot(a, step.data("y", {20}))));
  const std::vector<int> outputs = step.plain(loss);
  const Rewritten cheap = rewrite(step.b.program(), outputs, 8);
  // P u, a.y, du, and 5 d^2 of W_K^T (W_Q x) with its gradients.
  const double least = 2 * 8 * (2 * 20 * 40 + 20 + 5 * 40 * 40);
  EXPECT_LE(product_flops(cheap.builder->program(), cheap.outputs, 8), 1.05 * least)
      << to_text(cheap.builder->program());
  expect_same(step.b.program(), outputs, cheap);
}

// ---- W2: full linear attention, Z = [tokens, query] of D = d + 1 rows and N = n + 1 columns ----

// The prediction is Z[d, n] + w Z Z^T (W z) / n with w the last row of W_PV and z the query's token.
//   forward   W z: D^2   t = Z^T (.): N D   m = Z t: N D   w m: D
//   backward  dw = g m: nothing   Z^T w: N D   Z (.): N D   dW outer: D^2   (over prompts, dw: D)
TEST(Reassociate, LinearAttentionInFullFormTouchesTheTokensFourTimes) {
  Step step(256);
  const Value z = step.data("z", {21, 41});
  const Value pv = step.weight("W_PV", {21, 21}), kq = step.weight("W_KQ", {21, 21});
  const Value out = z + matmul(matmul(pv, z), matmul(transpose(z), matmul(kq, z))) / 40;
  const Value f = index(index(out, 0, 20), 0, 40);
  const Value loss = prompt_mean(square(f - step.data("y", {})));
  const double D = 21, N = 41;
  expect_minimum(step, loss, 256 * (2 * D * D + 4 * N * D + 2 * D), "W2");
}

// ---- W1: MLP d-h-h-1 on the target and attention of overlaps with n items ----

//   MLP       forward d h + h^2 + h; backward twice that without dx: d h
//   attention items x: n d   pattern.labels: n, and its gradient dp = labels (.): an element-wise product
TEST(Reassociate, TheItemLabelClassifierIsMinimalAsWritten) {
  constexpr std::int64_t kWidth = 512;
  Step step(128);
  const Value items = step.data("items", {100, 63}), labels = step.data("labels", {100});
  const Value x = step.data("x", {63});
  const Value w1 = step.weight("W_1", {kWidth, 63}), w2 = step.weight("W_2", {kWidth, kWidth});
  const Value w3 = step.weight("w_3", {kWidth}), b1 = step.weight("b_1", {kWidth});
  const Value beta = step.weight("beta", {}), w = step.weight("w", {});
  const Value memory = dot(w3, relu(matmul(w2, relu(matmul(w1, x) + b1))));
  const Value copied = dot(softmax(beta * matmul(items, x)), labels);
  const Value loss = prompt_mean(logistic_loss(step.data("y", {}), memory + w * copied));
  const double d = 63, h = kWidth, n = 100;
  expect_minimum(step, loss, 128 * (2 * d * h + 3 * h * h + 2 * h + n * d + n), "W1");
}

// ---- what must not become worse ----

// One pre-norm block of GPT-2's shape on all T positions, heads as wide products.
Value block(Step& step, Value x, const std::string& name, std::int64_t heads) {
  const std::int64_t t = x.shape()[0], d = x.shape()[1], k = d / heads;
  const auto projected = [&](const std::string& letter, Value from) {
    const Value y = matmul(from, step.weight(name + letter, {d, d})) + step.weight(name + "b" + letter, {d});
    return permute(reshape(y, {t, heads, k}), {1, 0, 2});
  };
  const Value seen = layer_norm(x);
  const Value scores = matmul(projected("Q", seen) / std::sqrt(static_cast<double>(k)),
                              transpose(projected("K", seen)));
  const Value z = permute(matmul(causal_softmax(scores), projected("V", seen)), {1, 0, 2});
  const Value y = x + matmul(reshape(z, {t, d}), step.weight(name + "O", {d, d}));
  const Value hidden = gelu(matmul(layer_norm(y), step.weight(name + "in", {d, 4 * d})));
  return y + matmul(hidden, step.weight(name + "out", {4 * d, d}));
}

// A block's products of a prompt: forward 4 T d^2 + 8 T d^2 + 2 T^2 d; backward twice that.
TEST(Reassociate, ATransformerOnAllPositionsKeepsItsProducts) {
  Step step(64);
  const std::int64_t t = 41, d = 64, layers = 4;
  Value x = matmul(step.data("tokens", {t, 20}), step.weight("E", {20, d})) + step.weight("pos", {t, d});
  for (std::int64_t layer = 0; layer < layers; ++layer) x = block(step, x, std::to_string(layer), 4);
  const Value out = matmul(layer_norm(x), step.weight("U", {d}));
  const Value loss = prompt_mean(mean(square(out - step.data("y", {t}))));
  const Rewritten cheap = step.compiled(loss);
  const double forward = static_cast<double>(layers * (12 * t * d * d + 2 * t * t * d) + t * d);
  const double embedding = static_cast<double>(2 * t * 20 * d);  // no gradient of the tokens
  EXPECT_DOUBLE_EQ(product_flops(cheap.builder->program(), cheap.outputs, 64),
                   2 * 64 * (3 * forward + embedding));
}

// The same with heads as a dimension of batched products: the head width k < T, D keeps every bracket.
TEST(Reassociate, BatchedHeadsOnAllPositionsKeepTheirBrackets) {
  Step step(64);
  const std::int64_t t = 41, d = 64, heads = 4, k = 16;
  const Value x = step.data("x", {1, t, d});
  const Value q = matmul(x, step.weight("W_Q", {heads, d, k})), keys = matmul(x, step.weight("W_K", {heads, d, k}));
  const Value v = matmul(x, step.weight("W_V", {heads, d, k}));
  const Value z = matmul(causal_softmax(0.25 * matmul(q, transpose(keys))), v);
  const Value loss = prompt_mean(mean(square(sum(matmul(z, step.weight("W_O", {heads, k, d})), {0}))));
  const Rewritten cheap = step.compiled(loss);
  // Forward 4 T d^2 + 2 T^2 d; backward twice that, but x has no gradient: -3 T d^2.
  const double least = static_cast<double>(9 * t * d * d + 6 * t * t * d);
  EXPECT_LE(product_flops(cheap.builder->program(), cheap.outputs, 64), 2 * 64 * least);
  expect_same(step.b.program(), step.plain(loss), cheap);
}

// ---- rules, one by one ----

struct Rule {
  Builder b;
  Value step(const std::string& name, const Shape& shape) { return b.input(name, shape, Rate::kStep); }
  Value prompt(const std::string& name, const Shape& shape) { return b.input(name, shape, Rate::kPrompt); }

  // Flops of products after rewriting; values as before.
  double flops(const std::vector<Value>& values, std::int64_t batch) {
    std::vector<int> outputs;
    for (const Value& value : values) outputs.push_back(value.id());
    const Rewritten cheap = rewrite(b.program(), outputs, batch);
    expect_same(b.program(), outputs, cheap);
    return product_flops(cheap.builder->program(), cheap.outputs, batch);
  }
};

TEST(Reassociate, ThroughTransposesVectorsAndNumbers) {
  Rule r;
  const Value a = r.step("A", {30, 30}), c = r.step("C", {30, 30}), x = r.prompt("x", {30});
  const Value s = r.prompt("s", {}), u = r.step("u", {}), y = r.prompt("y", {30});
  const double two = 2 * 16 * (2 * 30 * 30);
  EXPECT_EQ(r.flops({matmul(matmul(a, c) * s, x)}, 16), two);
  EXPECT_EQ(r.flops({matmul(transpose(matmul(a, c)), x) / u}, 16), two);
  EXPECT_EQ(r.flops({matmul(x, -transpose(s * matmul(transpose(c), a)))}, 16), two);
  // x y^T A z: no outer product.
  const Value outer = matmul(reshape(x, {30, 1}), reshape(y, {1, 30}));
  EXPECT_EQ(r.flops({matmul(outer, matmul(a, y))}, 16), 2 * 16 * (30 * 30 + 30 + 30));
  // A vector times a number, seen as a column, then as a row.
  const Value half = s * matmul(a, x);
  EXPECT_EQ(r.flops({matmul(c, half)}, 16), two);
  EXPECT_EQ(r.flops({matmul(matmul(reshape(half, {1, 30}), c), y)}, 16), two + 2 * 16 * 30);
}

TEST(Reassociate, AStepRateProductIsPaidOnceAPromptRateProductByEveryPrompt) {
  Rule r;
  const Value a = r.step("A", {30, 30}), c = r.step("C", {30, 30}), x = r.prompt("x", {30});
  const Value y = matmul(a, matmul(c, x));
  // A C costs 30^3 once and saves 30^2 a prompt: worth it from more than 30 prompts on.
  EXPECT_EQ(r.flops({y}, 16), 2 * 16 * 2 * 900);
  EXPECT_EQ(r.flops({y}, 64), 2 * (27000 + 64 * 900));
}

TEST(Reassociate, AProductNeededAnywayCostsNothing) {
  Rule r;
  const Value p = r.prompt("P", {20, 40}), w = r.step("W", {40, 40}), x = r.prompt("x", {40});
  const Value keys = matmul(p, w), s = matmul(keys, x);
  EXPECT_EQ(r.flops({s}, 16), 2 * 16 * (40 * 40 + 20 * 40)) << "keys never formed";
  EXPECT_EQ(r.flops({s, keys}, 16), 2 * 16 * (20 * 40 * 40 + 20 * 40)) << "keys asked for: used";
  EXPECT_EQ(r.flops({s, exp(keys)}, 16), 2 * 16 * (20 * 40 * 40 + 20 * 40)) << "keys read elsewhere";
  // Two readers that would each pay more than the keys together.
  const Value many = r.prompt("X", {40, 15}), more = r.prompt("Y", {40, 15});
  EXPECT_EQ(r.flops({matmul(keys, many), matmul(keys, more)}, 16),
            2 * 16 * (20 * 40 * 40 + 2 * 20 * 40 * 15));
}

TEST(Reassociate, ANamedValueThatSurvivesKeepsItsName) {
  Rule r;
  const Value p = r.prompt("P", {20, 40}), w = r.step("W", {40, 40}), x = r.prompt("x", {40});
  const Value keys = r.b.name(matmul(p, w), "keys"), s = r.b.name(matmul(keys, x), "scores");
  const Rewritten without = rewrite(r.b.program(), std::vector<int>{s.id()});
  EXPECT_EQ(without.builder->named("scores").id(), without.outputs[0]);
  EXPECT_FALSE(without.builder->program().names.contains("keys"));
  const Rewritten with = rewrite(r.b.program(), std::vector<int>{s.id(), keys.id()});
  EXPECT_EQ(with.builder->named("keys").id(), with.outputs[1]);
}

TEST(Reassociate, SumsOverPromptsOfChains) {
  Rule r;
  const Value a = r.step("A", {1, 50}), u = r.prompt("u", {50, 1}), v = r.prompt("v", {1, 50});
  const Value c = r.step("C", {50, 50});
  const auto total = [&](Value x) {
    return r.b.emit({.op = Op::kPromptSum, .shape = x.shape(), .in = {x.id()}});
  };
  // sum A u v: (A u) v a prompt, not A times the sum of outer products; C after the sum.
  EXPECT_EQ(r.flops({total(matmul(a * r.b.prompt_weight(), matmul(u, v)))}, 32), 2 * 32 * (50 + 50));
  EXPECT_EQ(r.flops({matmul(matmul(a, total(matmul(u, v * r.b.prompt_weight()))), c)}, 32),
            2 * (32 * (50 + 50) + 50 * 50));
  // Nothing but a number changes by prompt: the product once.
  EXPECT_EQ(r.flops({total(r.b.prompt_weight() * matmul(a, c))}, 32), 2 * 50 * 50);
}

TEST(Reassociate, WhatComesFromASumOverPromptsStaysOutsideOthers) {
  Rule r;
  const Value u = r.prompt("u", {50, 1}), v = r.prompt("v", {1, 50});
  const auto total = [&](Value x) {
    return r.b.emit({.op = Op::kPromptSum, .shape = x.shape(), .in = {x.id()}});
  };
  const Value first = total(transpose(u)), second = total(matmul(u, v));
  std::vector<int> outputs{matmul(first, second).id()};
  const Rewritten cheap = rewrite(r.b.program(), outputs, 64);
  for (const Node& node : cheap.builder->program().nodes) {
    if (node.op == Op::kPromptProduct || node.op == Op::kPromptSum) {
      for (const int in : node.in)
        EXPECT_EQ(cheap.builder->program()[in].rate, Rate::kPrompt);
    }
    if (node.op == Op::kProduct) { EXPECT_EQ(node.rate, Rate::kStep); }
  }
  expect_same(r.b.program(), outputs, cheap);
}

TEST(Reassociate, LongChainsAreCutNotRefused) {
  Rule r;
  const Value a = r.step("A", {4, 4});
  Value power = a;
  for (int i = 0; i < 3000; ++i) power = matmul(power, a) * (i % 2 == 0 ? 0.5 : 1.0);
  const std::vector<int> outputs{matmul(power, r.prompt("x", {4})).id()};
  const Rewritten cheap = rewrite(r.b.program(), outputs, 64);
  EXPECT_LE(step_flops(cheap.builder->program(), cheap.outputs, 64), step_flops(r.b.program(), outputs, 64));
}

TEST(Reassociate, DependsOnProgramAndBatchAlone) {
  const auto text = [](std::int64_t batch) {
    Rule r;
    const Value a = r.step("A", {30, 30}), c = r.step("C", {30, 30}), x = r.prompt("x", {30});
    const std::vector<int> outputs{prompt_mean(sum(matmul(a, matmul(c, x)))).id()};
    return to_text(rewrite(r.b.program(), outputs, batch).builder->program());
  };
  EXPECT_EQ(text(64), text(64));
  EXPECT_EQ(text(64), text(128));
}

}  // namespace
}  // namespace iclab::program
