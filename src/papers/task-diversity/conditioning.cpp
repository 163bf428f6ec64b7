// C10: in the merged form diversity improves the conditioning of M.
#include "theory/conditioning.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papers/judge.h"
#include "papers/points.h"
#include "papers/task-diversity/axes.h"
#include "papers/task-diversity/claims.h"
#include "papers/task-diversity/law.h"

namespace iclab::papers::task_diversity {
namespace {

using analysis::Estimate;

struct Place {
  Law law;
  double kappa = 0, predicted = 0;
  std::vector<double> steps;  // by Gamma0
  std::string label;
};

std::vector<Place> places_of(const std::vector<Arm>& arms) {
  std::vector<Place> places;
  for (const Arm& arm : arms) {
    Place place;
    place.law = law_of(arm);
    const Law& law = place.law;
    place.kappa = theory::mixture_constants(law.mixture, law.n, law.sigma2).kappa_M;
    place.predicted = static_cast<double>(
        theory::merged_descent_steps(law.mixture, law.n, law.sigma2, kAccuracy));
    place.steps = accuracy_steps(arm);
    place.label = arm.label(-1);
    places.push_back(std::move(place));
  }
  return places;
}

// Groups of equal condition number, the best conditioned first. Mixtures with shared columns are
// left out where they have so few null directions that the closed form itself is not ordered by
// kappa.
std::vector<std::vector<const Place*>> by_kappa(const std::vector<Place>& places,
                                                bool disjoint_only) {
  std::vector<const Place*> sorted;
  for (const Place& place : places)
    if (!disjoint_only || place.law.mixture.s == 0) sorted.push_back(&place);
  std::ranges::stable_sort(sorted, {}, &Place::kappa);
  std::vector<std::vector<const Place*>> groups;
  for (const Place* place : sorted) {
    if (groups.empty() || place->kappa > groups.back()[0]->kappa * (1 + 1e-9)) groups.push_back({});
    groups.back().push_back(place);
  }
  return groups;
}

bool is_ordered(const std::vector<std::vector<const Place*>>& groups) {
  double slowest = 0;
  for (const auto& group : groups) {
    double next = slowest;
    for (const Place* place : group) {
      if (place->predicted < slowest) return false;
      next = std::max(next, place->predicted);
    }
    slowest = next;
  }
  return true;
}

// The smallest gain in median steps from one condition number to the next larger, paired by Gamma0.
Estimate smallest_gap(const std::vector<std::vector<const Place*>>& groups) {
  const auto seeds = static_cast<std::int64_t>(groups.at(0).at(0)->steps.size());
  return analysis::over_seeds(seeds, [&](std::span<const size_t> sample) {
    double smallest = INFINITY, slowest_before = -INFINITY;
    for (const auto& group : groups) {
      double slowest = -INFINITY;
      for (const Place* place : group) {
        std::vector<double> steps;
        for (const size_t i : sample) steps.push_back(place->steps[i]);
        const double median = analysis::median(steps);
        if (std::isinf(median)) return std::nan("");  // never: no order to speak of
        smallest = std::min(smallest, median - slowest_before);
        slowest = std::max(slowest, median);
      }
      slowest_before = slowest;
    }
    return smallest;
  });
}

report::Figure figure_of(const std::vector<Place>& places, const std::vector<Arm>& from_zero) {
  report::Figure figure("c10-steps-against-kappa", "Better conditioned tasks train in fewer steps",
                        {.word = "condition number of M", .symbol = "κ", .log = true},
                        {.word = "steps to J − J* < 0.01 r", .log = true});
  figure.caption(
      "Gradient descent on the merged form at its largest safe rate: a dot for each random Γ₀, the "
      "median with its interval, the closed form. From Γ₀ = 0 every mixture needs only a few "
      "steps.");
  const std::string series = "D: merged form, random Γ₀";
  std::vector<const Place*> sorted;
  for (const Place& place : places) sorted.push_back(&place);
  std::ranges::stable_sort(sorted, {}, &Place::kappa);
  std::vector<double> x, y;
  for (const Place* place : sorted) {
    x.push_back(place->kappa);
    y.push_back(place->predicted);
  }
  figure.theory(series, x, y);
  for (const Place* place : sorted) {
    for (size_t seed = 0; seed < place->steps.size(); ++seed)
      figure.run(series, {.x = place->kappa,
                          .y = place->steps[seed],
                          .seed = static_cast<std::int64_t>(seed),
                          .settings = place->label});
    figure.measured(
        series, point_at(place->kappa, analysis::median_over_seeds(place->steps), place->label));
  }
  for (const Place& place : places_of(from_zero))
    figure.measured("Γ₀ = 0",
                    point_at(place.kappa, analysis::exact(place.steps.at(0)), place.label));
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "Conditioning: a reading under which diversity helps";
  claim.statement =
      "In the merged form Γ there is no plateau; the number of steps follows the condition number "
      "of M. "
      "Disjoint subspaces lower it, from κ = 1 + (n + 1)/(r + σ²) for one subspace to 1 when they "
      "span all "
      "directions; with shared columns there is no gain.";
  claim.provenance =
      provenance("derived", "convention D: one reading of \"diversity improves the optimisation\"",
                 "closed form of task-diversity.md, section 5.5, for gradient descent from a random Γ₀");
  const std::vector<Arm> arms = measurements.arms("conditioning");
  const std::vector<Place> places = places_of(arms);
  Checks checks;
  const size_t mark = checks.size();
  for (const Place& place : places)
    checks.add(
        fmt::format("median steps, {} (κ = {:.1f})", mixture_name(place.law.mixture), place.kappa),
        place.predicted, analysis::median_over_seeds(place.steps), within(place.predicted, 0.2, 1),
        "closed form within 20 % (+ 1 step)");
  checks.condense(mark);
  const bool ordered = is_ordered(by_kappa(places, false));
  checks.add("smallest gain in median steps to the next larger κ", report::kAbsent,
             smallest_gap(by_kappa(places, !ordered)), above(0), "above 0: in order of κ");
  const std::vector<Arm> from_zero = measurements.arms("conditioning-from-zero");
  double most = 0;
  for (const Place& place : places_of(from_zero)) most = std::max(most, place.steps.at(0));
  checks.show("most steps from Γ₀ = 0, any mixture", report::kAbsent, analysis::exact(most));
  claim.checks = checks.take();
  claim.figures.push_back(figure_of(places, from_zero));
  return claim;
}

}  // namespace

ClaimRecipe conditioning() {
  return {"C10", {"conditioning"}, {"conditioning-from-zero"}, judge, {}};
}

}  // namespace iclab::papers::task_diversity
