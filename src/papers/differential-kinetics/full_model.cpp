// C15: the model with trained queries, keys and values behaves as the minimal one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>

#include "analysis/series.h"
#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/drawing.h"
#include "papers/differential-kinetics/runs.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "papers/points.h"

namespace iclab::papers::differential_kinetics {
namespace {

constexpr double kFew = 1. / 8, kMost = 7. / 8;   // of the runs
constexpr Accepted kSteps{.lo = 700, .hi = 3200};  // median t_ICL

std::string items_text(const Arm& arm) { return items(arm) > 0 ? fmt::to_string(items(arm)) : "∞"; }

std::string label_text(const Arm& arm) {
  return arm.model().text("label") == "scalar" ? "label as a number" : "label as two columns";
}

// None of these K acquires, or nearly every run does; between them it varies.
enum class Expected { kNever, kAlways, kEither };

Expected expected(const Arm& arm) {
  const double K = items(arm);
  if (K == 64 || K == 512) return Expected::kNever;
  return K == 4096 || K == 8192 || K == 0 ? Expected::kAlways : Expected::kEither;
}

void check(const std::vector<Arm>& arms, Checks& checks) {
  for (const Arm& arm : arms) {
    const std::string what = fmt::format("fraction of runs that acquire, K = {}, {}", items_text(arm), label_text(arm));
    const analysis::Estimate fraction = analysis::mean_over_seeds(acquired(arm));
    if (expected(arm) == Expected::kNever)
      checks.add(what, 0, fraction, {.hi = kFew}, "at most 1 of 8");
    else if (expected(arm) == Expected::kAlways)
      checks.add(what, 1, fraction, {.lo = kMost}, "at least 7 of 8");
    else
      checks.show(what, report::kAbsent, fraction);
  }
  for (const Arm& arm : arms) {
    const std::string what = fmt::format("median t_ICL, K = {}, {}", items_text(arm), label_text(arm));
    const analysis::Estimate steps = analysis::median_over_seeds(acquisition_steps(arm));
    if (expected(arm) == Expected::kAlways)
      checks.add(what, report::kAbsent, steps, kSteps, fmt::format("{} to {}", kSteps.lo, kSteps.hi));
    else
      checks.show(what, report::kAbsent, steps);
  }
}

// ---- figures --------------------------------------------------------------------------------------

// Numbers of items in order, infinitely many last, as places on an axis.
std::vector<std::string> places_of(const std::vector<Arm>& arms) {
  std::vector<std::string> names;
  for (const Arm& arm : arms)
    if (std::ranges::find(names, items_text(arm)) == names.end()) names.push_back(items_text(arm));
  return names;
}

double place_of(const Arm& arm, const std::vector<std::string>& names) {
  return static_cast<double>(std::ranges::find(names, items_text(arm)) - names.begin());
}

report::Axis places_axis(const std::vector<Arm>& arms) {
  report::Axis axis{.word = "items", .symbol = "K"};
  axis.categories = places_of(arms);
  return axis;
}

report::Figure steps_figure(const std::vector<Arm>& arms) {
  report::Figure figure("c15-steps", "The full model acquires from thousands of items on", places_axis(arms), acquisition_axis());
  figure.caption("A dot is a run, the point the median; the upper edge: never within its steps. Few items are memorised before attention has formed; from "
                 "thousands on it is acquired, in a time that hardly depends on K.");
  for (const Arm& arm : arms)
    draw_seeds(figure, label_text(arm), place_of(arm, places_of(arms)), acquisition_steps(arm), arm);
  return figure;
}

report::Figure accuracy_figure(const std::vector<Arm>& arms) {
  report::Figure figure("c15-accuracy", "Novel items at the end of training", places_axis(arms), accuracy_axis());
  figure.caption("Accuracy on novel items where each run ended (a dot), and the median: near chance for few items, above 0.95, where a run stops, for many.");
  for (const Arm& arm : arms)
    draw_seeds(figure, label_text(arm), place_of(arm, places_of(arms)), last_values(arm, novel()), arm);
  figure.rule_y(kAcquired, "acquired");
  return figure;
}

// Accuracy by seed at a step; a run that stopped before keeps the one where it stopped.
std::vector<double> accuracy_at(const Arm& arm, const std::vector<study::RunOutput>& runs, std::int64_t step) {
  std::vector<double> values = arm.sample(runs, novel(), step).values;
  const std::vector<double> ends = arm.sample(runs, novel(), {}).values;
  for (size_t seed = 0; seed < values.size(); ++seed) {
    const study::RunView& run = runs[seed].run();
    if (run.state == study::RunState::kStopped && step > run.step) values[seed] = ends[seed];
  }
  return values;
}

report::Figure time_figure(const std::vector<Arm>& arms) {
  report::Figure figure("c15-time", "Abrupt in every run, spread over runs", step_axis(), accuracy_axis());
  figure.caption("Mean accuracy on novel items; a run that acquired and stopped counts with its last value. Each run stays near 0.6 and then rises within few steps, at times "
                 "that differ by a factor of two: the mean rises slowly.");
  figure.panels("items K");
  for (const Arm& arm : arms) {
    const std::vector<study::RunOutput> runs = arm.outputs(novel());
    const std::int64_t longest = arm.sample(runs, novel(), {}).last_step;
    std::vector<double> steps;
    for (const std::int64_t step : arm.due(novel()))
      if (step <= longest) steps.push_back(static_cast<double>(step));
    constexpr size_t kPoints = 21;
    for (const size_t i : report::thin(steps, kPoints, false))
      figure.measured(label_text(arm), point_at(steps[i], analysis::mean_over_seeds(accuracy_at(arm, runs, arm.due(novel())[i])),
                                                arm.label(-1), items_text(arm)));
  }
  figure.rule_y(kAcquired, "acquired");
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "The full model";
  claim.statement =
      "A transformer layer with LayerNorm and trained queries, keys and values behaves as the minimal model: with few items "
      "it memorises and never learns in context, with many it acquires in-context learning abruptly, after a time that does not "
      "grow with their number.";
  claim.provenance = provenance("paper", "the minimal model captures the one-layer transformer",
                                "none in numbers; K and steps from runs of an independent implementation and of the authors' script");
  std::vector<Arm> arms = measurements.arms("full-model");
  for (const Arm& arm : measurements.arms("full-model-fresh")) arms.push_back(arm);
  Checks checks(Strictness::kValue);
  check(arms, checks);
  claim.checks = checks.take();
  claim.figures.push_back(steps_figure(arms));
  claim.figures.push_back(accuracy_figure(arms));
  claim.figures.push_back(time_figure(arms));
  return claim;
}

}  // namespace

ClaimRecipe full_model() { return {"C15", {"full-model", "full-model-fresh"}, {}, judge, {}}; }

}  // namespace iclab::papers::differential_kinetics
