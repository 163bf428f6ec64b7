#include "program/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "program/autodiff.h"
#include "program/builder.h"
#include "program/fuse.h"
#include "program/rewrite.h"

namespace iclab::program {
namespace {

using ::testing::ElementsAre;

const Cost* find(const Account& account, const std::string& name) {
  for (const Cost& cost : account.values)
    for (const std::string& known : cost.names)
      if (known == name) return &cost;
  return nullptr;
}

TEST(Explain, CountsEachValueAtItsRate) {
  Builder b;
  const Value w = b.input("w", {3, 4}, Rate::kStep), x = b.input("x", {4}, Rate::kPrompt);
  const Value y = b.name(tanh(matmul(square(w), x)), "y");
  const Value table = b.name(exp(b.normal(Stream::kTask, {5})), "table");
  const Value loss = prompt_mean(sum(y)) + sum(table);
  const Account account = explain(b.program(), std::vector<int>{loss.id()}, {"loss"}, 10, false);

  const double prompt = 10 * (2 * 3 * 4 + 3 + 3 + 1 + 1);  // product, tanh, sum, weight, sum over prompts
  EXPECT_THAT(account.flops, ElementsAre(0, 5 + 5, 12 + 1, prompt));
  EXPECT_EQ(account.step_flops(), 13 + prompt);
  ASSERT_NE(find(account, "y"), nullptr);
  EXPECT_EQ(find(account, "y")->flops, 10 * 3);
  EXPECT_EQ(find(account, "y")->bytes, 10 * 2 * 3 * 4) << "three floats read, three written, ten prompts";
  EXPECT_EQ(find(account, "y")->operation, "unary tanh");
  EXPECT_EQ(find(account, "y")->layout, "");
  EXPECT_EQ(find(account, "table")->rate, Rate::kReplica);
  EXPECT_EQ(find(account, "w")->bytes, 0) << "it lies there";
  EXPECT_EQ(find(account, "loss")->flops, 1);
  for (const Cost& cost : account.values)
    if (cost.operation == "reshape") { EXPECT_EQ(cost.bytes, 0); }
}

TEST(Explain, OfAPlanSaysItsLayout) {
  Builder b;
  const Value w = b.input("w", {4, 4}, Rate::kStep), x = b.normal(Stream::kPrompt, {4});
  const Value loss = prompt_mean(sum(square(softmax(b.name(matmul(w, x), "scores")))));
  std::vector<int> outputs{loss.id(), gradients(loss, std::vector{w})[0].id()};
  for (const Layout layout : {Layout::kLanes, Layout::kOrdinary}) {
    const Rewritten cheap = rewrite(b.program(), outputs);
    const auto plan = make_plan(cheap.builder->program(), cheap.outputs, {16, true, {"w"}, layout});
    const Account account = explain(*plan, {"loss", "gradient of w"});
    EXPECT_EQ(account.batch, 16);
    ASSERT_NE(find(account, "scores"), nullptr);
    EXPECT_EQ(find(account, "scores")->layout, name(layout));
    ASSERT_NE(find(account, "gradient of w"), nullptr);
    EXPECT_EQ(find(account, "gradient of w")->layout, "plain");
    EXPECT_EQ(find(account, "gradient of w")->operation, "prompt_product");
    EXPECT_EQ(find(account, "gradient of w")->flops, 16 * 2 * 4 * 4) << "paid by every prompt";
    EXPECT_EQ(account.step_flops(), step_flops(plan->program, plan->outputs, 16));
  }
}

TEST(Explain, SharedOperandsAreReadOnceAStrand) {
  Builder b;
  const Value w = b.input("w", {4, 4}, Rate::kStep), x = b.normal(Stream::kPrompt, {1, 4});
  const Value loss = prompt_mean(sum(b.name(matmul(x, w), "y")));
  auto plan = std::make_shared<Plan>(*make_plan(b.program(), std::vector<int>{loss.id()}, {64, false, {"w"}}));
  plan->groups_per_strand = 1;
  ASSERT_EQ(plan->strands(), 64 / plan->group_size());
  EXPECT_EQ(find(explain(*plan, {"loss"}), "y")->bytes, 4 * (16 * plan->strands() + 64 * (4 + 4)));
}

TEST(Explain, PartsOfAStepGoByDependence) {
  Builder b;
  const Value w = b.input("w", {3}, Rate::kStep), lr = b.input("unrelated", {}, Rate::kStep);
  const Value x = b.name(tanh(b.normal(Stream::kPrompt, {3})), "x");
  const Value y = b.name(sum(w * x), "y"), loss = prompt_mean(square(y - sum(x))) + lr;
  const Value gradient = gradients(loss, std::vector{w})[0];
  const auto plan = make_plan(b.program(), std::vector<int>{loss.id(), gradient.id()}, {16, false, {"w"}});
  const std::vector<Part> part = parts(*plan);
  const auto of = [&](int id) { return part[static_cast<size_t>(id)]; };
  EXPECT_EQ(of(x.id()), Part::kData);
  EXPECT_EQ(of(lr.id()), Part::kData) << "no weight";
  EXPECT_EQ(of(y.id()), Part::kForward);
  EXPECT_EQ(of(loss.id()), Part::kForward);
  EXPECT_EQ(of(gradient.id()), Part::kBackward);
}

TEST(Explain, CountsAnAddend) {
  Builder b;
  const Value w = b.input("w", {3, 4}, Rate::kStep), bias = b.input("bias", {3}, Rate::kStep);
  const Value loss = prompt_mean(
      sum(b.name(matmul(w, b.input("x", {4}, Rate::kPrompt)) + bias, "y")));
  const Rewritten fused = fuse(b.program(), std::vector<int>{loss.id()});
  const auto plan = make_plan(fused.builder->program(), fused.outputs, {10, false, {"w", "bias"}});
  const Account account = explain(*plan, {"loss"});
  const auto product = std::ranges::find(account.values, "product, addend", &Cost::operation);
  ASSERT_NE(product, account.values.end());
  EXPECT_EQ(product->in.size(), 3U);
  EXPECT_EQ(product->flops, 10 * (2 * 3 * 4 + 3));
  EXPECT_EQ(product->bytes, 4 * (3 * 4 + 3) + 10 * 4 * (4 + 3))
      << "matrix and bias once a strand, vector and result of ten prompts";
  EXPECT_EQ(account.step_flops(), step_flops(b.program(), std::vector<int>{loss.id()}, 10));
}

TEST(Explain, NamesTheFunction) {
  Builder b;
  const Value x = b.input("x", {3, 3}, Rate::kPrompt);
  EXPECT_EQ(operation(causal_softmax(x).node()), "row softmax, causal");
  EXPECT_EQ(operation(gate(x, exp(x)).node()), "binary gate");
  EXPECT_EQ(operation((x < 2.0 * x).node()), "compare less");
  EXPECT_EQ(operation(b.normal(Stream::kPrompt, {2}).node()), "draw normal");
  EXPECT_EQ(operation(matmul(x, x).node()), "product");
  EXPECT_EQ(operation(b.constant(0.5).node()), "constant 0.5");
  EXPECT_EQ(operation(b.constant({2}, {1, 2}).node()), "constant");
}

}  // namespace
}  // namespace iclab::program
