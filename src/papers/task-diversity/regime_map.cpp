// C8: under which conventions diversity shortens the plateau. The headline of the page.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/series.h"
#include "papers/judge.h"
#include "papers/points.h"
#include "papers/task-diversity/axes.h"
#include "papers/task-diversity/claims.h"
#include "papers/task-diversity/law.h"
#include "theory/conditioning.h"
#include "theory/plateau.h"
#include "theory/population_training.h"

namespace iclab::papers::task_diversity {
namespace {

using analysis::Estimate;

constexpr double kHalf = 0.5;

// One sweep point under a convention: steps against those of the single class.
struct Place {
  Law law;
  double columns = 0;  // non-overlapping columns: R - r, or nu
  double predicted_steps = 0;
  std::vector<double> steps;  // by seed
  double predicted_ratio = 0;
  Estimate ratio;
  std::string label;
};

struct Curve {
  std::string name;  // "A: mean loss, fixed rate"
  std::vector<Place> places;
};

using Steps = std::vector<double> (*)(const Arm&);
using Prediction = double (*)(const Law&, const Arm&);

double flow_steps(const Law& law, const Arm&) {
  return theory::plateau(law.spectrum, law.alpha, kHalf) / (law.lr * law.scale);
}

double adam_steps(const Law& law, const Arm& arm) {
  const theory::PopulationTraining training{theory::Optimizer::kAdam, law.lr, law.alpha, law.scale};
  const std::vector<double> risks = theory::population_risks(law.spectrum, training, arm.steps());
  const double least = law.spectrum.least_risk();
  const std::int64_t step = theory::first_step(risks, analysis::drop_level(risks[0], least, kHalf));
  return step < 0 ? analysis::kNever : static_cast<double>(step);
}

double merged_steps(const Law& law, const Arm&) {
  return static_cast<double>(
      theory::merged_descent_steps(law.mixture, law.n, law.sigma2, kAccuracy));
}

Place place_of(const Arm& arm, Steps steps, Prediction prediction) {
  Place place;
  place.law = law_of(arm);
  place.columns = static_cast<double>(place.law.mixture.R() - place.law.mixture.r);
  place.predicted_steps = prediction(place.law, arm);
  place.steps = steps(arm);
  place.label = arm.label(-1);
  return place;
}

void compare(Place& place, const Place& single) {
  place.predicted_ratio = place.predicted_steps / single.predicted_steps;
  place.ratio =
      place.steps.size() > 1
          ? analysis::ratio_over_seeds(place.steps, single.steps, analysis::median)
          : analysis::exact(analysis::ratio_or_never(place.steps.at(0), single.steps.at(0)));
}

bool is_single(const Place& place) { return place.law.mixture.K == 1; }

// A study over (K, s), compared with its own K = 1 or with another curve's.
Curve curve_of(const std::string& name, const std::vector<Arm>& arms, Steps steps,
               Prediction prediction, const Curve* reference = nullptr) {
  Curve curve{name, {}};
  for (const Arm& arm : arms) curve.places.push_back(place_of(arm, steps, prediction));
  const std::vector<Place>& all = reference ? reference->places : curve.places;
  const Place single = *std::ranges::find_if(all, is_single);
  for (Place& place : curve.places) compare(place, single);
  return curve;
}

// Explicit classes: the first arm of "nested" is class 0 alone. nu: columns of class 1 that class 0
// lacks.
Curve class_curve(const std::string& name, const std::vector<Arm>& arms, const Arm& alone) {
  Curve curve{name, {}};
  const Place single = place_of(alone, half_drop_steps, flow_steps);
  for (const Arm& arm : arms) {
    const std::vector<theory::ColumnClass> classes = classes_of(arm);
    if (classes.size() < 2) continue;
    Place place = place_of(arm, half_drop_steps, flow_steps);
    const auto& first = classes[0].columns;
    place.columns =
        static_cast<double>(std::ranges::count_if(classes[1].columns, [&](std::int64_t column) {
          return std::ranges::find(first, column) == first.end();
        }));
    // The law of a class mixture: rank and shared columns of class 0.
    place.law.mixture.r = static_cast<std::int64_t>(first.size());
    place.law.mixture.s = static_cast<std::int64_t>(classes[1].columns.size()) -
                          static_cast<std::int64_t>(place.columns);
    compare(place, single);
    curve.places.push_back(std::move(place));
  }
  return curve;
}

struct Map {
  Curve mean, summed, matched, merged, nested, overlapping, adam;
};

Map measure(const Measurements& measurements) {
  Map map;
  map.mean = curve_of("A: mean loss, fixed rate", measurements.arms("mean-loss"), half_drop_steps,
                      flow_steps);
  map.summed = curve_of("B: summed loss", measurements.arms("summed-loss"), half_drop_steps,
                        flow_steps, &map.mean);
  map.matched = curve_of("C: rate matched to 1/Λ", measurements.arms("matched-rate"),
                         half_drop_steps, flow_steps);
  map.merged = curve_of("D: merged form, random Γ₀", measurements.arms("conditioning"),
                        accuracy_steps, merged_steps);
  const std::vector<Arm> nested = measurements.arms("nested");
  map.nested = class_curve("E: nested class", nested, nested.at(0));
  map.overlapping =
      class_curve("E′: overlapping class", measurements.arms("overlapping"), nested.at(0));
  map.adam = curve_of("G: Adam", measurements.arms("adam"), half_drop_steps, adam_steps);
  return map;
}

// ---- checks
// ----------------------------------------------------------------------------------------

std::string at(const Curve& curve, const Place& place) {
  return fmt::format("{}, {}", curve.name.substr(0, curve.name.find(':')),
                     mixture_name(place.law.mixture));
}

void check_steps(const Curve& curve, double part, const std::string& tolerance, Checks& checks) {
  const size_t mark = checks.size();
  for (const Place& place : curve.places)
    checks.add(fmt::format("half-drop step, {}", at(curve, place)), place.predicted_steps,
               analysis::median_over_seeds(place.steps), within(place.predicted_steps, part),
               tolerance);
  checks.condense(mark);
}

void check_ratios(const Curve& curve, const Accepted& accepted, const std::string& tolerance,
                  Checks& checks) {
  const size_t mark = checks.size();
  for (const Place& place : curve.places) {
    if (is_single(place)) continue;
    checks.add(fmt::format("T/T_single, {}", at(curve, place)), place.predicted_ratio, place.ratio,
               accepted, tolerance);
  }
  checks.condense(mark);
}

void check_nested(const Curve& curve, Checks& checks) {
  const size_t mark = checks.size();
  double steepest = 0, predicted = 0;
  for (size_t i = 0; i < curve.places.size(); ++i) {
    const Place& place = curve.places[i];
    if (place.columns > 0)
      checks.add(fmt::format("T/T_single, E, ν = {:.0f}", place.columns), place.predicted_ratio,
                 place.ratio, below(1), "shorter than the single class");
    if (i == 0) continue;
    const Place& before = curve.places[i - 1];
    steepest = std::max(steepest, analysis::ratio_or_never(place.steps.at(0), before.steps.at(0)));
    predicted = std::max(predicted, place.predicted_steps / before.predicted_steps);
  }
  checks.condense(mark);
  checks.add("E: largest ratio of T at successive ν", predicted, analysis::exact(steepest),
             below(1), "below 1: monotone in ν");
}

// Diversity shortens the plateau only beyond nu = 3 (r - s).
void check_crossing(const Curve& curve, Checks& checks) {
  std::vector<double> columns, measured, predicted;
  for (const Place& place : curve.places) {
    columns.push_back(place.columns);
    measured.push_back(place.ratio.value);
    predicted.push_back(place.predicted_ratio);
  }
  const theory::Mixture& first = curve.places.at(0).law.mixture;
  const double law = 3 * static_cast<double>(first.r - first.s);
  checks.add("E′: ν at which T/T_single crosses 1", analysis::crossing(columns, predicted, 1),
             analysis::exact(analysis::crossing(columns, measured, 1)), within(law, 1.0 / 6),
             fmt::format("between {} and {}", law * 5 / 6, law * 7 / 6));
}

// ---- figure
// ----------------------------------------------------------------------------------------

// In order of their columns; of several mixtures with equally many, those without shared columns.
std::vector<Place> drawn(const Curve& curve) {
  std::map<double, Place> places;
  for (const Place& place : curve.places) {
    const auto [found, is_new] = places.emplace(place.columns, place);
    if (!is_new && place.law.mixture.s == 0) found->second = place;
  }
  const bool crowded = places.size() < curve.places.size();
  std::vector<Place> sorted;
  for (const auto& [columns, place] : places)
    if (!crowded || place.law.mixture.s == 0) sorted.push_back(place);
  return sorted;
}

report::Figure map_figure(const Map& map) {
  report::Figure figure(
      "c8-regime-map", "Does diversity shorten the plateau? It depends on what is held fixed",
      {.word = "non-overlapping columns", .symbol = "R − r, or ν for E and E′"},
      {.word = "plateau over that of a single class", .symbol = "T/T_single", .log = true});
  figure.caption(
      "Above the line at 1 diversity lengthens the plateau, below it shortens it: claim (i) holds "
      "for summed losses (B), better conditioning (D) and nested classes (E), reverses for the "
      "mean "
      "loss at a fixed rate (A), and is neutral where the rate follows the curvature (C, nearly "
      "G).");
  for (const Curve* curve : {&map.mean, &map.summed, &map.matched, &map.merged, &map.nested,
                             &map.overlapping, &map.adam}) {
    std::vector<Place> places = drawn(*curve);
    if (curve == &map.summed)
      places.insert(places.begin(), *std::ranges::find_if(map.mean.places, is_single));
    std::vector<double> x, y;
    for (const Place& place : places) {
      x.push_back(place.columns);
      y.push_back(place.predicted_ratio);
    }
    figure.theory(curve->name, x, y);
    for (const Place& place : places)
      figure.measured(curve->name, point_at(place.columns, place.ratio, place.label));
  }
  figure.rule_y(1, "as long as for a single class");
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "Does diversity shorten the plateau? The regime map";
  claim.statement =
      "The paper's claim (i): more training task diversity shortens the plateau of in-context "
      "learning. What is held fixed while diversity grows could not be read in the abstract, and "
      "it "
      "decides. What is judged here is our map of it, not claim (i) itself: at a fixed learning "
      "rate "
      "T ∝ 1/‖Σ ω_k C_k‖_F. A mixture of equal-power subspaces with the mean loss (A) lengthens "
      "the "
      "plateau; summed losses (B), nested classes (E) and conditioning (D) shorten it; an "
      "overlapping class (E′) does so only with ν > 3(r − s) columns of its own; a matched rate "
      "(C) "
      "and Adam (G) make it (almost) neutral.";
  claim.provenance = provenance("paper",
                                "claim (i) is in the abstract of arXiv 2606.06814; conventions A "
                                "to G are our readings of it, "
                                "and none could be identified as the paper's",
                                "ODE of gradient flow (A, B, C, E, E′), closed form of "
                                "conditioning (D), population Adam (G)");
  const Map map = measure(measurements);
  Checks checks;
  check_ratios(map.mean, above(1), "longer than the single class", checks);
  check_steps(map.mean, 0.06, "median within 6 % of the ODE", checks);
  check_ratios(map.summed, below(1), "shorter than the single class", checks);
  check_steps(map.summed, 0.06, "median within 6 % of the ODE", checks);
  check_ratios(map.matched, within(1, 0.03), "within 3 % of the single class", checks);
  check_nested(map.nested, checks);
  check_crossing(map.overlapping, checks);
  check_steps(map.adam, 0.06, "median within 6 % of population Adam", checks);
  for (const Place& place : map.merged.places)
    if (!is_single(place) && place.law.mixture.s == 0)
      checks.show(fmt::format("T/T_single, {}", at(map.merged, place)), place.predicted_ratio,
                  place.ratio);
  claim.checks = checks.take();
  claim.figures.push_back(map_figure(map));
  return claim;
}

}  // namespace

ClaimRecipe regime_map() {
  return {"C8",
          {"mean-loss", "summed-loss", "matched-rate", "nested", "overlapping", "adam"},
          {"conditioning"},
          judge,
          {}};
}

}  // namespace iclab::papers::task_diversity
