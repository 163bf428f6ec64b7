// C2: the accuracy on novel items stays at chance for long and then rises at once.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/series.h"
#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/drawing.h"
#include "papers/differential-kinetics/runs.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "theory/kinetics_mean_field.h"

namespace iclab::papers::differential_kinetics {
namespace {

constexpr double kRising = 0.6;

// The last evaluation before the acquisition at which the accuracy was at most 0.6, over the step of acquisition.
double rise_ratio(const Arm::Curve& curve) {
  const double acquired = analysis::first_above(curve.steps, curve.values, kAcquired);
  if (std::isinf(acquired)) return std::nan("");
  double last = 0;
  for (size_t i = 0; i < curve.steps.size() && static_cast<double>(curve.steps[i]) < acquired; ++i)
    if (curve.values[i] <= kRising) last = static_cast<double>(curve.steps[i]);
  return last / acquired;
}

// The frictionless path passes beta at tau/tau* = erf(sqrt beta) from beta0 = w0 = 0; an accuracy a needs
// e^beta = Phi^-1(a) sqrt N.
double predicted_ratio(double N) {
  const auto passage = [N](double quantile) {
    return std::erf(std::sqrt(std::max(0.0, std::log(quantile * std::sqrt(N)))));
  };
  constexpr double kAt60 = 0.2533471031357997, kAt95 = 1.6448536269514722;  // normal quantiles
  return passage(kAt60) / passage(kAt95);
}

void draw_mean_field(report::Figure& figure, const Arm& arm) {
  const std::int64_t N = arm.task().integer("context");
  double last = 0;  // of what the runs measured
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
    const Arm::Curve curve = arm.curve(seed, novel());
    if (!curve.steps.empty()) last = std::max(last, static_cast<double>(curve.steps.back()));
  }
  if (last == 0) return;
  std::vector<double> steps, times, accuracy;
  for (int i = 0; i <= 200; ++i) {
    steps.push_back(last * i / 200);
    times.push_back(arm.lr() * steps.back());
  }
  const theory::MeanField flow = theory::meanfield_Kinf(N, 1, 0, 0, times);
  for (const double beta : flow.beta) accuracy.push_back(theory::icl_accuracy_ideal(N, beta, 1));
  figure.theory("mean field, infinitely many items", steps, accuracy);
}

report::Figure figure_of(const std::vector<Arm>& arms) {
  report::Figure figure("c2-onset", "Nothing for long, then all at once", step_axis(), accuracy_axis());
  figure.caption("Accuracy on novel items against the step, a dot for each evaluation of each run: most of the time it "
                 "stays near chance, the rise from 0.6 to 0.95 takes a third of the time.");
  for (const Arm& arm : arms) {
    if (is_minimal(arm)) draw_mean_field(figure, arm);
    draw_runs(figure, fmt::format("K = {}", items(arm)), arm, novel(), 60, false);
  }
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "Abrupt acquisition in time";
  claim.statement =
      "In-context learning is acquired abruptly: without friction β = erfinv(τ/τ*)², so that the accuracy leaves chance "
      "late, and the later the longer the contexts are.";
  claim.provenance = provenance("paper", "abrupt acquisition; figure 2d of the authors' code",
                                "path of differential-kinetics.md, section 3.3");
  const std::vector<Arm> arms = paper_or_quick(measurements, "figure-2d", "onset");
  Checks checks(Strictness::kValue);
  for (const Arm& arm : arms) {
    std::vector<double> ratios;
    for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) ratios.push_back(rise_ratio(arm.curve(seed, novel())));
    const size_t runs = ratios.size();
    std::erase_if(ratios, [](double x) { return std::isnan(x); });
    // One run says nothing about the others.
    const analysis::Estimate ratio =
        ratios.size() < 2 ? analysis::exact(std::nan("")) : analysis::median_over_seeds(ratios);
    if (ratios.size() < runs)
      checks.show(fmt::format("runs without t_ICL, left out, K = {}", items(arm)), 0,
                  analysis::exact(static_cast<double>(runs - ratios.size())));
    const std::string what = fmt::format("last step with accuracy ≤ 0.6 over t_ICL, K = {}", items(arm));
    if (is_minimal(arm))
      checks.add(what, predicted_ratio(context(arm)), ratio, {0.4, 0.8}, "0.4 to 0.8");
    else
      checks.show(what, predicted_ratio(context(arm)), ratio);
    checks.show(fmt::format("t_ICL, K = {}", items(arm)), report::kAbsent,
                analysis::median_over_seeds(acquisition_steps(arm)));
  }
  claim.checks = checks.take();
  claim.figures.push_back(figure_of(arms));
  return claim;
}

}  // namespace

ClaimRecipe onset() { return {"C2", {"figure-2d|onset"}, {}, judge, {}}; }

}  // namespace iclab::papers::differential_kinetics
