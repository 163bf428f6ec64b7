// C6: linear attention cannot tell a mixture from the single Gaussian with the same second moment.
#include <fmt/format.h>

#include "analysis/series.h"
#include "papers/judge.h"
#include "papers/points.h"
#include "papers/task-diversity/axes.h"
#include "papers/task-diversity/claims.h"
#include "papers/task-diversity/law.h"
#include "theory/population_training.h"

namespace iclab::papers::task_diversity {
namespace {

void draw_arm(report::Figure& figure, const std::string& series, const Arm& arm) {
  const Law law = law_of(arm);
  const theory::PopulationTraining training{theory::Optimizer::kGradientDescent, law.lr, law.alpha,
                                            law.scale};
  const std::vector<double> risks = theory::population_risks(law.spectrum, training, arm.steps());
  std::vector<double> all, x, y;
  for (size_t i = 0; i < risks.size(); ++i) all.push_back(static_cast<double>(i));
  for (const size_t i : report::thin(all, 200, false)) {
    x.push_back(all[i]);
    y.push_back(risks[i] / law.power());
  }
  figure.theory(series, x, y);
  draw_mean_curve(figure, series, arm, {}, {});
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "A mixture is as good as its second moment";
  claim.statement =
      "Linear attention sees tasks only through C = E w wᵀ. A mixture of K subspaces and the "
      "single Gaussian "
      "N(0, C) give the same risks and the same training: \"union versus single Gaussian\" is a "
      "statement about "
      "the span, not about mixtures.";
  claim.provenance =
      provenance("derived", "not in the abstract; follows from the closed form of the loss",
                 "both arms have one C: equal half-drop steps, equal risks");
  const Arm mixture = measurements.arms("mixture").at(0),
            gaussian = measurements.arms("gaussian").at(0);
  const std::vector<double> mixture_steps = half_drop_steps(mixture),
                            gaussian_steps = half_drop_steps(gaussian);
  const std::vector<double> mixture_risk = mixture.final({}), gaussian_risk = gaussian.final({});
  Checks checks;
  checks.add("half-drop step, mixture over Gaussian", 1,
             analysis::ratio_over_seeds(mixture_steps, gaussian_steps, analysis::median),
             within(1, 0.05), "medians equal within 5 %");
  checks.add("final J/r, mixture over Gaussian", 1,
             analysis::ratio_over_seeds(mixture_risk, gaussian_risk, analysis::mean),
             within(1, 0.05), "means equal within 5 %");

  const Law law = law_of(mixture);
  const theory::PopulationTraining training{theory::Optimizer::kGradientDescent, law.lr, law.alpha,
                                            1};
  const std::vector<double> risks =
      theory::population_risks(law.spectrum, training, mixture.steps());
  const double least = law.spectrum.least_risk();
  const std::int64_t half_step = theory::first_step(risks, risks[0] - 0.5 * (risks[0] - least));
  const double half = half_step < 0 ? analysis::kNever : static_cast<double>(half_step);
  checks.show("half-drop step, mixture", half, analysis::median_over_seeds(mixture_steps));
  checks.show("half-drop step, Gaussian", half, analysis::median_over_seeds(gaussian_steps));
  checks.show("final J/r, mixture", risks.back() / law.power(),
              analysis::mean_over_seeds(mixture_risk));
  checks.show("final J/r, Gaussian", risks.back() / law.power(),
              analysis::mean_over_seeds(gaussian_risk));
  claim.checks = checks.take();

  report::Figure figure("c6-mixture-and-gaussian", "A mixture and its single Gaussian train alike",
                        step_axis(), log_risk_axis());
  figure.caption(
      "Minibatch SGD on four disjoint subspaces and on one Gaussian with the same second moment, "
      "with exact population descent.");
  draw_arm(figure, fmt::format("mixture, {}", mixture_name(law.mixture)), mixture);
  draw_arm(figure, "single Gaussian N(0, C)", gaussian);
  claim.figures.push_back(std::move(figure));
  return claim;
}

}  // namespace

ClaimRecipe second_moment() { return {"C6", {"mixture", "gaussian"}, {}, judge, {}}; }

}  // namespace iclab::papers::task_diversity
