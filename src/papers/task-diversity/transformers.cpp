// C12: what of the findings for linear attention a small softmax transformer shows.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "papers/judge.h"
#include "papers/points.h"
#include "papers/task-diversity/axes.h"
#include "papers/task-diversity/claims.h"
#include "papers/task-diversity/trained_transformers.h"

namespace iclab::papers::task_diversity {
namespace {

using report::kAbsent;

constexpr double kFlat = 1.35, kClimb = 5;

// One group of runs whose plateaus are compared.
struct Plateau {
  std::string name;
  Arm arm;
  std::vector<double> steps;  // T_0.8 by seed
};

struct Plateaus {
  Plateau single, shared, disjoint, isotropic, nested;
  Plateau few;  // isotropic, with as many prompts as it has in `nested`
};

Plateaus plateaus_of(const Measurements& measurements) {
  const auto of = [&](const std::string& name, const std::string& study, size_t index) {
    const Arm arm = measurements.arms(study).at(index);
    return Plateau{name, arm, plateau_steps(arm)};
  };
  const Arm nested = measurements.arms("plateau-nested").at(0);
  return {of("one subspace", "plateau-disjoint", 0),
          of("three, sharing a column", "plateau-shared", 0),
          of("two, disjoint", "plateau-disjoint", 1),
          of("isotropic, alone", "plateau-isotropic", 0),
          {"isotropic, with an easy class", nested, plateau_steps(nested, "own")},
          of("isotropic, alone, half as many prompts", "plateau-isotropic-half", 0)};
}

// How many seeds of `a` have a shorter plateau than the same seed of `b`; without the pairs of which
// either is unknown or neither ended.
analysis::Estimate shorter(const std::vector<double>& a, const std::vector<double>& b) {
  std::int64_t wins = 0, pairs = 0;
  for (size_t seed = 0; seed < std::min(a.size(), b.size()); ++seed) {
    if (std::isnan(a[seed]) || std::isnan(b[seed])) continue;
    if (std::isinf(a[seed]) && std::isinf(b[seed])) continue;
    ++pairs;
    wins += a[seed] < b[seed];
  }
  return analysis::wilson(wins, pairs);
}

void check_angles(const Arm& single, const Arm& shared, const Arm& disjoint, Checks& checks) {
  const std::string flat = fmt::format("below {}", kFlat);
  checks.add("a: one subspace, risk at 90° outside over that in distribution", kAbsent,
             climb(single), above(kClimb), fmt::format("above {}", kClimb));
  checks.add("a: three subspaces sharing a column, largest over smallest risk in the span", 1,
             flatness(shared), below(kFlat), flat);
  checks.add("a: two disjoint subspaces, largest over smallest risk in the span", 1,
             flatness(disjoint), below(kFlat), flat);
  for (const auto& [name, arm] : {std::pair<std::string, const Arm*>{"one subspace", &single},
                                  {"three subspaces sharing a column", &shared},
                                  {"two disjoint subspaces", &disjoint}})
    checks.show(fmt::format("a: {}, risk in distribution", name), kAbsent,
                analysis::mean_over_seeds(arm->final(named_risk("id"))));
}

void check_plateaus(const Plateaus& all, Checks& checks) {
  const auto ratio = [](const Plateau& a, const Plateau& b) {
    return analysis::ratio_over_seeds(a.steps, b.steps, analysis::median);
  };
  checks.add("b: T_0.8, three sharing a column over one subspace", kAbsent,
             ratio(all.shared, all.single), above(1), "medians' ratio above 1");
  checks.add("b: T_0.8, two disjoint over three sharing a column", kAbsent,
             ratio(all.disjoint, all.shared), above(1), "medians' ratio above 1");
  checks.add("c: seeds whose plateau is shorter on the mixture than on the isotropic class of its span",
             kAbsent, shorter(all.shared.steps, all.isotropic.steps), above(0.5),
             "a majority, above 1/2");
  checks.show("c: T_0.8, mixture over isotropic class", kAbsent, ratio(all.shared, all.isotropic));
  checks.add("d: seeds whose isotropic class has a shorter plateau with an easy class than alone",
             kAbsent, shorter(all.nested.steps, all.isotropic.steps), above(0.5),
             "a majority, above 1/2");
  checks.show("d: T_0.8 of the isotropic class, with an easy class over alone", kAbsent,
              ratio(all.nested, all.isotropic));
  checks.show("d: the same against the isotropic class alone with half as many prompts", kAbsent,
              shorter(all.nested.steps, all.few.steps));
  for (const Plateau* one :
       {&all.single, &all.shared, &all.disjoint, &all.isotropic, &all.nested, &all.few})
    checks.show(fmt::format("T_0.8 in steps, {}{}", one->name, never_text(one->steps)), kAbsent,
                analysis::median_over_seeds(one->steps));
}

report::Figure plateau_figure(const Plateaus& all) {
  const std::vector<const Plateau*> arms{&all.single,    &all.shared, &all.disjoint,
                                         &all.isotropic, &all.nested, &all.few};
  report::Axis x{.word = "training tasks"};
  for (const Plateau* one : arms) x.categories.push_back(one->name);
  report::Figure figure("c12-plateaus", "Plateaus of a small transformer", x,
                        {.word = "plateau in steps", .symbol = "T_0.8"});
  figure.caption(
      "A dot is a run, the point their median. The mean loss over prompts and positions at a fixed "
      "rate: disjoint subspaces of equal power lengthen the plateau, and a shared column takes part "
      "of that away; seeds differ by a factor of two and more.");
  for (size_t i = 0; i < arms.size(); ++i) {
    const auto place = static_cast<double>(i);
    for (size_t seed = 0; seed < arms[i]->steps.size(); ++seed)
      figure.run("softmax transformer", {.x = place,
                                         .y = arms[i]->steps[seed],
                                         .seed = static_cast<std::int64_t>(seed),
                                         .settings = arms[i]->arm.label(static_cast<std::int64_t>(seed))});
    figure.measured("softmax transformer",
                    point_at(place, analysis::median_over_seeds(arms[i]->steps), arms[i]->arm.label(-1)));
  }
  const double single = analysis::median(all.single.steps);
  if (std::isfinite(single)) figure.rule_y(single, "one subspace");
  return figure;
}

report::Figure strength_figure(const Plateaus& all) {
  report::Figure figure("c12-plateau-and-strength", "Plateau against 1/Λ",
                        {.word = "inverse norm of the second moment", .symbol = "1/Λ"},
                        {.word = "plateau in steps", .symbol = "T_0.8"});
  figure.caption(
      "For linear attention at a fixed rate T grows like 1/Λ, Λ = ‖C‖. Among subspaces of one rank "
      "the transformer's medians follow in order; the isotropic class, whose tasks have more "
      "unknowns, does not.");
  for (const Plateau* one : {&all.single, &all.shared, &all.disjoint, &all.isotropic})
    figure.measured(one->name, point_at(1 / strength_of(one->arm),
                                        analysis::median_over_seeds(one->steps), one->arm.label(-1)));
  // The law through the single subspace.
  const double scale = analysis::median(all.single.steps) * strength_of(all.single.arm);
  if (!std::isfinite(scale)) return figure;
  const double first = 1 / strength_of(all.isotropic.arm), last = 1 / strength_of(all.disjoint.arm);
  figure.curve("T ∝ 1/Λ", std::vector{first, last}, std::vector{scale * first, scale * last});
  return figure;
}

report::Figure angle_figure(const Arm& single, const Arm& shared, const Arm& disjoint) {
  report::Figure figure = transformer_angle_figure(
      "c12-risk-against-angle", "A small transformer's risk against the angle to its training tasks");
  figure.caption(
      "Trained on one subspace the risk climbs with the angle, as that of linear attention does; "
      "trained on several it is nearly flat in their span. Different series have different "
      "dimensions and numbers of prompts: compare shapes, not levels.");
  draw_angles(figure, "one subspace, outside", single, "outside");
  draw_angles(figure, "three sharing a column, in the span", shared, "span");
  draw_angles(figure, "three sharing a column, outside", shared, "outside");
  draw_angles(figure, "two disjoint, in the span", disjoint, "span");
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "Softmax transformers";
  claim.statement =
      "What linear attention shows, a small transformer of GPT-2's shape shows too, measured in "
      "four parts: (a) one training subspace gives a risk that climbs with the angle, a union one "
      "that is nearly flat in its span; (b) with the mean loss at a fixed rate, disjoint subspaces of "
      "equal power lengthen the plateau, and sharing a column takes part of that away; (c) at a fixed span, a "
      "mixture has a shorter plateau than one isotropic class; (d) so has the isotropic class "
      "when half of its prompts are replaced by a nested easy class.";
  claim.provenance = {
      {"statement", "paper",
       "the abstracts of arXiv 2606.06814 and 2505.14808 say that their findings extend to nonlinear "
       "transformers; the four parts are our wording, and (b) is convention A of the regime map, "
       "where diversity lengthens the plateau"},
      {"prediction", "derived", "none in numbers: orders and flatness only; measured beforehand in few runs"},
      {"protocol", "own choice",
       "sizes, rates and steps are ours; T_0.8 is the plateau's end in the code of arXiv 2410.05448"},
      {"acceptance", "own choice", "thresholds stated in the table of checks"}};
  const Arm single = measurements.arms("transformer-single").at(0),
            shared = measurements.arms("transformer-union").at(0),
            disjoint = measurements.arms("transformer-disjoint").at(0);
  const Plateaus plateaus = plateaus_of(measurements);
  Checks checks;
  check_angles(single, shared, disjoint, checks);
  check_plateaus(plateaus, checks);
  claim.checks = checks.take();
  claim.figures.push_back(angle_figure(single, shared, disjoint));
  claim.figures.push_back(plateau_figure(plateaus));
  claim.figures.push_back(strength_figure(plateaus));
  return claim;
}

std::string step_text(double median) {
  return std::isfinite(median) ? fmt::format("at step {:.0f}", median) : "never";
}

// Why d departs: at an equal total batch the easy class takes prompts away from the isotropic one.
std::string cause(const Measurements& measurements) {
  const Plateaus all = plateaus_of(measurements);
  if (shorter(all.nested.steps, all.isotropic.steps).value > 0.5) return "";
  const double alone = analysis::median(all.isotropic.steps), few = analysis::median(all.few.steps),
               beside = analysis::median(all.nested.steps);
  const analysis::Estimate share = shorter(all.nested.steps, all.few.steps);
  return fmt::format(
      "Part d: beside the easy class the isotropic class has half of the batch. Its plateau ends (median) {} "
      "alone with the whole batch, {} alone with half of it, {} beside the easy class{}. At equal numbers of its "
      "own prompts it is shorter beside the easy class in {:.0f} % of the seeds ({:.0f} to {:.0f}). ",
      step_text(alone), step_text(few), step_text(beside),
      alone < beside && beside < few ? ": the prompts that it loses cost more than the easy class brings" : "",
      100 * share.value, 100 * share.lo, 100 * share.hi);
}

// Part a rests on other runs than b, c and d: more seeds go where something is undecided.
std::vector<std::string> undecided(const report::Claim& claim) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> parts{
      {"a: one", {"transformer-single"}},
      {"a: three", {"transformer-union"}},
      {"a: two", {"transformer-disjoint"}},
      {"b:", {"plateau-disjoint", "plateau-shared"}},
      {"c:", {"plateau-shared", "plateau-isotropic"}},
      {"d:", {"plateau-isotropic", "plateau-nested"}}};
  std::set<std::string> studies;
  for (const report::Check& check : claim.checks) {
    if (check.outcome != report::Outcome::kOpen && check.outcome != report::Outcome::kFailed) continue;
    for (const auto& [part, names] : parts)
      if (check.what.starts_with(part)) studies.insert(names.begin(), names.end());
  }
  return {studies.begin(), studies.end()};
}

}  // namespace

ClaimRecipe transformers() {
  return {"C12",
          {"transformer-single", "transformer-union", "transformer-disjoint", "plateau-disjoint",
           "plateau-shared", "plateau-isotropic", "plateau-nested"},
          {"plateau-isotropic-half"},
          judge,
          cause,
          undecided};
}

}  // namespace iclab::papers::task_diversity
