// C1: the population loss, its minimiser, and that training reaches it.
#include <fmt/format.h>

#include <cmath>

#include "papers/judge.h"
#include "papers/points.h"
#include "papers/task-diversity/axes.h"
#include "papers/task-diversity/claims.h"
#include "papers/task-diversity/law.h"
#include "theory/linear_risk.h"
#include "theory/population_training.h"

namespace iclab::papers::task_diversity {
namespace {

using analysis::Estimate;

// Risk of Gamma* over fresh prompts: mean and standard error of squared errors.
void check_monte_carlo(const Measurements& measurements, Checks& checks) {
  for (const Arm& arm : measurements.arms("minimiser")) {
    const Law law = law_of(arm);
    const double least = law.spectrum.least_risk();
    const double mse = arm.final({"mse", "", "mse"}).at(0);
    const double square = arm.final({"mse", "", "mse_squared"}).at(0);
    const auto prompts = static_cast<double>(arm.evaluation_prompts({"mse", "", "mse"}));
    const double error = std::sqrt((square - mse * mse) / prompts);
    checks.add(fmt::format("J(Γ*) over {:.0f} fresh prompts", prompts), least, analysis::exact(mse),
               within(least, 0, 4 * error),
               fmt::format("within 4 standard errors ({:.2g})", 4 * error));
  }
}

void check_training(const Measurements& measurements, Checks& checks) {
  const size_t mark = checks.size();
  for (const Arm& arm : measurements.arms("trained-large-batch")) {
    const Law law = law_of(arm);
    const double least = law.least_risk();
    checks.add(fmt::format("J/r after SGD, {}{}, batch {}", mixture_name(law.mixture),
                           other_axes(arm), arm.point().training.batch),
               least, analysis::mean_over_seeds(arm.final({})), within(least, 0.03),
               "within 3 % of J*");
  }
  checks.condense(mark);
}

void check_descent(const Measurements& measurements, Checks& checks) {
  const size_t mark = checks.size();
  for (const Arm& arm : measurements.arms("descent")) {
    const Law law = law_of(arm);
    const double least = law.spectrum.least_risk();
    checks.add(
        fmt::format("J after gradient descent, {}{}", mixture_name(law.mixture), other_axes(arm)),
        least, analysis::exact(arm.final({}).at(0) * law.power()), within(least, 0, 1e-9),
        "|J − J*| < 1e-9");
  }
  checks.condense(mark);
}

// Distance from the minimiser, for orientation. Gamma* of the axis basis only.
void show_distance(const Arm& arm, Checks& checks) {
  const Law law = law_of(arm);
  const theory::Matrix q = theory::Matrix::Identity(law.mixture.d, law.mixture.d);
  const theory::Matrix best =
      theory::optimum(theory::second_moment(q, law.mixture), law.n, law.sigma2);
  std::vector<double> distances;
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
    const std::vector<double> entries =
        arm.final_array(seed, {"effective-matrix", "", "effective_matrix"});
    double square = entries.empty() ? INFINITY : 0;
    for (size_t i = 0; i < entries.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i) / best.cols(),
                 column = static_cast<Eigen::Index>(i) % best.cols();
      square += std::pow(entries[i] - best(row, column), 2);
    }
    distances.push_back(std::sqrt(square) / best.norm());
  }
  checks.show(fmt::format("‖Γ_eff − Γ*‖/‖Γ*‖ after SGD, {}, batch {}", mixture_name(law.mixture),
                          arm.point().training.batch),
              0, analysis::mean_over_seeds(distances));
}

report::Figure risk_figure(const std::vector<Arm>& arms) {
  report::Figure figure("c1-risk", "Training reaches the minimum of the population loss",
                        step_axis(), log_risk_axis());
  figure.caption(
      "Minibatch SGD (points: mean over seeds) follows exact population descent (lines) and "
      "ends a little above J*, by the noise of its batches.");
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    if (law.mixture.s > 0 || law.mixture.K > 2) continue;
    const std::string name = mixture_name(law.mixture);
    const theory::PopulationTraining training{theory::Optimizer::kGradientDescent, law.lr,
                                              law.alpha, law.scale};
    const std::vector<double> risks = theory::population_risks(law.spectrum, training, arm.steps());
    std::vector<double> all, x, y;
    for (size_t i = 0; i < risks.size(); ++i) all.push_back(static_cast<double>(i));
    for (const size_t i : report::thin(all, 200, false)) {
      x.push_back(all[i]);
      y.push_back(risks[i] / law.power());
    }
    figure.theory(name, x, y);
    draw_mean_curve(figure, name, arm, {}, {});
    figure.rule_y(law.least_risk(), fmt::format("J*/r, {}", name));
  }
  return figure;
}

// Entries of Gamma_eff against those of Gamma*; the axis basis only (a random one differs by seed).
report::Figure entries_figure(const std::vector<Arm>& arms) {
  report::Figure figure("c1-entries", "Entries of the trained matrix against those of Γ*",
                        {.word = "entry of the minimiser", .symbol = "Γ*"},
                        {.word = "entry after training", .symbol = "Γ_eff", .from = -0.2});
  figure.caption(
      "Every entry of Γ_eff lies on the diagonal: the subspace's directions at γ, all others "
      "at 0 (mean over seeds with its interval).");
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    const std::string name = mixture_name(law.mixture);
    const theory::Matrix q = theory::Matrix::Identity(law.mixture.d, law.mixture.d);
    const theory::Matrix best =
        theory::optimum(theory::second_moment(q, law.mixture), law.n, law.sigma2);
    const std::vector<double> ends{0, best.maxCoeff()};
    figure.theory(name, ends, ends);
    const auto d = static_cast<size_t>(law.mixture.d);
    for (size_t i = 0; i < d * d; ++i) {
      const Estimate entry =
          analysis::mean_over_seeds(arm.final({"effective-matrix", "", "effective_matrix"}, i));
      figure.measured(
          name, point_at(best(static_cast<Eigen::Index>(i / d), static_cast<Eigen::Index>(i % d)),
                         entry, fmt::format("{}, row {}, column {}", arm.label(-1), i / d, i % d)));
    }
  }
  return figure;
}

bool on_axes(const std::vector<Arm>& arms) {
  return !arms.empty() && arms[0].task().text("basis") == "axis";
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "The population loss and its minimiser";
  claim.statement =
      "Linear attention sees the training tasks only through their second moment C. Its population "
      "loss is "
      "J(Γ) = tr(Γ M Γᵀ) − 2 tr(Γ C) + tr C with M = (1 + 1/n) C + ((tr C + σ²)/n) I; the "
      "minimiser is "
      "Γ* = C M⁻¹, and training from small weights reaches it.";
  claim.provenance = provenance(
      "derived", "the model is the paper's (one layer of linear attention); the formula is ours",
      "closed form of J, Γ* and J* for any C, checked against Monte Carlo");
  Checks checks;
  check_monte_carlo(measurements, checks);
  check_training(measurements, checks);
  check_descent(measurements, checks);

  std::vector<Arm> arms = measurements.arms("trained-single");
  for (const Arm& arm : measurements.arms("trained-union")) arms.push_back(arm);
  if (on_axes(arms))
    for (const Arm& arm : arms) show_distance(arm, checks);
  claim.checks = checks.take();
  claim.figures.push_back(risk_figure({arms.begin(), arms.begin() + (on_axes(arms) ? 2 : 1)}));
  if (on_axes(arms)) claim.figures.push_back(entries_figure(arms));
  return claim;
}

}  // namespace

ClaimRecipe population_loss() {
  return {"C1",
          {"minimiser", "trained-large-batch", "descent"},
          {"trained-single", "trained-union"},
          judge,
          {}};
}

}  // namespace iclab::papers::task_diversity
