// C14: attention and memory learn side by side: neither changes the other before acquisition, and memory's capacity does not
// decide.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/drawing.h"
#include "papers/differential-kinetics/runs.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "papers/points.h"
#include "theory/kinetics_attention.h"

namespace iclab::papers::differential_kinetics {
namespace {

constexpr double kEarly = 0.7;  // of tau*

// The same seed with and without attention.
struct Twin {
  MemoryCurve joint, alone;
  std::vector<double> tau;  // of the MLP alone
};

Twin twin_of(const Arm& joint, const Arm& alone, std::int64_t seed) {
  Twin twin{memory_curve(joint, seed), memory_curve(alone, seed), {}};
  twin.tau = memorised(twin.alone, alone.lr());
  return twin;
}

// The largest |c1 joint / c1 alone - 1| over the evaluations with tau < 0.7 tau*.
double largest_early_departure(const Twin& twin, double threshold) {
  const size_t size = std::min(twin.joint.c1.size(), twin.alone.c1.size());
  if (size == 0) return std::nan("");
  double largest = 0;
  for (size_t i = 0; i < size && twin.tau[i] < kEarly * threshold; ++i)
    largest = std::max(largest, std::abs(twin.joint.c1[i] / twin.alone.c1[i] - 1));
  return largest;
}

std::vector<double> early_departures(const Arm& joint, const Arm& alone) {
  std::vector<double> departures;
  for (std::int64_t seed = 0; seed < std::min(joint.seeds(), alone.seeds()); ++seed)
    departures.push_back(largest_early_departure(twin_of(joint, alone, seed), theory::tau_star(context(joint))));
  return departures;
}

// c1 joint over c1 alone at the end, by seed.
std::vector<double> slowing(const Arm& joint, const Arm& alone) {
  const std::vector<double> with = last_values(joint, memory("c1")), without = last_values(alone, memory("c1"));
  std::vector<double> ratios;
  for (size_t seed = 0; seed < std::min(with.size(), without.size()); ++seed) ratios.push_back(with[seed] / without[seed]);
  return ratios;
}

// Of the runs that acquired.
std::vector<double> of_acquired(const std::vector<double>& values, const Arm& joint) {
  const std::vector<double> has = acquired(joint);
  std::vector<double> some;
  for (size_t seed = 0; seed < values.size(); ++seed)
    if (has[seed] > 0) some.push_back(values[seed]);
  return some;
}

const Arm* find(const std::vector<Arm>& arms, double wanted) {
  for (const Arm& arm : arms)
    if (items(arm) == wanted) return &arm;
  return nullptr;
}

void check(const std::vector<Arm>& joint, const std::vector<Arm>& alone, Checks& checks) {
  for (const Arm& arm : joint) {
    const Arm* twin = find(alone, items(arm));
    if (twin == nullptr) continue;
    const double K = items(arm);
    const analysis::Estimate departure = analysis::median_over_seeds(early_departures(arm, *twin));
    const std::string what = fmt::format("a: largest departure of c₁ with attention from c₁ without while τ < 0.7 τ*, K = {}", K);
    if (K == 256)
      checks.add(what, 0, departure, {.hi = 0.03}, "at most 3 %");
    else
      checks.show(what, 0, departure);
  }
  for (const Arm& arm : joint) {
    const Arm* twin = find(alone, items(arm));
    if (twin == nullptr) continue;
    const double K = items(arm);
    const analysis::Estimate ratio = analysis::median_over_seeds(of_acquired(slowing(arm, *twin), arm));
    if (K == 512)
      checks.add(fmt::format("b: c₁ with attention over c₁ without at the end, K = {}", K), report::kAbsent,
                 analysis::median_over_seeds(slowing(arm, *twin)), above(100), "above 100");
    else
      checks.show(fmt::format("b: c₁ with attention over c₁ without at the end, runs that acquired, K = {}", K),
                  report::kAbsent, ratio);
  }
  for (const double K : {512.0, 1024.0, 2048.0}) {
    if (const Arm* arm = find(alone, K))
      checks.add(fmt::format("c: part of the items that the MLP alone gets right, K = {}", K), 1,
                 analysis::median_over_seeds(last_values(*arm, memory("accuracy"))), above(0.99), "above 0.99");
    if (const Arm* arm = find(joint, K))
      checks.add(fmt::format("c: accuracy on novel items with attention, K = {}", K), 1,
                 analysis::median_over_seeds(last_values(*arm, novel())), above(kAcquired), "above 0.95");
  }
}

// ---- figures --------------------------------------------------------------------------------------

report::Figure memory_figure(const std::vector<Arm>& joint, const std::vector<Arm>& alone) {
  report::Figure figure("c14-memory", "Memory learns as if alone, until attention has formed", log_step_axis(),
                        {.word = "the MLP's mean residual", .symbol = "c₁", .log = true});
  figure.caption("Means over runs of the same seeds with attention and without. Until t_ICL (dashed, the median of the runs that acquired) both curves agree; after "
                 "it the items are explained in context and memory comes nearly to a halt.");
  figure.panels("items K");
  for (const Arm& arm : joint) {
    const std::string panel = fmt::to_string(items(arm));
    const CurveStyle style{.most = 26, .log = true, .panel = panel};
    draw_mean_curve(figure, "with attention", arm, memory("c1"), style);
    if (const Arm* twin = find(alone, items(arm))) draw_mean_curve(figure, "MLP alone", *twin, memory("c1"), style);
    const double step = analysis::median(of_acquired(acquisition_steps(arm), arm));
    if (std::isfinite(step)) figure.rule_x(step, "t_ICL", panel);
  }
  return figure;
}

report::Figure capacity_figure(const std::vector<Arm>& joint, const std::vector<Arm>& alone) {
  report::Figure figure("c14-capacity", "What memory could do, and what is learned instead", items_axis(), accuracy_axis());
  figure.caption("At the end of training. Alone, the MLP gets every item right; beside attention, which by then answers for novel items, the same "
                 "MLP has stopped at a part of them, the smaller the more there are.");
  for (const Arm& arm : alone) draw_seeds(figure, "MLP alone, its items", items(arm), last_values(arm, memory("accuracy")), arm);
  for (const Arm& arm : joint) draw_seeds(figure, "with attention, novel items", items(arm), last_values(arm, novel()), arm);
  for (const Arm& arm : joint)
    draw_seeds(figure, "MLP beside attention, its items", items(arm), last_values(arm, memory("accuracy")), arm);
  figure.rule_y(0.5, "chance");
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "Independent parts; not capacity";
  claim.statement =
      "Memory and attention learn independently until in-context learning is acquired; after that memory slows down by about e^(−w). "
      "In-context learning does not win because memory is full: alone, the same MLP memorises every item.";
  claim.provenance = provenance("paper", "independent sub-circuits whose relative speed decides",
                                "before acquisition the MLP's gradient is that without attention "
                                "(differential-kinetics.md, section 3.2)");
  const std::vector<Arm> joint = measurements.arms("joint"), alone = measurements.arms("joint-alone");
  Checks checks(Strictness::kValue);
  check(joint, alone, checks);
  claim.checks = checks.take();
  claim.figures.push_back(memory_figure(joint, alone));
  claim.figures.push_back(capacity_figure(joint, alone));
  return claim;
}

// Partial runs: attention formed, but memory's output on novel items outweighs it.
std::string cause(const Measurements& measurements) {
  std::string text;
  for (const Arm& arm : measurements.arms("joint")) {
    if (items(arm) < 512) continue;
    if (const double partial = partial_runs(arm); partial > 0)
      text += fmt::format("{} of {} runs with K = {} are partial: attention formed, but what memory says of novel items "
                          "outweighs it. ", partial, arm.seeds(), items(arm));
  }
  return text;
}

}  // namespace

ClaimRecipe independence() { return {"C14", {"joint", "joint-alone"}, {}, judge, cause}; }

}  // namespace iclab::papers::differential_kinetics
