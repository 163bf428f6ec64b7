#include "nn/linear_attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "nn/population_risk.h"
#include "tests/evaluate.h"

namespace iclab::nn {
namespace {

using iclab::testing::evaluate;
using iclab::testing::Numbers;
using iclab::testing::some_numbers;
using program::Rate;
using Given = std::map<std::string, Setting>;

std::unique_ptr<Model> make(const Given& given) {
  const ModelEntry& entry = find_model("linear-attention");
  return entry.make(resolve(entry.parameters, given, "model", [](const std::string& key) { return key; }));
}

constexpr std::int64_t d = 3, n = 4, kBatch = 5;

// Some weights of every shape, and prompts.
struct Scene {
  Builder b;
  Weights weights;
  std::map<std::string, Numbers> inputs;

  tasks::Prompt prompt() {
    tasks::Prompt p;
    const auto part = [&](const std::string& name, const program::Shape& shape) {
      inputs[name] = some_numbers(kBatch * program::elements(shape), inputs.size() + 5);
      p.set(name, b.input(name, shape, Rate::kPrompt));
    };
    part("x", {n, d});
    part("y", {n});
    part("x_query", {d});
    return p;
  }
  void give_weights(std::uint64_t seed) {
    for (const auto& weight : weights.all()) inputs[weight.name] = some_numbers(program::elements(weight.value.shape()), ++seed);
  }
};

// x^T M z for M (d, d).
double form(const double* x, const Numbers& m, const double* z) {
  double total = 0;
  for (size_t i = 0; i < d; ++i)
    for (size_t j = 0; j < d; ++j) total += x[i] * m[i * d + j] * z[j];
  return total;
}

void h_of(const Scene& s, size_t prompt, double* h) {
  for (size_t j = 0; j < d; ++j) {
    h[j] = 0;
    for (size_t i = 0; i < n; ++i)
      h[j] += s.inputs.at("y")[prompt * n + i] * s.inputs.at("x")[(prompt * n + i) * d + j] / n;
  }
}

TEST(LinearAttention, ThreeFormsAreTheirFormulas) {
  for (const std::string which : {"merged", "factored", "separate"}) {
    Scene s;
    const tasks::Prompt prompt = s.prompt();
    const Value f = make({{"form", which}})->predict(s.b, s.weights, prompt);
    s.give_weights(40);
    const Numbers got = evaluate(s.b, {f}, kBatch, s.inputs)[0];
    for (size_t p = 0; p < kBatch; ++p) {
      double h[d], key[d], query[d];
      h_of(s, p, h);
      const double* xq = &s.inputs.at("x_query")[p * d];
      double want = 0;
      if (which == "merged") want = form(xq, s.inputs.at("Gamma"), h);
      if (which == "factored") want = s.inputs.at("v")[0] * form(xq, s.inputs.at("W"), h);
      if (which == "separate")
        for (size_t i = 0; i < d; ++i) {
          key[i] = query[i] = 0;
          for (size_t j = 0; j < d; ++j) {
            query[i] += s.inputs.at("W_Q")[i * d + j] * xq[j];
            key[i] += s.inputs.at("W_K")[i * d + j] * h[j];
          }
          want += s.inputs.at("v")[0] * query[i] * key[i];
        }
      EXPECT_NEAR(got[p], want, 4 * d * d * n * 0x1p-52) << which << " " << p;
    }
  }
}

TEST(LinearAttention, TheFullFormIsOneLayerOnTheTokens) {
  for (const bool with_query : {true, false}) {
    Scene s;
    const tasks::Prompt prompt = s.prompt();
    const Value f = make({{"form", std::string("full")}, {"include_query", with_query}})->predict(s.b, s.weights, prompt);
    s.give_weights(60);
    const Numbers got = evaluate(s.b, {f}, kBatch, s.inputs)[0];
    for (size_t p = 0; p < kBatch; ++p) {
      // Z (d+1, n+1): [x_i; y_i], last [x_q; 0].
      double z[d + 1][n + 1];
      for (size_t t = 0; t <= n; ++t)
        for (size_t i = 0; i <= d; ++i) {
          if (t == n) z[i][t] = i == d ? 0 : s.inputs.at("x_query")[p * d + i];
          else z[i][t] = i == d ? s.inputs.at("y")[p * n + t] : s.inputs.at("x")[(p * n + t) * d + i];
        }
      double want = z[d][n];
      for (size_t t = 0; t < (with_query ? n + 1 : n); ++t) {
        double value = 0, score = 0;
        for (size_t i = 0; i <= d; ++i) value += s.inputs.at("W_PV")[d * (d + 1) + i] * z[i][t];
        for (size_t i = 0; i <= d; ++i)
          for (size_t j = 0; j <= d; ++j) score += z[i][t] * s.inputs.at("W_KQ")[i * (d + 1) + j] * z[j][n];
        want += value * score / n;
      }
      EXPECT_NEAR(got[p], want, 4 * (d + 1) * (d + 1) * (n + 1) * 0x1p-52);
    }
  }
}

TEST(LinearAttention, WeightsAreDeclaredInOneOrderWhateverIsAsked) {
  for (const std::string which : {"merged", "factored", "separate", "full"}) {
    Scene predicting, exact;
    (void)make({{"form", which}})->predict(predicting.b, predicting.weights, predicting.prompt());
    const Value c = exact.b.identity(d);
    (void)make({{"form", which}})->population_loss(exact.b, exact.weights, {c, {c}, n, 0});
    ASSERT_EQ(predicting.weights.all().size(), exact.weights.all().size()) << which;
    for (size_t i = 0; i < exact.weights.all().size(); ++i)
      EXPECT_EQ(predicting.weights.all()[i].name, exact.weights.all()[i].name) << which;
  }
}

Numbers initial(const Given& given, const std::string& name) {
  Scene s;
  const Value c = s.b.identity(20);
  (void)make(given)->population_loss(s.b, s.weights, {c, {c}, n, 0});
  for (const auto& weight : s.weights.all())
    if (weight.name == name) return evaluate(s.b, {weight.initial}, 1)[0];
  return {};
}

TEST(LinearAttention, StartsFromTheIdentityOrFromRandomEntries) {
  const double alpha = 0.3;
  const auto with = [&](const std::string& which, const std::string& init) {
    return Given{{"form", which}, {"init", init}, {"alpha", alpha}};
  };
  EXPECT_EQ(initial(with("factored", "identity"), "v"), Numbers{alpha});
  EXPECT_DOUBLE_EQ(initial(with("factored", "identity"), "W")[21], alpha / std::sqrt(20));
  EXPECT_EQ(initial(with("separate", "identity"), "W_Q")[0], alpha);
  EXPECT_EQ(initial(with("full", "identity"), "W_PV").back(), alpha);
  EXPECT_DOUBLE_EQ(initial(with("full", "identity"), "W_KQ")[0], alpha / std::sqrt(20));
  // 400 entries of variance s^2: their mean square is s^2 within 5 sqrt(2/400) of it.
  for (const auto& [which, name, variance] :
       {std::tuple{"factored", "W", alpha * alpha / 400}, {"merged", "Gamma", alpha * alpha / 20}}) {
    double square = 0;
    for (const double x : initial(with(which, "random"), name)) square += x * x / 400;
    EXPECT_NEAR(square, variance, 5 * std::sqrt(2.0 / 400) * variance) << which;
  }
  EXPECT_THROW((void)make(with("separate", "random")), UsageError);
}

// A population loss against the mean squared error of many prompts.
void expect_population(const Given& given, const std::string& task_classes) {
  constexpr std::int64_t kCount = 100'000;
  const tasks::TaskEntry& entry = tasks::find_task("subspace-regression");
  const auto task = entry.make(resolve(entry.parameters, {{"dim", d}, {"context", n}, {"noise", 0.5}, {"classes", task_classes}},
                                       "task", [](const std::string& key) { return key; }));
  Scene s;
  const auto model = make(given);
  const tasks::Prompt prompt = task->sample(s.b);
  const Value error = square(model->predict(s.b, s.weights, prompt) - prompt["target"]);
  const Value exact = model->population_loss(s.b, s.weights, *task->moments(s.b, {}));
  s.give_weights(80);
  for (auto& [name, numbers] : s.inputs)
    for (double& x : numbers) x *= 0.5;  // lighter tails
  const auto values = evaluate(s.b, {error, exact}, kCount, s.inputs);
  double mean = 0, squares = 0;
  for (const double e : values[0]) {
    mean += e / kCount;
    squares += e * e / kCount;
  }
  EXPECT_LT(std::fabs(mean - values[1][0]) / std::sqrt((squares - mean * mean) / kCount), 4) << mean << " " << values[1][0];
}

TEST(PopulationLoss, IsTheMeanOverManyPrompts) {
  for (const std::string classes : {"0,1,2", "0,1@0.7/2@1.3"}) {
    for (const std::string which : {"merged", "factored", "separate"}) expect_population({{"form", which}}, classes);
    for (const bool with_query : {true, false})
      expect_population({{"form", std::string("full")}, {"include_query", with_query}}, classes);
  }
}

TEST(PopulationLoss, FullWithoutPAndBIsFactored) {
  for (const bool with_query : {true, false}) {
    Scene full, factored;
    const auto moments = [](Builder& b) {
      const Value c = b.constant({d, d}, {2, 0.3, 0, 0.3, 1, 0.1, 0, 0.1, 0.5});
      return tasks::LinearMoments{c, {c}, n, 0.4};
    };
    const Value a = make({{"form", std::string("full")}, {"include_query", with_query}})
                        ->population_loss(full.b, full.weights, moments(full.b));
    const Value f = make({{"form", std::string("factored")}})->population_loss(factored.b, factored.weights, moments(factored.b));
    const Numbers w = some_numbers(d * d, 9);
    full.inputs["W_PV"] = Numbers((d + 1) * (d + 1));
    full.inputs["W_KQ"] = Numbers((d + 1) * (d + 1));
    full.inputs["W_PV"].back() = 0.8;
    for (size_t i = 0; i < d; ++i)
      for (size_t j = 0; j < d; ++j) full.inputs["W_KQ"][i * (d + 1) + j] = w[j * d + i];  // A = W^T
    factored.inputs = {{"v", {0.8}}, {"W", w}};
    const double got = evaluate(full.b, {a}, 1, full.inputs)[0][0], want = evaluate(factored.b, {f}, 1, factored.inputs)[0][0];
    EXPECT_NEAR(got, want, 64 * 0x1p-52 * want);
  }
}

TEST(ModelRegistry, NamesTheNearest) {
  try {
    (void)find_model("linear-atention");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'linear-attention'?"), std::string::npos);
  }
}

TEST(Weights, AskForTheInitialValueOnce) {
  Builder b;
  Weights weights;
  int asked = 0;
  const auto start = [&] {
    ++asked;
    return b.normal(program::Stream::kModel, {2});
  };
  const Value first = weights.declare("w", start), again = weights.declare("w", start);
  EXPECT_EQ(first.id(), again.id());
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(weights.all().size(), 1u);
}

}  // namespace
}  // namespace iclab::nn
