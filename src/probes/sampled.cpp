#include "probes/sampled.h"

#include <fmt/format.h>

#include "base/error.h"
#include "probes/angles.h"
#include "program/functions.h"

namespace iclab::probes {
namespace {

constexpr std::int64_t kMostTurns = std::int64_t{1} << 31;  // prompt times angles, of program::remainder

class SampledRisk : public Probe {
 public:
  explicit SampledRisk(const Settings& settings)
      : test_(settings.text("test")), angles_(settings.reals("angles")),
        component_(settings.has("component") ? settings.integer("component") : -1),
        prompts_(settings.integer("prompts")), fresh_(settings.boolean("fresh")),
        all_positions_(settings.text("positions") == "all") {
    if ((test_ == "class") != (component_ >= 0))
      throw UsageError("probe 'sampled-risk': test 'class' and component belong together");
    check_angles("sampled-risk", test_, angles_);
    const auto count = static_cast<std::int64_t>(points().size());
    if (prompts_ > kMostTurns / count / count)
      throw UsageError(fmt::format("probe 'sampled-risk': prompts: found {}, accepted are at most {} for each of {} angles",
                                   prompts_, kMostTurns / count / count, count));
  }

  std::vector<Series> build(Builder& b, nn::Weights& weights, const tasks::Task& task,
                            const nn::Model& model) const override {
    if (!fresh_) b.fix_prompts();
    std::vector<tasks::TestTasks> tests;
    for (const double angle : points()) tests.push_back({test_, angle, std::max<std::int64_t>(component_, 0)});
    const auto count = static_cast<std::int64_t>(tests.size());
    const Value which = program::remainder(b.prompt_index(), count);
    const tasks::Prompt prompt = task.sample_test(b, tests, which);
    const Value risk = error(b, weights, model, prompt) / prompt["power"];
    if (!has_angles(test_)) return {{"risk", risk}};
    // A prompt counts at its own angle, for all the others of the batch.
    return {{"risk", static_cast<double>(count) * risk * program::one_hot(which, count)}};
  }

  std::int64_t prompts(const tasks::Task&) const override {
    return prompts_ * static_cast<std::int64_t>(points().size());
  }

 private:
  std::vector<double> points() const { return has_angles(test_) ? angles_ : std::vector<double>{0.0}; }

  Value error(Builder& b, nn::Weights& weights, const nn::Model& model,
              const tasks::Prompt& prompt) const {
    if (!all_positions_) return square(model.predict(b, weights, prompt) - prompt["target"]);
    nn::check_positions(model);
    return mean(square(model.predict_positions(b, weights, prompt) - prompt["targets"]));
  }

  std::string test_;
  std::vector<double> angles_;
  std::int64_t component_, prompts_;
  bool fresh_, all_positions_;
};

}  // namespace

ProbeEntry sampled_risk_entry() {
  Parameter test{.name = "test", .kind = Kind::kText, .help = "which tasks"};
  test.fallback = std::string("id");
  test.choices = {"id", "class", "isotropic", "complement", "span", "outside"};
  Parameter component{.name = "component", .kind = Kind::kInteger, .help = "the class of test 'class', from 0"};
  component.optional = true;
  component.minimum = 0;
  Parameter prompts{.name = "prompts", .kind = Kind::kInteger, .help = "evaluation prompts, for each angle"};
  prompts.fallback = std::int64_t{4096};
  prompts.minimum = 1;
  prompts.maximum = 1e8;
  Parameter fresh{.name = "fresh", .kind = Kind::kBoolean,
                  .help = "other prompts at every step, as in training; false: the same ones"};
  fresh.fallback = false;
  Parameter positions{.name = "positions", .kind = Kind::kText, .help = "risk at the query, or the mean over all points"};
  positions.fallback = std::string("query");
  positions.choices = {"query", "all"};
  return {"sampled-risk", "Risk of any model on sampled prompts of training or test tasks, divided by E y^2",
          "arXiv 2606.06814; task-diversity.md, section 3",
          {test, test_angles(), component, prompts, fresh, positions},
          [](const Settings& settings) { return std::make_unique<SampledRisk>(settings); }, {"risk"}};
}

}  // namespace iclab::probes
