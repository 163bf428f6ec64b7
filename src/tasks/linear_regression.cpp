#include "tasks/linear_regression.h"

#include <fmt/format.h>

#include "base/error.h"
#include "tasks/regression_prompt.h"

namespace iclab::tasks {
namespace {

class LinearRegression : public Task {
 public:
  explicit LinearRegression(const Settings& settings)
      : dim_(settings.integer("dim")), regression_(regression_of(settings)) {}

  Prompt sample(Builder& b) const override {
    return regression_prompt(b, regression_, draw_coefficients(b, regression_, dim_));
  }

  Prompt sample_test(Builder& b, std::span<const TestTasks> tests, Value) const override {
    for (const TestTasks& test : tests) check(test);
    Prompt prompt = sample(b);
    prompt.set("power", b.constant(static_cast<double>(dim_)));
    return prompt;
  }

  std::optional<LinearMoments> moments(Builder& b, const TestTasks& test) const override {
    check(test);
    if (regression_.hidden > 0) return {};
    const Value identity = b.identity(dim_);
    return LinearMoments{identity, {identity}, regression_.context, regression_.noise * regression_.noise};
  }

  std::int64_t dim() const override { return dim_; }

 private:
  // All of them are the training tasks.
  static void check(const TestTasks& test) {
    if (test.where != "id" && test.where != "isotropic" && !(test.where == "class" && test.component == 0))
      throw UsageError(fmt::format("test tasks '{}' are undefined for linear-regression; accepted are "
                                   "id, isotropic", test.where));
  }

  std::int64_t dim_;
  Regression regression_;
};

}  // namespace

TaskEntry linear_regression_entry() {
  Parameter dim{.name = "dim", .kind = Kind::kInteger, .help = "input dimension d"};
  dim.minimum = 1;
  dim.maximum = 4096;
  std::vector<Parameter> parameters{dim};
  for (Parameter& parameter : regression_parameters()) parameters.push_back(std::move(parameter));
  parameters.push_back(curriculum_parameter("dim"));
  return {"linear-regression", "Regression in context, linear with w ~ N(0, I_d) or ReLU networks", "arXiv 2306.09927",
          parameters,
          [](const Settings& settings) { return std::make_unique<LinearRegression>(settings); }};
}

}  // namespace iclab::tasks
