#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "program/functions.h"
#include "tasks/orthonormal.h"
#include "tasks/regression_prompt.h"
#include "tasks/subspace_classes.h"
#include "tasks/subspace_regression.h"
#include "tasks/task.h"
#include "tests/evaluate.h"

namespace iclab::tasks {
namespace {

using iclab::testing::evaluate;
using iclab::testing::Numbers;
using Given = std::map<std::string, Setting>;

std::unique_ptr<Task> make(const std::string& kind, const Given& given) {
  const TaskEntry& entry = find_task(kind);
  return entry.make(resolve(entry.parameters, given, kind, [](const std::string& key) { return key; }));
}

Given mixture(Given more = {}) {
  more.insert({{"dim", std::int64_t{3}}, {"rank", std::int64_t{2}}, {"components", std::int64_t{2}},
               {"shared", std::int64_t{1}}, {"context", std::int64_t{5}}, {"noise", 0.7}});
  return more;
}

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

#define EXPECT_MESSAGE(expression, part) \
  EXPECT_NE(message_of([&] { (void)(expression); }).find(part), std::string::npos) \
      << message_of([&] { (void)(expression); })

// h of a prompt, from either sampler.
Value mean_of(const Prompt& prompt) {
  if (prompt.has("h")) return prompt["h"];
  const Value y = prompt["y"];
  return matmul(y, prompt["x"]) / static_cast<double>(y.shape()[0]);
}

// Columns h_0.., x_q0.., target of many prompts: row-major (count, 2 d + 1).
Numbers draw(const std::string& kind, Given given, const std::string& sampler, std::int64_t count, std::uint64_t seed) {
  given["sampler"] = sampler;
  Builder b;
  const Prompt prompt = make(kind, given)->sample(b);
  const Value all = program::concat({mean_of(prompt), prompt["x_query"], reshape(prompt["target"], {1})}, 0);
  return evaluate(b, {all}, count, {}, seed)[0];
}

// Mean and variance of the mean of a function of a row.
struct Estimate {
  double mean = 0, variance = 0;
};
Estimate estimate(const Numbers& rows, size_t width, const std::function<double(const double*)>& f) {
  double sum = 0, squares = 0;
  const auto count = static_cast<double>(rows.size() / width);
  for (size_t at = 0; at < rows.size(); at += width) {
    const double x = f(&rows[at]);
    sum += x;
    squares += x * x;
  }
  const double mean = sum / count;
  return {mean, (squares / count - mean * mean) / count};
}

TEST(RegressionPrompt, StatisticsAndPromptsHaveTheSameMomentsToFourthOrder) {
  constexpr std::int64_t kCount = 60'000;
  for (const std::string kind : {"subspace-regression", "linear-regression"}) {
    Given given = mixture();
    if (kind == "linear-regression") given = {{"dim", std::int64_t{3}}, {"context", std::int64_t{2}}, {"noise", 0.5}};
    const Numbers full = draw(kind, given, "prompts", kCount, 0), brief = draw(kind, given, "statistics", kCount, 1);
    constexpr size_t kWidth = 7;
    double worst = 0;
    int moments = 0;
    // All monomials x_i x_j x_k x_l, i <= j <= k <= l, with "7" standing for 1: orders 1 to 4.
    for (size_t i = 0; i <= kWidth; ++i)
      for (size_t j = i; j <= kWidth; ++j)
        for (size_t k = j; k <= kWidth; ++k)
          for (size_t l = k; l <= kWidth; ++l) {
            if (i == kWidth) continue;
            const auto product = [&](const double* row) {
              const auto at = [&](size_t m) { return m == kWidth ? 1.0 : row[m]; };
              return at(i) * at(j) * at(k) * at(l);
            };
            const Estimate a = estimate(full, kWidth, product), b = estimate(brief, kWidth, product);
            worst = std::max(worst, std::fabs(a.mean - b.mean) / std::sqrt(a.variance + b.variance));
            ++moments;
          }
    EXPECT_EQ(moments, 329);
    EXPECT_LT(worst, 4.5) << kind << ": 329 z-scores; one above 4.5 has probability 0.2 %";
  }
}

TEST(RegressionPrompt, GivenTheTaskHHasItsConditionalLaw) {
  // E[h|w] = w, E[h h^T|w] = (1 + 1/n) w w^T + ((|w|^2 + sigma^2)/n) I, and |h|^2's own mean square alike
  // in both samplers.
  constexpr std::int64_t kCount = 60'000, n = 4;
  const Numbers w{0.8, -1.5, 0.4};
  const double sigma = 0.6, ww = 0.64 + 2.25 + 0.16;
  std::vector<Estimate> fourth;
  for (const Sampler sampler : {Sampler::kPrompts, Sampler::kStatistics}) {
    Builder b;
    const Prompt prompt = regression_prompt(b, {n, sigma, sampler}, b.constant({3}, w));
    const Numbers h = evaluate(b, {mean_of(prompt)}, kCount)[0];
    for (size_t i = 0; i < 3; ++i) {
      const Estimate first = estimate(h, 3, [&](const double* row) { return row[i]; });
      EXPECT_LT(std::fabs(first.mean - w[i]) / std::sqrt(first.variance), 4);
      for (size_t j = 0; j < 3; ++j) {
        const Estimate second = estimate(h, 3, [&](const double* row) { return row[i] * row[j]; });
        const double want = (1 + 1.0 / n) * w[i] * w[j] + (i == j ? (ww + sigma * sigma) / n : 0);
        EXPECT_LT(std::fabs(second.mean - want) / std::sqrt(second.variance), 4) << i << j;
      }
    }
    fourth.push_back(estimate(h, 3, [](const double* row) {
      const double square = row[0] * row[0] + row[1] * row[1] + row[2] * row[2];
      return square * square;
    }));
  }
  EXPECT_LT(std::fabs(fourth[0].mean - fourth[1].mean) / std::sqrt(fourth[0].variance + fourth[1].variance), 4);
}

TEST(RegressionPrompt, TargetsAreCleanAndLabelsNoisy) {
  Builder b;
  const Numbers w{1, 2};
  const Prompt prompt = regression_prompt(b, {50, 0.5}, b.constant({2}, w));
  const auto values = evaluate(b, {prompt["target"], prompt["x_query"], prompt["y"], prompt["x"], prompt["targets"]}, 400);
  for (size_t p = 0; p < 400; ++p)
    EXPECT_NEAR(values[0][p], values[1][2 * p] + 2 * values[1][2 * p + 1], 8 * 0x1p-52 * 10);
  double noise = 0;
  for (size_t i = 0; i < 400 * 50; ++i) {
    const double e = values[2][i] - values[3][2 * i] - 2 * values[3][2 * i + 1];
    noise += e * e / (400 * 50);
  }
  for (size_t p = 0; p < 400; ++p)
    for (size_t i = 0; i <= 50; ++i) {
      const double* x = i < 50 ? &values[3][(p * 50 + i) * 2] : &values[1][p * 2];
      EXPECT_NEAR(values[4][p * 51 + i], x[0] + 2 * x[1], 8 * 0x1p-52 * 10);
    }
  EXPECT_NEAR(noise, 0.25, 5 * 0.25 * std::sqrt(2.0 / (400 * 50)));
}

// A ReLU network's labels, in plain loops from the draws that stand in the program.
TEST(RegressionPrompt, ReluNetworksAreTheirFormula) {
  constexpr std::int64_t d = 3, m = 5, n = 4, kCount = 20;
  Builder b;
  const Value inner = b.normal(program::Stream::kPrompt, {d, m});
  const Prompt prompt = regression_prompt(b, {.context = n, .hidden = m}, inner);
  // The read-out is the last draw of the prompt.
  Value outer;
  for (int id = 0; id < static_cast<int>(b.program().nodes.size()); ++id)
    if (b.program().nodes[static_cast<size_t>(id)].op == program::Op::kDraw) outer = Value(&b, id);
  ASSERT_EQ(outer.shape(), program::Shape{m});
  const auto values = evaluate(b, {inner, prompt["x"], prompt["x_query"], prompt["targets"], outer, prompt["y"], prompt["target"]}, kCount);
  for (size_t p = 0; p < kCount; ++p)
    for (size_t i = 0; i <= n; ++i) {
      const double* x = i < n ? &values[1][(p * n + i) * d] : &values[2][p * d];
      double f = 0;
      for (size_t h = 0; h < m; ++h) {
        double u = 0;
        for (size_t j = 0; j < d; ++j) u += values[0][(p * d + j) * m + h] * x[j];
        f += values[4][p * m + h] * std::max(u, 0.0) * std::sqrt(2.0 / m);
      }
      EXPECT_NEAR(values[3][p * (n + 1) + i], f, 200 * 0x1p-52);
      EXPECT_EQ(values[3][p * (n + 1) + i], i < n ? values[5][p * n + i] : values[6][p]);
    }
}

TEST(RegressionPrompt, RefusesWhatDoesNotFitTogether) {
  const Given relu = mixture({{"function", std::string("relu")}, {"hidden", std::int64_t{4}}});
  const auto with = [&](Given given, const Given& more) {
    for (const auto& [key, value] : more) given[key] = value;
    return make("subspace-regression", given);
  };
  EXPECT_MESSAGE(with(mixture(), {{"function", std::string("relu")}}), "function 'relu' needs hidden");
  EXPECT_MESSAGE(with(mixture(), {{"hidden", std::int64_t{4}}}), "hidden belongs to function 'relu'");
  EXPECT_MESSAGE(with(relu, {{"sampler", std::string("statistics")}}), "is for linear functions");
  Builder b;
  EXPECT_FALSE(with(relu, {})->moments(b, {}).has_value());
}

TEST(Orthonormal, IsTheQOfAQrWithPositiveDiagonal) {
  constexpr std::int64_t d = 8;
  Builder b;
  const Value a = b.normal(program::Stream::kTask, {d, d});
  const Value q = orthonormal(a);
  const auto values = evaluate(b, {matmul(transpose(q), q), matmul(transpose(q), a)}, 1);
  for (size_t i = 0; i < d; ++i)
    for (size_t j = 0; j < d; ++j) {
      EXPECT_NEAR(values[0][i * d + j], i == j ? 1 : 0, 4 * d * 0x1p-52);
      if (i > j) { EXPECT_NEAR(values[1][i * d + j], 0, 16 * d * 0x1p-52) << "R is upper triangular"; }
      if (i == j) { EXPECT_GT(values[1][i * d + j], 0); }
    }
}

// E target x_qi h_j = C_ij for any law of w.
void expect_second_moment(const Given& given) {
  constexpr std::int64_t kCount = 60'000;
  const std::unique_ptr<Task> task = make("subspace-regression", given);
  Builder b;
  const Prompt prompt = task->sample(b);
  const auto d = static_cast<size_t>(task->dim());
  const Value all = program::concat({mean_of(prompt), prompt["x_query"], reshape(prompt["target"], {1})}, 0);
  const LinearMoments moments = *task->moments(b, {});
  const auto values = evaluate(b, {all, moments.second_moment}, kCount);
  for (size_t i = 0; i < d; ++i)
    for (size_t j = 0; j < d; ++j) {
      const Estimate got = estimate(values[0], 2 * d + 1, [&](const double* row) { return row[2 * d] * row[d + i] * row[j]; });
      EXPECT_LT(std::fabs(got.mean - values[1][i * d + j]) / std::sqrt(got.variance), 4.5) << i << " " << j;
    }
}

TEST(SubspaceRegression, MomentsAreThoseOfItsPrompts) {
  expect_second_moment(mixture());
  expect_second_moment(mixture({{"basis", std::string("haar")}, {"dim", std::int64_t{4}}}));
  expect_second_moment({{"dim", std::int64_t{4}}, {"context", std::int64_t{3}}, {"classes", std::string("0,1@0.5/1,2,3@1.5")}});
  expect_second_moment({{"dim", std::int64_t{3}}, {"rank", std::int64_t{2}}, {"context", std::int64_t{3}}, {"sampler", std::string("statistics")}});
}

Numbers second_moment(const Given& given, const TestTasks& test) {
  Builder b;
  return evaluate(b, {make("subspace-regression", given)->moments(b, test)->second_moment}, 1)[0];
}

TEST(SubspaceRegression, TestTasksLieWhereTheyShould) {
  // d = 6, r = 2, K = 2, s = 1: S = {0}, B_0 = {1}, B_1 = {2}; outside turns to column 3.
  const Given given = mixture({{"dim", std::int64_t{6}}});
  const auto diagonal = [&](const TestTasks& test) {
    const Numbers c = second_moment(given, test);
    Numbers result;
    for (size_t i = 0; i < 6; ++i) result.push_back(c[7 * i]);
    return result;
  };
  const auto near = [](const Numbers& got, const Numbers& want) {
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 8 * 0x1p-52) << i;
  };
  near(diagonal({"id", 0}), {1, 0.5, 0.5, 0, 0, 0});
  near(diagonal({"isotropic", 0}), Numbers(6, 2.0 / 6));
  near(diagonal({"complement", 0}), {0, 0, 0, 2.0 / 3, 2.0 / 3, 2.0 / 3});
  near(diagonal({"span", 60}), {1, 0.25, 0.75, 0, 0, 0});
  near(diagonal({"outside", 60}), {1, 0.25, 0, 0.75, 0, 0});
  near(diagonal({"outside", 90}), {1, 0, 0, 1, 0, 0});
}

// E y^2 at the query and E w_i w_j-like moments of test prompts: E target^2 is the part "power".
TEST(SubspaceRegression, TestPromptsHaveThePowerTheySay) {
  constexpr std::int64_t kCount = 60'000;
  const std::vector<TestTasks> tests{{"span", 60}, {"outside", 90}, {"isotropic", 0}, {"complement", 0}, {"class", 0, 1}};
  for (const bool nonlinear : {false, true}) {
    Given given = mixture({{"dim", std::int64_t{6}}, {"basis", std::string("haar")}});
    if (nonlinear) given.insert({{"function", std::string("relu")}, {"hidden", std::int64_t{7}}});
    const std::unique_ptr<Task> task = make("subspace-regression", given);
    Builder b;
    const auto count = static_cast<std::int64_t>(tests.size());
    const Value which = program::remainder(b.prompt_index(), count);
    const Prompt prompt = task->sample_test(b, tests, which);
    const auto values = evaluate(b, {prompt["target"], prompt["power"]}, kCount);
    for (size_t k = 0; k < tests.size(); ++k) {
      Numbers own;
      for (size_t p = k; p < kCount; p += tests.size()) {
        own.push_back(values[0][p]);
        EXPECT_EQ(values[1][p], 2) << tests[k].where;
      }
      const Estimate square = estimate(own, 1, [](const double* y) { return *y * *y; });
      EXPECT_LT(std::fabs(square.mean - 2) / std::sqrt(square.variance), 4) << tests[k].where;
    }
  }
}

// What prompts of a test say of w, E target x_qi h_j, is the test's second moment.
TEST(SubspaceRegression, TestPromptsLieWhereTheirMomentsSay) {
  constexpr std::int64_t kCount = 60'000, d = 6;
  const std::unique_ptr<Task> task = make("subspace-regression", mixture({{"dim", d}, {"basis", std::string("haar")}}));
  for (const TestTasks& test : std::vector<TestTasks>{{"outside", 60}, {"complement", 0}, {"class", 0, 1}, {"id", 0}}) {
    Builder b;
    const Prompt prompt = task->sample_test(b, std::vector{test}, b.integer_constant({}, {0}));
    const Value all = program::concat({mean_of(prompt), prompt["x_query"], reshape(prompt["target"], {1})}, 0);
    const auto values = evaluate(b, {all, task->moments(b, test)->second_moment}, kCount);
    for (size_t i = 0; i < d; ++i)
      for (size_t j = 0; j < d; ++j) {
        const Estimate got = estimate(values[0], 2 * d + 1, [&](const double* row) { return row[2 * d] * row[d + i] * row[j]; });
        EXPECT_LT(std::fabs(got.mean - values[1][i * d + j]) / std::sqrt(got.variance), 4.5) << test.where << i << j;
      }
  }
}

TEST(SubspaceRegression, ClassesTakeTurns) {
  const std::unique_ptr<Task> task = make("subspace-regression",
      {{"dim", std::int64_t{3}}, {"context", std::int64_t{1}}, {"classes", std::string("0/1,2@2/2")},
       {"assignment", std::string("even")}, {"weights", std::string("power")}});
  EXPECT_EQ(task->classes(), 3);
  Builder b;
  const Prompt prompt = task->sample(b);
  const auto values = evaluate(b, {prompt["x"], prompt["y"], prompt["x_query"], prompt["target"], prompt["weight"]}, 64);
  for (size_t p = 0; p < 64; ++p) {
    EXPECT_EQ(values[4][p], p % 3 == 1 ? 0.125 : 1.0);
    // Labels along one column: both points of the prompt have the same slope in it.
    const auto slopes_differ = [&](size_t column) {
      const double one = values[1][p] * values[2][3 * p + column], other = values[3][p] * values[0][3 * p + column];
      return std::fabs(one - other) > 32 * 0x1p-52 * std::fabs(one);
    };
    EXPECT_EQ(slopes_differ(0), p % 3 != 0) << p;
    EXPECT_EQ(slopes_differ(2), p % 3 != 2) << p;
  }
}

TEST(LinearRegression, TestTasksAreTheTrainingTasks) {
  const Given given{{"dim", std::int64_t{3}}, {"context", std::int64_t{3}}};
  Builder b;
  const std::unique_ptr<Task> task = make("linear-regression", given);
  const Prompt prompt = task->sample_test(b, std::vector<TestTasks>{{"isotropic", 0}}, b.integer_constant({}, {0}));
  EXPECT_EQ(evaluate(b, {prompt["power"]}, 1)[0], Numbers{3});
  EXPECT_MESSAGE(task->sample_test(b, std::vector<TestTasks>{{"span", 0}}, b.integer_constant({}, {0})), "undefined for linear-regression");
  EXPECT_MESSAGE(make("item-label", {{"items", std::int64_t{4}}, {"dim", std::int64_t{3}}, {"context", std::int64_t{2}}})
                     ->sample_test(b, {}, b.integer_constant({}, {0})), "has no test tasks");
}

Given items(std::int64_t count) {
  return {{"items", count}, {"context", std::int64_t{4}}, {"dim", std::int64_t{3}}};
}

// E[copies] = N/K + (1 - 1/K)^N (1 + (N - 1)/(K - 1)) (differential-kinetics.md, section 1.2).
TEST(ItemLabel, TheTargetIsInTheContextUnderItsLabel) {
  constexpr std::int64_t kItems = 10, kContext = 4;
  constexpr size_t kPrompts = 4096;
  Builder b;
  const Prompt prompt = make("item-label", items(kItems))->sample(b);
  const auto values = evaluate(b, {prompt["items"], prompt["labels"], prompt["query"], prompt["target"]}, kPrompts);
  double copies = 0;
  for (size_t p = 0; p < kPrompts; ++p) {
    int here = 0;
    for (size_t i = 0; i < kContext; ++i) {
      const auto item = values[0].begin() + static_cast<std::ptrdiff_t>((p * kContext + i) * 3);
      if (!std::equal(item, item + 3, values[2].begin() + static_cast<std::ptrdiff_t>(p * 3))) continue;
      ++here;
      EXPECT_EQ(values[1][p * kContext + i], values[3][p]) << "a copy has the target's label";
    }
    EXPECT_GE(here, 1);
    copies += here;
  }
  const double k = kItems, n = kContext, expected = n / k + std::pow(1 - 1 / k, n) * (1 + (n - 1) / (k - 1));
  EXPECT_NEAR(copies / kPrompts, expected, 5 * 1.0 / 64) << "the deviation of a count of 1 to 4 is below 1";
}

TEST(ItemLabel, LabelsAreBalanced) {
  Builder b;
  make("item-label", items(10))->sample(b);
  const Numbers labels = evaluate(b, {b.named("labels")}, 1)[0];
  EXPECT_EQ(std::count(labels.begin(), labels.end(), 1.0), 5);
  EXPECT_EQ(std::count(labels.begin(), labels.end(), -1.0), 5);
  EXPECT_MESSAGE(make("item-label", items(9)), "items: found 9, accepted is an even number");
}

Given fresh_items(const std::string& sampler, std::int64_t context = 4) {
  return {{"fresh_items", true}, {"sampler", sampler}, {"context", context}, {"dim", std::int64_t{3}}};
}

TEST(ItemLabel, FreshItemsHaveOneCopyOfTheTarget) {
  constexpr size_t kContext = 4, kDim = 3, kPrompts = 4096;
  Builder b;
  const Prompt prompt = make("item-label", fresh_items("prompts"))->sample(b);
  const auto values = evaluate(b, {prompt["items"], prompt["labels"], prompt["query"], prompt["target"]}, kPrompts);
  std::vector<int> places(kContext);
  double square = 0, labels = 0;
  for (size_t p = 0; p < kPrompts; ++p) {
    int copies = 0;
    for (size_t i = 0; i < kContext; ++i) {
      const auto item = values[0].begin() + static_cast<std::ptrdiff_t>((p * kContext + i) * kDim);
      for (size_t j = 0; j < kDim; ++j) square += item[static_cast<std::ptrdiff_t>(j)] * item[static_cast<std::ptrdiff_t>(j)];
      labels += values[1][p * kContext + i];
      if (!std::equal(item, item + kDim, values[2].begin() + static_cast<std::ptrdiff_t>(p * kDim))) continue;
      ++copies;
      ++places[i];
      EXPECT_EQ(values[1][p * kContext + i], values[3][p]);
    }
    EXPECT_EQ(copies, 1);
  }
  // Five standard deviations: of a count, of |x|^2 with variance 2/D, of a sum of signs.
  const double all = kPrompts * kContext;
  for (const int count : places) EXPECT_NEAR(count, kPrompts / 4.0, 5 * std::sqrt(kPrompts * 3 / 16.0));
  EXPECT_NEAR(square / all, 1, 5 * std::sqrt(2 / (kDim * all)));
  EXPECT_NEAR(labels, 0, 5 * std::sqrt(all));
}

// What a model of overlaps does with a prompt: the loss and its gradients for beta and w, and the overlaps' powers,
// at one beta and w. Columns of (count, kStatistics).
constexpr size_t kStatistics = 8;
Numbers overlap_statistics(const std::string& sampler, std::int64_t context, std::int64_t count, std::uint64_t seed) {
  Builder b;
  const Prompt prompt = make("item-label", fresh_items(sampler, context))->sample(b);
  const Value s = prompt.has("overlaps") ? prompt["overlaps"] : matmul(prompt["items"], prompt["query"]);
  const Value labels = prompt["labels"], y = prompt["target"];
  const double beta = 1.5, w = 0.8;
  const Value a = softmax(beta * s);
  const Value m = dot(a, labels), residual = sigmoid(-y * (w * m));
  const Value by_beta = w * dot(labels, a * (s - dot(a, s)));
  const std::vector<Value> all = {program::logistic_loss(y, w * m), -y * residual * m, -y * residual * by_beta,
                                  sum(s), dot(s, s), sum(s * s * s), y * dot(labels, s),
                                  dot(prompt["query"], prompt["query"])};
  std::vector<Value> columns;
  for (const Value& value : all) columns.push_back(reshape(value, {1}));
  return evaluate(b, {program::concat(columns, 0)}, count, {}, seed)[0];
}

TEST(ItemLabel, OverlapsHaveTheLawOfTheItemsOverlaps) {
  constexpr std::int64_t kCount = 100'000;
  for (const std::int64_t context : {2, 5}) {
    const Numbers prompts = overlap_statistics("prompts", context, kCount, 0);
    const Numbers statistics = overlap_statistics("statistics", context, kCount, 1);
    for (size_t i = 0; i < kStatistics; ++i)
      for (size_t j = i; j < kStatistics; ++j) {
        const auto moment = [=](const double* row) { return i == j ? row[i] : row[i] * row[j]; };
        const Estimate one = estimate(prompts, kStatistics, moment), other = estimate(statistics, kStatistics, moment);
        const double deviation = std::sqrt(one.variance + other.variance);
        EXPECT_LT(std::fabs(one.mean - other.mean), 5 * deviation) << context << ": " << i << " " << j;
      }
  }
  Builder b;
  const Prompt alone = make("item-label", fresh_items("statistics", 1))->sample(b);
  const auto values = evaluate(b, {alone["overlaps"], dot(alone["query"], alone["query"])}, 10);
  EXPECT_EQ(values[0], values[1]) << "a context of one item is the copy";
}

TEST(ItemLabel, RefusesWhatDoesNotFitTogether) {
  Given both = items(10);
  both["fresh_items"] = true;
  EXPECT_MESSAGE(make("item-label", both), "found both items and fresh_items = true; accepted is one of them");
  EXPECT_MESSAGE(make("item-label", {{"context", std::int64_t{4}}, {"dim", std::int64_t{3}}}),
                 "found neither items nor fresh_items = true; accepted is one of them");
  Given tabled = items(10);
  tabled["sampler"] = std::string("statistics");
  EXPECT_MESSAGE(make("item-label", tabled), "sampler 'statistics' is for fresh_items = true");
}

TEST(GaussianTokens, TheTargetIsTheLast) {
  Builder b;
  const Prompt prompt = make("gaussian-tokens", {{"tokens", std::int64_t{3}}, {"dim", std::int64_t{2}},
                                                 {"labels", std::string("sign")}})->sample(b);
  const auto values = evaluate(b, {prompt["targets"], prompt["target"]}, 20);
  for (size_t p = 0; p < 20; ++p) EXPECT_EQ(values[0][3 * p + 2], values[1][p]);
  for (const double label : values[0]) EXPECT_EQ(std::fabs(label), 1);
}

TEST(SubspaceRegression, RefusesImpossibleShapesAndTests) {
  const auto with = [](const Given& more) { return make("subspace-regression", mixture(more)); };
  EXPECT_MESSAGE(with({{"rank", std::int64_t{4}}}), "rank 4 is above dim 3");
  EXPECT_MESSAGE(with({{"shared", std::int64_t{3}}}), "shared 3 is above rank 2");
  EXPECT_MESSAGE(with({{"components", std::int64_t{1}}}), "components = 1 is coded with shared = 0");
  EXPECT_MESSAGE(with({{"components", std::int64_t{3}}}), "4 distinct columns do not fit into dim 3");
  EXPECT_MESSAGE(second_moment(mixture(), {"complement", 0}), "the classes span all directions");
  EXPECT_MESSAGE(second_moment(mixture(), {"outside", 0}), "test tasks 'outside' need 1 unused columns, dim 3 leaves 0");
  EXPECT_MESSAGE(second_moment({{"dim", std::int64_t{3}}, {"context", std::int64_t{3}}}, {"span", 0}), "need at least 2 components");
  EXPECT_MESSAGE(second_moment(mixture(), {"elsewhere", 0}), "unknown test tasks 'elsewhere'");
  EXPECT_MESSAGE(second_moment({{"dim", std::int64_t{3}}, {"context", std::int64_t{3}}, {"classes", std::string("0/1")}}, {"span", 0}),
                 "undefined for explicit classes");
  Builder b;
  EXPECT_MESSAGE(make("linear-regression", {{"dim", std::int64_t{3}}, {"context", std::int64_t{3}}})->moments(b, {"span", 0}),
                 "undefined for linear-regression");
}

TEST(ParseClasses, ReadsColumnsAndScales) {
  const auto classes = parse_classes("0,1@1/2,3@1.5/0", 4);
  ASSERT_EQ(classes.size(), 3u);
  EXPECT_EQ(classes[1].columns, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(classes[1].scale, 1.5);
  EXPECT_EQ(classes[2].scale, 1);
}

TEST(ParseClasses, SaysWhereTheTextIsWrong) {
  EXPECT_MESSAGE(parse_classes("0,4", 4), "'0,4' has a column outside 0..3");
  EXPECT_MESSAGE(parse_classes("0,0", 4), "repeats a column");
  EXPECT_MESSAGE(parse_classes("0@0", 4), "has a scale that is not positive");
  EXPECT_MESSAGE(parse_classes("0@inf", 4), "has a scale that is not positive");
  EXPECT_MESSAGE(parse_classes("0@nan", 4), "has a scale that is not positive");
  EXPECT_MESSAGE(parse_classes("0@1@2", 4), "is no class");
  EXPECT_MESSAGE(parse_classes("0//1", 4), "is no class");
  EXPECT_MESSAGE(parse_classes("@2", 4), "has no columns");
  EXPECT_MESSAGE(parse_classes("a", 4), "found 'a'");
  EXPECT_MESSAGE(parse_classes("0/", 4), "is no class");
}

TEST(TaskRegistry, NamesTheNearest) {
  EXPECT_MESSAGE(find_task("subspace-regresion"), "did you mean 'subspace-regression'?");
  Builder b;
  EXPECT_MESSAGE(make("linear-regression", {{"dim", std::int64_t{3}}, {"context", std::int64_t{3}}})->sample(b)["h"],
                 "needs the prompt's part 'h', but the task gives");
  for (const TaskEntry& entry : task_registry()) EXPECT_FALSE(entry.summary.empty() || entry.source.empty());
}

}  // namespace
}  // namespace iclab::tasks
