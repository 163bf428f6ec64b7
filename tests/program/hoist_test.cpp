#include "program/hoist.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "program/autodiff.h"
#include "program/executor.h"
#include "tests/program/interpreter.h"

namespace iclab::program {
namespace {

using testing::Interpreter;
using testing::Numbers;
using testing::with_inputs;

constexpr std::int64_t kBatch = 64, kRows = 30, kWidth = 6, kContext = 20;

int count(const Program& program, std::span<const int> outputs, Op op, Rate rate = Rate::kPrompt) {
  const std::vector<bool> live = live_nodes(program, outputs);
  int found = 0;
  for (size_t id = 0; id < live.size(); ++id)
    found += live[id] && program.nodes[id].op == op && program.nodes[id].rate == rate;
  return found;
}

// Sums may be taken in another order: 1e-12 of the largest entry.
void expect_same(const Program& program, const std::vector<int>& outputs, const Rewritten& other,
                 const std::string& what = "") {
  const Interpreter run = with_inputs(program, 5);
  const auto before = run.evaluate(program, outputs);
  const auto after = run.evaluate(other.builder->program(), other.outputs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    ASSERT_EQ(before[i].size(), after[i].size()) << what;
    EXPECT_EQ(other.builder->program()[other.outputs[i]].shape, program[outputs[i]].shape);
    double largest = 0;
    for (const double x : before[i]) largest = std::max(largest, std::fabs(x));
    for (size_t e = 0; e < before[i].size(); ++e)
      ASSERT_NEAR(before[i][e], after[i][e], 1e-12 * largest) << what << ", output " << i << " at " << e;
  }
}

struct Scene {
  Builder b;
  Value table = b.normal(Stream::kTask, {kRows, kWidth}), labels = b.normal(Stream::kTask, {kRows});
  Value context = b.integers(Stream::kPrompt, {kContext}, kRows), target = b.integers(Stream::kPrompt, {}, kRows);
  Value rows = gather(table, context);

  Rewritten hoisted(Value value) const {
    const std::vector<int> outputs{value.id()};
    Rewritten result = hoist(b.program(), outputs, kBatch);
    expect_same(b.program(), outputs, result);
    return result;
  }
  // What a prompt still computes of the value, not counting draws.
  double prompt_flops(Value value) const {
    const Rewritten result = hoisted(value);
    const Program& program = result.builder->program();
    const std::vector<bool> live = live_nodes(program, result.outputs);
    double total = 0;
    for (size_t id = 0; id < live.size(); ++id)
      if (live[id] && program.nodes[id].rate == Rate::kPrompt) total += flops(program, static_cast<int>(id));
    return total;
  }
  bool is_kept(Value value) const {
    const Rewritten result = hoisted(value);
    return count(result.builder->program(), result.outputs, Op::kGather) ==
               count(b.program(), std::vector<int>{value.id()}, Op::kGather) &&
           step_flops(result.builder->program(), result.outputs, kBatch) ==
               step_flops(b.program(), std::vector<int>{value.id()}, kBatch);
  }
};

TEST(Hoist, FunctionsOfRowsAreTheTables) {
  Scene s;
  const Value w = s.b.normal(Stream::kTask, {kWidth}), one = s.b.constant(1.0);
  const std::vector<std::pair<const char*, Value>> hoistable = {
      {"layer norm", layer_norm(s.rows)},
      {"rms norm", rms_norm(s.rows)},
      {"softmax", softmax(s.rows)},
      {"log_sum_exp", log_sum_exp(s.rows) * 2.0},
      {"rank", to_real(rank(s.rows))},
      {"unary", exp(tanh(s.rows))},
      {"row constants", s.rows * w + one},
      {"select", select(s.rows < w, s.rows, one)},
      {"two of one index", exp(s.rows + reshape(gather(s.labels, s.context), {kContext, 1}))},
      {"joined columns", exp(concat({s.rows, reshape(gather(s.labels, s.context), {kContext, 1}) * 2.0}, 1))},
      {"joined with a constant", layer_norm(concat({s.rows, s.b.constant({kContext, 2}, {0.0})}, 1))},
      {"slice", exp(slice(s.rows, 1, 1, 4) * 2.0)},
      {"pad", exp(pad(s.rows * 2.0, 1, 1, 9))},
      {"reshape", exp(reshape(s.rows, {kContext, 2, 3}) * 2.0)},
      {"transpose", softmax(transpose(reshape(s.rows, {kContext, 2, 3})))},
      {"causal", causal_softmax(reshape(s.rows, {kContext, 2, 3}))},
      {"sum", sum(exp(s.rows), {1})},
      {"one row", layer_norm(reshape(gather(s.table, s.target), {1, kWidth}))},
  };
  for (const auto& [what, value] : hoistable) {
    SCOPED_TRACE(what);
    EXPECT_EQ(s.prompt_flops(value), 0);
    const Rewritten result = s.hoisted(value);
    EXPECT_EQ(count(result.builder->program(), result.outputs, Op::kGather), 1);
    EXPECT_EQ(count(result.builder->program(), result.outputs, Op::kConcat), 0);
  }
}

TEST(Hoist, WhatDependsOnMoreThanTheRowStays) {
  Scene s;
  const Value noise = s.b.normal(Stream::kPrompt, {kContext, kWidth}), by_row = s.b.normal(Stream::kTask, {kContext, 1});
  const Value others = gather(s.table, s.b.integers(Stream::kPrompt, {kContext}, kRows));
  const Value weight = s.b.input("w", {kWidth}, Rate::kStep);
  for (const auto& [what, value] : std::vector<std::pair<const char*, Value>>{
           {"the gathered rows themselves", s.rows},
           {"another value for each row", exp(s.rows + noise)},
           {"a constant for each place", exp(s.rows * by_row)},
           {"rows of another index", exp(s.rows * others)},
           {"a weight, which changes more often", exp(s.rows * weight)},
           {"a function along the rows", softmax(transpose(s.rows))},
           {"a mask that depends on the place", causal_softmax(s.rows)},
           {"a sum over the rows", sum(s.rows, {0})},
           {"rows of a table of each prompt", exp(gather(s.b.normal(Stream::kPrompt, {kRows, 2}), s.target))}}) {
    SCOPED_TRACE(what);
    EXPECT_TRUE(s.is_kept(value));
  }
}

TEST(Hoist, RowsThatAreJoinedAreTakenPartByPart) {
  Scene s;
  const Value one = reshape(gather(s.table, s.target), {1, kWidth});
  const Value noise = s.b.normal(Stream::kPrompt, {2, kWidth}), fixed = s.b.normal(Stream::kTask, {3, kWidth});
  const Value joined = layer_norm(concat({s.rows, noise, fixed, one}, 0));
  const Rewritten result = s.hoisted(joined);
  const Program& program = result.builder->program();
  EXPECT_EQ(count(program, result.outputs, Op::kGather), 2);
  EXPECT_EQ(s.prompt_flops(joined), 5 * 2 * kWidth) << "the noise's norm alone";
  EXPECT_EQ(count(program, result.outputs, Op::kRow, Rate::kReplica), 2) << "the table's, once, and the fixed rows'";

  // Nothing to win: no rows of a table, or a function of the whole.
  EXPECT_TRUE(s.is_kept(layer_norm(concat({noise, fixed}, 0))));
  EXPECT_TRUE(s.is_kept(softmax(transpose(concat({s.rows, one}, 0)))));
}

TEST(Hoist, ATableThatChangesEveryStepPaysWithFewRowsOnly) {
  for (const std::int64_t rows : {100, 5000}) {
    Builder b;
    const Value table = b.input("table", {rows, kWidth}, Rate::kStep);
    const Value index = b.integers(Stream::kPrompt, {kContext}, rows);
    const Value loss = prompt_mean(sum(square(layer_norm(gather(table, index)) - b.input("y", {kWidth}, Rate::kPrompt))));
    const std::vector<int> outputs{loss.id()};
    const Rewritten result = hoist(b.program(), outputs, kBatch);
    const bool pays = rows < kContext * kBatch;
    EXPECT_EQ(count(result.builder->program(), result.outputs, Op::kRow, Rate::kStep), pays);
    EXPECT_EQ(count(result.builder->program(), result.outputs, Op::kRow, Rate::kPrompt), !pays);
    expect_same(b.program(), outputs, result);
  }
}

TEST(Hoist, AGatherIsNoLessThanAnElementsFunction) {
  Scene s;
  // The rows are needed anyway: a second gather costs as much as the one function it saves.
  const Value both = sum(matmul(s.rows, transpose(-s.rows)));
  EXPECT_TRUE(s.is_kept(both));
  EXPECT_EQ(s.prompt_flops(sum(matmul(s.rows, transpose(layer_norm(s.rows))))),
            2 * kContext * kContext * kWidth + kContext * kContext);
}

TEST(Hoist, RewritingFindsIt) {
  Scene s;
  const Value norm = layer_norm(concat({s.rows, reshape(gather(s.table, s.target), {1, kWidth})}, 0));
  const Value w = s.b.input("w", {kWidth, 1}, Rate::kStep);
  const Value loss = prompt_mean(sum(square(matmul(norm, w))));
  std::vector<int> outputs{loss.id()};
  for (const Value& slope : gradients(loss, std::vector{w})) outputs.push_back(slope.id());
  const Rewritten cheap = rewrite(s.b.program(), outputs, kBatch);
  EXPECT_EQ(count(cheap.builder->program(), cheap.outputs, Op::kRow, Rate::kPrompt), 0);
  EXPECT_EQ(count(cheap.builder->program(), cheap.outputs, Op::kRow, Rate::kReplica), 1);
  expect_same(s.b.program(), outputs, cheap);
}

TEST(Hoist, DrawsStayThemselves) {
  Scene s;
  (void)s.b.normal(Stream::kPrompt, {3});
  const Value noise = s.b.normal(Stream::kPrompt, {kContext, kWidth});
  // Negation is exact in any order and place.
  const std::vector<int> outputs{(-(-(-concat({s.rows, s.rows}, 1))) + concat({noise, noise}, 1)).id()};
  const Rewritten cheap = hoist(s.b.program(), outputs, kBatch);
  ASSERT_EQ(count(cheap.builder->program(), cheap.outputs, Op::kUnary), 0) << "hoisted";
  std::vector<Numbers> drawn;
  for (const auto& [program, ids] :
       {std::pair{&s.b.program(), outputs}, {&cheap.builder->program(), cheap.outputs}}) {
    Executor<double> executor(make_plan(*program, ids, {21, true, {}}));
    executor.begin(make_keys(5, 1));
    executor.run(9);
    drawn.emplace_back(executor.output(0).begin(), executor.output(0).end());
  }
  EXPECT_EQ(drawn[0], drawn[1]) << "bit for bit";
}

// ---- random programs ----

class RandomRows {
 public:
  explicit RandomRows(std::uint32_t seed) : random_(seed) {
    const Value w = b.input("w", {kWidth}, Rate::kStep), table = b.input("learned", {7, kWidth}, Rate::kStep);
    weights = {w, table};
    for (const Value& from : {b.normal(Stream::kTask, {kRows, kWidth}), table})
      for (int i = 0; i < 2; ++i)
        values_.push_back(gather(from, b.integers(Stream::kPrompt, {4}, from.shape()[0])));
    values_.push_back(b.input("x", {4, kWidth}, Rate::kPrompt));
    values_.push_back(w);
    values_.push_back(b.normal(Stream::kTask, {kWidth}));
    values_.push_back(gather(b.normal(Stream::kTask, {kRows, 1}), b.integers(Stream::kPrompt, {1}, kRows)));
    for (int i = 0; i < 14; ++i) {
      try {
        const Value made = operation();
        if (elements(made.shape()) <= 400) values_.push_back(made);
      } catch (const std::exception&) {
        // shapes that don't fit: another try
      }
    }
    loss = prompt_mean(sum(tanh(any())) + sum(tanh(values_.back())));
  }

  Builder b;
  std::vector<Value> weights;
  Value loss;

 private:
  Value any() { return values_[random_() % values_.size()]; }

  Value operation() {
    const Value x = any(), y = any();
    const int axis = static_cast<int>(random_() % x.shape().size());
    switch (random_() % 14) {
      case 0: return x + y;
      case 1: return x * y;
      case 2: return tanh(x);
      case 3: return layer_norm(x);
      case 4: return softmax(x);
      case 5: return concat({x, y}, axis);
      case 6: return concat({x, y, x}, 0);
      case 7: return slice(x, axis, 0, (x.shape()[static_cast<size_t>(axis)] + 1) / 2);
      case 8: return sum(x, {axis}, true);
      case 9: return reshape(x, {x.shape()[0], 2, elements(x.shape()) / x.shape()[0] / 2});
      case 10: return transpose(x);
      case 11: return select(x < y, x, tanh(y));
      case 12: return pad(x, axis, 1, x.shape()[static_cast<size_t>(axis)] + 2);
      default: return gather(x, b.integers(Stream::kPrompt, {3}, x.shape()[0]));
    }
  }

  std::mt19937 random_;
  std::vector<Value> values_;
};

TEST(Hoist, RandomProgramsHaveTheSameValuesAndGradients) {
  int changed = 0;
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    RandomRows random(seed);
    std::vector<int> wanted{random.loss.id()}, written = wanted;
    for (const Value& w : random.weights) wanted.push_back(w.id());
    const Rewritten forward = hoist(random.b.program(), wanted, kBatch);
    changed += step_flops(forward.builder->program(), forward.outputs, kBatch) <
               step_flops(random.b.program(), wanted, kBatch);
    std::vector<Value> inputs;
    for (size_t i = 1; i < wanted.size(); ++i) inputs.emplace_back(forward.builder.get(), forward.outputs[i]);
    std::vector<int> outputs{forward.outputs[0]};
    for (const Value& slope : gradients({forward.builder.get(), forward.outputs[0]}, inputs))
      outputs.push_back(slope.id());
    for (const Value& slope : gradients(random.loss, random.weights)) written.push_back(slope.id());
    expect_same(random.b.program(), written, rewrite(forward.builder->program(), outputs, kBatch),
                "seed " + std::to_string(seed));
  }
  EXPECT_GT(changed, 100);
}

}  // namespace
}  // namespace iclab::program
