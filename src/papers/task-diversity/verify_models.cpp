// Test vectors recomputed by the program that training executes, in float64: the same models, rewriting,
// gradients, planner, kernels and optimisers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "nn/model.h"
#include "papers/compiled_step.h"
#include "papers/task-diversity/verify.h"
#include "probes/probe.h"
#include "tasks/task.h"
#include "theory/full_attention.h"
#include "theory/linear_risk.h"
#include "train/learner.h"
#include "train/optimizer.h"

namespace iclab::papers::task_diversity {
namespace {

using program::Builder;
using program::Rate;
using program::Shape;
using program::Value;
using Given = std::map<std::string, Setting>;

Settings settings_of(std::span<const Parameter> parameters, const Given& given, const std::string& path) {
  return resolve(parameters, given, "the registry", [&](const std::string& key) { return path + "." + key; });
}

std::unique_ptr<nn::Model> linear_attention(const std::string& form, bool with_query = true) {
  const nn::ModelEntry& entry = nn::find_model("linear-attention");
  return entry.make(settings_of(entry.parameters, {{"form", form}, {"include_query", with_query}},
                                "linear-attention"));
}

tasks::LinearMoments moments_with_basis(Builder& b, Case& entry, const std::vector<double>& Q, std::int64_t d) {
  const tasks::TaskEntry& task = tasks::find_task("subspace-regression");
  const Given given{{"dim", d},
                    {"rank", entry.integer("r", 1, d)},
                    {"components", entry.integer("K", 1, kMaxDim)},
                    {"shared", entry.integer("s", 0, d)},
                    {"context", entry.integer("n", 1, kMaxContext)},
                    {"noise", std::sqrt(entry.number("sigma2"))},
                    {"basis", std::string("haar")}};
  b.name(b.constant({d, d}, Q), "task.basis");  // the file's instead of a drawn one
  return *task.make(settings_of(task.parameters, given, entry.path()))->moments(b, {});
}

// The prompts of a batch case.
struct Batch {
  std::int64_t d, n, B;
  std::vector<double> X, y, xq, yq;

  explicit Batch(Case& entry)
      : d(entry.integer("d", 1, kMaxDim)), n(entry.integer("n", 1, kMaxContext)),
        B(entry.integer("B", 1, kMaxContext)), X(entry.numbers("X", {B, n, d})),
        y(entry.numbers("y", {B, n})), xq(entry.numbers("xq", {B, d})), yq(entry.numbers("yq", {B})) {}
};

// Weight of the model, key of its value and key of its gradient in the file.
struct WeightKeys {
  std::string weight, key, gradient;
};

// f, J and the gradients of one form on the batch; h too where the form computes it.
void verify_form(Case part, const Batch& batch, const nn::Model& model, const std::vector<WeightKeys>& keys,
                 Comparison& comparison, Case* whole) {
  Builder b;
  nn::Weights weights;
  tasks::Prompt prompt;
  prompt.set("x", b.input("x", {batch.n, batch.d}, Rate::kPrompt));
  prompt.set("y", b.input("y", {batch.n}, Rate::kPrompt));
  prompt.set("x_query", b.input("x_query", {batch.d}, Rate::kPrompt));
  prompt.set("target", b.input("target", {}, Rate::kPrompt));
  const Value f = model.predict(b, weights, prompt);
  std::vector<Value> more{f};
  if (whole) more.push_back(b.named("h"));

  CompiledStep step(prompt_mean(square(f - prompt["target"])), weights, more, batch.B);
  for (const auto& weight : weights.all()) {
    const auto key = std::ranges::find(keys, weight.name, &WeightKeys::weight);
    const Shape shape = weight.value.shape();
    step.weight(weight.name, part.numbers(key->key, shape));
  }
  step.prompts("x", batch.X);
  step.prompts("y", batch.y);
  step.prompts("x_query", batch.xq);
  step.prompts("target", batch.yq);
  step.run();

  part.check(comparison, "f", kAlgebra, [&] { return nested(step.more(0), {batch.B}); });
  part.check(comparison, "J", kAlgebra, [&] { return Json(step.loss()); });
  for (const WeightKeys& key : keys)
    part.check(comparison, key.gradient, kAlgebra, [&] { return step.nested_gradient(key.weight); });
  if (whole)
    whole->check(comparison, "h", kAlgebra, [&] { return nested(step.more(1), {batch.B, batch.d}); });
  part.finish(comparison);
}

// E (f - y_q)^2 of one form, with its gradients, at given weights.
class PopulationStep {
 public:
  PopulationStep(Case& entry, const std::vector<double>& Q, std::int64_t d, const std::string& form,
                 bool with_query, const std::vector<std::pair<std::string, std::vector<double>>>& values)
      : model_(linear_attention(form, with_query)) {
    const tasks::LinearMoments moments = moments_with_basis(builder_, entry, Q, d);
    const Value loss = model_->population_loss(builder_, weights_, moments);
    step_.emplace(loss, weights_, std::span<const Value>{}, 1);
    for (const auto& [name, numbers] : values) step_->weight(name, numbers);
    step_->run();
  }
  const CompiledStep& operator*() const { return *step_; }

 private:
  Builder builder_;
  nn::Weights weights_;
  std::unique_ptr<nn::Model> model_;
  std::optional<CompiledStep> step_;
};

theory::Mixture mixture_of(Case& entry) {
  return {entry.integer("d", 1, kMaxDim), entry.integer("r", 1, kMaxDim), entry.integer("K", 1, kMaxDim),
          entry.integer("s", 0, kMaxDim)};
}

std::vector<theory::Matrix> class_moments(const theory::Matrix& Q, const theory::Mixture& mixture) {
  std::vector<theory::Matrix> moments;
  for (std::int64_t k = 0; k < mixture.K; ++k) {
    const theory::Matrix U = theory::basis(Q, mixture, k);
    moments.push_back(U * U.transpose());
  }
  return moments;
}

// Full attention with last row (p^T, v) of W_PV and first d columns [A; b^T] of W_KQ, all else zero.
void verify_full_population(Case part, Case& entry, const std::vector<double>& Q, std::int64_t d,
                            Comparison& comparison) {
  const std::vector<double> p = part.numbers("p", {d}), A = part.numbers("A", {d, d}),
                            b = part.numbers("b", {d});
  const auto width = static_cast<size_t>(d + 1), inner = static_cast<size_t>(d);
  std::vector<double> pv(width * width), kq(width * width);
  std::ranges::copy(p, pv.end() - static_cast<std::ptrdiff_t>(width));
  pv.back() = part.number("v");
  for (size_t i = 0; i < inner; ++i)
    for (size_t j = 0; j < inner; ++j) kq[i * width + j] = A[i * inner + j];
  std::ranges::copy(b, kq.end() - static_cast<std::ptrdiff_t>(width));

  for (const bool with_query : {true, false})
    part.check(comparison, with_query ? "J_with_query" : "J_without_query", kAlgebra, [&] {
      return Json((*PopulationStep(entry, Q, d, "full", with_query, {{"W_PV", pv}, {"W_KQ", kq}})).loss());
    });
  part.check(comparison, "E_q2", kAlgebra, [&] {
    const theory::Matrix basis = Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>(Q.data(), d, d);
    return Json(theory::mean_square_power(class_moments(basis, mixture_of(entry)), entry.number("sigma2")));
  });
  part.finish(comparison);
}

// The risk after each of `steps` updates of the factored model on its population loss, by a real run.
std::vector<double> trained_risks(Case& entry, std::int64_t steps) {
  const std::int64_t d = entry.integer("d", 1, kMaxDim);
  const train::Choice task{
      "subspace-regression",
      settings_of(tasks::find_task("subspace-regression").parameters,
                  {{"dim", d},
                   {"rank", entry.integer("r", 1, d)},
                   {"components", entry.integer("K", 1, kMaxDim)},
                   {"shared", entry.integer("s", 0, d)},
                   {"context", entry.integer("n", 1, kMaxContext)},
                   {"noise", std::sqrt(entry.number("sigma2"))}},
                  entry.path())};
  const train::Choice model{"linear-attention",
                            settings_of(nn::find_model("linear-attention").parameters,
                                        {{"form", std::string("factored")}, {"alpha", entry.number("alpha")}},
                                        entry.path())};
  const std::string optimizer = entry.text("opt", {"gd", "adam"}) == "adam" ? "adam" : "sgd";
  train::Training training;
  training.optimizer = {optimizer, settings_of(train::find_optimizer(optimizer).parameters,
                                               {{"lr", entry.number("lr")}}, entry.path())};
  training.loss = "population";
  training.gradient_scale = entry.number("scale");

  train::ProbeRequest loss{.position = 0, .choice = {"loss", {}}, .due = {}};
  for (std::int64_t step = 0; step <= steps; ++step) loss.due.push_back(step);
  const train::Learner learner(task, model, training, true);
  const std::unique_ptr<train::Run> run = learner.start(0, 0, "", {loss}, steps, {});
  std::vector<train::Measurement> measured;
  run->advance(steps, measured);

  std::vector<double> risks(static_cast<size_t>(steps + 1), std::numeric_limits<double>::quiet_NaN());
  for (const train::Measurement& m : measured) risks[static_cast<size_t>(m.step)] = m.value;
  return risks;
}

std::int64_t first_step_at_most(const std::vector<double>& risks, double level) {
  const auto found = std::ranges::find_if(risks, [&](double J) { return J <= level; });
  return found == risks.end() ? -1 : found - risks.begin();
}

}  // namespace

void verify_batch_case(Case& entry, Comparison& comparison) {
  const Batch batch(entry);
  // h is what the merged form computes; it is checked there, or alone if the file has no merged part.
  if (entry.has("merged"))
    verify_form(entry.object("merged"), batch, *linear_attention("merged"),
                {{"Gamma", "Gamma", "grad_Gamma"}}, comparison, &entry);
  if (entry.has("factored"))
    verify_form(entry.object("factored"), batch, *linear_attention("factored"),
                {{"v", "v", "grad_v"}, {"W", "W", "grad_W"}}, comparison,
                entry.has("merged") ? nullptr : &entry);
  for (const bool with_query : {true, false}) {
    const std::string key = with_query ? "lsa_with_query" : "lsa_without_query";
    if (entry.has(key))
      verify_form(entry.object(key), batch, *linear_attention("full", with_query),
                  {{"W_PV", "WPV", "grad_WPV"}, {"W_KQ", "WKQ", "grad_WKQ"}}, comparison, nullptr);
  }
}

void verify_population_models(Case& entry, Comparison& comparison) {
  const std::int64_t d = entry.integer("d", 1, kMaxDim);
  const std::vector<double> Q = entry.numbers("Q", {d, d});
  const auto step = [&](const std::string& form,
                        const std::vector<std::pair<std::string, std::vector<double>>>& values) {
    return std::make_unique<PopulationStep>(entry, Q, d, form, true, values);
  };
  if (entry.has("Gamma")) {
    const auto merged = step("merged", {{"Gamma", entry.numbers("Gamma", {d, d})}});
    entry.check(comparison, "J_Gamma", kAlgebra, [&] { return Json((**merged).loss()); });
    entry.check(comparison, "grad_Gamma", kAlgebra, [&] { return (**merged).nested_gradient("Gamma"); });
  }
  if (entry.has("W")) {
    const auto factored = step("factored", {{"v", {entry.number("v")}}, {"W", entry.numbers("W", {d, d})}});
    entry.check(comparison, "J_vW", kAlgebra, [&] { return Json((**factored).loss()); });
    entry.check(comparison, "grad_v", kAlgebra, [&] { return (**factored).nested_gradient("v"); });
    entry.check(comparison, "grad_W", kAlgebra, [&] { return (**factored).nested_gradient("W"); });
  }
  if (entry.has("lsa")) verify_full_population(entry.object("lsa"), entry, Q, d, comparison);
}

void verify_trajectory(Case& entry, Comparison& comparison) {
  constexpr std::int64_t kMaxSteps = 10'000'000;
  const std::int64_t steps = entry.integer("steps", 0, kMaxSteps);
  const double tolerance = entry.text("opt", {"gd", "adam"}) == "adam" ? kAdam : kDescent;
  const std::vector<double> risks = trained_risks(entry, steps);
  entry.inputs({"steps_checked"});

  entry.check(comparison, "J", tolerance, [&] {
    Json checked = Json::array();
    for (const double step : entry.numbers("steps_checked", {-1})) {
      if (!(step >= 0 && step <= static_cast<double>(steps)) || step != std::floor(step))
        throw Error(fmt::format("{}.steps_checked: found {}, accepted is 0 to {}", entry.path(), step, steps));
      checked.push_back(risks[static_cast<size_t>(step)]);
    }
    return checked;
  });

  const theory::Mixture mixture = mixture_of(entry);
  const theory::Matrix C = theory::second_moment(theory::Matrix::Identity(mixture.d, mixture.d), mixture);
  const auto n = static_cast<double>(entry.integer("n", 1, kMaxContext));
  const double least = theory::least_risk(C, n, entry.number("sigma2"));
  entry.check(comparison, "J_star", kAlgebra, [&] { return Json(least); });
  entry.check(comparison, "first_step_half_drop", 0, [&] {
    return Json(first_step_at_most(risks, risks[0] - 0.5 * (risks[0] - least)));
  });
  entry.check(comparison, "first_step_below_0p8_r", 0, [&] {
    return Json(first_step_at_most(risks, 0.8 * static_cast<double>(mixture.r)));
  });
}

}  // namespace iclab::papers::task_diversity
