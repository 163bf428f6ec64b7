#include "program/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "base/error.h"
#include "program/autodiff.h"
#include "program/builder.h"
#include "program/rewrite.h"
#include "tests/allocations.h"

namespace iclab::program {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

template <class T>
std::vector<T> copy(std::span<const T> values) {
  return {values.begin(), values.end()};
}

std::shared_ptr<const Plan> plan_of(const Builder& b, std::initializer_list<Value> outputs, std::int64_t batch,
                                    bool is_double, std::vector<std::string> parameters = {}) {
  std::vector<int> ids;
  for (const Value& output : outputs) ids.push_back(output.id());
  return make_plan(b.program(), ids, {batch, is_double, std::move(parameters)});
}

// A step of linear regression with gradients, in every phase: study, run, step, prompts, after.
struct Regression {
  Builder b;
  std::shared_ptr<const Plan> plan;

  Regression(std::int64_t batch, bool is_double) {
    const Value basis = b.normal(Stream::kTask, {5, 5});
    const Value w = b.input("w", {5, 5}, Rate::kStep);
    const Value x = b.normal(Stream::kPrompt, {7, 5});
    const Value y = tanh(matmul(matmul(x, basis), transpose(w)));
    const Value loss = prompt_mean(mean(square(y - matmul(x, w)))) + 0.1 * sum(square(w));
    std::vector<int> outputs{loss.id(), gradients(loss, std::vector{w})[0].id(), w.id()};
    const Rewritten cheap = rewrite(b.program(), outputs);
    plan = make_plan(cheap.builder->program(), std::span(cheap.outputs).first(2), {batch, is_double, {"w"}});
  }
};

template <class T>
std::vector<T> losses_and_gradients(const Plan& plan, int groups, lanes::InstructionSet set,
                                    int threads = 1, int together = 1) {
  auto changed = std::make_shared<Plan>(plan);
  if (groups > 0) changed->groups_per_strand = groups;
  changed->strands_together = together;
  Executor<T> executor(changed, set, threads);
  for (size_t i = 0; i < executor.parameters().size(); ++i)
    executor.parameters()[i] = static_cast<T>(0.1) * static_cast<T>(i % 7) - static_cast<T>(0.3);
  executor.begin(make_keys(3, 4));
  std::vector<T> all;
  for (const std::uint32_t step : {0u, 1u, 77u}) {
    executor.run(step);
    for (size_t i = 0; i < 2; ++i) {
      const auto values = copy<T>(executor.output(i));
      all.insert(all.end(), values.begin(), values.end());
    }
  }
  return all;
}

TEST(Executor, GivesOutputsOfEveryRate) {
  Builder b;
  const Value study = b.constant({2}, {1, 2}), run = b.input("run", {2}, Rate::kReplica);
  const Value step = b.input("step", {2}, Rate::kStep), prompt = b.input("prompt", {2}, Rate::kPrompt);
  Executor<double> executor(plan_of(b, {study, run * 2.0, step + run, prompt * step, prompt_mean(prompt) + step}, 3, true));
  const std::vector<double> values{1, 10, 2, 20, 6, 60};
  executor.set_prompt_input("prompt", values);
  std::ranges::copy(std::vector<double>{3, 4}, executor.input("run").begin());
  executor.begin(make_keys(1, 0));
  EXPECT_THAT(executor.output(0), ElementsAre(1, 2));
  EXPECT_THAT(executor.output(1), ElementsAre(6, 8)) << "known from begin on";
  std::ranges::copy(std::vector<double>{5, 7}, executor.input("step").begin());
  executor.run(0);
  EXPECT_THAT(executor.output(2), ElementsAre(8, 11));
  EXPECT_THAT(executor.output(3), ElementsAre(5, 70, 10, 140, 30, 420));
  EXPECT_THAT(executor.output(4), ElementsAre(::testing::DoubleNear(8, 1e-15 * 8), ::testing::DoubleNear(37, 1e-15 * 37)));
  EXPECT_EQ(executor.outputs_from(1).size(), 2u + 2 + 2) << "plain ones only";
  EXPECT_GT(executor.bytes(), 0);
}

TEST(Executor, ItsBytesAreKnownBeforeTheyAreTaken) {
  for (const bool is_double : {false, true})
    for (const std::int64_t batch : {1, 100, 5000})
      for (const int threads : {1, 2, 5}) {
        Builder b(random::Purpose::kEvaluation);
        b.fix_prompts();  // integers of prompts are kept
        const Value w = b.input("w", {40, 30}, Rate::kStep), x = b.normal(Stream::kPrompt, {30});
        const Value item = b.integers(Stream::kPrompt, {}, 40);
        const Value y = gather(matmul(w, x), item);
        const auto plan = plan_of(b, {y, prompt_mean(square(y))}, batch, is_double, {"w"});
        const auto taken = [&]<class T>(T) {
          return Executor<T>(plan, lanes::chosen_instruction_set(), threads).bytes();
        };
        EXPECT_EQ(executor_bytes(*plan, threads), is_double ? taken(0.0) : taken(0.0F)) << batch << " " << threads;
      }
}

TEST(Executor, AProfileCoversTheStepAndChangesNoBit) {
  const Regression step(256, false);
  auto plan = std::make_shared<Plan>(*step.plan);
  plan->groups_per_strand = 2;  // several strands, whose sums are added
  for (const int threads : {1, 2}) {
    Executor<float> plain(plan), profiled(plan, lanes::chosen_instruction_set(), threads);
    for (Executor<float>* executor : {&plain, &profiled}) {
      std::ranges::fill(executor->parameters(), 0.1f);
      executor->begin(make_keys(3, 4));
    }
    profiled.run(0);
    EXPECT_THAT(profiled.seconds(), ::testing::Each(0)) << "not asked for";
    profiled.profile(true);
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint32_t i = 0; i < 20; ++i) profiled.run(i);
    const double whole = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    plain.run(19);
    EXPECT_EQ(copy<float>(plain.outputs_from(0)), copy<float>(profiled.outputs_from(0)));

    const std::vector<double> seconds = profiled.seconds();
    double sum = 0;
    for (size_t id = 0; id < seconds.size(); ++id) {
      sum += seconds[id];
      const bool computes = std::ranges::any_of(std::vector{Phase::kStep, Phase::kPrompt, Phase::kAfter}, [&](Phase phase) {
        const std::vector<int>& order = plan->order[static_cast<size_t>(phase)];
        return std::ranges::find(order, static_cast<int>(id)) != order.end();
      });
      if (!computes) { EXPECT_EQ(seconds[id], 0) << name(plan->program.nodes[id].op); }
    }
    EXPECT_LE(sum, whole * threads);
    EXPECT_GT(sum, 0);
    profiled.profile(false);
    profiled.run(20);
    EXPECT_EQ(profiled.seconds(), seconds);
  }
}

TEST(Executor, KnowsStepPromptIndexAndIntegerInputs) {
  Builder b;
  const Value offset = b.input("offset", {}, Rate::kStep, DType::kInteger);
  const Value value = to_real(b.prompt_index() + b.step() * offset);
  Executor<float> executor(plan_of(b, {value}, 3, false));
  executor.integer_input("offset")[0] = 100;
  executor.begin(make_keys(1, 0));
  executor.run(2);
  EXPECT_THAT(executor.output(0), ElementsAre(200, 201, 202));
  executor.run(3);
  EXPECT_THAT(executor.output(0), ElementsAre(300, 301, 302));
}

TEST(Executor, ErrorsOfInputsNameThem) {
  Builder b;
  const Value x = b.input("keys", {2}, Rate::kPrompt), w = b.input("weight", {2}, Rate::kStep);
  Executor<double> executor(plan_of(b, {x * w}, 3, true));
  EXPECT_THAT([&] { executor.input("wieght"); },
              ThrowsMessage<Error>(HasSubstr("[executor] no real input 'wieght'; there are weight; did you mean 'weight'?")));
  EXPECT_THAT([&] { executor.integer_input("weight"); }, ThrowsMessage<Error>(HasSubstr("[executor] no integer input 'weight'")));
  const std::vector<double> five(5), six(6);
  EXPECT_THAT([&] { executor.set_prompt_input("keys", five); },
              ThrowsMessage<Error>(HasSubstr("[executor] input 'keys': expected 6 numbers, received 5")));
  EXPECT_THAT([&] { executor.set_prompt_input("kyes", six); },
              ThrowsMessage<Error>(HasSubstr("[executor] no prompt input 'kyes'; there are keys; did you mean 'keys'?")));
  executor.begin(make_keys(1, 0));
  EXPECT_THAT([&] { executor.run(0); }, ThrowsMessage<Error>(HasSubstr("[executor] input 'keys' was not set")));
  EXPECT_THAT([&] { Executor<float> wrong(plan_of(b, {w}, 1, true)); },
              ThrowsMessage<Error>(HasSubstr("[executor] the plan is for another precision")));
  Builder c;
  const Value bad = to_real(c.input("label", {}, Rate::kPrompt, DType::kInteger));
  EXPECT_THAT([&] { Executor<float> wrong(plan_of(c, {bad}, 1, false)); },
              ThrowsMessage<Error>(HasSubstr("[executor] input 'label': prompt-rate inputs are real")));
}

TEST(Executor, AnInterventionIsAnInputByName) {
  Builder b;
  b.intervene("hidden");
  const Value hidden = b.name(exp(b.input("x", {2}, Rate::kPrompt)), "hidden");
  Executor<double> executor(plan_of(b, {sum(hidden)}, 2, true));
  const std::vector<double> values{1, 2, 3, 4};
  executor.set_prompt_input("hidden", values);
  executor.begin(make_keys(1, 0));
  executor.run(0);
  EXPECT_THAT(executor.output(0), ElementsAre(3, 7));
}

TEST(Executor, DrawsFollowTheirStreams) {
  Builder b;
  const Value task = b.normal(Stream::kTask, {3}), prompt = b.normal(Stream::kPrompt, {3});
  b.fix_prompts();
  const Value fixed = b.uniform(Stream::kPrompt, {3});
  struct Drawn {
    std::vector<double> task, prompt, fixed;
  };
  const auto draw = [&](std::int64_t batch, std::uint64_t seed, std::uint32_t step) {
    Executor<double> executor(plan_of(b, {task, prompt, fixed}, batch, true));
    executor.begin(make_keys(9, seed));
    executor.run(step);
    return Drawn{copy<double>(executor.output(0)), copy<double>(executor.output(1)), copy<double>(executor.output(2))};
  };
  const Drawn small = draw(5, 0, 1), large = draw(37, 0, 1), later = draw(5, 0, 2), other = draw(5, 1, 1);
  EXPECT_TRUE(std::equal(small.prompt.begin(), small.prompt.end(), large.prompt.begin())) << "a batch is a prefix";
  EXPECT_EQ(small.task, later.task) << "drawn once a run";
  EXPECT_EQ(small.fixed, later.fixed) << "a fixed batch";
  EXPECT_NE(small.prompt, later.prompt);
  EXPECT_NE(small.task, other.task);
  EXPECT_NE(small.prompt, other.prompt);
  for (size_t i = 3; i < large.prompt.size(); ++i) EXPECT_NE(large.prompt[i], large.prompt[i - 3]) << "each prompt its own";
}

// Sums in the stated order: lane by lane over the groups of a strand, lanes folded by halves, strands in order.
double stated_sum(const std::vector<double>& terms, int groups) {
  double total = 0;
  for (size_t first = 0; first < terms.size(); first += static_cast<size_t>(groups) * 16) {
    double lane[16] = {};
    for (size_t i = first; i < std::min(terms.size(), first + static_cast<size_t>(groups) * 16); ++i) {
      const bool first_of_lane = i - first < 16;
      lane[i % 16] = first_of_lane ? terms[i] : lane[i % 16] + terms[i];
    }
    for (int half = 8; half > 0; half /= 2)
      for (int l = 0; l < half; ++l) lane[l] += lane[l + half];
    total = first == 0 ? lane[0] : total + lane[0];
  }
  return total;
}

TEST(Executor, SumsOverPromptsInTheStatedOrder) {
  constexpr std::int64_t kBatch = 150;
  Builder b;
  const Value mean = prompt_mean(b.input("x", {}, Rate::kPrompt));
  std::vector<double> values(kBatch), terms(kBatch);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = std::sqrt(static_cast<double>(i) + 0.1) - 3;
    terms[i] = values[i] * (1.0 / kBatch);
  }
  for (const int groups : {1, 2, 3, 10}) {
    auto plan = std::make_shared<Plan>(*plan_of(b, {mean}, kBatch, true));
    plan->groups_per_strand = groups;
    Executor<double> executor(plan);
    executor.set_prompt_input("x", values);
    executor.begin(make_keys(1, 0));
    executor.run(0);
    EXPECT_EQ(executor.output(0)[0], stated_sum(terms, groups)) << groups << " groups a strand";
  }
}

TEST(Executor, ASumOverPromptsCountsEachPromptOnce) {
  for (const std::int64_t batch : {1, 15, 16, 17, 1000}) {
    Builder b;
    const auto plan = plan_of(b, {prompt_sum(to_real(b.prompt_index())), prompt_sum(b.constant(2.0))}, batch, false);
    Executor<float> executor(plan);
    executor.begin(make_keys(1, 0));
    executor.run(0);
    EXPECT_EQ(executor.output(0)[0], static_cast<float>(batch * (batch - 1) / 2));
    EXPECT_EQ(executor.output(1)[0], static_cast<float>(2 * batch)) << "a value that no prompt changes too";
  }
}

TEST(Executor, IdleLanesCountNothing) {
  for (const std::int64_t batch : {1, 5, 15, 16, 17, 33}) {
    Builder b;
    const Value one = b.prompt_weight() * to_real(b.prompt_index());
    const Value sum_of_index = b.emit({.op = Op::kPromptSum, .shape = {}, .in = {one.id()}});
    Executor<double> executor(plan_of(b, {sum_of_index}, batch, true));
    executor.begin(make_keys(1, 0));
    executor.run(0);
    const double mean = static_cast<double>(batch - 1) / 2;
    EXPECT_NEAR(executor.output(0)[0], mean, 0x1p-52 * static_cast<double>(batch) * mean) << batch;
  }
}

TEST(Executor, EveryInstructionSetGivesTheSameBits) {
  std::vector<lanes::InstructionSet> sets;
  if (lanes::available_instruction_sets().avx2) sets.push_back(lanes::InstructionSet::kAvx2);
  if (lanes::available_instruction_sets().avx512) sets.push_back(lanes::InstructionSet::kAvx512);
  const Regression narrow(50, false), wide(50, true);
  const auto single = losses_and_gradients<float>(*narrow.plan, 0, lanes::chosen_instruction_set());
  const auto twice = losses_and_gradients<double>(*wide.plan, 0, lanes::chosen_instruction_set());
  for (const lanes::InstructionSet set : sets) {
    EXPECT_EQ(losses_and_gradients<float>(*narrow.plan, 0, set), single) << lanes::name(set);
    EXPECT_EQ(losses_and_gradients<double>(*wide.plan, 0, set), twice) << lanes::name(set);
  }
}

TEST(Executor, AnyNumberOfThreadsGivesTheSameBits) {
  const lanes::InstructionSet set = lanes::chosen_instruction_set();
  for (const std::int64_t batch : {1, 16, 50, 200}) {
    const Regression regression(batch, false);
    for (const int groups : {1, 2, 5}) {
      const auto alone = losses_and_gradients<float>(*regression.plan, groups, set);
      for (const int threads : {2, 3, 8})
        EXPECT_EQ(losses_and_gradients<float>(*regression.plan, groups, set, threads), alone)
            << batch << " prompts, " << groups << " groups a strand, " << threads << " threads";
    }
  }
}

// What the layouts do is the same but for the order of sums over prompts.
TEST(Executor, LayoutsAgree) {
  for (const std::int64_t batch : {1, 5, 16, 40}) {
    const Regression regression(batch, true);
    const Plan& in_lanes = *regression.plan;
    PlanOptions options = in_lanes.options;
    options.layout = Layout::kOrdinary;
    const auto ordinary = make_plan(in_lanes.program, in_lanes.outputs, options);
    ASSERT_EQ(ordinary->layout, Layout::kOrdinary);
    const lanes::InstructionSet set = lanes::chosen_instruction_set();
    const auto a = losses_and_gradients<double>(in_lanes, 0, set);
    for (const int groups : {0, 1, 3})
      for (const int threads : {1, 2}) {
        const auto b = losses_and_gradients<double>(*ordinary, groups, set, threads);
        ASSERT_EQ(a.size(), b.size());
        // Sums of 7 * 5 * batch terms of order 1, in another order.
        for (size_t i = 0; i < a.size(); ++i)
          EXPECT_NEAR(a[i], b[i], 0x1p-52 * 35 * static_cast<double>(batch)) << batch << " " << i;
      }
  }
}

// Draws, products of each prompt and of shared matrices, sums over prompts.
TEST(Executor, DividedStretchesGiveTheSameBits) {
  const lanes::InstructionSet set = lanes::chosen_instruction_set();
  for (const std::int64_t batch : {1, 7, 40}) {
    const Regression regression(batch, false);
    PlanOptions options = regression.plan->options;
    options.layout = Layout::kOrdinary;
    const auto whole = make_plan(regression.plan->program, regression.plan->outputs, options);
    for (const std::int64_t touched : {1, 1000}) {
      options.stretch = {.large = 1, .touched = touched};
      const auto divided = make_plan(whole->program, whole->outputs, options);
      EXPECT_GT(divided->stretches.size(), 1u);
      EXPECT_GT(divided->local_block_bytes, 0);
      for (const int groups : {1, 3, 40})
        for (const int threads : {1, 2})
          EXPECT_EQ(losses_and_gradients<float>(*divided, groups, set, threads),
                    losses_and_gradients<float>(*whole, groups, set))
              << batch << " prompts, " << groups << " groups a strand, " << touched << " bytes, " << threads << " threads";
    }
  }
}

// Whether kernels add to what is there (ordinary) or a part is added after.
TEST(Executor, StrandsTogetherGiveTheSameBits) {
  const lanes::InstructionSet set = lanes::chosen_instruction_set();
  for (const Layout layout : {Layout::kOrdinary, Layout::kLanes})
    for (const std::int64_t batch : {7, 40, 90}) {
      const Regression regression(batch, false);
      PlanOptions options = regression.plan->options;
      options.layout = layout;
      options.stretch = {.large = 1, .touched = 1000};
      const auto plan = make_plan(regression.plan->program, regression.plan->outputs, options);
      for (const int groups : {1, 2, 16}) {
        const auto apart = losses_and_gradients<float>(*plan, groups, set);
        for (const int together : {2, 3, 100})
          for (const int threads : {1, 2})
            EXPECT_EQ(losses_and_gradients<float>(*plan, groups, set, threads, together), apart)
                << name(layout) << ", " << batch << " prompts, strands of " << groups << " groups, " << together
                << " together, " << threads << " threads";
      }
    }
}

// Which items a kept prompt has is known from its first evaluation on; what weights or steps change is computed anew.
TEST(Executor, PromptsThatAreRunAgainGiveTheSameBits) {
  constexpr std::int64_t kBatch = 50;
  for (const Layout layout : {Layout::kOrdinary, Layout::kLanes})
    for (const int threads : {1, 2}) {
      Builder b;
      b.fix_prompts();
      const Value table = b.normal(Stream::kTask, {9, 4}), w = b.input("w", {4}, Rate::kStep);
      const Value i = b.integers(Stream::kPrompt, {6}, 9), j = b.integers(Stream::kPrompt, {6}, 9);
      const Value items = select(i < j, i, j + b.prompt_index() * b.integer_constant({}, {0}));
      const Value out = matmul(gather(table, items), w) + to_real(b.step()) * b.normal(Stream::kPrompt, {6});
      const auto plan = std::make_shared<Plan>(
          *make_plan(b.program(), std::vector{out.id(), prompt_mean(sum(out)).id()}, {kBatch, false, {"w"}, layout}));
      plan->groups_per_strand = 2;
      EXPECT_EQ(plan->kept.values, std::vector{items.id()});
      const auto fresh = [&](std::uint32_t seed, std::uint32_t step, std::int64_t first, float weight) {
        Executor<float> executor(plan);
        std::ranges::fill(executor.parameters(), weight);
        executor.begin(make_keys(1, seed));
        executor.run(step, first);
        return std::pair(copy<float>(executor.output(0)), copy<float>(executor.output(1)));
      };
      Executor<float> executor(plan, lanes::chosen_instruction_set(), threads);
      for (const std::uint32_t seed : {0u, 1u}) {
        executor.begin(make_keys(1, seed));
        for (const auto& [step, first, weight] : {std::tuple{0u, 0, 1.0f}, {0u, 0, 2.0f}, {3u, 0, 2.0f}, {3u, 50, 2.0f},
                                                  {4u, 50, 0.5f}, {4u, 0, 0.5f}}) {
          std::ranges::fill(executor.parameters(), weight);
          executor.run(step, first);
          EXPECT_EQ(std::pair(copy<float>(executor.output(0)), copy<float>(executor.output(1))),
                    fresh(seed, step, first, weight))
              << name(layout) << ", " << threads << " threads, seed " << seed << ", step " << step << ", from "
              << first;
        }
      }
    }
}

TEST(Executor, ABatchMayBeginAnywhereInItsStream) {
  Builder b;
  const std::initializer_list<Value> outputs = {b.normal(Stream::kPrompt, {3}), to_real(b.prompt_index())};
  Executor<float> whole(plan_of(b, outputs, 40, false)), part(plan_of(b, outputs, 10, false));
  whole.begin(make_keys(1, 0));
  part.begin(make_keys(1, 0));
  whole.run(5);
  for (const std::int64_t first : {0, 10, 30}) {
    part.run(5, first);
    for (const size_t output : {0u, 1u}) {
      const std::int64_t size = output == 0 ? 3 : 1;
      const auto expected = whole.output(output).subspan(static_cast<size_t>(first * size),
                                                         static_cast<size_t>(10 * size));
      EXPECT_EQ(copy<float>(part.output(output)), copy<float>(expected)) << "from prompt " << first;
    }
  }
}

TEST(Executor, SinglePrecisionFollowsDouble) {
  // Streams differ between precisions (words a number): compare on the same inputs.
  Builder b;
  const Value x = b.input("x", {6}, Rate::kPrompt), w = b.input("w", {4, 6}, Rate::kStep);
  const Value out = prompt_mean(tanh(matmul(w, x)));
  std::vector<float> xf(6 * 20), wf(24);
  for (size_t i = 0; i < xf.size(); ++i) xf[i] = static_cast<float>(std::sin(static_cast<double>(i)));
  for (size_t i = 0; i < wf.size(); ++i) wf[i] = static_cast<float>(std::cos(static_cast<double>(i)));
  const std::vector<double> xd(xf.begin(), xf.end());
  Executor<float> f(plan_of(b, {out}, 20, false, {"w"}));
  Executor<double> d(plan_of(b, {out}, 20, true, {"w"}));
  f.set_prompt_input("x", xf);
  d.set_prompt_input("x", xd);
  std::ranges::copy(wf, f.parameters().begin());
  std::ranges::copy(wf, d.parameters().begin());
  f.begin(make_keys(1, 0));
  d.begin(make_keys(1, 0));
  f.run(0);
  d.run(0);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(f.output(0)[i], d.output(0)[i], 0x1p-23 * (6 + 4 + 20)) << "terms of the product, tanh, the mean";
}

TEST(Executor, AStepAllocatesNothing) {
  const Regression regression(100, false);
  auto plan = std::make_shared<Plan>(*regression.plan);
  plan->groups_per_strand = 2;
  Executor<float> executor(plan);
  executor.begin(make_keys(1, 0));
  for (std::uint32_t step = 0; step < 10; ++step) executor.run(step);
  const std::int64_t before = iclab::testing::allocations();
  for (std::uint32_t step = 10; step < 1000; ++step) executor.run(step);
  EXPECT_EQ(iclab::testing::allocations() - before, 0);
  EXPECT_GT(before, 0) << "the counter counts";
}

}  // namespace
}  // namespace iclab::program
