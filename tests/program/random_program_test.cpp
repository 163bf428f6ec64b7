// Random programs against the interpreter. Inputs are small integers and every operation keeps them so,
// hence sums are exact in any order and the results must be equal, whatever rewriting and planning did.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "program/autodiff.h"
#include "program/builder.h"
#include "program/executor.h"
#include "program/functions.h"
#include "program/fuse.h"
#include "program/rewrite.h"
#include "tests/program/interpreter.h"

namespace iclab::program {
namespace {

using testing::Interpreter;
using testing::Numbers;

class RandomProgram {
 public:
  explicit RandomProgram(std::uint32_t seed) : random_(seed) {
    batch = pick({1, 3, 8, 16, 17, 40, 100});
    for (int i = 0; i < 6; ++i) add_input();
    for (int i = 0; i < 40; ++i) {
      try {
        const Value made = operation();
        if (elements(made.shape()) <= 200) reals_.push_back(clamped(made));
      } catch (const Error&) {
        // shapes that don't fit: another try
      }
    }
    for (int i = 0; i < 3; ++i) outputs.push_back(any().id());
    const Value total = over_prompts(sum(any()));
    outputs.push_back(total.id());
    outputs.push_back(over_prompts(any()).id());
    for (const Value& gradient : gradients(total, weights_)) outputs.push_back(gradient.id());
    run.batch = batch;
    run.step = 5;
  }

  Builder b;
  std::int64_t batch;
  std::vector<int> outputs;
  Interpreter run;

 private:
  std::int64_t pick(std::initializer_list<std::int64_t> choices) {
    return *(choices.begin() + static_cast<std::ptrdiff_t>(random_() % choices.size()));
  }
  Value any() { return reals_[random_() % reals_.size()]; }

  void add_input() {
    Shape shape;
    for (auto rank = pick({0, 1, 2, 2, 3}); rank-- > 0;) shape.push_back(pick({1, 2, 3, 5}));
    const auto rate = static_cast<Rate>(pick({1, 2, 3, 3}));
    const std::string name = fmt::format("x{}", reals_.size());
    Numbers numbers(static_cast<size_t>(elements(shape) * (rate == Rate::kPrompt ? batch : 1)));
    for (double& x : numbers) x = static_cast<double>(random_() % 5) - 2;
    run.inputs[name] = numbers;
    reals_.push_back(b.input(name, shape, rate));
    if (rate == Rate::kStep) weights_.push_back(reals_.back());
  }

  // Keeps magnitudes small: exact in float too.
  Value clamped(Value x) { return maximum(minimum(x, b.constant(3.0)), b.constant(-3.0)); }

  // Sum over the batch's prompts, idle lanes left out.
  Value over_prompts(Value x) {
    if (x.rate() != Rate::kPrompt) return x;
    const Value present = to_real(not_equal(b.prompt_weight(), b.constant(0.0)));
    const Value counted = x * present;
    return b.emit({.op = Op::kPromptSum, .shape = counted.shape(), .in = {counted.id()}});
  }

  Value small_index(std::int64_t rows) {
    std::vector<std::int64_t> numbers;
    for (auto i = pick({1, 2, 4}); i-- > 0;) numbers.push_back(static_cast<std::int64_t>(random_()) % rows);
    return b.integer_constant({static_cast<std::int64_t>(numbers.size())}, numbers);
  }

  // Products of three to five values, with transposes, numbers and vectors between.
  Value chain(Value x, Value y) {
    Value product = x;
    for (int i = 0; i < 4; ++i) {
      try {
        product = random_() % 2 == 0 ? matmul(product, y) : matmul(transpose(y), product);
      } catch (const Error&) {
        // no fit: the next
      }
      y = any();
      if (random_() % 4 == 0) product = product * sum(y);
      if (random_() % 4 == 0) product = -transpose(product);
      if (random_() % 4 == 0 && product.shape().size() == 2)
        product = reshape(product, {product.shape()[1], product.shape()[0]});
    }
    return product;
  }

  Value operation() {
    const Value x = any(), y = any();
    const int rank = static_cast<int>(x.shape().size());
    const int axis = rank > 0 ? static_cast<int>(random_() % static_cast<unsigned>(rank)) : 0;
    const std::int64_t length = rank > 0 ? x.shape()[static_cast<size_t>(axis)] : 1;
    switch (random_() % 34) {
      case 0: return x + y;
      case 1: return x - y;
      case 2: return x * y;
      case 3: return minimum(x, y);
      case 4: return maximum(x, y);
      case 5: return -x;
      case 6: return abs(x);
      case 7: return square(x);
      case 8: return select(x < y, x, y * 2.0);
      case 9: return to_real(logical_or(logical_not(x <= y), equal(x, y)));
      case 10: return matmul(x, y);
      case 11: return matmul(x, transpose(y));
      case 12: return transpose(x);
      case 13: return sum(x, {axis}, random_() % 2 == 0);
      case 14: return sum(x);
      case 15: return slice(x, axis, length / 2, length - length / 2);
      case 16: return index(x, axis, length - 1);
      case 17: return concat({x, y, x}, axis);
      case 18: return pad(x, axis, 1, length + 2);
      case 19: return reshape(transpose(x), {elements(x.shape())});
      case 20: return broadcast_to(reshape(x, {elements(x.shape()), 1}), {elements(x.shape()), 2});
      case 21: return gather(x, small_index(rank > 0 ? x.shape()[0] : 1));
      case 22: return scatter_add(x, small_index(4), 4);
      case 23: return relu(x);
      case 24: return gate(x, y);
      case 25: return cumulative_sum(x);
      case 26: return cumulative_product(select(x < b.constant(0.0), b.constant(-1.0), b.constant(1.0)));
      case 27: return to_real(program::rank(x));
      case 28: return gather(x, b.prompt_index() - b.prompt_index() + small_index(rank > 0 ? x.shape()[0] : 1));
      case 29: return to_real(top_k(x, (length + 1) / 2)) * x;
      case 30: return sort(x);
      case 31:
      case 32: return chain(x, y);
      default: return to_real(b.prompt_index() * b.integer_constant({}, {2}) - b.step()) * x;
    }
  }

  std::mt19937 random_;
  std::vector<Value> reals_, weights_;
};

template <class T>
std::vector<Numbers> execute(const RandomProgram& random, const Program& program, std::span<const int> outputs,
                             int groups_per_strand, PlanOptions options = {}, int together = 1) {
  options.batch = random.batch;
  options.is_double = sizeof(T) == 8;
  auto plan = std::make_shared<Plan>(*make_plan(program, outputs, options));
  if (groups_per_strand > 0) plan->groups_per_strand = groups_per_strand;
  plan->strands_together = together;
  Executor<T> executor(plan);
  std::map<std::string, std::vector<T>> kept;
  for (size_t id = 0; id < program.nodes.size(); ++id) {
    const Node& node = program.nodes[id];
    if (node.op != Op::kInput || plan->buffer_bytes[id] < 0) continue;
    const Numbers& numbers = random.run.inputs.at(node.name);
    kept[node.name].assign(numbers.begin(), numbers.end());
    if (node.rate == Rate::kPrompt) executor.set_prompt_input(node.name, kept[node.name]);
    else std::ranges::copy(kept[node.name], executor.input(node.name).begin());
  }
  executor.begin(make_keys(1, 0));
  executor.run(static_cast<std::uint32_t>(random.run.step));
  executor.run(static_cast<std::uint32_t>(random.run.step));  // a second time: nothing may be left over
  std::vector<Numbers> results;
  for (size_t i = 0; i < outputs.size(); ++i) results.emplace_back(executor.output(i).begin(), executor.output(i).end());
  return results;
}

// -0 and 0 are equal: which of them a sum of zeros gives depends on its order.
void expect_equal(const std::vector<Numbers>& got, const std::vector<Numbers>& want, const std::string& what) {
  for (size_t i = 0; i < want.size(); ++i) EXPECT_EQ(got[i], want[i]) << what << ", output " << i;
}

class RandomPrograms : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomPrograms, GiveWhatTheInterpreterGives) {
  for (std::uint32_t seed = GetParam(); seed < GetParam() + 40; ++seed) {
    const RandomProgram random(seed);
    const std::string what = fmt::format("seed {}", seed);
    const std::vector<Numbers> want = random.run.evaluate(random.b.program(), random.outputs);
    const Rewritten cheap = rewrite(random.b.program(), random.outputs);
    expect_equal(random.run.evaluate(cheap.builder->program(), cheap.outputs), want, what + ", rewritten");

    const Program& program = cheap.builder->program();
    try {
      (void)make_plan(program, cheap.outputs, {random.batch, true, {}});
    } catch (const Error&) {
      continue;  // a gradient that would need two visits of the prompts
    }
    expect_equal(execute<double>(random, program, cheap.outputs, 0), want, what + ", double");
    expect_equal(execute<float>(random, program, cheap.outputs, 0), want, what + ", float");
    for (const int groups : {1, 2, 3})
      expect_equal(execute<double>(random, program, cheap.outputs, groups), want,
                   fmt::format("{}, strands of {} groups", what, groups));
    for (const Layout layout : {Layout::kOrdinary, Layout::kLanes})
      expect_equal(execute<double>(random, program, cheap.outputs, 1, {.parameters = {}, .layout = layout}, 3), want,
                   fmt::format("{}, three strands together, {}", what, name(layout)));

    // Every value is large, and few of them fit: stretches are divided wherever they can be.
    for (const std::int64_t touched : {1, 300})
      expect_equal(execute<double>(random, program, cheap.outputs, 0,
                                   {.parameters = {}, .layout = Layout::kOrdinary, .stretch = {.large = 1, .touched = touched}}),
                   want, fmt::format("{}, divided stretches of {} bytes", what, touched));

    const Rewritten fused = fuse(program, cheap.outputs);
    expect_equal(execute<double>(random, fused.builder->program(), fused.outputs, 0), want,
                 what + ", fused");

    // With every value an output nothing shares memory.
    std::vector<int> everything = cheap.outputs;
    for (size_t id = 0; id < program.nodes.size(); ++id)
      if (program.nodes[id].dtype == DType::kReal) everything.push_back(static_cast<int>(id));
    expect_equal(execute<double>(random, program, everything, 0), want, what + ", no shared memory");
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPrograms, ::testing::Range(0u, 400u, 40u));

}  // namespace
}  // namespace iclab::program
