#include "probes/labels.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "probes/general.h"
#include "program/functions.h"

namespace iclab::probes {
namespace {

void check_signs(const tasks::Task& task, Value f) {
  if (!task.targets_are_signs())
    throw UsageError("probe 'accuracy' is for targets -1 and 1; this task's targets are real numbers, for which the "
                     "probe 'mse' is accepted");
  if (!f.shape().empty())
    throw UsageError(fmt::format("probe 'accuracy' needs one number to predict the target's sign; the model predicts {}",
                                 program::to_string(f.shape())));
}

// 1 where the sign is right, y f > 0; 1/2 where nothing is said, y f = 0; 0 where it is wrong or f is NaN.
Value rightness(Value right) {
  const Value zero = right.builder().constant(0.0);
  return 0.5 * (to_real(zero < right) + to_real(zero <= right));
}

class Accuracy : public Probe {
 public:
  explicit Accuracy(const Settings& settings)
      : prompts_(settings.integer("prompts")), set_(settings.has("set") ? settings.text("set") : "training") {}

  std::vector<Series> build(Builder& b, nn::Weights& weights, const tasks::Task& task,
                            const nn::Model& model) const override {
    if (!on_training_batch()) b.fix_prompts();
    const bool kept_set = set_ == "novel" || set_ == "trained";
    const tasks::Prompt prompt = kept_set ? task.sample_set(b, set_) : task.sample(b);
    const Value y = prompt["target"];
    const Value f = model.predict(b, weights, prompt);
    check_signs(task, f);
    std::vector<Series> series{{"accuracy", rightness(y * f), b.constant(1.0)},
                               {"loss", program::logistic_loss(y, f)},
                               {"residual", sigmoid(-(y * f))}};
    if (prompt.has("copies") && b.program().names.contains("pattern")) {
      const Value copies = prompt["copies"];
      series.push_back({"copy", dot(slice(b.named("pattern"), 0, 0, copies.shape()[0]), copies)});
    }
    return series;
  }

  std::int64_t prompts(const tasks::Task&) const override { return prompts_; }

  // Prompts of one item may all be right or all be wrong: then n prompts of k items chosen at random have a mean of
  // variance (1/k + (1 - 1/k)/n) / 4.
  std::vector<std::string> notes(const tasks::Task& task) const override {
    const std::optional<std::int64_t> items = task.shared_items(set_);
    if (!items || *items >= prompts_) return {};
    const double k = static_cast<double>(*items), n = static_cast<double>(prompts_);
    return {fmt::format("probe 'accuracy', set '{}': {} prompts share {} {} items; the standard error of its accuracy is up "
                        "to {:.3g}", set_, prompts_, *items, set_, 0.5 * std::sqrt(1 / k + (1 - 1 / k) / n))};
  }

  bool on_training_batch() const override { return set_ == "batch"; }

 private:
  std::int64_t prompts_;
  std::string set_;
};

class Memory : public Probe {
 public:
  std::vector<Series> build(Builder& b, nn::Weights& weights, const tasks::Task& task,
                            const nn::Model& model) const override {
    const tasks::Prompt item = task.kept_item(b, b.prompt_index());
    const Value weight = item.has("weight") ? item["weight"] : b.constant(1.0);
    const auto average = [&](Value x) { return prompt_mean(weight * x); };
    const Value right = item["target"] * model.predict_alone(b, weights, item);  // phi+
    const Value residual = sigmoid(-right);
    const Value c1 = average(residual);
    return {{"c1", c1},
            {"c2", 1.0 - average(square(residual)) / c1},
            {"c3", average(exp(-right))},
            {"loss", average(softplus(-right))},
            {"accuracy", rightness(right), weight}};
  }

  std::int64_t prompts(const tasks::Task& task) const override { return task.kept_items(); }
};

}  // namespace

ProbeEntry accuracy_entry() {
  Parameter set{.name = "set", .kind = Kind::kText,
                .help = "the task's prompts novel or trained, or the step's batch, as many as it has; none: as in training, kept"};
  set.optional = true;
  set.choices = {"training", "batch", "novel", "trained"};
  return {"accuracy", "Accuracy of the sign (a tie counts half), logistic loss and residual over prompts whose targets are -1 and 1",
          "arXiv 2412.00104; differential-kinetics.md, section 1.3", {evaluation_prompts(), set},
          [](const Settings& settings) { return std::make_unique<Accuracy>(settings); }, {"loss"}, {"accuracy"}};
}

ProbeEntry memory_entry() {
  return {"memory", "What the model says of the task's items without the context: c1, c2, c3, loss, accuracy (a tie counts half)",
          "arXiv 2412.00104; differential-kinetics.md, section 3.1", {},
          [](const Settings&) { return std::make_unique<Memory>(); }, {"loss"}, {"accuracy"}};
}

}  // namespace iclab::probes
