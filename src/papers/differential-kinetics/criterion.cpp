// C5: attention is acquired if the MLP alone would need more training than attention takes.
#include "papers/differential-kinetics/criterion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/series.h"
#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "theory/kinetics_memoriser.h"

namespace iclab::papers::differential_kinetics {

Memoriser::Memoriser(const Arm& alone, std::int64_t seed)
    : curve_(memory_curve(alone, seed, 2e-3)), items_(items(alone)), lr_(alone.lr()) {}

double Memoriser::acquisition_step(double N, double beta0) const {
  if (curve_.t.size() < 2) return std::nan("");
  const double mu = -(N - 1) / (items_ - 1);
  return theory::t_icl_from_memoriser({curve_.t, curve_.c1, curve_.c2}, N, lr_, beta0, 0, 1, mu).t_icl;
}

double Memoriser::threshold(double N) const {
  double never = -3, does = 3;
  if (std::isnan(acquisition_step(N, 0))) return std::nan("");
  if (std::isfinite(acquisition_step(N, never))) return never;
  if (std::isinf(acquisition_step(N, does))) return does;
  while (does - never > 1e-3) {
    const double middle = (never + does) / 2;
    (std::isfinite(acquisition_step(N, middle)) ? does : never) = middle;
  }
  return does;
}

double predicted_critical_items(const std::vector<Arm>& alone, double N) {
  double never = 0, does = analysis::kNever;
  for (const Arm& arm : alone) {
    if (items(arm) < N) continue;
    std::vector<double> steps;
    for (std::int64_t seed = 0; seed < arm.seeds(); ++seed)
      steps.push_back(Memoriser(arm, seed).acquisition_step(N, 0));
    const double step = analysis::median(steps);
    if (std::isinf(step)) never = std::max(never, items(arm));
    if (std::isfinite(step)) does = std::min(does, items(arm));
  }
  return never > 0 && std::isfinite(does) ? std::sqrt(never * does) : std::nan("");
}

double observed_threshold(const std::vector<double>& beta0, const std::vector<double>& acquired) {
  std::vector<size_t> order(beta0.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return beta0[i]; });
  // Errors of a cut before order[i]: those below it that acquired, those above that did not.
  double errors = 0;
  for (const size_t i : order) errors += 1 - acquired[i];
  double fewest = errors;
  size_t cut = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    errors += 2 * acquired[order[i]] - 1;
    if (errors < fewest) {
      fewest = errors;
      cut = i + 1;
    }
  }
  if (cut == 0) return -analysis::kNever;
  if (cut == order.size()) return analysis::kNever;
  return (beta0[order[cut - 1]] + beta0[order[cut]]) / 2;
}

namespace {

// The runs of one K with drawn beta0, beside what the MLP alone predicts for the same seeds.
struct Threshold {
  double K = 0;
  std::vector<double> beta0, acquired, predicted;
};

std::vector<Threshold> thresholds(const Measurements& measurements) {
  std::vector<Threshold> all;
  const std::vector<Arm> alone = measurements.arms("alone-thresholds");
  for (const Arm& arm : measurements.arms("initial-beta")) {
    if (!is_minimal(arm)) continue;
    Threshold one{items(arm), last_values(arm, weight("beta")), acquired(arm), {}};
    const Arm& memoriser = with_items(alone, one.K);
    for (std::int64_t seed = 0; seed < memoriser.seeds(); ++seed)
      one.predicted.push_back(Memoriser(memoriser, seed).threshold(context(arm)));
    const size_t seeds = std::min(one.beta0.size(), one.predicted.size());
    for (std::vector<double>* values : {&one.beta0, &one.acquired, &one.predicted}) values->resize(seeds);
    all.push_back(std::move(one));
  }
  return all;
}

analysis::Estimate excess(const Threshold& one) {
  return analysis::over_seeds(static_cast<std::int64_t>(one.beta0.size()), [&](std::span<const size_t> seeds) {
    return observed_threshold(picked(one.beta0, seeds), picked(one.acquired, seeds)) -
           analysis::median(picked(one.predicted, seeds));
  });
}

void show_predictions(Checks& checks, const Measurements& measurements) {
  const std::vector<Arm> alone = measurements.arms("alone");
  for (const Arm& arm : measurements.arms("transition")) {
    if (!is_minimal(arm) || context(arm) < 32) continue;
    const Arm& memoriser = with_items(alone, items(arm));
    std::vector<double> predicted;
    for (std::int64_t seed = 0; seed < memoriser.seeds(); ++seed)
      predicted.push_back(Memoriser(memoriser, seed).acquisition_step(context(arm), 0));
    checks.show(fmt::format("step of acquisition, N = {}, K = {}", context(arm), items(arm)),
                analysis::median(predicted), analysis::median_over_seeds(acquisition_steps(arm)));
  }
}

report::Figure figure_of(const std::vector<Threshold>& all) {
  report::Figure figure("c5-criterion", "Who acquires in-context learning",
                        {.word = "initial attention", .symbol = "β₀"}, items_axis());
  figure.caption("Each dot is a run: with many items, or from a large initial β, attention is acquired before the MLP "
                 "remembers all items. The line is where the MLP alone, measured, says it should.");
  std::vector<std::pair<double, double>> boundary;
  for (const Threshold& one : all) {
    boundary.emplace_back(analysis::median(one.predicted), one.K);
    for (size_t seed = 0; seed < one.beta0.size(); ++seed)
      figure.run(one.acquired[seed] > 0 ? "acquired" : "never",
                 {.x = one.beta0[seed], .y = one.K, .seed = static_cast<std::int64_t>(seed),
                  .settings = fmt::format("K {}, seed {}", one.K, seed)});
  }
  std::ranges::sort(boundary);
  std::vector<double> x, y;
  for (const auto& [beta, K] : boundary) {
    x.push_back(beta);
    y.push_back(K);
  }
  figure.theory("predicted boundary", x, y);
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "The criterion of acquisition";
  claim.statement =
      "In-context learning is acquired iff I_K(∞) > τ*: if the training that the MLP alone would still take to remember "
      "its K items exceeds what attention needs. Predictions take c₁(t) and c₂(t) from runs of the MLP alone.";
  claim.provenance = provenance("paper", "acquisition is decided by a race of learning rates",
                                "differential-kinetics.md, sections 3.3 to 3.6, from measured c₁ and c₂");
  Checks checks(Strictness::kValue);
  const std::vector<Threshold> all = thresholds(measurements);
  for (const Threshold& one : all) {
    const std::string what = fmt::format("observed threshold in β₀ above the predicted one, K = {}", one.K);
    if (one.K <= 512)
      checks.add(what, 0, excess(one), {0, 0.6}, "0 to 0.6");
    else
      checks.show(what, 0, excess(one));
  }
  show_predictions(checks, measurements);
  claim.checks = checks.take();
  claim.figures.push_back(figure_of(all));
  return claim;
}

}  // namespace

ClaimRecipe criterion() {
  return {"C5", {"initial-beta", "alone-thresholds"}, {"alone", "transition"}, judge, {}};
}

}  // namespace iclab::papers::differential_kinetics
