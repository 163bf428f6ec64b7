// C11: items of unequal frequency are memorised sooner on average, which leaves attention less time.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/drawing.h"
#include "papers/differential-kinetics/runs.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "theory/kinetics_attention.h"

namespace iclab::papers::differential_kinetics {
namespace {

double skew(const Arm& arm) { return arm.task().has("zipf") ? arm.task().real("zipf") : 0; }

// I_K(T) of the MLP alone by seed; NaN for a run that did not get to T.
std::vector<double> memorised_totals(const Arm& arm) {
  std::vector<double> totals;
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
    const MemoryCurve curve = memory_curve(arm, seed);
    const bool whole = !curve.t.empty() && curve.t.back() == static_cast<double>(arm.steps());
    totals.push_back(whole ? memorised(curve, arm.lr()).back() : std::nan(""));
  }
  return totals;
}

// The smallest fall of the median from one alpha to the next, as a part of it.
analysis::Estimate smallest_fall(const std::vector<std::vector<double>>& totals) {
  const auto seeds = static_cast<std::int64_t>(totals.front().size());
  return analysis::over_seeds(seeds, [&](std::span<const size_t> sample) {
    double smallest = INFINITY;
    for (size_t i = 0; i + 1 < totals.size(); ++i) {
      const double here = analysis::median(picked(totals[i], sample)), next = analysis::median(picked(totals[i + 1], sample));
      if (std::isnan(here) || std::isnan(next)) return std::nan("");
      smallest = std::min(smallest, 1 - next / here);
    }
    return smallest;
  });
}

void check(const std::vector<Arm>& joint, const std::vector<Arm>& independent, const std::vector<Arm>& alone,
           const std::vector<std::vector<double>>& totals, Checks& checks) {
  checks.add("smallest fall of the median I_K from one α to the next, relative", report::kAbsent, smallest_fall(totals),
             above(0), "above 0: decreasing in α");
  for (const Arm& arm : joint) {
    const double alpha = skew(arm);
    const std::string what = fmt::format("fraction of runs that acquire, one copy, α = {}", alpha);
    const analysis::Estimate fraction = analysis::mean_over_seeds(acquired(arm));
    if (alpha == 0 || alpha == 1)
      checks.add(what, report::kAbsent, fraction, within(alpha == 0 ? 1 : 0, 0), alpha == 0 ? "every run" : "none");
    else
      checks.show(what, report::kAbsent, fraction);
  }
  for (const Arm& arm : independent)
    checks.show(fmt::format("fraction of runs that acquire, independent items, α = {}", skew(arm)), report::kAbsent,
                analysis::mean_over_seeds(acquired(arm)));
  for (size_t i = 0; i < alone.size(); ++i)
    checks.show(fmt::format("I_K of the MLP alone, α = {}", skew(alone[i])), report::kAbsent,
                analysis::median_over_seeds(totals[i]));
}

// ---- figures ----

// tau* with the label noise of a context whose items are drawn with p_k, and c2 = 1/2 as at the start. Given the items'
// labels, other slots share the mean label m = sum_k p_k l_k, so that over labels <S^2>/N = 1 + (N - 2) sum_k p_k^2.
double noisy_threshold(const Arm& arm, double alpha) {
  const std::int64_t K = arm.task().integer("items");
  double total = 0, squares = 0;
  for (std::int64_t k = 1; k <= K; ++k) {
    const double weight = std::pow(static_cast<double>(k), -alpha);
    total += weight;
    squares += weight * weight;
  }
  const double N = context(arm), noise = 1 + (N - 2) * squares / (total * total);
  return theory::tau_star_general(N, 0, 0, 1, 0.5 * noise, 0);
}

void draw_noisy_threshold(report::Figure& figure, const Arm& arm, double last) {
  std::vector<double> x, y;
  for (int i = 0; i <= 40; ++i) {
    x.push_back(last * i / 40);
    y.push_back(noisy_threshold(arm, x.back()));
  }
  figure.theory("needed, with the context's label noise", x, y);
}

report::Axis skew_axis() { return {.word = "skew of the items' frequencies", .symbol = "α"}; }

report::Figure memory_figure(const std::vector<Arm>& alone, const std::vector<std::vector<double>>& totals) {
  report::Figure figure("c11-time-for-attention", "Skewed frequencies leave attention less time", skew_axis(),
                        {.word = "integrated error of the MLP alone", .symbol = "I_K"});
  figure.caption("Items drawn with p_k ∝ k^(−α). Attention needs I_K > τ* (dashed), and more where labels in the context are noisy (line: with c₂ = 1/2 as at the start; it grows): in "
                 "skewed contexts the same few items, and their labels, return.");
  for (size_t i = 0; i < alone.size(); ++i) draw_seeds(figure, "MLP alone", skew(alone[i]), totals[i], alone[i]);
  const Arm& first = alone.front();
  draw_noisy_threshold(figure, first, skew(alone.back()));
  figure.rule_y(theory::tau_star(context(first)), "τ*, no label noise");
  return figure;
}

report::Figure accuracy_figure(const std::vector<Arm>& joint, const std::vector<Arm>& independent) {
  report::Figure figure("c11-accuracy", "Only nearly equal frequencies let attention form", skew_axis(), accuracy_axis());
  figure.caption("Accuracy on novel items where each run ended: it acquired, it had memorised, or its steps were over. A dot is a run, the point their median. "
                 "Contexts with exactly one copy of the target, and the paper's sampler of independent items.");
  for (const Arm& arm : joint) draw_seeds(figure, "one copy of the target", skew(arm), last_values(arm, novel()), arm);
  for (const Arm& arm : independent) draw_seeds(figure, "independent items", skew(arm), last_values(arm, novel()), arm);
  figure.rule_y(kAcquired, "acquired");
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "Skewed item frequencies";
  claim.statement =
      "When some items are much more frequent than others (p_k ∝ k^(−α)), the MLP's integrated error I_K is smaller and "
      "in-context learning is no longer acquired at a number of items at which equal frequencies acquire it.";
  claim.provenance = provenance("derived", "that data statistics matter is the paper's, this question is ours",
                                "I_K is smaller for skewed p_k by concavity (differential-kinetics.md, section 3.6); "
                                "acquisition needs I_K > τ*, and more with label noise");
  const std::vector<Arm> joint = measurements.arms("zipf"), alone = measurements.arms("zipf-alone"),
                         independent = measurements.arms("zipf-independent");
  std::vector<std::vector<double>> totals;
  for (const Arm& arm : alone) totals.push_back(memorised_totals(arm));
  Checks checks(Strictness::kValue);
  check(joint, independent, alone, totals, checks);
  claim.checks = checks.take();
  claim.figures.push_back(memory_figure(alone, totals));
  claim.figures.push_back(accuracy_figure(joint, independent));
  return claim;
}

}  // namespace

ClaimRecipe frequencies() { return {"C11", {"zipf", "zipf-alone"}, {"zipf-independent"}, judge, {}}; }

}  // namespace iclab::papers::differential_kinetics
