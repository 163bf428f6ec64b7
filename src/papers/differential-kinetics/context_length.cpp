// C3: with infinitely many items the time of acquisition grows linearly with the length of the context.
#include <fmt/format.h>

#include <cmath>

#include "analysis/series.h"
#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/drawing.h"
#include "papers/differential-kinetics/runs.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "theory/kinetics_attention.h"
#include "theory/kinetics_mean_field.h"

namespace iclab::papers::differential_kinetics {
namespace {

double mean_field_steps(double N, double lr) {
  return theory::meanfield_Kinf(std::llround(N)).t_acc / lr;
}

struct Lengths {
  std::vector<double> N;
  std::vector<std::vector<double>> steps;  // t_ICL by point and seed
};

Lengths lengths_of(const std::vector<Arm>& arms) {
  Lengths lengths;
  for (const Arm& arm : arms) {
    lengths.N.push_back(context(arm));
    lengths.steps.push_back(acquisition_steps(arm));
  }
  return lengths;
}

// The slope of log median against log N.
analysis::Estimate slope(const Lengths& lengths, std::int64_t seeds) {
  return analysis::over_seeds(seeds, [&](std::span<const size_t> sample) {
    std::vector<double> medians;
    for (const std::vector<double>& steps : lengths.steps) medians.push_back(analysis::median(picked(steps, sample)));
    return analysis::log_log_slope(lengths.N, medians);
  });
}

void draw_predictions(report::Figure& figure, const std::vector<Arm>& arms) {
  std::vector<double> N, frictionless, friction, mean_field;
  const double lr = arms.front().lr(), from = context(arms.front()), to = context(arms.back());
  for (int i = 0; i <= 20; ++i) {
    N.push_back(std::round(from * std::pow(to / from, i / 20.0)));
    frictionless.push_back(theory::t_icl_Kinf(N.back(), lr));
    friction.push_back(theory::t_icl_Kinf(N.back(), lr, 0, 0, 1, 0.5));
    mean_field.push_back(mean_field_steps(N.back(), lr));
  }
  figure.theory("mean field", N, mean_field);
  figure.theory("small attention, c₂ = 1/2", N, friction);
  figure.theory("without friction", N, frictionless);
}

report::Figure figure_of(const std::string& name, const std::string& title, const std::vector<Arm>& arms) {
  report::Figure figure(name, title, context_axis(), acquisition_axis());
  figure.caption("The step at which novel items are answered from the context, against the number of items in it: a "
                 "straight line of slope 1.");
  if (arms.size() > 1 && is_minimal(arms.front())) draw_predictions(figure, arms);
  for (const Arm& arm : arms) draw_seeds(figure, "runs", context(arm), acquisition_steps(arm), arm);
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "Acquisition takes time in proportion to the context";
  claim.statement = "With infinitely many items the step of acquisition is linear in the number N of context items.";
  claim.provenance = provenance("paper", "figure 6b of the authors' code",
                                "τ* and mean field of differential-kinetics.md, sections 3.3 to 3.5");
  const std::vector<Arm> arms = paper_or_quick(measurements, "figure-6b", "context-length");
  Checks checks(Strictness::kValue);
  if (!arms.empty())
    checks.add("slope of log t_ICL against log N", 1, slope(lengths_of(arms), arms.front().seeds()), within(1, 0.08),
               "1.00 ± 0.08");
  for (const Arm& arm : arms) {
    const analysis::Estimate median = analysis::median_over_seeds(acquisition_steps(arm));
    const std::string what = fmt::format("t_ICL, N = {}", context(arm));
    const double predicted = is_minimal(arm) ? mean_field_steps(context(arm), arm.lr()) : report::kAbsent;
    if (is_minimal(arm))
      checks.add(what, predicted, median, within(predicted, 0.15), "within 15 % of the mean field");
    else
      checks.show(what, predicted, median);
  }
  claim.checks = checks.take();
  claim.figures.push_back(figure_of("c3-context-length", "Longer contexts, later acquisition", arms));
  const std::vector<Arm> two = measurements.arms("figure-a5");
  if (!two.empty()) claim.figures.push_back(figure_of("c3-two-layers", "The same with two layers", two));
  return claim;
}

}  // namespace

ClaimRecipe context_length() { return {"C3", {"figure-6b|context-length"}, {"figure-a5"}, judge, {}}; }

}  // namespace iclab::papers::differential_kinetics
