#include "probes/linear.h"

#include <fmt/format.h>

#include "base/error.h"
#include "nn/population_risk.h"
#include "probes/angles.h"

namespace iclab::probes {
namespace {

tasks::LinearMoments moments_of(Builder& b, const tasks::Task& task, const tasks::TestTasks& test) {
  const auto moments = task.moments(b, test);
  if (!moments) throw UsageError("probe 'risk' needs a task of linear regression");
  return *moments;
}

class LinearRisk : public Probe {
 public:
  explicit LinearRisk(const Settings& settings)
      : test_(settings.text("test")), angles_(settings.reals("angles")),
        normalised_(settings.boolean("normalised")), per_class_(settings.boolean("per_class")),
        context_(settings.has("test_context") ? settings.integer("test_context") : 0),
        noise_(settings.has("test_noise") ? settings.real("test_noise") : -1) {
    check_angles("risk", test_, angles_);
    if (per_class_ && test_ != "id")
      throw UsageError(fmt::format("probe 'risk': found per_class with test '{}', accepted is it with 'id': classes are "
                                   "those of the training tasks", test_));
  }

  std::vector<Series> build(Builder& b, nn::Weights& weights, const tasks::Task& task,
                            const nn::Model& model) const override {
    const bool angular = has_angles(test_);
    std::vector<Value> risks;
    for (const double angle : angular ? angles_ : std::vector<double>{0.0}) {
      risks.push_back(reshape(risk(b, weights, model, moments_at(b, task, angle)), {1}));
    }
    std::vector<Series> series{
        {"risk", angular ? program::concat(risks, 0) : reshape(risks[0], {})}};
    if (per_class_) {
      const tasks::LinearMoments moments = moments_at(b, task, 0);
      for (size_t k = 0; k < moments.classes.size(); ++k) {
        tasks::LinearMoments own = moments;
        own.second_moment = moments.classes[k];
        own.classes = {moments.classes[k]};
        series.push_back({"risk_class" + std::to_string(k), risk(b, weights, model, own)});
      }
    }
    return series;
  }

 private:
  tasks::LinearMoments moments_at(Builder& b, const tasks::Task& task, double angle) const {
    tasks::LinearMoments moments = moments_of(b, task, {test_, angle});
    if (context_ > 0) moments.context = context_;
    if (noise_ >= 0) moments.noise_variance = noise_ * noise_;
    return moments;
  }

  Value risk(Builder& b, nn::Weights& weights, const nn::Model& model,
             const tasks::LinearMoments& moments) const {
    const Value j = model.population_loss(b, weights, moments);
    return normalised_ ? j / nn::trace(moments.second_moment) : j;
  }

  std::string test_;
  std::vector<double> angles_;
  bool normalised_, per_class_;
  std::int64_t context_;
  double noise_;
};

class EffectiveMatrix : public Probe {
 public:
  std::vector<Series> build(Builder& b, nn::Weights& weights, const tasks::Task& task,
                            const nn::Model& model) const override {
    return {{"effective_matrix", model.effective_matrix(b, weights, task.dim())}};
  }
};

}  // namespace

ProbeEntry linear_risk_entry() {
  Parameter test{.name = "test", .kind = Kind::kText, .help = "which tasks"};
  test.fallback = std::string("id");
  test.choices = {"id", "isotropic", "complement", "span", "outside"};
  Parameter normalised{.name = "normalised", .kind = Kind::kBoolean, .help = "divide by E y_q^2"};
  normalised.fallback = true;
  Parameter per_class{.name = "per_class", .kind = Kind::kBoolean,
                      .help = "also the risk of each class, as risk_class0, ..."};
  per_class.fallback = false;
  Parameter context{.name = "test_context", .kind = Kind::kInteger,
                    .help = "labelled examples n' of the test prompts"};
  context.optional = true;
  context.minimum = 1;
  Parameter noise{.name = "test_noise", .kind = Kind::kReal,
                  .help = "noise standard deviation sigma' of the test prompts"};
  noise.optional = true;
  noise.minimum = 0;
  return {"risk", "Exact risk of a model linear in h, on training or test tasks",
          "arXiv 2606.06814; task-diversity.md, sections 3 and 4",
          {test, test_angles(), normalised, per_class, context, noise},
          [](const Settings& settings) { return std::make_unique<LinearRisk>(settings); }, {"risk"}};
}

ProbeEntry effective_matrix_entry() {
  return {"effective-matrix", "Gamma_eff, the matrix between h and the query", "arXiv 2606.06814", {},
          [](const Settings&) { return std::make_unique<EffectiveMatrix>(); }};
}

}  // namespace iclab::probes
