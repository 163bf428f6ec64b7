#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "nn/population_risk.h"
#include "probes/probe.h"
#include "tests/evaluate.h"

namespace iclab::probes {
namespace {

using iclab::testing::evaluate;
using iclab::testing::Numbers;
using iclab::testing::some_numbers;
using Given = std::map<std::string, Setting>;

template <class Entry>
auto make(const Entry& entry, const Given& given) {
  return entry.make(resolve(entry.parameters, given, entry.name, [](const std::string& key) { return key; }));
}

constexpr std::int64_t d = 4, n = 6;

// What a probe measures of factored attention with fixed weights.
struct Measured {
  std::vector<std::string> names;
  std::vector<Numbers> values;
};

const Numbers kW = some_numbers(d * d, 3);

Measured measure(const std::string& kind, const Given& given = {}, std::int64_t batch = 1) {
  const auto task = make(tasks::find_task("subspace-regression"),
                         {{"dim", d}, {"rank", std::int64_t{2}}, {"components", std::int64_t{2}}, {"shared", std::int64_t{1}},
                          {"context", n}, {"noise", 0.5}});
  const auto model = make(nn::find_model("linear-attention"), {{"form", std::string("factored")}});
  Builder b(random::Purpose::kEvaluation);
  nn::Weights weights;
  Measured measured;
  std::vector<Value> outputs;
  const auto probe = make(find_probe(kind), given);
  for (const Series& series : probe->build(b, weights, *task, *model)) {
    measured.names.push_back(series.name);
    outputs.push_back(series.value);
  }
  measured.values = evaluate(b, outputs, batch, {{"v", {0.7}}, {"W", kW}});
  return measured;
}

// J(Gamma) for Gamma = 0.7 W and a diagonal C.
double risk(const Numbers& c, double context, double noise_variance) {
  double trace = 0, total = 0;
  for (const double x : c) trace += x;
  for (size_t i = 0; i < d; ++i)
    for (size_t j = 0; j < d; ++j) {
      const double gamma = 0.7 * kW[i * d + j];
      total += gamma * gamma * ((1 + 1 / context) * c[j] + (trace + noise_variance) / context);
      if (i == j) total -= 2 * gamma * c[i];
    }
  return total + trace;
}

TEST(RiskProbe, IsTheExactRiskOfTheEffectiveMatrix) {
  const double tolerance = 256 * 0x1p-52;
  EXPECT_NEAR(measure("risk").values[0][0], risk({1, 0.5, 0.5, 0}, n, 0.25) / 2, tolerance);
  EXPECT_NEAR(measure("risk", {{"normalised", false}}).values[0][0], risk({1, 0.5, 0.5, 0}, n, 0.25), tolerance);
  EXPECT_NEAR(measure("risk", {{"test", std::string("isotropic")}}).values[0][0], risk({0.5, 0.5, 0.5, 0.5}, n, 0.25) / 2, tolerance);
  EXPECT_NEAR(measure("risk", {{"test", std::string("complement")}}).values[0][0], risk({0, 0, 0, 2}, n, 0.25) / 2, tolerance);
  EXPECT_NEAR(measure("risk", {{"test_context", std::int64_t{30}}, {"test_noise", 2.0}}).values[0][0],
              risk({1, 0.5, 0.5, 0}, 30, 4) / 2, tolerance);
}

TEST(RiskProbe, HasOneRiskAnAngle) {
  const Measured measured = measure("risk", {{"test", std::string("outside")}, {"angles", std::vector<double>{0, 90}}});
  ASSERT_EQ(measured.values[0].size(), 2u);
  EXPECT_NEAR(measured.values[0][0], risk({1, 1, 0, 0}, n, 0.25) / 2, 256 * 0x1p-52);
  EXPECT_NEAR(measured.values[0][1], risk({1, 0, 0, 1}, n, 0.25) / 2, 256 * 0x1p-52);
}

TEST(RiskProbe, HasOneRiskAClassUnderTheSameTest) {
  const Measured measured = measure("risk", {{"per_class", true}, {"normalised", false}, {"test_context", std::int64_t{30}}});
  EXPECT_EQ(measured.names, (std::vector<std::string>{"risk", "risk_class0", "risk_class1"}));
  EXPECT_NEAR(measured.values[1][0], risk({1, 1, 0, 0}, 30, 0.25), 256 * 0x1p-52);
  EXPECT_NEAR(measured.values[2][0], risk({1, 0, 1, 0}, 30, 0.25), 256 * 0x1p-52);
}

TEST(MseProbe, ApproachesTheRiskAndGivesItsStandardError) {
  constexpr std::int64_t kCount = 50'000;
  const Measured measured = measure("mse", {{"prompts", kCount}}, kCount);
  EXPECT_EQ(measured.names, (std::vector<std::string>{"mse", "mse_squared"}));
  double mean = 0, square = 0;
  for (size_t i = 0; i < kCount; ++i) {
    mean += measured.values[0][i] / kCount;
    square += measured.values[1][i] / kCount;
  }
  EXPECT_LT(std::fabs(mean - risk({1, 0.5, 0.5, 0}, n, 0.25)) / std::sqrt((square - mean * mean) / kCount), 4);
  const auto fresh = make(tasks::find_task("item-label"),
                          {{"fresh_items", true}, {"context", std::int64_t{3}}, {"dim", std::int64_t{2}}});
  EXPECT_EQ(make(find_probe("mse"), {{"prompts", std::int64_t{77}}})->prompts(*fresh), 77);
}

// With w = 0 the prediction is the constant b_3 = 1, right for half of the labels.
TEST(AccuracyProbe, CountsRightSignsOnKeptPrompts) {
  constexpr std::int64_t kCount = 10'000;
  const auto task = make(tasks::find_task("item-label"),
                         {{"fresh_items", true}, {"context", std::int64_t{3}}, {"dim", std::int64_t{2}}});
  const auto model = make(nn::find_model("kinetics-minimal"), {{"hidden", std::int64_t{1}}});
  const auto probe = make(find_probe("accuracy"), {{"prompts", kCount}});
  EXPECT_EQ(probe->prompts(*task), kCount);
  const auto measured = [&](double w) {
    Builder b(random::Purpose::kEvaluation);
    nn::Weights weights;
    const auto series = probe->build(b, weights, *task, *model);
    EXPECT_EQ(series[0].name, "accuracy");
    EXPECT_TRUE(series[0].weight.valid()) << "it is counted";
    EXPECT_EQ(series[1].name, "loss");
    return evaluate(b, {series[0].value, series[1].value}, kCount,
                    {{"mlp.W_1", {0, 0}}, {"mlp.b_1", {0}}, {"mlp.W_2", {0}}, {"mlp.b_2", {0}}, {"mlp.W_3", {0}},
                     {"mlp.b_3", {1}}, {"beta", {1000}}, {"w", {w}}});
  };
  const auto constant = measured(0);
  double right = 0;
  for (size_t p = 0; p < kCount; ++p) {
    right += constant[0][p];
    EXPECT_NEAR(constant[1][p], std::log1p(std::exp(constant[0][p] > 0 ? -1.0 : 1.0)), 8 * 0x1p-52);
  }
  EXPECT_NEAR(right / kCount, 0.5, 5 * 0.5 / std::sqrt(kCount));
}

// The one number that a model which says `b_3` of every item gets for the first prompt.
double accuracy_of_saying(double b_3) {
  const auto task = make(tasks::find_task("item-label"),
                         {{"fresh_items", true}, {"context", std::int64_t{3}}, {"dim", std::int64_t{2}}});
  const auto model = make(nn::find_model("kinetics-minimal"),
                          {{"hidden", std::int64_t{1}}, {"attention", std::string("none")}});
  Builder b(random::Purpose::kEvaluation);
  nn::Weights weights;
  const Value accuracy = make(find_probe("accuracy"), {})->build(b, weights, *task, *model)[0].value;
  return evaluate(b, {accuracy}, 1,
                  {{"mlp.W_1", {0, 0}}, {"mlp.b_1", {0}}, {"mlp.W_2", {0}}, {"mlp.b_2", {0}}, {"mlp.W_3", {0}},
                   {"mlp.b_3", {b_3}}})[0][0];
}

TEST(AccuracyProbe, ATieCountsHalfAndNoNumberIsWrong) {
  EXPECT_EQ(accuracy_of_saying(1) + accuracy_of_saying(-1), 1);
  EXPECT_EQ(accuracy_of_saying(0), 0.5);
  EXPECT_EQ(accuracy_of_saying(-0.0), 0.5);
  EXPECT_EQ(accuracy_of_saying(std::nan("")), 0);
}

// A model that says 1 of every item, with attention that finds copies: beta and w large.
std::map<std::string, Numbers> certain(double w) {
  return {{"mlp.W_1", {0, 0}}, {"mlp.b_1", {0}}, {"mlp.W_2", {0}}, {"mlp.b_2", {0}},
          {"mlp.W_3", {0}},    {"mlp.b_3", {1}}, {"beta", {1e6}},  {"w", {w}}};
}

Given kept_items(Given more = {}) {
  more.insert({{"items", std::int64_t{8}}, {"context", std::int64_t{3}}, {"dim", std::int64_t{2}}, {"copies", std::int64_t{1}}});
  return more;
}

// What is recorded of the series, by their names.
std::map<std::string, double> recorded(const std::string& kind, const Given& given, const Given& task_given, double w) {
  const auto task = make(tasks::find_task("item-label"), task_given);
  const auto model = make(nn::find_model("kinetics-minimal"), {{"hidden", std::int64_t{1}}});
  const auto probe = make(find_probe(kind), given);
  Builder b(random::Purpose::kEvaluation);
  nn::Weights weights;
  std::map<std::string, double> result;
  std::vector<Value> outputs;
  const auto all = probe->build(b, weights, *task, *model);
  for (const Series& series : all)
    outputs.push_back(series.weight.valid() ? prompt_sum(series.weight * series.value) / prompt_sum(series.weight)
                                            : prompt_mean(series.value));
  const auto values = evaluate(b, outputs, probe->prompts(*task), certain(w));
  for (size_t i = 0; i < all.size(); ++i) result[all[i].name] = values[i][0];
  return result;
}

TEST(AccuracyProbe, AsksForWhatTheContextOrMemoryTells) {
  const auto of = [](const std::string& set, double w) {
    return recorded("accuracy", {{"set", set}, {"prompts", std::int64_t{4000}}}, kept_items(), w);
  };
  // Another item may have the larger overlap with a target of small norm, in two dimensions.
  EXPECT_GT(of("novel", 10)["accuracy"], 0.7);
  EXPECT_GT(of("novel", 10)["copy"], 0.5);
  EXPECT_NEAR(of("novel", 0)["accuracy"], 0.5, 5 * 0.5 / std::sqrt(4000));
  EXPECT_EQ(of("trained", 10)["copy"], 0) << "the context has no copy";
  auto training = of("training", 0);
  const double right = training["accuracy"], sigmoid = 1 / (1 + std::exp(-1.0));
  EXPECT_NEAR(training["residual"], right * (1 - sigmoid) + (1 - right) * sigmoid, 1e-12);
  EXPECT_TRUE(make(find_probe("accuracy"), {{"set", std::string("batch")}})->on_training_batch());
  EXPECT_FALSE(make(find_probe("accuracy"), {{"set", std::string("novel")}})->on_training_batch());
}

// phi = 1: phi+ is the label.
TEST(MemoryProbe, AveragesOverTheItemsByTheirWeights) {
  const double low = 1 / (1 + std::exp(1.0)), high = 1 - low;  // sigma(-1), sigma(1)
  auto uniform = recorded("memory", {}, kept_items(), 5);
  EXPECT_NEAR(uniform["c1"], 0.5, 1e-12);
  EXPECT_NEAR(uniform["c2"], 1 - (low * low + high * high), 1e-12);
  EXPECT_NEAR(uniform["c3"], std::cosh(1.0), 1e-12);
  EXPECT_NEAR(uniform["loss"], (std::log1p(std::exp(-1.0)) + std::log1p(std::exp(1.0))) / 2, 1e-12);
  EXPECT_NEAR(uniform["accuracy"], 0.5, 1e-12);

  const auto task = make(tasks::find_task("item-label"), kept_items({{"zipf", 1.0}}));
  Builder b;
  const tasks::Prompt item = task->kept_item(b, b.prompt_index());
  const auto values = evaluate(b, {item["weight"], item["target"]}, 8);
  double c1 = 0, right = 0;
  for (size_t k = 0; k < 8; ++k) {
    c1 += values[0][k] / 8 * (values[1][k] > 0 ? low : high);
    right += values[0][k] / 8 * (values[1][k] > 0 ? 1 : 0);
  }
  auto skewed = recorded("memory", {}, kept_items({{"zipf", 1.0}}), 5);
  EXPECT_NEAR(skewed["c1"], c1, 1e-12);
  EXPECT_NEAR(skewed["accuracy"], right, 1e-12);

  const auto fresh = make(tasks::find_task("item-label"),
                          {{"fresh_items", true}, {"context", std::int64_t{3}}, {"dim", std::int64_t{2}}});
  const auto model = make(nn::find_model("kinetics-minimal"), {{"hidden", std::int64_t{1}}});
  Builder other;
  nn::Weights weights;
  EXPECT_THROW(make(find_probe("memory"), {})->build(other, weights, *fresh, *model), UsageError);
}

// What a sampled risk says, of the mean over prompts, element by element, with its standard error.
void expect_sampled(const Given& given, const Numbers& want) {
  Given all = given;
  all["prompts"] = std::int64_t{40'000};
  const auto fresh = make(tasks::find_task("item-label"),
                          {{"fresh_items", true}, {"context", std::int64_t{3}}, {"dim", std::int64_t{2}}});
  const std::int64_t batch = make(find_probe("sampled-risk"), all)->prompts(*fresh);
  EXPECT_EQ(batch, 40'000 * static_cast<std::int64_t>(want.size()));
  const Numbers got = measure("sampled-risk", all, batch).values[0];
  const size_t width = want.size(), count = got.size() / width;
  for (size_t i = 0; i < width; ++i) {
    double mean = 0, square = 0;
    for (size_t p = 0; p < count; ++p) {
      mean += got[p * width + i] / static_cast<double>(count);
      square += got[p * width + i] * got[p * width + i] / static_cast<double>(count);
    }
    EXPECT_LT(std::fabs(mean - want[i]) / std::sqrt((square - mean * mean) / static_cast<double>(count)), 4) << i;
  }
}

TEST(SampledRiskProbe, ApproachesTheExactRiskOfALinearModel) {
  const auto exact = [](const Given& given) { return measure("risk", given).values[0]; };
  for (const std::string test : {"id", "isotropic", "complement"}) {
    SCOPED_TRACE(test);
    expect_sampled({{"test", test}}, exact({{"test", test}}));
  }
  for (const std::string test : {"span", "outside"}) {
    SCOPED_TRACE(test);
    const Given given{{"test", test}, {"angles", std::vector<double>{0, 40, 90}}};
    expect_sampled(given, exact(given));
  }
  expect_sampled({{"test", std::string("class")}, {"component", std::int64_t{1}}},
                 measure("risk", {{"per_class", true}}).values[2]);
}

// What a probe says of a task and a model, where it refuses them.
std::string refusal(const std::string& kind, const Given& given, const tasks::Task& task, const nn::Model& model) {
  Builder b(random::Purpose::kEvaluation);
  nn::Weights weights;
  try {
    make(find_probe(kind), given)->build(b, weights, task, model);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(AccuracyProbe, RefusesTargetsThatAreNoSigns) {
  const auto numbers = make(tasks::find_task("linear-regression"), {{"dim", d}, {"context", n}});
  const auto linear = make(nn::find_model("linear-attention"), {{"form", std::string("merged")}});
  EXPECT_THAT(refusal("accuracy", {}, *numbers, *linear), ::testing::HasSubstr("is for targets -1 and 1"));
  const Given tokens{{"tokens", n}, {"dim", d}};
  const auto of_labels = [&](const std::string& labels, std::int64_t outputs) {
    Given given = tokens;
    given["labels"] = labels;
    const auto model = make(nn::find_model("transformer"), {{"layers", std::int64_t{1}}, {"heads", std::int64_t{1}},
                                                            {"width", std::int64_t{4}}, {"outputs", outputs}});
    return refusal("accuracy", {}, *make(tasks::find_task("gaussian-tokens"), given), *model);
  };
  EXPECT_THAT(of_labels("normal", 1), ::testing::HasSubstr("is for targets -1 and 1"));
  EXPECT_THAT(of_labels("sign", 2), ::testing::HasSubstr("one number"));
  EXPECT_EQ(of_labels("sign", 1), "");
}

TEST(RiskProbe, RefusesWhatItWouldNotUse) {
  const std::vector<double> angles{0, 90}, usual{0, 15, 30, 45, 60, 75, 90};
  for (const std::string kind : {"risk", "sampled-risk"}) {
    EXPECT_THROW(make(find_probe(kind), {{"angles", angles}}), UsageError) << kind;
    EXPECT_THROW(make(find_probe(kind), {{"angles", std::vector<double>{}}, {"test", std::string("span")}}), UsageError);
    EXPECT_NO_THROW(make(find_probe(kind), {{"angles", angles}, {"test", std::string("span")}})) << kind;
    EXPECT_NO_THROW(make(find_probe(kind), {{"angles", usual}})) << "as by default";
  }
  EXPECT_THROW(make(find_probe("risk"), {{"per_class", true}, {"test", std::string("isotropic")}}), UsageError);
}

TEST(SampledRiskProbe, RefusesPositionsThatSeeTheirAnswers) {
  const auto task = make(tasks::find_task("linear-regression"), {{"dim", d}, {"context", n}});
  const auto of = [&](bool causal) {
    const auto model = make(nn::find_model("transformer"), {{"layers", std::int64_t{1}}, {"heads", std::int64_t{1}},
                                                            {"width", std::int64_t{4}}, {"causal", causal}});
    return refusal("sampled-risk", {{"positions", std::string("all")}}, *task, *model);
  };
  EXPECT_THAT(of(false), ::testing::HasSubstr("accepted is causal = true"));
  EXPECT_EQ(of(true), "");
}

TEST(SampledRiskProbe, RefusesMorePromptsThanTurnsCanBeTaken) {
  const Given seven{{"test", std::string("span")}, {"prompts", std::int64_t{50'000'000}}};
  EXPECT_THROW(make(find_probe("sampled-risk"), seven), UsageError);
  EXPECT_NO_THROW(make(find_probe("sampled-risk"), {{"prompts", std::int64_t{50'000'000}}})) << "one test takes no turns";
}

TEST(SampledRiskProbe, RefusesWhatDoesNotFitTogether) {
  EXPECT_THROW(make(find_probe("sampled-risk"), {{"test", std::string("class")}}), UsageError);
  EXPECT_THROW(make(find_probe("sampled-risk"), {{"component", std::int64_t{0}}}), UsageError);
  EXPECT_THROW(make(find_probe("sampled-risk"), {{"angles", std::vector<double>{}}}), UsageError);
  EXPECT_THROW(measure("sampled-risk", {{"positions", std::string("all")}}, 4096), UsageError)
      << "linear attention answers at the query alone";
}

TEST(EffectiveMatrixProbe, IsVTimesW) {
  const Numbers got = measure("effective-matrix").values[0];
  for (size_t i = 0; i < got.size(); ++i) EXPECT_DOUBLE_EQ(got[i], 0.7 * kW[i]);
}

TEST(WeightProbe, IsTheWeightUnderItsName) {
  const Measured measured = measure("weight", {{"of", std::string("W")}});
  EXPECT_EQ(measured.names, std::vector<std::string>{"W"});
  EXPECT_EQ(measured.values[0], kW);
  EXPECT_THROW(measure("weight", {{"of", std::string("W_Q")}}), UsageError);
}

TEST(LossProbe, IsTheTrainersOwn) {
  EXPECT_TRUE(make(find_probe("loss"), {})->is_training_loss());
  EXPECT_FALSE(make(find_probe("risk"), {})->is_training_loss());
}

TEST(ProbeRegistry, NamesTheNearest) {
  try {
    (void)find_probe("rsk");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'risk'?"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace iclab::probes
