#include "probes/general.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace iclab::probes {
namespace {

class TrainingLoss : public Probe {
 public:
  std::vector<Series> build(Builder&, nn::Weights&, const tasks::Task&,
                            const nn::Model&) const override {
    return {};
  }
  bool is_training_loss() const override { return true; }
};

class EvaluationMse : public Probe {
 public:
  explicit EvaluationMse(const Settings& settings) : prompts_(settings.integer("prompts")) {}

  std::vector<Series> build(Builder& b, nn::Weights& weights, const tasks::Task& task,
                            const nn::Model& model) const override {
    b.fix_prompts();
    const tasks::Prompt prompt = task.sample(b);
    const Value error = square(model.predict(b, weights, prompt) - prompt["target"]);
    return {{"mse", error}, {"mse_squared", square(error)}};
  }

  std::int64_t prompts(const tasks::Task&) const override { return prompts_; }

 private:
  std::int64_t prompts_;
};

class OneWeight : public Probe {
 public:
  explicit OneWeight(const Settings& settings) : of_(settings.text("of")) {}

  std::vector<Series> build(Builder& b, nn::Weights& weights, const tasks::Task& task,
                            const nn::Model& model) const override {
    model.predict(b, weights, task.sample(b));  // called to declare the weights: nothing of it is computed
    std::vector<std::string> names;
    for (const nn::Weights::Weight& weight : weights.all()) {
      if (weight.name == of_) return {{of_, weight.value}};
      names.push_back(weight.name);
    }
    throw UsageError(fmt::format("probe 'weight': of: found '{}', accepted are the model's weights {}{}", of_,
                                 join(names), did_you_mean(of_, names)));
  }

 private:
  std::string of_;
};

}  // namespace

Parameter evaluation_prompts() {
  Parameter prompts{.name = "prompts", .kind = Kind::kInteger,
                    .help = "evaluation prompts, the same at every step"};
  prompts.fallback = std::int64_t{4096};
  prompts.minimum = 1;
  prompts.maximum = 1e9;
  return prompts;
}

ProbeEntry training_loss_entry() {
  return {"loss", "Training loss of the step's batch", "", {},
          [](const Settings&) { return std::make_unique<TrainingLoss>(); }, {"loss"}};
}

ProbeEntry evaluation_mse_entry() {
  return {"mse", "Mean squared error over evaluation prompts", "", {evaluation_prompts()},
          [](const Settings& settings) { return std::make_unique<EvaluationMse>(settings); }, {"mse"}};
}

ProbeEntry weight_entry() {
  Parameter of{.name = "of", .kind = Kind::kText, .help = "the weight's name"};
  return {"weight", "One weight of the model", "", {of},
          [](const Settings& settings) { return std::make_unique<OneWeight>(settings); }};
}

}  // namespace iclab::probes
