// C10: contexts with as many labels of either kind delay in-context learning or prevent it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/runs.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "papers/points.h"
#include "theory/kinetics_attention.h"

namespace iclab::papers::differential_kinetics {
namespace {

constexpr double kLeastWeight = -3;  // shown; the expansion in small w ends about there

double initial_beta(const Arm& arm) { return arm.model().real("beta"); }

// Steps to the blow-up with the balanced context's drift mu = -1 and no label noise; K = infinity: tau = eta t / 2.
double predicted_steps(const Arm& arm) {
  return 2 / arm.lr() * theory::tau_star_general(context(arm), initial_beta(arm), 0, 1, 0, -1);
}

void check(const std::vector<Arm>& arms, Checks& checks) {
  for (const Arm& arm : arms) {
    const double beta0 = initial_beta(arm);
    const std::string what = fmt::format("fraction of runs that acquire, β₀ = {}", beta0);
    const double all = beta0 > 0 ? 1 : 0;
    const analysis::Estimate fraction = analysis::mean_over_seeds(acquired(arm));
    if (is_minimal(arm))
      checks.add(what, all, fraction, within(all, 0), beta0 > 0 ? "every run" : fmt::format("none in {} steps", arm.point().steps));
    else
      checks.show(what, all, fraction);
  }
  for (const Arm& arm : arms) {
    const double beta0 = initial_beta(arm);
    if (beta0 > 0)
      checks.show(fmt::format("median t_ICL, β₀ = {}; theory: blow-up, later than t_ICL", beta0), predicted_steps(arm),
                  analysis::median_over_seeds(acquisition_steps(arm)));
    else
      checks.show(fmt::format("accuracy on novel items at the end, β₀ = {}", beta0), report::kAbsent,
                  analysis::mean_over_seeds(last_values(arm, novel())));
    if (beta0 < 0)
      checks.show(fmt::format("w at the end, β₀ = {}", beta0), report::kAbsent,
                  analysis::mean_over_seeds(last_values(arm, weight("w"))));
  }
}

// ---- the plane of beta and w ----

// f(beta) = beta + e^-beta: w^2/2 - f is conserved.
double f(double beta) { return beta + std::exp(-beta); }

// The path from (beta0, 0) to `end`, upwards for beta0 > 0, downwards for beta0 < 0; beta ascending.
void draw_path(report::Figure& figure, const std::string& series, double beta0, double end, bool dashed) {
  constexpr int kPoints = 60;
  std::vector<double> beta, w;
  for (int i = 0; i <= kPoints; ++i) {
    // Denser at the start, where w grows like a square root.
    const double part = static_cast<double>(i) / kPoints;
    beta.push_back(beta0 + (end - beta0) * part * part);
    w.push_back((end > beta0 ? 1 : -1) * std::sqrt(2 * std::max(0.0, f(beta.back()) - f(beta0))));
  }
  if (end < beta0) {
    std::ranges::reverse(beta);
    std::ranges::reverse(w);
  }
  if (dashed)
    figure.curve(series, beta, w);
  else
    figure.theory(series, beta, w);
}

struct Path {
  std::vector<double> beta;
  std::vector<analysis::Estimate> w;
};

// Means over the runs, at a selection of the steps that all of them reached.
Path path_of(const Arm& arm) {
  std::vector<Arm::Curve> curves;  // beta and w of each seed
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed)
    for (const char* name : {"beta", "w"}) curves.push_back(arm.curve(seed, weight(name)));
  const CommonSteps reached = common_steps(curves);
  const std::vector<double> steps(reached.steps.begin(), reached.steps.end());
  Path path;
  for (const size_t i : report::thin(steps, 40, false)) {
    std::vector<double> beta, w;
    for (size_t curve = 0; curve < curves.size(); curve += 2) {
      beta.push_back(reached.values[curve][i]);
      w.push_back(reached.values[curve + 1][i]);
    }
    path.beta.push_back(analysis::mean(beta));
    path.w.push_back(analysis::mean_over_seeds(w));
  }
  return path;
}

report::Figure plane_figure(const std::vector<Arm>& arms) {
  report::Figure figure("c10-plane", "Balanced contexts: the sign of the initial β decides",
                        {.word = "sharpness of attention", .symbol = "β"}, {.word = "its weight", .symbol = "w", .from = kLeastWeight});
  figure.caption("Runs from w = 0 (points: means over them, every few steps) follow w²/2 − β − e^(−β) = constant (lines) while w is small. From β₀ > 0 both grow and "
                 "in-context learning is acquired; from β₀ < 0 w becomes negative, and further so below this axis, and attention turns away from the target; "
                 "from β₀ = 0 nothing moves.");
  double least = 0, most = 0;
  for (const Arm& arm : arms) {
    const std::string series = fmt::format("β₀ = {}", initial_beta(arm));
    const Path path = path_of(arm);
    if (path.beta.empty()) continue;
    const auto [lowest, highest] = std::ranges::minmax(path.beta);
    least = std::min(least, lowest);
    most = std::max(most, highest);
    const double end = initial_beta(arm) < 0 ? lowest : highest;
    if (initial_beta(arm) != 0 && std::isfinite(end)) draw_path(figure, series, initial_beta(arm), end, false);
    for (size_t i = 0; i < path.beta.size(); ++i)
      if (path.w[i].value >= kLeastWeight) figure.measured(series, point_at(path.beta[i], path.w[i], arm.label(-1)));
  }
  draw_path(figure, "separatrix", 0, most, true);
  if (least < 0) draw_path(figure, "separatrix", 0, least, true);
  return figure;
}

// ---- finitely many items ----

// The paper's figure has both kinds of contexts; in quick mode they are two studies.
struct Kinds {
  std::vector<Arm> balanced, standard;
};

Kinds kinds_of(const Measurements& measurements) {
  if (!measurements.has("figure-6e")) return {measurements.arms("balanced-items"), measurements.arms("initial-beta")};
  Kinds kinds;
  for (const Arm& arm : measurements.arms("figure-6e")) {
    const bool standard = !arm.task().has("balance") || arm.task().text("balance") == "none";
    (standard ? kinds.standard : kinds.balanced).push_back(arm);
  }
  return kinds;
}

// How much smaller the fraction of runs that acquire is with balanced contexts, averaged over K.
analysis::Estimate fraction_lost(const Kinds& kinds) {
  std::vector<std::vector<double>> balanced, standard;
  for (const Arm& arm : kinds.balanced) balanced.push_back(acquired(arm));
  for (const Arm& arm : kinds.standard) standard.push_back(acquired(arm));
  const auto seeds = static_cast<std::int64_t>(std::min(balanced.front().size(), standard.front().size()));
  return analysis::over_seeds(seeds, [&](std::span<const size_t> sample) {
    const auto average = [&](const std::vector<std::vector<double>>& arms) {
      std::vector<double> fractions;
      for (const std::vector<double>& arm : arms) fractions.push_back(analysis::mean(picked(arm, sample)));
      return analysis::mean(fractions);
    };
    return average(standard) - average(balanced);
  });
}

void draw_fractions(report::Figure& figure, const std::string& series, const std::vector<Arm>& arms) {
  for (const Arm& arm : arms)
    figure.measured(series, point_at(items(arm), analysis::mean_over_seeds(acquired(arm)), arm.label(-1)));
}

report::Figure fraction_figure(const Kinds& kinds) {
  report::Figure figure("c10-fraction", "Balanced against standard contexts", items_axis(),
                        {.word = "fraction of runs that acquire", .from = 0, .to = 1});
  figure.caption("Runs that differ in their draws. With standard contexts nearly all acquire when there are many items; with balanced ones at most those whose "
                 "attention starts on the right side, half of them for symmetric initial values.");
  draw_fractions(figure, "balanced contexts", kinds.balanced);
  draw_fractions(figure, "standard contexts", kinds.standard);
  figure.rule_y(0.5, "half of the runs");
  return figure;
}

report::Figure time_figure(const Arm& arm) {
  report::Figure figure("c10-time", "Balanced contexts delay in-context learning", log_step_axis(), accuracy_axis());
  figure.caption(fmt::format("Means over runs with {} items, full model.", items(arm)));
  draw_mean_curve(figure, "novel items (in context)", arm, novel(), {.log = true});
  draw_mean_curve(figure, "trained items (in weights)", arm, trained(), {.log = true});
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "Balanced contexts";
  claim.statement =
      "When every context holds as many labels of either kind, the other items' labels add up to minus the target's own: "
      "in-context learning is delayed, or never acquired unless attention starts on the right side, β₀ > 0.";
  claim.provenance = provenance("paper", "delay or prevention; the condition on β₀ is derived",
                                "flow of w and β with drift μ = −1 and no label noise "
                                "(differential-kinetics.md, section 3.7)");
  const std::vector<Arm> arms = measurements.arms("balanced");
  Checks checks(Strictness::kValue);
  check(arms, checks);
  const Kinds kinds = kinds_of(measurements);
  const bool both = !kinds.balanced.empty() && !kinds.standard.empty();
  if (both && measurements.has("figure-6e"))
    checks.add("fraction of runs that acquire, standard minus balanced contexts, mean over K", report::kAbsent,
               fraction_lost(kinds), above(0), "above 0");
  for (const Arm& arm : kinds.balanced)
    checks.show(fmt::format("fraction of runs that acquire, balanced contexts, K = {}", items(arm)), report::kAbsent,
                analysis::mean_over_seeds(acquired(arm)));
  claim.checks = checks.take();
  if (!arms.empty()) claim.figures.push_back(plane_figure(arms));
  if (both) claim.figures.push_back(fraction_figure(kinds));
  for (const Arm& arm : measurements.arms("figure-a8")) claim.figures.push_back(time_figure(arm));
  return claim;
}

}  // namespace

ClaimRecipe balance() {
  return {"C10", {"balanced", "figure-6e"}, {"balanced-items", "initial-beta", "figure-a8"}, judge, {}};
}

}  // namespace iclab::papers::differential_kinetics
