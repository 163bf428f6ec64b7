// Every derivative against central differences in double.
#include "program/autodiff.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"
#include "program/executor.h"
#include "program/functions.h"
#include "program/rewrite.h"
#include "tests/program/interpreter.h"

namespace iclab::program {
namespace {

using testing::Interpreter;
using testing::Numbers;

constexpr std::int64_t kBatch = 5;  // no multiple of the lanes: idle lanes must not leak into gradients

// Numbers in (0.3, 1.7), no two alike: inside every function's domain, away from ties and kinks.
Numbers some_numbers(std::int64_t count, std::uint64_t seed) {
  Numbers numbers;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t h = (static_cast<std::uint64_t>(i) * 1000003 + seed * 7919 + 17) * 0x9E3779B97F4A7C15u;
    numbers.push_back(0.3 + 1.4 * static_cast<double>(h >> 11) * 0x1p-53);
  }
  return numbers;
}

struct Scene {
  Builder b;
  std::vector<Value> weights;
  Interpreter run{.batch = kBatch, .inputs = {}, .step = 0};

  Value weight(const Shape& shape, double sign = 1) {
    const std::string name = fmt::format("w{}", weights.size());
    Numbers numbers = some_numbers(elements(shape), weights.size());
    for (double& x : numbers) x *= sign;
    run.inputs[name] = numbers;
    weights.push_back(b.input(name, shape, Rate::kStep));
    return weights.back();
  }

  // A number of each prompt.
  Value data(const Shape& shape) {
    const std::string name = fmt::format("x{}", run.inputs.size());
    run.inputs[name] = some_numbers(kBatch * elements(shape), 100 + run.inputs.size());
    return b.input(name, shape, Rate::kPrompt);
  }

  // A scalar in which every element counts differently.
  Value loss(Value out) {
    const Value coefficients = b.constant(out.shape(), some_numbers(elements(out.shape()), 55));
    return prompt_mean(sum(out * coefficients));
  }
};

double loss_at(const Scene& scene, Value loss, const std::string& name, size_t i, double shift) {
  Interpreter run = scene.run;
  run.inputs[name][i] += shift;
  return run.evaluate(scene.b.program(), std::vector<int>{loss.id()})[0][0];
}

// Fourth-order central difference: error h^4 f'''''/30 + eps f/h, about 1e-12 f.
Numbers differences(const Scene& scene, Value loss, const std::string& name) {
  constexpr double h = 1e-3;
  Numbers slopes;
  for (size_t i = 0; i < scene.run.inputs.at(name).size(); ++i) {
    const auto at = [&](double shift) { return loss_at(scene, loss, name, i, shift); };
    slopes.push_back((8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h));
  }
  return slopes;
}

// The gradients as training computes them: rewritten, planned, executed.
std::vector<Numbers> executed(Scene& scene, std::span<const Value> gradients) {
  std::vector<int> outputs;
  std::vector<std::string> names;
  for (const Value& gradient : gradients) outputs.push_back(gradient.id());
  for (const Value& weight : scene.weights) {
    outputs.push_back(weight.id());
    names.push_back(weight.node().name);
  }
  const Rewritten cheap = rewrite(scene.b.program(), outputs);
  Executor<double> executor(make_plan(cheap.builder->program(), cheap.outputs, {kBatch, true, names}));
  for (const Node& node : executor.plan().program.nodes)
    if (node.op == Op::kInput && node.rate == Rate::kPrompt)
      executor.set_prompt_input(node.name, scene.run.inputs.at(node.name));
  for (const std::string& name : names)
    std::ranges::copy(scene.run.inputs.at(name), executor.input(name).begin());
  executor.begin(make_keys(1, 0));
  executor.run(0);
  std::vector<Numbers> results;
  for (size_t i = 0; i < gradients.size(); ++i) {
    const auto output = executor.output(i);
    results.emplace_back(output.begin(), output.end());
  }
  return results;
}

void expect_close(const Numbers& got, const Numbers& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  double largest = 0;
  for (const double x : want) largest = std::max(largest, std::fabs(x));
  for (size_t i = 0; i < want.size(); ++i)
    EXPECT_NEAR(got[i], want[i], 1e-6 * largest + 1e-12) << what << " element " << i;
}

void check(const std::string& what, const std::function<Value(Scene&)>& make) {
  Scene scene;
  const Value loss = scene.loss(make(scene));
  const std::vector<Value> slopes = gradients(loss, scene.weights);
  std::vector<int> ids;
  for (const Value& slope : slopes) ids.push_back(slope.id());
  const std::vector<Numbers> interpreted = scene.run.evaluate(scene.b.program(), ids);
  const std::vector<Numbers> run = executed(scene, slopes);
  for (size_t i = 0; i < slopes.size(); ++i) {
    EXPECT_EQ(slopes[i].shape(), scene.weights[i].shape()) << what;
    EXPECT_LE(slopes[i].rate(), Rate::kStep) << what;
    const Numbers want = differences(scene, loss, scene.weights[i].node().name);
    expect_close(interpreted[i], want, fmt::format("{}, interpreted, weight {}", what, i));
    expect_close(run[i], want, fmt::format("{}, executed, weight {}", what, i));
  }
}

using lanes::Binary;
using lanes::Unary;

TEST(Gradients, EveryUnaryFunction) {
  for (int f = 0; f < static_cast<int>(Unary::kCount); ++f) {
    const auto function = static_cast<Unary>(f);
    if (function == Unary::kGeluTanhSlope) continue;  // refused, below
    const std::string what = fmt::format("unary {}", f);
    check(what + " of a weight", [&](Scene& s) { return unary(function, s.weight({2, 3})); });
    check(what + " of prompts", [&](Scene& s) { return unary(function, s.weight({3}) * s.data({2, 1})); });
  }
  check("abs below zero", [](Scene& s) { return abs(s.weight({3}, -1)); });
  for (const Unary function : {Unary::kTanh, Unary::kErf, Unary::kExp, Unary::kExpm1, Unary::kSinTurns,
                               Unary::kReciprocal, Unary::kSquare, Unary::kRelu, Unary::kSigmoid,
                               Unary::kSoftplus, Unary::kGelu, Unary::kGeluTanh, Unary::kGeluSlope})
    check("below zero", [&](Scene& s) { return unary(function, s.weight({3}, -1)); });
}

Value apply(Binary function, Value a, Value b) {
  switch (function) {
    case Binary::kAdd: return a + b;
    case Binary::kSubtract: return a - b;
    case Binary::kMultiply: return a * b;
    case Binary::kDivide: return a / b;
    case Binary::kMinimum: return minimum(a, b);
    case Binary::kMaximum: return maximum(a, b);
    case Binary::kGate: return gate(a, b - 1.0) + b;  // about as often open as closed
    default: return pow(a, b);
  }
}

TEST(Gradients, EveryBinaryFunctionInEveryBroadcastingFormAndRate) {
  const std::vector<std::pair<Shape, Shape>> forms = {
      {{}, {}},        {{}, {3}},         {{3}, {}},           {{3}, {3}},          {{2, 3}, {3}},
      {{3}, {2, 3}},   {{2, 1}, {1, 3}},  {{1}, {3}},          {{3}, {1}},          {{2, 1, 3}, {4, 1}},
      {{1, 1}, {2, 3}}, {{2, 3}, {}},     {{2, 1, 1, 3}, {1, 4, 2, 1}}};
  for (int f = 0; f < static_cast<int>(Binary::kCount); ++f)
    for (const auto& [left, right] : forms) {
      const auto function = static_cast<Binary>(f);
      const std::string what = fmt::format("binary {} {}{}", f, to_string(left), to_string(right));
      check(what, [&](Scene& s) { return apply(function, s.weight(left), s.weight(right)); });
      check(what + ", prompts on the right",
            [&](Scene& s) { return apply(function, s.weight(left), s.data(right)); });
      check(what + ", prompts on the left",
            [&](Scene& s) { return apply(function, s.data(left), s.weight(right)); });
      check(what + ", prompts on both sides", [&](Scene& s) {
        return apply(function, s.weight(left) * s.data(left), s.weight(right) + s.data({}));
      });
    }
}

TEST(Gradients, SelectAndComparison) {
  check("select", [](Scene& s) {
    const Value a = s.weight({2, 3}), b = s.weight({3}), c = s.weight({2, 1});
    return select(a < b, a * c, b * b);
  });
  check("select by prompt", [](Scene& s) {
    const Value a = s.weight({2, 3}), x = s.data({3});
    return select(x < s.b.constant(1.0), a, square(a));
  });
}

TEST(Gradients, Views) {
  check("reshape", [](Scene& s) { return square(reshape(s.weight({2, 3}), {3, 1, 2})); });
  check("reshape of a transpose", [](Scene& s) {
    return square(reshape(transpose(s.weight({2, 3})), {6})) * s.data({6});
  });
  check("permute", [](Scene& s) { return square(permute(s.weight({2, 3, 4}), {2, 0, 1})) * s.data({}); });
  check("slice", [](Scene& s) { return square(slice(s.weight({4, 3}), 0, 1, 2)); });
  check("slice, in steps", [](Scene& s) { return square(slice(s.weight({8, 3}), 0, 1, 3, 3)); });
  check("index", [](Scene& s) { return square(index(s.weight({4, 3}) * s.data({3}), 1, 2)); });
  check("broadcast_to", [](Scene& s) { return broadcast_to(s.weight({3, 1}), {2, 3, 4}) * s.data({4}); });
  check("scalar stretched", [](Scene& s) { return broadcast_to(s.weight({}), {2, 2}) * s.data({}); });
}

TEST(Gradients, Structure) {
  check("concat", [](Scene& s) {
    const Value a = s.weight({2, 3}), b = s.weight({2, 1});
    return square(concat({a, b, a * b}, 1));
  });
  check("concat of prompts and weights", [](Scene& s) {
    return square(concat({s.weight({1, 3}), s.weight({2, 3}) * s.data({2, 1})}, 0));
  });
  check("pad", [](Scene& s) { return square(pad(s.weight({2, 3}), 1, 1, 6)) + s.data({}); });
  check("pad, in steps", [](Scene& s) { return square(pad(s.weight({2, 3}), 1, 1, 6, 2)) + s.data({}); });
  for (const bool prompts : {false, true}) {
    const std::string what = prompts ? " over prompts" : "";
    const auto x = [prompts](Scene& s, const Shape& shape) {
      return prompts ? s.weight(shape) * s.data(shape) : s.weight(shape);
    };
    check("sum" + what, [&](Scene& s) { return square(sum(x(s, {2, 3}))); });
    check("sum over an axis" + what, [&](Scene& s) { return square(sum(x(s, {2, 3, 4}), {0, 2})); });
    check("sum kept" + what, [&](Scene& s) { return square(sum(x(s, {2, 3}), {1}, true)); });
    check("mean" + what, [&](Scene& s) { return square(mean(x(s, {2, 3}))); });
  }
}

TEST(Gradients, Products) {
  const std::vector<std::pair<Shape, Shape>> forms = {
      {{2, 3}, {3, 4}}, {{3}, {3, 4}},       {{2, 3}, {3}},       {{3}, {3}},
      {{1, 3}, {3, 1}}, {{2, 2, 3}, {3, 4}}, {{2, 3}, {2, 3, 4}}, {{2, 1, 2, 3}, {4, 3, 2}}, {{2, 1}, {1, 3}}};
  for (const auto& [left, right] : forms) {
    const std::string what = fmt::format("product {}{}", to_string(left), to_string(right));
    check(what, [&](Scene& s) { return square(matmul(s.weight(left), s.weight(right))); });
    check(what + ", prompts on the right",
          [&](Scene& s) { return square(matmul(s.weight(left), s.data(right))); });
    check(what + ", prompts on the left",
          [&](Scene& s) { return square(matmul(s.data(left), s.weight(right))); });
    check(what + ", prompts on both sides", [&](Scene& s) {
      return matmul(s.weight(left) * s.data(left), tanh(s.weight(right)) * s.data({}));
    });
  }
}

// Weights in the row, prompts in the row, and a second use of the input and of the result.
void check_row(const std::string& what, const Shape& shape, const std::function<Value(Value)>& f) {
  const std::string of = fmt::format("{} of {}", what, to_string(shape));
  check(of, [&](Scene& s) { return f(s.weight(shape)); });
  check(of + ", prompts", [&](Scene& s) { return f(3.0 * s.weight(shape) * s.data(shape)); });
  check(of + ", used twice", [&](Scene& s) {
    const Value x = s.weight(shape) * s.data({}), y = f(x);
    return square(y) + y * sum(square(x));
  });
}

TEST(Gradients, FunctionsOfARow) {
  for (const Shape& shape : {Shape{5}, {1}, {3, 4}, {2, 3, 4}, {2, 1, 3, 2}, {37}}) {
    check_row("softmax", shape, [](Value x) { return softmax(x); });
    check_row("log_sum_exp", shape, [](Value x) { return log_sum_exp(x) * 2.0; });
    check_row("cumulative_sum", shape, [](Value x) { return square(cumulative_sum(x)); });
    check_row("cumulative_product", shape, [](Value x) { return cumulative_product(x); });
    check_row("rms_norm", shape, [](Value x) { return rms_norm(x, 0.1); });
    if (shape.back() > 1) check_row("layer_norm", shape, [](Value x) { return layer_norm(x, 0.1); });
    // Of few numbers: no two so near that a difference crosses them.
    if (elements(shape) <= 12) check_row("rank", shape, [](Value x) { return to_real(rank(x)) * x; });
    if (shape.size() < 2) continue;
    for (const std::int64_t offset : {0, 1, 2, 7})
      check_row(fmt::format("causal_softmax, offset {}", offset), shape,
                [&](Value x) { return causal_softmax(x, offset); });
  }
}

TEST(Gradients, AdjointsOfFewerNumbersAreStretchedForRows) {
  check("a scalar times a softmax", [](Scene& s) {
    return sum(softmax(s.weight({2, 3}))) * s.data({}) + sum(layer_norm(s.weight({2, 3}), 0.1) * s.weight({3}));
  });
}

TEST(Gradients, OfComposedFunctions) {
  check("masked softmax", [](Scene& s) {
    const Value x = s.weight({2, 4}) * s.data({2, 4});
    return softmax(x, x < s.b.constant({2, 1}, {3.0})) * s.weight({4});
  });
  check("log_softmax", [](Scene& s) { return log_softmax(s.weight({2, 4}) * s.data({4})); });
  check("sort", [](Scene& s) { return square(sort(s.weight({2, 4}) * s.data({2, 4}))); });
  check("logistic_loss", [](Scene& s) { return logistic_loss(-s.data({3}), s.weight({3})); });
  check("hinge_loss", [](Scene& s) { return hinge_loss(s.data({3}), s.weight({2, 1})); });
  check("cross_entropy", [](Scene& s) {
    return cross_entropy(s.weight({3, 4}) * s.data({3, 1}), s.b.integer_constant({3}, {1, 3, 0}));
  });
}

TEST(Gradients, OfFunctionsWithoutADerivativeAreRefused) {
  Scene s;
  const Value x = s.weight({3});
  const auto refuses = [&](Value y, const std::string& what) {
    EXPECT_THAT([&] { (void)gradients(s.loss(y), s.weights); },
                ::testing::ThrowsMessage<Error>(::testing::HasSubstr(what)));
  };
  refuses(unary(Unary::kGeluTanhSlope, x), "[gradients] a function without a derivative");
  refuses(gradients(s.loss(softmax(x)), s.weights)[0], "[gradients] a function of a row without a derivative");
}

TEST(Gradients, GatherAndScatterAdd) {
  check("gather", [](Scene& s) {
    return square(gather(s.weight({4, 3}), s.b.integer_constant({5}, {3, 0, 3, 1, 3})));
  });
  check("gather by prompt", [](Scene& s) {
    return square(gather(s.weight({5, 2, 2}), s.b.prompt_index())) * s.data({});
  });
  check("gather of tokens by prompt", [](Scene& s) {
    const Value table = s.weight({7, 3});
    const Value tokens = s.b.prompt_index() + s.b.integer_constant({4}, {0, 1, 0, 2});
    return square(gather(table, tokens)) * s.data({3}) + sum(table);
  });
  check("gather by prompt, adjoint of no prompt", [](Scene& s) { return gather(s.weight({5, 2}), s.b.prompt_index()); });
  check("scatter_add", [](Scene& s) {
    return square(scatter_add(s.weight({4, 2}), s.b.integer_constant({4}, {1, 1, 0, 2}), 3));
  });
  check("scatter_add by prompt", [](Scene& s) {
    return square(scatter_add(s.weight({2}), s.b.prompt_index(), 5)) * s.data({2});
  });
}

TEST(Gradients, ThroughSumsOverPrompts) {
  check("a linear function of a mean", [](Scene& s) {
    return transpose(prompt_mean(matmul(s.weight({2, 3}), s.data({3, 2}))));
  });
  check("a product over prompts", [](Scene& s) {
    const Value a = s.weight({2, 3}) * s.data({3}) * s.b.prompt_weight(), b = s.data({3, 2});
    return s.b.emit({.op = Op::kPromptProduct, .shape = {2, 2}, .in = {a.id(), b.id()}});
  });
}

TEST(Gradients, ThatNeedTheMeanBeforeThePromptsAreRefusedByThePlan) {
  Scene scene;
  const Value loss = scene.loss(exp(prompt_mean(matmul(scene.weight({2, 3}), scene.data({3})))));
  const std::vector<Value> slopes = gradients(loss, scene.weights);
  EXPECT_THAT([&] { executed(scene, slopes); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("a step visits its prompts once")));
}

TEST(Gradients, PopulationForms) {
  check("a loss without prompts", [](Scene& s) {
    const Value a = s.weight({3, 3}), c = s.b.constant({3, 3}, some_numbers(9, 3));
    return sum(matmul(a, c) * a) - 2.0 * sum(a * c);
  });
  check("replica-rate values are constants", [](Scene& s) { return square(s.weight({3})) * 2.0 + 1.0; });
}

TEST(Gradients, OfWhatTheLossDoesNotDependOnIsZero) {
  Scene scene;
  const Value used = scene.weight({2}), unused = scene.weight({2, 2});
  const Value loss = scene.loss(square(used) + to_real(used < used));
  const Value late = scene.weight({3});  // declared after the loss
  const std::vector<Value> slopes = gradients(loss, std::vector<Value>{used, unused, late});
  EXPECT_TRUE(slopes[0].valid());
  EXPECT_EQ(slopes[1].id(), scene.b.constant({2, 2}, {0.0}).id());
  EXPECT_EQ(slopes[2].id(), scene.b.constant({3}, {0.0}).id());
}

TEST(Gradients, TiesOfMinimumAndMaximumGoToTheLeft) {
  Builder b;
  const Value a = b.input("a", {}, Rate::kStep), c = b.input("c", {}, Rate::kStep);
  const std::vector<Value> slopes = gradients(minimum(a, c) + 10.0 * maximum(a, c), std::vector{a, c});
  const Interpreter run{.batch = 1, .inputs = {{"a", {2.0}}, {"c", {2.0}}}, .step = 0};
  const auto got = run.evaluate(b.program(), std::vector<int>{slopes[0].id(), slopes[1].id()});
  EXPECT_EQ(got[0][0], 11.0);
  EXPECT_EQ(got[1][0], 0.0);
}

TEST(Gradients, RefuseALossThatIsNone) {
  Builder b;
  const Value x = b.input("x", {2}, Rate::kStep), p = b.input("p", {}, Rate::kPrompt);
  EXPECT_THAT([&] { (void)gradients(x, std::vector{x}); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr(
                  "[gradients] expected a real scalar as loss, received real (2)")));
  EXPECT_THAT([&] { (void)gradients(p, std::vector{x}); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("take its prompt_mean")));
}

}  // namespace
}  // namespace iclab::program
