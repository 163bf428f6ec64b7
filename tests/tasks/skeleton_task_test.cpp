// tests/tasks/skeleton_task_test.cpp
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "tasks/task.h"
#include "tests/evaluate.h"

namespace iclab::tasks {
namespace {

using program::Stream;

// ---- src/tasks/waves.cpp ----

// Waves of one frequency: y = a sin(2 pi (x + phase)), a ~ N(0, 1); phase and inputs uniform on
// (0, 1).
class Waves : public Task {
 public:
  explicit Waves(const Settings& settings)
      : context_(settings.integer("context")), noise_(settings.real("noise")) {}

  Prompt sample(Builder& b) const override {
    // The task of this prompt, then its points: x has the query in its last row.
    const Value a = b.normal(Stream::kPrompt, {});
    const Value phase = b.uniform(Stream::kPrompt, {});
    const Value x = b.uniform(Stream::kPrompt, {context_ + 1, 1});
    const Value eps = b.normal(Stream::kPrompt, {context_});
    const Value clean = a * sin_turns(reshape(x, {context_ + 1}) + phase);

    Prompt prompt;
    prompt.set("x", slice(x, 0, 0, context_));
    prompt.set("y", slice(clean, 0, 0, context_) + noise_ * eps);
    prompt.set("x_query", index(x, 0, context_));
    prompt.set("target", index(clean, 0, context_));
    prompt.set("targets", clean);
    return prompt;
  }

  // Not linear: there are no moments to predict from.
  std::optional<LinearMoments> moments(Builder&, const TestTasks&) const override { return {}; }

  std::int64_t dim() const override { return 1; }

 private:
  std::int64_t context_;
  double noise_;
};

TaskEntry waves_entry() {
  Parameter context{.name = "context", .kind = Kind::kInteger, .help = "labelled examples n"};
  context.minimum = 1;
  Parameter noise{.name = "noise", .kind = Kind::kReal, .help = "standard deviation of the noise"};
  noise.fallback = 0.0;
  noise.minimum = 0;
  return {"waves",
          "Waves of one frequency, unknown in height and phase",
          "",
          {context, noise},
          [](const Settings& settings) { return std::make_unique<Waves>(settings); }};
}

// ---- tests/tasks/waves_test.cpp ----

using testing::Numbers;

constexpr std::int64_t kContext = 3;
constexpr size_t kPoints = kContext + 1;

std::unique_ptr<Task> waves(double noise) {
  const TaskEntry entry = waves_entry();
  const auto where = [](const std::string& key) { return "[task] " + key; };
  return entry.make(resolve(entry.parameters, {{"context", kContext}, {"noise", noise}},
                            "task 'waves'", where));
}

// Parts of `count` prompts, each (count, elements).
std::vector<Numbers> parts(const Task& task, std::int64_t count,
                           const std::vector<std::string>& names) {
  Builder b;
  const Prompt prompt = task.sample(b);
  std::vector<Value> values;
  for (const std::string& name : names) values.push_back(prompt[name]);
  return testing::evaluate(b, values, count);
}

TEST(Waves, AllPointsOfAPromptLieOnOneWave) {
  constexpr size_t kCount = 100;
  const auto got = parts(*waves(0), kCount, {"x", "y", "x_query", "target", "targets"});
  for (size_t p = 0; p < kCount; ++p) {
    double x[kPoints], y[kPoints];
    for (size_t i = 0; i < kPoints; ++i) {
      const bool is_query = i == kContext;
      x[i] = 2 * std::numbers::pi * (is_query ? got[2][p] : got[0][p * kContext + i]);
      y[i] = is_query ? got[3][p] : got[1][p * kContext + i];
      EXPECT_EQ(got[4][p * kPoints + i], y[i]);
    }
    // Two points tell u sin + v cos; the others must lie on it. Solving divides by the determinant.
    const double determinant = std::sin(x[0] - x[1]);
    const double u = (y[0] * std::cos(x[1]) - y[1] * std::cos(x[0])) / determinant;
    const double v = (y[1] * std::sin(x[0]) - y[0] * std::sin(x[1])) / determinant;
    const double size = (1 + std::fabs(u) + std::fabs(v)) / std::fabs(determinant);
    for (size_t i = 2; i < kPoints; ++i)
      EXPECT_NEAR(y[i], u * std::sin(x[i]) + v * std::cos(x[i]), 64 * 0x1p-52 * size) << p;
  }
}

TEST(Waves, HaveThePowerAndNoiseTheySay) {
  constexpr size_t kCount = 40'000;
  const auto got = parts(*waves(0.5), kCount, {"y", "targets"});
  double power = 0, noise = 0;
  for (size_t p = 0; p < kCount; ++p) {
    power += got[1][p * kPoints] * got[1][p * kPoints] / kCount;
    noise += std::pow(got[0][p * kContext] - got[1][p * kPoints], 2) / kCount;
  }
  // E y^2 = 1/2, E y^4 = 9/8; the noise is Gaussian, of variance 1/4.
  EXPECT_NEAR(power, 0.5, 4 * std::sqrt((9.0 / 8 - 0.25) / kCount));
  EXPECT_NEAR(noise, 0.25, 4 * 0.25 * std::sqrt(2.0 / kCount));
}

TEST(Waves, RefuseANoiseBelowZero) { EXPECT_THROW(waves(-1), UsageError); }

}  // namespace
}  // namespace iclab::tasks
