#include "program/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"

namespace iclab::program {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

#define EXPECT_ERROR(expression, ...) \
  EXPECT_THAT(message_of([&] { (void)(expression); }), AllOf(__VA_ARGS__))

TEST(Builder, ShapeErrorsNameOperationExpectedAndReceived) {
  Builder b;
  const Value m34 = b.input("m34", {3, 4}, Rate::kStep), m53 = b.input("m53", {5, 3}, Rate::kStep);
  const Value v4 = b.input("v4", {4}, Rate::kStep), s = b.input("s", {}, Rate::kStep);
  const Value n = b.integer_constant({}, {1});
  const Value flag = s < s;

  EXPECT_ERROR(m34 + m53, HasSubstr("[add]"), HasSubstr("(3, 4)"), HasSubstr("(5, 3)"),
               HasSubstr("expected equal dimensions or 1, received 4 and 3"));
  EXPECT_ERROR(s + n, HasSubstr("[add] expected real, received integer ()"));
  EXPECT_ERROR(n / n, HasSubstr("[divide] expected real values, received integers; use to_real"));
  EXPECT_ERROR(exp(n), HasSubstr("[unary] expected real, received integer"));
  EXPECT_ERROR(s < n, HasSubstr("[less] expected two real or two integer values, received real and integer"));
  EXPECT_ERROR(flag < flag, HasSubstr("[less]"), HasSubstr("boolean"));
  EXPECT_ERROR(logical_and(flag, s), HasSubstr("[and] expected boolean, received real"));
  EXPECT_ERROR(select(s, s, s), HasSubstr("[select] expected boolean, received real"));
  EXPECT_ERROR(matmul(m34, m53), HasSubstr("[matmul] expected (..., m, k) and (..., k, n), received (3, 4) and (5, 3)"));
  EXPECT_ERROR(matmul(m34, s), HasSubstr("[matmul]"), HasSubstr("received (3, 4) and ()"));
  EXPECT_ERROR(dot(m34, v4), HasSubstr("[dot] expected (k) and (k), received (3, 4) and (4)"));
  EXPECT_ERROR(reshape(m34, {5, 2}), HasSubstr("[reshape] expected 12 elements, received 10 for (5, 2)"));
  EXPECT_ERROR(reshape(s, {1, 1, 1, 1, 1}), HasSubstr("[reshape] expected at most 4 dimensions"));
  EXPECT_ERROR(transpose(v4), HasSubstr("[transpose] expected at least 2 dimensions, received (4)"));
  EXPECT_ERROR(permute(m34, {0}), HasSubstr("[permute] expected 2 axes for (3, 4), received 1"));
  EXPECT_ERROR(permute(m34, {0, 0}), HasSubstr("[permute] expected each axis once, received 0 twice"));
  EXPECT_ERROR(slice(m34, 2, 0, 1), HasSubstr("[slice] expected an axis of (3, 4), received 2"));
  EXPECT_ERROR(slice(m34, 1, 2, 3), HasSubstr("[slice] expected a range within [0, 4), received [2, 5)"));
  EXPECT_ERROR(slice(m34, 1, 2, 0), HasSubstr("[slice] expected a range"));
  EXPECT_ERROR(slice(m34, 1, 1, 2, 3), HasSubstr("[slice] expected a range within [0, 4), received [1, 5)"));
  EXPECT_ERROR(slice(m34, 1, 1, 2, 0), HasSubstr("[slice] expected step >= 1, received 0"));
  EXPECT_ERROR(broadcast_to(m34, {4, 3}), HasSubstr("[broadcast_to]"));
  EXPECT_ERROR(broadcast_to(m34, {1, 4}), HasSubstr("expected a shape that (3, 4) stretches to, received (1, 4)"));
  EXPECT_ERROR(concat({}, 0), HasSubstr("[concat] expected at least one value, received none"));
  EXPECT_ERROR(concat({m34, m53}, 0), HasSubstr("[concat] expected real (5, 4) but for axis 0, received real (5, 3)"));
  EXPECT_ERROR(pad(v4, 0, 2, 5), HasSubstr("an end within length 5, received begin 2, step 1 and end 6"));
  EXPECT_ERROR(sum(m34, {2}), HasSubstr("[sum] expected an axis of (3, 4), received 2"));
  EXPECT_ERROR(gather(s, n), HasSubstr("[gather] expected a table (rows, ...)"));
  EXPECT_ERROR(gather(m34, s), HasSubstr("[gather] expected integer, received real"));
  EXPECT_ERROR(scatter_add(v4, b.integer_constant({3}, {0, 1, 2}), 5),
               HasSubstr("[scatter_add] expected index () or (k) and a source (k, ...), received (3) and (4)"));
  EXPECT_ERROR(b.constant({2, 0}, {1.0}), HasSubstr("[constant] expected dimensions of at least 1, received (2, 0)"));
  EXPECT_ERROR(b.constant({2, 2}, {1, 2, 3}), HasSubstr("[constant] shape (2, 2) expects 4 numbers or one, received 3"));
  EXPECT_ERROR(b.integer_constant({2}, {1, 2, 3}), HasSubstr("[integer_constant] shape (2) expects 2 numbers or one, received 3"));
  EXPECT_ERROR(b.integers(Stream::kPrompt, {}, 0), HasSubstr("[integers] expected a bound from 1"));
  EXPECT_ERROR(b.categorical(Stream::kPrompt, {}, std::vector<double>{0.5, -1}),
               HasSubstr("[categorical] expected probabilities >= 0, received -1"));
  EXPECT_ERROR(b.categorical(Stream::kPrompt, {}, std::vector<double>{0, 0}),
               HasSubstr("[categorical] expected probabilities with a positive, finite sum"));
  EXPECT_ERROR(b.gamma(Stream::kPrompt, {3}, {1, 2}), HasSubstr("[gamma] shape (3) expects 3 numbers or one, received 2"));
  EXPECT_ERROR(b.gamma(Stream::kPrompt, {2}, {1, 0}), HasSubstr("[gamma] expected finite shapes above 0, received 0"));
  EXPECT_ERROR(softmax(s), HasSubstr("[softmax] expected at least one dimension, received a scalar"));
  EXPECT_ERROR(rank(b.integer_constant({2}, {1, 2})), HasSubstr("[rank] expected real, received integer (2)"));
  EXPECT_ERROR(causal_softmax(v4), HasSubstr("[causal_softmax] expected at least 2 dimensions, received (4)"));
  EXPECT_ERROR(causal_softmax(m34, -1), HasSubstr("[causal_softmax] expected offset >= 0, received -1"));
  EXPECT_ERROR(layer_norm(m34, -1.0), HasSubstr("[layer_norm] expected epsilon >= 0, received -1"));
  EXPECT_ERROR(rms_norm(m34, std::nan("")), HasSubstr("[rms_norm] expected epsilon >= 0, received nan"));
  EXPECT_ERROR(gate(m34, m53), HasSubstr("[gate]"), HasSubstr("(5, 3)"));
}

TEST(Builder, ValuesOfTwoBuildersDoNotMix) {
  Builder a, b;
  EXPECT_ERROR(a.input("x", {}, Rate::kStep) + b.input("x", {}, Rate::kStep),
               HasSubstr("[add] received values of two builders, expected one"));
  EXPECT_ERROR(a.constant(1.0) + Value(), HasSubstr("[add] received a value that belongs to no builder"));
}

TEST(Builder, ShapesFollowNumPy) {
  Builder b;
  const auto in = [&](const std::string& name, const Shape& shape) {
    return b.input(name, shape, Rate::kStep);
  };
  EXPECT_EQ((in("a", {3, 1}) + in("b", {4})).shape(), (Shape{3, 4}));
  EXPECT_EQ(matmul(in("c", {2, 1, 3, 4}), in("d", {5, 4, 6})).shape(), (Shape{2, 5, 3, 6}));
  EXPECT_EQ(matmul(in("e", {4}), in("f", {4, 6})).shape(), (Shape{6}));
  EXPECT_EQ(matmul(in("g", {3, 4}), in("h", {4})).shape(), (Shape{3}));
  EXPECT_EQ(matmul(in("i", {2, 3, 4}), in("j", {4})).shape(), (Shape{2, 3}));
  EXPECT_EQ(matmul(in("k", {4}), in("l", {2, 4, 6})).shape(), (Shape{2, 6}));
  EXPECT_EQ(dot(in("m", {4}), in("n", {4})).shape(), Shape{});
  EXPECT_EQ(sum(in("o", {2, 3, 4}), {0, -1}).shape(), (Shape{3}));
  EXPECT_EQ(sum(in("p", {2, 3, 4}), {1}, true).shape(), (Shape{2, 1, 4}));
  EXPECT_EQ(index(in("q", {2, 3, 4}), 1, 2).shape(), (Shape{2, 4}));
  const Value three = b.integer_constant({3}, {0, 1, 0}), one = b.integer_constant({}, {1});
  EXPECT_EQ(gather(in("r", {2, 5, 6}), three).shape(), (Shape{3, 5, 6}));
  EXPECT_EQ(gather(in("s", {2, 5, 6}), one).shape(), (Shape{5, 6}));
  EXPECT_EQ(scatter_add(in("t", {3, 5}), three, 2).shape(), (Shape{2, 5}));
  EXPECT_EQ(scatter_add(in("u", {5}), one, 2).shape(), (Shape{2, 5}));
}

TEST(Builder, InfersRates) {
  Builder b;
  const Value study = b.constant({3}, {1, 2, 3}), run = b.normal(Stream::kTask, {3});
  const Value step = b.input("w", {3}, Rate::kStep), prompt = b.normal(Stream::kPrompt, {3});
  EXPECT_EQ(exp(study).rate(), Rate::kStudy);
  EXPECT_EQ((study + run).rate(), Rate::kReplica);
  EXPECT_EQ((run * step).rate(), Rate::kStep);
  EXPECT_EQ((step - prompt).rate(), Rate::kPrompt);
  EXPECT_EQ(b.step().rate(), Rate::kStep);
  EXPECT_EQ(b.prompt_index().rate(), Rate::kPrompt);
  EXPECT_EQ(prompt_mean(prompt).rate(), Rate::kStep);
  EXPECT_EQ(prompt_mean(step).id(), step.id()) << "a value no prompt changes is its own mean";
  EXPECT_ERROR(b.input("x", {}, Rate::kStudy), HasSubstr("[input x] expected replica, step or prompt rate"));
}

TEST(Builder, EqualValuesAreComputedOnce) {
  Builder b;
  const Value x = b.input("x", {2, 3}, Rate::kStep);
  EXPECT_EQ(exp(x).id(), exp(x).id());
  EXPECT_EQ(b.constant({3}, {1, 2, 3}).id(), b.constant({3}, {1, 2, 3}).id());
  EXPECT_NE(b.constant({3}, {1, 2, 3}).id(), b.constant({3}, {1, 2, 4}).id());
  EXPECT_NE(b.constant(1.0).id(), b.integer_constant({}, {1}).id());
  EXPECT_NE(b.normal(Stream::kPrompt, {3}).id(), b.normal(Stream::kPrompt, {3}).id())
      << "two draws are two values";
  EXPECT_NE(b.normal(Stream::kTask, {4}).id(), b.normal(Stream::kModel, {4}).id())
      << "draw 0 of two streams";
}

TEST(Builder, FoldsTrivialAlgebra) {
  Builder b;
  const Value x = b.input("x", {2, 3}, Rate::kStep);
  EXPECT_EQ((x + 0.0).id(), x.id());
  EXPECT_EQ((0.0 + x).id(), x.id());
  EXPECT_EQ((x - 0.0).id(), x.id());
  EXPECT_EQ((x * 1.0).id(), x.id());
  EXPECT_EQ((x / 1.0).id(), x.id());
  EXPECT_EQ((-(-x)).id(), x.id());
  EXPECT_EQ(transpose(transpose(x)).id(), x.id());
  EXPECT_EQ(reshape(reshape(x, {6}), {2, 3}).id(), x.id());
  EXPECT_EQ((2.0 * (3.0 * x)).id(), (6.0 * x).id());
  EXPECT_EQ((x * 0.0).id(), b.constant({2, 3}, {0.0}).id());
  EXPECT_EQ((b.constant(2.0) + 3.0).id(), b.constant(5.0).id());
  EXPECT_EQ(slice(slice(x, 1, 1, 2), 1, 1, 1).id(), slice(x, 1, 2, 1).id());
  const Value long_row = b.input("long row", {20}, Rate::kStep);
  EXPECT_EQ(slice(slice(long_row, 0, 1, 6, 3), 0, 1, 3, 2).id(), slice(long_row, 0, 4, 3, 6).id());
  EXPECT_EQ(matmul(b.constant({4, 2}, {0.0}), x).id(), b.constant({4, 3}, {0.0}).id());
}

TEST(Builder, ASliceOfOnePartIsASliceOfThePart) {
  Builder b;
  const Value x = b.input("x", {2, 3}, Rate::kStep), y = b.input("y", {2, 4}, Rate::kStep);
  const Value both = concat({x, y}, 1);
  EXPECT_EQ(slice(both, 1, 0, 3).id(), x.id());
  EXPECT_EQ(slice(both, 1, 4, 2).id(), slice(y, 1, 1, 2).id());
  EXPECT_EQ(slice(both, 1, 3, 2, 2).id(), slice(y, 1, 0, 2, 2).id());
  EXPECT_EQ(slice(both, 1, 2, 2).node().in[0], both.id()) << "of two parts";
  EXPECT_EQ(slice(both, 0, 1, 1).node().in[0], both.id()) << "across";
  const Value padded = pad(x, 1, 2, 9);
  EXPECT_EQ(slice(padded, 1, 2, 3).id(), x.id());
  EXPECT_EQ(slice(padded, 1, 3, 2).id(), slice(x, 1, 1, 2).id());
  EXPECT_EQ(slice(padded, 1, 5, 4).id(), b.constant({2, 4}, {0.0}).id());
  EXPECT_EQ(slice(padded, 1, 0, 2).id(), b.constant({2, 2}, {0.0}).id());
  EXPECT_EQ(slice(padded, 1, 1, 2).node().in[0], padded.id());
  const Value apart = pad(x, 1, 0, 9, 2);
  EXPECT_EQ(slice(apart, 1, 1, 1).node().in[0], apart.id());
}

TEST(Builder, NamesCostNothingAndAreUnique) {
  Builder b;
  const Value x = b.input("x", {2}, Rate::kStep);
  const Value y = b.name(exp(x), "y");
  EXPECT_EQ(y.id(), exp(x).id());
  EXPECT_EQ(b.named("y").id(), y.id());
  EXPECT_EQ(b.name(y, "y").id(), y.id());
  EXPECT_ERROR(b.name(x, "y"), HasSubstr("[name] 'y' already names another value"));
  b.name(x, "attention.pattern");
  EXPECT_ERROR(b.named("attention.patern"), HasSubstr("[named] no value 'attention.patern'"),
               HasSubstr("did you mean 'attention.pattern'?"));
}

TEST(Builder, AnInterventionReplacesANamedValueByAnInput) {
  Builder b;
  b.intervene("y");
  const Value y = b.name(exp(b.input("x", {2}, Rate::kPrompt)), "y");
  EXPECT_EQ(y.node().op, Op::kInput);
  EXPECT_EQ(y.node().name, "y");
  EXPECT_EQ(y.rate(), Rate::kPrompt);
  b.intervene("c");
  EXPECT_EQ(b.name(b.constant({2}, {1, 2}), "c").rate(), Rate::kReplica) << "a constant can be replaced too";
}

TEST(Builder, OneInputAName) {
  Builder b;
  const Value x = b.input("x", {2}, Rate::kStep);
  EXPECT_EQ(b.input("x", {2}, Rate::kStep).id(), x.id());
  EXPECT_ERROR(b.input("x", {3}, Rate::kStep),
               HasSubstr("[input x] expected one input of a name, received step real (3) after step real (2)"));
}

TEST(Builder, DrawsCountByPurposeAndDoNotDependOnOtherStreams) {
  Builder b;
  b.normal(Stream::kTask, {100});
  EXPECT_EQ(b.normal(Stream::kPrompt, {5}).node().draw, 0u);
  const std::uint32_t second = b.normal(Stream::kPrompt, {1}).node().draw;
  EXPECT_EQ(second, random::blocks_for(lanes::Draw::kNormal, 5));
  EXPECT_EQ(b.normal(Stream::kModel, {5}).node().draw, 0u);
  EXPECT_TRUE(b.normal(Stream::kModel, {5}).node().fixed_step) << "drawn once a run";
  EXPECT_FALSE(b.normal(Stream::kPrompt, {5}).node().fixed_step);
  b.fix_prompts();
  EXPECT_TRUE(b.normal(Stream::kPrompt, {5}).node().fixed_step);
}

TEST(Builder, WritesItselfDown) {
  Builder b;
  const Value x = b.input("x", {2, 3}, Rate::kPrompt);
  (void)exp(x);
  EXPECT_EQ(to_text(b.program()), "%0 = input(x) : prompt real (2, 3)\n%1 = unary(%0) : prompt real (2, 3)\n");
}

}  // namespace
}  // namespace iclab::program
