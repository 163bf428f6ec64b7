// C2 and C3: the risk of a trained model against the angle between its training and its test tasks.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "papers/judge.h"
#include "papers/points.h"
#include "papers/task-diversity/axes.h"
#include "papers/task-diversity/claims.h"
#include "papers/task-diversity/law.h"
#include "theory/linear_risk.h"

namespace iclab::papers::task_diversity {
namespace {

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

// The risk of Gamma* at an angle by matrices, J(Gamma*, C'), divided by r; the axis basis.
double matrix_risk(const Law& law, theory::Direction direction, double degrees) {
  const theory::Matrix q = theory::Matrix::Identity(law.mixture.d, law.mixture.d);
  const theory::Matrix best =
      theory::optimum(theory::second_moment(q, law.mixture), law.n, law.sigma2);
  const theory::Matrix u = theory::angle_basis(q, law.mixture, radians(degrees), direction);
  return theory::risk(best, u * u.transpose(), law.n, law.sigma2) / law.power();
}

// Trained risk at every angle outside the span: the mean within 5 % of theory.
void check_outside(const std::vector<Arm>& arms, Checks& checks) {
  const size_t mark = checks.size();
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    for (size_t i = 0; i < test_angles().size(); ++i) {
      const double predicted = law.outside_risk(test_angles()[i]);
      checks.add(fmt::format("J/r at {:.0f}° outside, {}{}", test_angles()[i],
                             mixture_name(law.mixture), other_axes(arm)),
                 predicted, analysis::mean_over_seeds(arm.final({"risk", "outside"}, i)),
                 within(predicted, 0.05), "mean within 5 %");
    }
  }
  checks.condense(mark);
}

// One curve of the figure: theory over all angles, the trained models at the test angles.
void draw_curve(report::Figure& figure, const std::string& series, const Arm& arm, bool span,
                const std::string& panel) {
  const Law law = law_of(arm);
  std::vector<double> degrees, risks;
  for (int i = 0; i <= 45; ++i) {
    degrees.push_back(2.0 * i);
    risks.push_back(span ? law.span_risk() : law.outside_risk(2.0 * i));
  }
  figure.theory(series, degrees, risks, panel);
  const Quantity quantity{"risk", span ? "span" : "outside"};
  for (size_t i = 0; i < test_angles().size(); ++i)
    figure.measured(series,
                    point_at(test_angles()[i], analysis::mean_over_seeds(arm.final(quantity, i)),
                             arm.label(-1), panel));
}

// Of the arms without noise, the first of each context length with this mixture.
std::vector<Arm> one_a_context(const std::vector<Arm>& arms, std::int64_t K) {
  std::vector<Arm> chosen;
  std::vector<double> seen;
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    if (law.mixture.K != K || law.mixture.s > 0 || law.sigma2 > 0) continue;
    if (std::ranges::find(seen, law.n) != seen.end()) continue;
    seen.push_back(law.n);
    chosen.push_back(arm);
  }
  return chosen;
}

report::Figure angle_figure(const std::string& name, const std::vector<Arm>& single,
                            const std::vector<Arm>& both) {
  report::Figure figure(name, "Risk against the angle to the training subspace",
                        angle_axis(),
                        risk_axis());
  figure.caption(
      "Trained on one subspace, the risk climbs like sin²θ to that of knowing nothing; trained "
      "on a union, it is flat at every angle inside the span, and climbs outside.");
  figure.panels("context n");
  const auto panel = [](const Arm& arm) { return fmt::format("{:.0f}", law_of(arm).n); };
  for (const Arm& arm : one_a_context(single, 1))
    draw_curve(figure, "single subspace", arm, false, panel(arm));
  for (const Arm& arm : one_a_context(both, 2)) {
    draw_curve(figure, "union, angles in the span", arm, true, panel(arm));
    draw_curve(figure, "union, angles outside", arm, false, panel(arm));
  }
  draw_sine_squared(figure, "sin²θ");
  return figure;
}

std::vector<Arm> arms_of(const Measurements& measurements, const std::string& first,
                         const std::string& otherwise) {
  return measurements.arms(measurements.has(first) ? first : otherwise);
}

report::Claim judge_single(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "One subspace: the risk is linear in cos²θ";
  claim.statement =
      "A model trained on tasks of a single subspace has a test risk that depends on the angle θ "
      "between that subspace and the test tasks, and cannot be driven to 0. Our closed form: linear "
      "in cos²θ, tending to sin²θ for long contexts.";
  claim.provenance = provenance(
      "paper",
      "arXiv 2505.14808 and 2606.06814 state the dependence on the angle; the exact curve is ours",
      "closed form of task-diversity.md, section 4.2, at the minimiser Γ*, direction outside the span");
  Checks checks;
  const std::vector<Arm> arms = measurements.arms("trained-single");
  check_outside(arms, checks);
  double worst = 0;
  for (const Arm& arm : arms)
    for (const double degrees : test_angles()) {
      const Law law = law_of(arm);
      worst = std::max(worst, std::abs(law.outside_risk(degrees) -
                                       matrix_risk(law, theory::Direction::kOutside, degrees)));
    }
  checks.add("closed form against J(Γ*, C′) by matrices, largest difference", 0,
             analysis::exact(worst), within(0, 0, 1e-9), "at most 1e-9");
  claim.checks = checks.take();
  claim.figures.push_back(angle_figure("c2-risk-against-angle",
                                       arms_of(measurements, "angles-single", "trained-single"),
                                       arms_of(measurements, "angles-union", "trained-union")));
  return claim;
}

// (max - min) / mean over the angles, by seed; +infinity for a run that did not end.
std::vector<double> spreads(const Arm& arm) {
  std::vector<double> values;
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
    const std::vector<double> risks = arm.final_array(seed, {"risk", "span"});
    if (risks.empty()) {
      values.push_back(INFINITY);
      continue;
    }
    const auto [low, high] = std::ranges::minmax(risks);
    values.push_back((high - low) / analysis::mean(risks));
  }
  return values;
}

report::Claim judge_union(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "A union of subspaces: flat at every angle in the span";
  claim.statement =
      "A model trained on a union of subspaces generalises to all angles between them, also to "
      "regions "
      "that training gave no mass. For linear attention our closed form says more: the risk is the "
      "same at "
      "every angle in the span. Outside the span it grows as for a single subspace.";
  claim.provenance = provenance(
      "paper",
      "arXiv 2505.14808 states that all angles in the span are reached; exact flatness is ours",
      "closed form of task-diversity.md, section 4.2, at the minimiser Γ*, directions span and outside");
  Checks checks;
  const std::vector<Arm> arms = measurements.arms("trained-union");
  const size_t mark = checks.size();
  double flatness = 0;
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    checks.add(fmt::format("(max − min)/mean over θ in the span, {}{}", mixture_name(law.mixture),
                           other_axes(arm)),
               0, analysis::mean_over_seeds(spreads(arm)), below(0.10),
               "mean over seeds below 0.10");
    if (law.mixture.nu() == 0) continue;
    std::vector<double> risks;
    for (const double degrees : test_angles())
      risks.push_back(matrix_risk(law, theory::Direction::kSpan, degrees));
    const auto [low, high] = std::ranges::minmax(risks);
    flatness = std::max(flatness, (high - low) / analysis::mean(risks));
  }
  checks.condense(mark);
  checks.add("the same for Γ*, by matrices", 0, analysis::exact(flatness), within(0, 0, 1e-12),
             "at most 1e-12");
  check_outside(arms, checks);
  claim.checks = checks.take();
  claim.figures.push_back(
      angle_figure("c3-risk-against-angle", measurements.arms("trained-single"), arms));
  return claim;
}

}  // namespace

ClaimRecipe single_subspace() {
  return {"C2",
          {"trained-single"},
          {"angles-single", "angles-union", "trained-union"},
          judge_single,
          {}};
}

ClaimRecipe union_of_subspaces() {
  return {"C3", {"trained-union"}, {"trained-single"}, judge_union, {}};
}

}  // namespace iclab::papers::task_diversity
