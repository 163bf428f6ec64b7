#include "tasks/curriculum.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "program/executor.h"
#include "program/rewrite.h"
#include "tasks/task.h"

namespace iclab::tasks {
namespace {

using program::Builder;
using program::Value;
using Integers = std::vector<std::int64_t>;
using Numbers = std::vector<double>;

// One output, in double, at several steps: (batch, elements) or (elements).
std::vector<Numbers> at_steps(const Builder& b, Value output,
                              const std::vector<std::uint32_t>& steps) {
  const std::vector<int> ids{output.id()};
  const program::Rewritten cheap = program::rewrite(b.program(), ids);
  program::Executor<double> executor(
      program::make_plan(cheap.builder->program(), cheap.outputs, {3, true, {}}));
  executor.begin(program::make_keys(1, 0));
  std::vector<Numbers> all;
  for (const std::uint32_t step : steps) {
    executor.run(step);
    all.emplace_back(executor.output(0).begin(), executor.output(0).end());
  }
  return all;
}

TEST(Curriculum, GrowsByStepsToItsEnd) {
  const Curriculum growing{5, 10, 2, 100}, still{4, 4, 1, 7};
  Builder b;
  EXPECT_EQ(growing.mask(b).rate(), program::Rate::kStep);
  const std::vector<std::uint32_t> steps{0,   99,  100,           199,           200,
                                         299, 300, 2'147'483'647, 2'147'483'648, 4'294'967'295};
  const std::vector<std::int64_t> values{5, 5, 7, 7, 9, 9, 10, 10, 10, 10};
  const auto masks = at_steps(b, growing.mask(b), steps);
  for (size_t t = 0; t < steps.size(); ++t) {
    ASSERT_EQ(masks[t].size(), 10U);
    for (std::int64_t i = 0; i < 10; ++i)
      EXPECT_EQ(masks[t][static_cast<size_t>(i)], i < values[t] ? 1 : 0) << steps[t] << " " << i;
  }
  const Numbers whole(4, 1.0);
  EXPECT_EQ(at_steps(b, still.mask(b), {0, 50}), (std::vector<Numbers>{whole, whole}));
}

TEST(Curriculum, IsChecked) {
  EXPECT_NO_THROW((Curriculum{1, 4, 2, 1'073'741'823}.check()));  // rises to 3 and to 4
  EXPECT_THROW((Curriculum{1, 4, 2, 1'073'741'824}.check()), UsageError);
  EXPECT_THROW((Curriculum{5, 4, 1, 1}.check()), UsageError);
  EXPECT_NO_THROW((Curriculum{4, 4, 1, 2'147'483'647}.check()));
}

Settings settings_of(std::map<std::string, Setting> given) {
  given.insert({{"dim", std::int64_t{3}}, {"context", std::int64_t{4}}, {"noise", 0.5}});
  return resolve(find_task("linear-regression").parameters, given, "task",
                 [](const std::string& key) { return key; });
}

std::unique_ptr<Task> regression(const Settings& settings) {
  return find_task("linear-regression").make(settings);
}

// Prompts of n examples and d dimensions are those of the whole task, masked beyond what is active.
void expect_masked(const Settings& settings, bool linear) {
  constexpr size_t kExamples = 4, kDim = 3;
  const std::vector<std::uint32_t> steps{0, 9, 10, 19, 20};
  const std::vector<size_t> dims{1, 1, 2, 2, 3}, examples{2, 2, 2, 2, 4};
  const auto parts = [&](const Settings& of, const std::string& name) {
    Builder b;
    return at_steps(b, regression(of)->sample(b)[name], steps);
  };
  const Settings whole = without_curricula(settings);
  const auto x = parts(settings, "x"), all_x = parts(whole, "x");
  const auto query = parts(settings, "x_query"), all_query = parts(whole, "x_query");
  const auto y = parts(settings, "y"), targets = parts(settings, "targets");
  for (size_t t = 0; t < steps.size(); ++t) {
    for (size_t i = 0; i < x[t].size(); ++i)
      EXPECT_EQ(x[t][i], i % kDim < dims[t] && i / kDim % kExamples < examples[t] ? all_x[t][i] : 0)
          << steps[t] << " " << i;
    for (size_t i = 0; i < query[t].size(); ++i)
      EXPECT_EQ(query[t][i], i % kDim < dims[t] ? all_query[t][i] : 0) << steps[t] << " " << i;
    for (size_t i = 0; i < y[t].size(); ++i) {
      const bool active = i % kExamples < examples[t];
      EXPECT_EQ(y[t][i] != 0, active) << steps[t] << " " << i;
      // A ReLU network of few units may well be 0 at an active input.
      const double target = targets[t][i / kExamples * (kExamples + 1) + i % kExamples];
      if (linear || !active) {
        EXPECT_EQ(target != 0, active) << steps[t] << " " << i;
      }
    }
  }
  EXPECT_EQ(y[4], parts(whole, "y")[4]) << "at last it is the whole task";
  EXPECT_EQ(parts(settings, "counted")[3], (Numbers{1, 1, 0, 0, 1}));
  EXPECT_EQ(parts(settings, "counted")[4], (Numbers{1, 1, 1, 1, 1}));
}

TEST(Curriculum, RegressionIsMaskedBeyondWhatIsActive) {
  const std::map<std::string, Setting> growing{{"dim.curriculum", Integers{1, 1, 10}},
                                               {"context.curriculum", Integers{2, 2, 20}}};
  expect_masked(settings_of(growing), true);
  std::map<std::string, Setting> relu = growing;
  relu.insert({{"function", std::string("relu")}, {"hidden", std::int64_t{2}}});
  expect_masked(settings_of(relu), false);
}

// With one active dimension the clean labels of a linear task are w_1 x_1, everywhere.
TEST(Curriculum, LabelsBelongToTheMaskedInputs) {
  Builder b;
  const Settings settings = settings_of({{"dim.curriculum", Integers{1, 2, 10}}});
  const Prompt prompt = regression(settings)->sample(b);
  const Value of_query = prompt["target"] / index(prompt["x_query"], 0, 0);
  const Value of_example = index(prompt["targets"], 0, 2) / index(index(prompt["x"], 0, 2), 0, 0);
  const Numbers one = at_steps(b, of_query, {9})[0], other = at_steps(b, of_example, {9})[0];
  ASSERT_EQ(one.size(), 3U);
  // A rounding each of the product and of the division.
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(one[i], other[i], 4 * 0x1p-53 * std::abs(one[i])) << i;
}

TEST(Curriculum, SettingsThatMakeNoneAreRefused) {
  EXPECT_THROW(regression(settings_of({{"sampler", std::string("statistics")},
                                       {"dim.curriculum", Integers{1, 1, 10}}})), UsageError);
  EXPECT_THROW(regression(settings_of({{"dim.curriculum", Integers{4, 1, 10}}})), UsageError);
  EXPECT_THROW(regression(settings_of({{"dim.curriculum", Integers{1, 1}}})), UsageError);
}

}  // namespace
}  // namespace iclab::tasks
