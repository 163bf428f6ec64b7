#include "tasks/linear_regression.h"

#include <fmt/format.h>

#include "base/error.h"
#include "tasks/linear_prompt.h"

namespace iclab::tasks {
namespace {

class LinearRegression : public Task {
 public:
  explicit LinearRegression(const Settings& settings)
      : dim_(settings.integer("dim")), context_(settings.integer("context")),
        noise_(settings.real("noise")), sampler_(sampler_of(settings)) {}

  Prompt sample(Builder& b) const override {
    const Value w = b.normal(program::Stream::kPrompt, {dim_});
    return linear_prompt(b, w, context_, noise_, sampler_);
  }

  std::optional<LinearMoments> moments(Builder& b, const TestTasks& test) const override {
    if (test.where != "id" && test.where != "isotropic")
      throw UsageError(fmt::format("test tasks '{}' are undefined for linear-regression; accepted are "
                                   "id, isotropic", test.where));
    const Value identity = b.identity(dim_);
    return LinearMoments{identity, {identity}, context_, noise_ * noise_};
  }

  std::int64_t dim() const override { return dim_; }

 private:
  std::int64_t dim_, context_;
  double noise_;
  Sampler sampler_;
};

}  // namespace

TaskEntry linear_regression_entry() {
  Parameter dim{.name = "dim", .kind = Kind::kInteger, .help = "input dimension d"};
  dim.minimum = 1;
  dim.maximum = 4096;
  std::vector<Parameter> parameters{dim};
  for (Parameter& parameter : linear_prompt_parameters()) parameters.push_back(std::move(parameter));
  return {"linear-regression", "Linear regression in context, w ~ N(0, I_d)", "arXiv 2306.09927",
          parameters,
          [](const Settings& settings) { return std::make_unique<LinearRegression>(settings); }};
}

}  // namespace iclab::tasks
