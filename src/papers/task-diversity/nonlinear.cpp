// C13: the same transformer on ReLU networks whose inner weights lie in the subspaces.
#include <fmt/format.h>

#include "papers/judge.h"
#include "papers/points.h"
#include "papers/task-diversity/axes.h"
#include "papers/task-diversity/claims.h"
#include "papers/task-diversity/trained_transformers.h"

namespace iclab::papers::task_diversity {
namespace {

using report::kAbsent;

constexpr double kFlat = 1.3, kClimb = 4;

void show_plateau(Checks& checks, const std::string& name, const std::vector<double>& steps) {
  checks.show(fmt::format("T_0.8 in steps, {}{}", name, never_text(steps)), kAbsent,
              analysis::median_over_seeds(steps));
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "A nonlinear function class";
  claim.statement =
      "The same for two-layer ReLU networks whose inner weights lie in the subspaces: trained on "
      "one of them a transformer's risk climbs with the angle, trained on two disjoint ones it is "
      "nearly flat in their span. Plateaus are reported, not judged.";
  claim.provenance = {
      {"statement", "paper",
       "the abstracts of arXiv 2606.06814 and 2505.14808 say that their findings extend to nonlinear "
       "function classes; which ones is not known here"},
      {"prediction", "derived", "none in numbers: flatness and climb only"},
      {"protocol", "own choice",
       "the class is that of arXiv 2208.01066 restricted to subspaces; half of its power is linear, "
       "so that a linear learner's risk would be about 0.5"},
      {"acceptance", "own choice", "thresholds stated in the table of checks"}};
  const Arm single = measurements.arms("relu-single").at(0),
            both = measurements.arms("relu-union").at(0),
            isotropic = measurements.arms("relu-isotropic").at(0),
            nested = measurements.arms("relu-nested").at(0);
  Checks checks;
  checks.add("one subspace, risk at 90° outside over that in distribution", kAbsent, climb(single),
             above(kClimb), fmt::format("above {}", kClimb));
  checks.add("two disjoint subspaces, largest over smallest risk in the span", 1, flatness(both),
             below(kFlat), fmt::format("below {}", kFlat));
  checks.show("one subspace, risk in distribution", kAbsent,
              analysis::mean_over_seeds(single.final(named_risk("id"))));
  checks.show("two disjoint subspaces, risk in distribution", kAbsent,
              analysis::mean_over_seeds(both.final(named_risk("id"))));
  show_plateau(checks, "one subspace", plateau_steps(single));
  show_plateau(checks, "two disjoint subspaces, first class", plateau_steps(both, "own0"));
  show_plateau(checks, "two disjoint subspaces, second class", plateau_steps(both, "own1"));
  show_plateau(checks, "isotropic class alone", plateau_steps(isotropic));
  show_plateau(checks, "isotropic class with a nested easy one", plateau_steps(nested, "own"));
  claim.checks = checks.take();

  report::Figure figure = transformer_angle_figure(
      "c13-risk-against-angle", "ReLU networks: risk against the angle to the training subspace");
  figure.caption(
      "As for linear functions: trained on one subspace the risk climbs with the angle, trained on "
      "two disjoint ones it is nearly flat between them, at a higher level.");
  draw_angles(figure, "one subspace, outside", single, "outside");
  draw_angles(figure, "two disjoint, in the span", both, "span");
  claim.figures.push_back(std::move(figure));
  return claim;
}

}  // namespace

ClaimRecipe nonlinear_class() {
  return {"C13",
          {"relu-single", "relu-union"},
          {"relu-isotropic", "relu-nested"},
          judge,
          {},
          {}};
}

}  // namespace iclab::papers::task_diversity
