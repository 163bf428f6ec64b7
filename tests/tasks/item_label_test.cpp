// The samplers and kept sets of the task item-label beyond its default ones (differential-kinetics.md, section 1).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/error.h"
#include "tasks/task.h"
#include "tests/evaluate.h"

namespace iclab::tasks {
namespace {

using iclab::testing::evaluate;
using iclab::testing::Numbers;
using Given = std::map<std::string, Setting>;

constexpr std::int64_t kDim = 3;

std::unique_ptr<Task> make(Given given) {
  given.insert({"dim", kDim});
  const TaskEntry& entry = find_task("item-label");
  return entry.make(resolve(entry.parameters, given, "item-label", [](const std::string& key) { return key; }));
}

Given kept(std::int64_t items, std::int64_t context, Given more = {}) {
  more.insert({{"items", items}, {"context", context}});
  return more;
}

Given exact(std::int64_t items, std::int64_t context, Given more = {}) {
  more.insert({"copies", std::int64_t{1}});
  return kept(items, context, more);
}

Given fresh(std::int64_t context, Given more = {}) {
  more.insert({{"fresh_items", true}, {"context", context}});
  return more;
}

// Prompts in plain numbers; an item is known by its first coordinate.
struct Prompts {
  size_t context;
  std::vector<Numbers> items;  // by prompt
  std::vector<Numbers> labels, copies;
  Numbers target, label;       // by prompt
  Numbers table, table_labels;  // of kept items

  double sum(size_t p) const { return std::accumulate(labels[p].begin(), labels[p].end(), 0.0); }
  auto count(size_t p, double item) const { return std::ranges::count(items[p], item); }
};

Prompts draw(const Given& given, std::int64_t count, const std::string& set = "", std::uint64_t seed = 0) {
  const auto task = make(given);
  Builder b(set.empty() ? random::Purpose::kPrompts : random::Purpose::kEvaluation);
  const Prompt prompt = set.empty() ? task->sample(b) : task->sample_set(b, set);
  const Value each = to_real(b.prompt_index() < b.integer_constant({}, {0}));  // 0: constants are for every prompt
  const auto values = evaluate(b, {index(prompt["items"], 1, 0), prompt["labels"], prompt["copies"] + each,
                                   index(prompt["query"], 0, 0), prompt["target"]}, count, {}, seed);
  Prompts prompts{.context = static_cast<size_t>(prompt["labels"].shape()[0]), .items = {}, .labels = {}, .copies = {},
                  .target = values[3], .label = values[4], .table = {}, .table_labels = {}};
  const auto rows = [&](const Numbers& all) {
    std::vector<Numbers> split;
    for (size_t p = 0; p < static_cast<size_t>(count); ++p)
      split.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(p * prompts.context),
                         all.begin() + static_cast<std::ptrdiff_t>((p + 1) * prompts.context));
    return split;
  };
  prompts.items = rows(values[0]);
  prompts.labels = rows(values[1]);
  prompts.copies = rows(values[2]);
  if (task->kept_items() == 0) return prompts;
  Builder kept;
  const Prompt item = task->kept_item(kept, kept.prompt_index());
  const auto table = evaluate(kept, {index(item["query"], 0, 0), item["target"]}, task->kept_items(), {}, seed);
  prompts.table = table[0];
  prompts.table_labels = table[1];
  return prompts;
}

// Every context item that equals the target has its label and is marked, and there are n of these.
void expect_copies(const Prompts& prompts, std::int64_t n) {
  for (size_t p = 0; p < prompts.items.size(); ++p) {
    EXPECT_EQ(prompts.count(p, prompts.target[p]), n);
    for (size_t i = 0; i < prompts.context; ++i) {
      const bool copy = prompts.items[p][i] == prompts.target[p];
      EXPECT_EQ(prompts.copies[p][i], copy ? 1 : 0);
      if (copy) {
        EXPECT_EQ(prompts.labels[p][i], prompts.label[p]);
      }
    }
  }
}

// Counts within five standard deviations of these probabilities.
void expect_frequencies(const Numbers& counts, const Numbers& probabilities) {
  const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
  for (size_t k = 0; k < counts.size(); ++k)
    EXPECT_NEAR(counts[k], all * probabilities[k], 5 * std::sqrt(all * probabilities[k] * (1 - probabilities[k])) + 1e-9) << k;
}

size_t place(const Numbers& table, double item) {
  return static_cast<size_t>(std::ranges::find(table, item) - table.begin());
}

TEST(ItemLabel, HasExactlySoManyCopies) {
  for (const std::int64_t n : {1, 2, 4}) {
    SCOPED_TRACE(n);
    expect_copies(draw(kept(8, 6, {{"copies", n}}), 512), n);
    expect_copies(draw(fresh(6, {{"copies", n}}), 512), n);
    expect_copies(draw(kept(8, 6, {{"copies", n}}), 512, "novel"), n);
  }
  expect_copies(draw(kept(8, 6, {{"copies", std::int64_t{6}}}), 16), 6);
}

TEST(ItemLabel, OthersAreUniformAmongTheOthers) {
  constexpr size_t kItems = 6;
  const Prompts prompts = draw(exact(kItems, 4), 8192);
  Numbers targets(kItems), others(kItems);
  for (size_t p = 0; p < prompts.items.size(); ++p) {
    ++targets[place(prompts.table, prompts.target[p])];
    for (const double item : prompts.items[p])
      if (item != prompts.target[p]) ++others[place(prompts.table, item)];
    for (size_t i = 0; i < prompts.context; ++i)
      EXPECT_EQ(prompts.labels[p][i], prompts.table_labels[place(prompts.table, prompts.items[p][i])]);
  }
  expect_frequencies(targets, Numbers(kItems, 1.0 / kItems));
  expect_frequencies(others, Numbers(kItems, 1.0 / kItems));
}

TEST(ItemLabel, ZipfSkewsTargetsAndOthers) {
  constexpr size_t kItems = 6;
  Numbers p;
  for (size_t k = 0; k < kItems; ++k) p.push_back(std::pow(static_cast<double>(k + 1), -1.5));
  const double total = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= total;

  const Prompts prompts = draw(exact(kItems, 9, {{"zipf", 1.5}}), 8192);
  expect_copies(prompts, 1);
  Numbers targets(kItems);
  std::vector<Numbers> others(kItems, Numbers(kItems));
  for (size_t i = 0; i < prompts.items.size(); ++i) {
    const size_t target = place(prompts.table, prompts.target[i]);
    ++targets[target];
    for (const double item : prompts.items[i])
      if (item != prompts.target[i]) ++others[target][place(prompts.table, item)];
  }
  expect_frequencies(targets, p);
  for (size_t target = 0; target < kItems; ++target) {
    Numbers conditional = p;
    conditional[target] = 0;
    for (double& x : conditional) x /= 1 - p[target];
    expect_frequencies(others[target], conditional);
  }

  const Prompts independent = draw(kept(kItems, 9, {{"zipf", 1.5}}), 8192);
  Numbers context(kItems);
  for (const Numbers& items : independent.items)
    for (const double item : items) ++context[place(independent.table, item)];
  expect_frequencies(context, p);
}

TEST(ItemLabel, KeptItemsCarryTheirWeights) {
  constexpr std::int64_t kItems = 6;
  const auto task = make(exact(kItems, 4, {{"zipf", 1.0}}));
  ASSERT_EQ(task->kept_items(), kItems);
  Builder b;
  const Prompt item = task->kept_item(b, b.prompt_index());
  const auto values = evaluate(b, {item["weight"], index(item["query"], 0, 0), item["target"]}, kItems);
  const Prompts prompts = draw(exact(kItems, 4, {{"zipf", 1.0}}), 1);
  const double harmonic = 1 + 1 / 2. + 1 / 3. + 1 / 4. + 1 / 5. + 1 / 6.;
  for (size_t k = 0; k < kItems; ++k) EXPECT_NEAR(values[0][k], kItems / (static_cast<double>(k) + 1) / harmonic, 1e-12);
  EXPECT_EQ(values[1], prompts.table) << "the items of training";
  EXPECT_EQ(values[2], prompts.table_labels);
  Builder uniform;
  EXPECT_FALSE(make(exact(kItems, 4))->kept_item(uniform, uniform.prompt_index()).has("weight"));
  EXPECT_EQ(make(fresh(4))->kept_items(), 0);
}

// The C library's power differs in last bits from machine to machine; a run's bits may not.
TEST(ItemLabel, ZipfWeightsArePowersOfOurOwn) {
  constexpr std::int64_t kItems = 1000;
  Numbers power;
  for (std::int64_t k = 1; k <= kItems; ++k)
    power.push_back(lanes::host_binary(lanes::Binary::kPower, static_cast<double>(k), -1.3));
  const double total = std::accumulate(power.begin(), power.end(), 0.0);
  Builder b;
  const auto task = make(exact(kItems, 4, {{"zipf", 1.3}}));
  const Numbers weights = evaluate(b, {task->kept_item(b, b.prompt_index())["weight"]}, kItems)[0];
  for (size_t k = 0; k < kItems; ++k) EXPECT_EQ(weights[k], power[k] / total * kItems) << k;
}

TEST(ItemLabel, BurstyContextsRepeatEveryItem) {
  for (const Given& given : {exact(8, 6, {{"burstiness", std::int64_t{3}}}), fresh(6, {{"burstiness", std::int64_t{3}}})}) {
    const Prompts prompts = draw(given, 256);
    expect_copies(prompts, 3);
    for (size_t p = 0; p < prompts.items.size(); ++p)
      for (const double item : prompts.items[p]) EXPECT_EQ(prompts.count(p, item) % 3, 0);
  }
}

TEST(ItemLabel, BalancedContextsSumToZeroOrToMinusTheAnswer) {
  const auto with = [](const std::string& balance) { return Given{{"balance", balance}}; };
  for (const std::string set : {"", "novel"}) {
    SCOPED_TRACE(set);
    const Prompts context = draw(exact(12, 6, with("context")), 2048, set),
                  both = draw(exact(12, 7, with("context-and-target")), 2048, set);
    expect_copies(context, 1);
    expect_copies(both, 1);
    double answers = 0;
    for (size_t p = 0; p < context.items.size(); ++p) {
      EXPECT_EQ(context.sum(p), 0);
      EXPECT_EQ(both.sum(p), -both.label[p]);
      answers += context.label[p];
    }
    EXPECT_NEAR(answers, 0, 5 * std::sqrt(2048));
  }
  // All others of a label are alike.
  const Prompts prompts = draw(exact(8, 6, with("context")), 8192);
  Numbers others(8);
  for (size_t p = 0; p < prompts.items.size(); ++p)
    for (const double item : prompts.items[p])
      if (item != prompts.target[p]) ++others[place(prompts.table, item)];
  expect_frequencies(others, Numbers(8, 1.0 / 8));
}

TEST(ItemLabel, NovelItemsAreNotThoseOfTraining) {
  for (const Given& given : {exact(32, 6), kept(32, 6)}) {
    const Prompts prompts = draw(given, 256, "novel");
    std::set<double> seen;
    for (const Numbers& items : prompts.items)
      for (const double item : items) {
        EXPECT_EQ(std::ranges::count(prompts.table, item), 0);
        seen.insert(item);
      }
    // Fresh ones, or a table of as many as there are of training.
    EXPECT_EQ(seen.size(), given.contains("copies") ? 256u * 6u : 32u);
  }
}

TEST(ItemLabel, TrainedPromptsAskForAnItemTheContextLacks) {
  for (const Given& given : {exact(12, 6), kept(12, 6)}) {
    const Prompts prompts = draw(given, 4096, "trained");
    Numbers targets(12), others(12);
    for (size_t p = 0; p < prompts.items.size(); ++p) {
      EXPECT_EQ(prompts.count(p, prompts.target[p]), 0);
      EXPECT_EQ(std::set<double>(prompts.items[p].begin(), prompts.items[p].end()).size(), 6u) << "all distinct";
      EXPECT_EQ(prompts.label[p], prompts.table_labels[place(prompts.table, prompts.target[p])]);
      ++targets[place(prompts.table, prompts.target[p])];
      for (const double item : prompts.items[p]) ++others[place(prompts.table, item)];
    }
    expect_frequencies(targets, Numbers(12, 1.0 / 12));
    expect_frequencies(others, Numbers(12, 1.0 / 12));
  }
  const Prompts few = draw(exact(4, 6), 512, "trained");  // others with repetitions
  for (size_t p = 0; p < few.items.size(); ++p) EXPECT_EQ(few.count(p, few.target[p]), 0);
}

TEST(ItemLabel, AllProgramsOfARunHaveTheSameItems) {
  const Given given = exact(12, 6);
  const Prompts training = draw(given, 64), trained = draw(given, 64, "trained");
  for (const Prompts& prompts : {training, trained})  // the table is that of the items kept
    for (const Numbers& items : prompts.items)
      for (const double item : items) EXPECT_EQ(std::ranges::count(prompts.table, item), 1);
  EXPECT_EQ(training.target, draw(exact(12, 8), 64).target) << "targets don't depend on the context's length";
  EXPECT_NE(training.table, draw(given, 1, "", 1).table) << "each seed has its own";
}

TEST(ItemLabel, ShufflesUnlessToldOtherwise) {
  constexpr size_t kPrompts = 4096;
  for (Given given : {exact(8, 4), fresh(4)}) {
    const Prompts shuffled = draw(given, kPrompts);
    Numbers places(4);
    for (size_t p = 0; p < kPrompts; ++p) ++places[place(shuffled.copies[p], 1)];
    expect_frequencies(places, Numbers(4, 0.25));
    given["order"] = std::string("copies-first");
    const Prompts ordered = draw(given, kPrompts);
    for (size_t p = 0; p < kPrompts; ++p) EXPECT_EQ(ordered.copies[p][0], 1);
  }
}

std::string refusal(const Given& given, const std::string& set = "") {
  try {
    const auto task = make(given);
    Builder b;
    if (!set.empty()) task->sample_set(b, set);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ItemLabel, SaysWhatDoesNotFitTogether) {
  const std::string task = "task 'item-label': ";
  EXPECT_EQ(refusal(kept(8, 6, {{"burstiness", std::int64_t{2}}})),
            task + "burstiness: found it without copies, accepted is burstiness together with copies");
  EXPECT_EQ(refusal(exact(8, 6, {{"burstiness", std::int64_t{4}}})),
            task + "burstiness: found 4, accepted is a divisor of the context's 6 items");
  EXPECT_EQ(refusal(kept(8, 6, {{"copies", std::int64_t{7}}})),
            task + "copies: found 7, accepted is at most 6, the distinct places of a context of 6 with burstiness 1");
  EXPECT_EQ(refusal(exact(8, 5, {{"balance", std::string("context")}})),
            task + "balance: found 'context' for 5 context items, accepted is an even number of them");
  EXPECT_EQ(refusal(exact(8, 6, {{"balance", std::string("context-and-target")}})),
            task + "balance: found 'context-and-target' for 6 context items, accepted is an odd number of them from 3 on");
  EXPECT_EQ(refusal(kept(8, 6, {{"balance", std::string("context")}, {"copies", std::int64_t{2}}})),
            task + "balance: found 'context' with copies = 2, accepted is copies = 1");
  EXPECT_EQ(refusal(exact(8, 6, {{"balance", std::string("context")}, {"zipf", 1.0}})),
            task + "balance: found 'context' with zipf = 1, accepted is one of them");
  EXPECT_EQ(refusal(exact(2, 6, {{"balance", std::string("context")}})),
            task + "items: found 2, accepted is at least 4 with balance: others of the target's label");
  EXPECT_EQ(refusal(fresh(6, {{"zipf", 1.0}})), task + "zipf: found it with fresh_items = true, accepted is zipf with items");
  EXPECT_EQ(refusal(fresh(6), "trained"),
            "task 'item-label' with fresh_items = true: found set 'trained', accepted is 'novel': it keeps no items");
}

}  // namespace
}  // namespace iclab::tasks
