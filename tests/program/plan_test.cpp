#include "program/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "program/autodiff.h"
#include "program/builder.h"
#include "program/rewrite.h"

namespace iclab::program {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::vector<int>& order(const Plan& plan, Phase phase) { return plan.order[static_cast<size_t>(phase)]; }

TEST(Plan, ComputesEachValueAtItsOwnRate) {
  Builder b;
  const Value study = exp(b.constant({2}, {1, 2})), run = tanh(b.normal(Stream::kTask, {2}));
  const Value step = square(b.input("w", {2}, Rate::kStep)), prompt = abs(b.normal(Stream::kPrompt, {2}));
  const Value mean = prompt_mean(prompt);
  const Value after = sqrt(mean * study + run + step);
  const auto plan = make_plan(b.program(), std::vector<int>{after.id()}, {32, false, {"w"}});
  EXPECT_THAT(order(*plan, Phase::kStudy), ::testing::Contains(study.id()));
  EXPECT_THAT(order(*plan, Phase::kReplica), ::testing::Contains(run.id()));
  EXPECT_THAT(order(*plan, Phase::kStep), ::testing::Contains(step.id()));
  EXPECT_THAT(order(*plan, Phase::kPrompt), ::testing::Contains(prompt.id()));
  EXPECT_THAT(order(*plan, Phase::kPrompt), ::testing::Contains(mean.id())) << "summed as the prompts pass";
  EXPECT_THAT(order(*plan, Phase::kAfter), ::testing::Contains(after.id()));
  EXPECT_TRUE(plan->has_prompts());
}

TEST(Plan, AProgramWithoutPromptsVisitsNone) {
  Builder b;
  const Value loss = sum(square(b.input("w", {3, 3}, Rate::kStep)));
  const auto plan = make_plan(b.program(), std::vector<int>{loss.id()}, {1, true, {"w"}});
  EXPECT_FALSE(plan->has_prompts());
  EXPECT_EQ(plan->arena_bytes_per_group, 0);
}

TEST(Plan, ViewsTakeNoMemory) {
  Builder b;
  const Value x = exp(b.input("x", {4, 6}, Rate::kPrompt));
  const Value free[] = {transpose(x), slice(x, 1, 2, 3), reshape(x, {2, 2, 6}), index(x, 0, 1),
                        broadcast_to(reshape(x, {1, 4, 6}), {3, 4, 6}), reshape(slice(x, 1, 0, 3), {2, 2, 3})};
  const Value moved = reshape(transpose(x), {24});
  std::vector<int> outputs{moved.id()};
  for (const Value& view : free) outputs.push_back(view.id());
  const auto plan = make_plan(b.program(), outputs, {16, false, {}});
  for (const Value& view : free) EXPECT_TRUE(is_view(*plan, view.id())) << view.id();
  EXPECT_FALSE(is_view(*plan, moved.id())) << "its elements have to move";
}

TEST(Plan, ValuesThatDontLiveTogetherShareMemory) {
  Builder b;
  Value chain = b.input("x", {64}, Rate::kPrompt);
  for (int i = 0; i < 50; ++i) chain = i % 2 ? tanh(chain) : exp(chain);
  const auto plan = make_plan(b.program(), std::vector<int>{prompt_mean(sum(chain)).id()}, {16, false, {}});
  // Two of the chain at a time, the sum and the weight: not fifty.
  EXPECT_LE(plan->arena_bytes_per_group, 4 * 64 * 4 * lanes::kLanes);
}

TEST(Plan, WhatIsWrittenBeforeAStrandIsAliveFromItsStart) {
  // The weight is mentioned last, when the draws before it are dead: it must not lie where they lay.
  Builder b;
  const Value early = sum(exp(b.normal(Stream::kPrompt, {8})));
  const Value late = early * to_real(b.prompt_index());
  const auto plan = make_plan(b.program(), std::vector<int>{prompt_mean(late).id()}, {16, false, {}});
  std::vector<std::pair<std::int64_t, std::int64_t>> first;  // what the executor writes
  for (size_t id = 0; id < plan->program.nodes.size(); ++id) {
    const Node& node = plan->program.nodes[id];
    const std::int64_t at = plan->buffer_bytes[id], size = elements(node.shape) * 4 * lanes::kLanes;
    if (node.op == Op::kPromptIndex || node.op == Op::kPromptWeight) first.emplace_back(at, at + size);
  }
  ASSERT_EQ(first.size(), 2u);
  const int draw = early.node().in[0] - 1;
  ASSERT_EQ(plan->program[draw].op, Op::kDraw);
  const std::int64_t from = plan->buffer_bytes[static_cast<size_t>(draw)], to = from + 8 * 4 * lanes::kLanes;
  for (const auto& [begin, end] : first) EXPECT_TRUE(end <= from || to <= begin);
}

TEST(Plan, StrandsFitTheCacheAndDependOnProgramAndBatchAlone) {
  Builder b;
  const Value wide = sum(exp(b.input("x", {1000}, Rate::kPrompt)));
  const std::vector<int> outputs{prompt_mean(wide).id()};
  const auto plan = make_plan(b.program(), outputs, {4096, false, {}});
  EXPECT_LE(plan->groups_per_strand * plan->arena_bytes_per_group, kStrandBytes);
  EXPECT_GT((plan->groups_per_strand + 1) * plan->arena_bytes_per_group, kStrandBytes);
  EXPECT_EQ(make_plan(b.program(), outputs, {20, false, {}})->groups_per_strand, 2) << "no more than there are";
  EXPECT_EQ(plan->groups(), 256);
}

// Strands of 64 prompts for the threads' sake; a thread alone reads the weights once for 128.
TEST(Plan, AThreadAloneTakesStrandsOfWideWeightsTogether) {
  const auto planned = [](std::int64_t width, std::int64_t tokens) {
    Builder b;
    const Value w = b.input("w", {width, width}, Rate::kStep);
    const Value loss = prompt_mean(sum(square(matmul(b.input("x", {tokens, width}, Rate::kPrompt), w))));
    const std::vector<int> outputs{loss.id(), gradients(loss, std::vector{w})[0].id()};
    const Rewritten cheap = rewrite(b.program(), outputs);
    return make_plan(cheap.builder->program(), cheap.outputs, {128, false, {"w"}});
  };
  EXPECT_EQ(planned(512, 4)->strands(), 2);
  EXPECT_EQ(planned(512, 4)->strands_together, 2);
  EXPECT_GT(planned(2048, 40)->strands(), 1);
  EXPECT_EQ(planned(2048, 40)->strands_together, 1) << "16 MB at most";
  EXPECT_EQ(planned(32, 40)->layout, Layout::kLanes);
  EXPECT_EQ(planned(32, 40)->strands_together, 1);
}

TEST(Plan, ParametersAreOneBlockInTheGivenOrder) {
  Builder b;
  const Value first = b.input("first", {3}, Rate::kStep), second = b.input("second", {2, 2}, Rate::kStep);
  const auto plan = make_plan(b.program(), std::vector<int>{sum(first).id()}, {1, false, {"second", "first"}});
  EXPECT_EQ(plan->parameter_offset, (std::vector<std::int64_t>{0, 4}));
  EXPECT_EQ(plan->parameter_elements, 7) << "second too, though nothing reads it";
  EXPECT_EQ(plan->buffer_bytes[static_cast<size_t>(second.id())], 0);
}

TEST(Plan, RefusesWhatCannotBeExecuted) {
  Builder b;
  const Value x = b.input("x", {}, Rate::kPrompt), w = b.input("weight", {}, Rate::kStep);
  const auto plan = [&](Value output, PlanOptions options) {
    return [&b, output, options] { (void)make_plan(b.program(), std::vector<int>{output.id()}, options); };
  };
  EXPECT_THAT(plan(w < w, {1, false, {}}), ThrowsMessage<Error>(HasSubstr("[plan] expected real outputs, received boolean; use to_real")));
  EXPECT_THAT(plan(w, {0, false, {}}), ThrowsMessage<Error>(HasSubstr("[plan] expected a batch of at least 1, received 0")));
  EXPECT_THAT(plan(w, {1, false, {"wieght"}}),
              ThrowsMessage<Error>(HasSubstr("[plan] expected a step-rate input 'wieght'; there are weight; did you mean 'weight'?")));
  EXPECT_THAT(plan(w, {1, false, {"x"}}), ThrowsMessage<Error>(HasSubstr("[plan] expected a step-rate input 'x'")));
  EXPECT_THAT(plan(x - prompt_mean(x), {1, false, {}}), ThrowsMessage<Error>(HasSubstr("a step visits its prompts once")));
  EXPECT_THAT(plan(prompt_mean(x * prompt_mean(x)), {1, false, {}}),
              ThrowsMessage<Error>(HasSubstr("a step visits its prompts once")));
}

// Two layers of width d on one token a prompt.
Layout chosen_layout(std::int64_t width, std::int64_t batch) {
  Builder b;
  const Value x = b.input("x", {1, width}, Rate::kPrompt);
  const Value first = b.input("first", {width, width}, Rate::kStep);
  const Value second = b.input("second", {width, width}, Rate::kStep);
  const Value out = matmul(tanh(matmul(x, first)), second);
  return make_plan(b.program(), std::vector{out.id()}, {batch, false, {}})->layout;
}

TEST(Plan, WideProductsAndIdleLanesAreOrdinary) {
  EXPECT_EQ(chosen_layout(255, 64), Layout::kLanes);
  EXPECT_EQ(chosen_layout(256, 64), Layout::kOrdinary);
  EXPECT_EQ(chosen_layout(31, 8), Layout::kLanes);
  EXPECT_EQ(chosen_layout(32, 8), Layout::kOrdinary);
  EXPECT_EQ(chosen_layout(255, 16), Layout::kLanes) << "no lane is idle";
}

// Attention of one token: its passes over the tokens follow the gather, a few prompts at a time; wide products see
// the whole strand.
TEST(Plan, PassesOverTheSameTokensAreOneStretch) {
  Builder b;
  const Value table = b.normal(Stream::kTask, {5000, 64}), w = b.input("w", {64, 512}, Rate::kStep);
  const Value rows = gather(table, b.integers(Stream::kPrompt, {100}, 5000));  // 25 kB
  const Value q = tanh(matmul(b.normal(Stream::kPrompt, {1, 64}), b.input("u", {64, 64}, Rate::kStep)));
  const Value mean = matmul(softmax(matmul(q, transpose(rows))), rows);
  const Value out = sum(tanh(matmul(mean, w)));
  const auto plan = make_plan(b.program(), std::vector{out.id()}, {128, false, {"w"}, Layout::kOrdinary});
  ASSERT_EQ(plan->stretches.size(), 3u);
  const auto& order = plan->order[static_cast<size_t>(Phase::kPrompt)];
  const auto operation = [&](size_t i) { return plan->program[order[i]].op; };
  const Stretch& stretch = plan->stretches[1];
  const size_t first = plan->stretches[0].operations;
  ASSERT_EQ(stretch.operations, 4u);
  EXPECT_EQ(operation(first), Op::kGather) << "after the query, which it does not need";
  EXPECT_EQ(operation(first + 1), Op::kProduct);
  EXPECT_EQ(operation(first + 2), Op::kRow);
  EXPECT_EQ(operation(first + 3), Op::kProduct);
  EXPECT_EQ(stretch.groups, 256 * 1024 / (100 * 64 * 4));
  EXPECT_EQ(plan->stretches[0].groups, 0);
  EXPECT_EQ(plan->stretches[2].groups, 0);
  size_t all = 0;
  for (const Stretch& one : plan->stretches) all += one.operations;
  EXPECT_EQ(all, order.size());

  const auto is_local = [](const Plan& of, Value value) {
    return of.local_bytes[static_cast<size_t>(value.id())] >= 0;
  };
  EXPECT_TRUE(is_local(*plan, rows));
  EXPECT_FALSE(is_local(*plan, mean)) << "read after the stretch";
  EXPECT_EQ(plan->local_block_bytes, stretch.groups * 100 * 64 * 4);
  const auto shown = make_plan(b.program(), std::vector{out.id(), rows.id()}, {128, false, {"w"}, Layout::kOrdinary});
  EXPECT_FALSE(is_local(*shown, rows)) << "an output";
  EXPECT_LT(plan->arena_bytes_per_group + 100 * 64 * 4, shown->arena_bytes_per_group + 64);

  const auto lanes = make_plan(b.program(), std::vector{out.id()}, {128, false, {"w"}, Layout::kLanes});
  EXPECT_EQ(lanes->stretches.size(), 1u) << "strands of lanes are small enough";
}

}  // namespace
}  // namespace iclab::program
