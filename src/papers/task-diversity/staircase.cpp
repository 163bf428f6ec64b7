// C11: separate query and key matrices learn shared columns first, private ones later.
#include "theory/staircase.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/series.h"
#include "papers/judge.h"
#include "papers/points.h"
#include "papers/task-diversity/axes.h"
#include "papers/task-diversity/claims.h"
#include "papers/task-diversity/law.h"

namespace iclab::papers::task_diversity {
namespace {

double passage(const Arm& arm, double drop) {
  const Law law = law_of(arm);
  return law.lr * drop_steps(arm, {}, law.least_risk(), drop).at(0);
}

// Time between the 50 % and the 75 % drop.
double width(const Arm& arm) {
  const double late = passage(arm, 0.75);
  return std::isinf(late) ? late : late - passage(arm, 0.5);
}

double predicted_width(const Arm& arm) {
  const Law law = law_of(arm);
  const std::vector<double> times =
      theory::staircase_times(law.spectrum, {law.alpha, law.alpha}, std::vector<double>{0.5, 0.75});
  return times[1] - times[0];
}

double predicted_level(const Law& law) {
  return theory::staircase_level(law.mixture, law.n, law.sigma2);
}

// J/r at the slowest descent between the 25 % and the 90 % drop.
double level(const Arm& arm) {
  const Law law = law_of(arm);
  if (std::isinf(passage(arm, 0.9))) return analysis::kNever;
  const Arm::Curve curve = arm.curve(0, {});
  return analysis::value_at_slowest_descent(curve.steps, curve.values, passage(arm, 0.25) / law.lr,
                                            passage(arm, 0.9) / law.lr);
}

// Disjoint subspaces drop once: what the two drops of shared columns are compared with.
const Arm& disjoint(const std::vector<Arm>& arms) {
  return *std::ranges::find_if(arms, [](const Arm& arm) {
    const theory::Mixture mixture = law_of(arm).mixture;
    return mixture.K > 1 && mixture.s == 0;
  });
}

report::Figure figure_of(const std::string& name, const std::string& title,
                         const std::string& caption, const std::vector<Arm>& arms) {
  report::Figure figure(name, title, time_axis(), risk_axis());
  figure.caption(caption);
  std::set<std::string> levels;
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    const std::string series = mixture_name(law.mixture);
    const double end = law.lr * static_cast<double>(arm.steps());
    std::vector<double> times, risks;
    for (int i = 0; i <= 300; ++i) times.push_back(end * i / 300);
    for (const double risk : theory::staircase_risks(law.spectrum, {law.alpha, law.alpha}, times))
      risks.push_back(risk / law.power());
    figure.theory(series, times, risks);
    draw_mean_curve(figure, series, arm, {}, {.most = 80, .time = law.lr});
    const std::string label = fmt::format("1 − s γ_s/r = {:.3f}", predicted_level(law));
    if (law.mixture.s > 0 && levels.insert(label).second)
      figure.rule_y(predicted_level(law), label);
  }
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "A staircase with separate query and key matrices";
  claim.statement =
      "With separate W_Q and W_K the columns that all subspaces share are learned first and the "
      "private ones "
      "later: two drops with a step at J/r = 1 − s γ_s/r between them. Without shared columns "
      "there is one.";
  claim.provenance = provenance(
      "derived",
      "abrupt and staircase drops of linear attention: arXiv 2501.16265; for shared columns ours",
      "gradient flow of task-diversity.md, section 5.6");
  const std::vector<Arm> arms = measurements.arms("staircase"),
                         small = measurements.arms("staircase-small");
  const Arm& once = disjoint(arms);
  Checks checks;
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    if (law.mixture.s == 0) continue;
    checks.add(fmt::format("time from the 50 % to the 75 % drop, {} over {}",
                           mixture_name(law.mixture), mixture_name(law_of(once).mixture)),
               predicted_width(arm) / predicted_width(once),
               analysis::exact(analysis::ratio_or_never(width(arm), width(once))), {.lo = 3},
               "at least 3");
  }
  for (const Arm& arm : small) {
    const Law law = law_of(arm);
    checks.add(fmt::format("J/r on the step, {}, initial weights {}", mixture_name(law.mixture),
                           law.alpha),
               predicted_level(law), analysis::exact(level(arm)),
               within(predicted_level(law), 0.03), "within 3 %");
  }
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    const std::vector<double> drops{0.25, 0.5, 0.75, 0.9};
    const std::vector<double> times =
        theory::staircase_times(law.spectrum, {law.alpha, law.alpha}, drops);
    for (size_t i = 0; i < drops.size(); ++i)
      checks.show(
          fmt::format("time of the {:.0f} % drop, {}", 100 * drops[i], mixture_name(law.mixture)),
          times[i], analysis::exact(passage(arm, drops[i])));
  }
  claim.checks = checks.take();
  claim.figures.push_back(
      figure_of("c11-staircase", "Shared columns first, private ones later",
                "One drop for a single subspace and for disjoint ones, two drops where "
                "columns are shared.",
                arms));
  claim.figures.push_back(
      figure_of("c11-level", "The height of the step",
                "From smaller initial weights the step is long enough to read its height.", small));
  return claim;
}

}  // namespace

ClaimRecipe staircase() { return {"C11", {"staircase", "staircase-small"}, {}, judge, {}}; }

}  // namespace iclab::papers::task_diversity
