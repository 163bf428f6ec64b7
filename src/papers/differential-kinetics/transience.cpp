// C12: with weight decay on attention, what was acquired in context is lost again once memory has caught up.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/series.h"
#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/drawing.h"
#include "papers/differential-kinetics/passages.h"
#include "papers/differential-kinetics/runs.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "papers/points.h"
#include "theory/kinetics_decay.h"

namespace iclab::papers::differential_kinetics {
namespace {

constexpr double kKept = 0.75;                 // lost after the last evaluation with this accuracy
constexpr double kFalling = 0.9, kFallen = 0.7;  // the fold lies between
constexpr double kLost = 0.6;
constexpr std::int64_t kLatest = 100;  // steps that C is averaged over

// Of the weights that a [[train.group]] matches by this pattern.
double decay_of(const Arm& arm, const std::string& match) {
  const train::Training& training = arm.point().training;
  const Settings& optimizer = training.optimizer.settings;
  const double common = optimizer.has("weight_decay") ? optimizer.real("weight_decay") : 0;
  for (const train::Group& group : training.groups)
    if (group.match == match) return group.weight_decay.value_or(common);
  return common;
}

double decay(const Arm& arm) { return decay_of(arm, "*"); }             // lambda of attention
double memory_decay(const Arm& arm) { return decay_of(arm, "mlp.*"); }  // of the MLP

// The MLP keeps what it learns: its decay is none, or the paper's 1e-10.
bool memory_is_kept(const Arm& arm) { return memory_decay(arm) < 1e-8; }

// After "K = ".
std::string panel_of(const Arm& arm) {
  return fmt::format("{}, λ = {}{}", items(arm), decay(arm), memory_is_kept(arm) ? "" : " on all weights");
}

std::string name_of(const Arm& arm) { return "K = " + panel_of(arm); }

// How one run's accuracy on novel items rose and fell.
struct Course {
  std::vector<std::int64_t> steps;
  std::vector<double> accuracy;
  double peak = 0, least_later = 0, loss_step = 0;
  RiseAndFall shape{};
};

Course course_of(const Arm& arm, std::int64_t seed) {
  Arm::Curve curve = arm.curve(seed, novel());
  Course course{.steps = std::move(curve.steps), .accuracy = std::move(curve.values)};
  if (course.accuracy.empty()) {
    course.peak = course.least_later = course.loss_step = std::nan("");
    return course;
  }
  const auto highest = std::ranges::max_element(course.accuracy);
  course.peak = *highest;
  course.least_later = *std::min_element(highest, course.accuracy.end());
  course.loss_step = last_at_or_above(course.steps, course.accuracy, kKept);
  course.shape = rise_and_fall(course.accuracy, kAcquired, kFalling, kFallen);
  return course;
}

struct Courses {
  Arm arm;
  std::vector<Course> runs;  // by seed

  std::vector<double> of(double Course::*number) const {
    std::vector<double> values;
    for (const Course& run : runs) values.push_back(run.*number);
    return values;
  }
};

std::vector<Courses> courses_of(const std::vector<Arm>& arms) {
  std::vector<Courses> all;
  for (const Arm& arm : arms) {
    Courses courses{arm, {}};
    for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) courses.runs.push_back(course_of(arm, seed));
    all.push_back(std::move(courses));
  }
  return all;
}

const Courses* find(const std::vector<Courses>& all, double K, double lambda, bool kept) {
  for (const Courses& courses : all)
    if (items(courses.arm) == K && decay(courses.arm) == lambda && memory_is_kept(courses.arm) == kept) return &courses;
  return nullptr;
}

// ---- what w, beta and C did -----------------------------------------------------------------------

// At the steps of a course, as far as all of them are there; the residual C is that of the latest 100 batches, as memory's
// training has spikes of few steps.
struct State {
  std::vector<double> w, beta, residual, copy;
  size_t size() const { return w.size(); }
};

State state_of(const Arm& arm, std::int64_t seed, const Course& course) {
  const Arm::Curve batches = arm.curve(seed, {.series = "residual", .name = "batch"});
  State state{.w = arm.values_at(course.steps, seed, weight("w")),
              .beta = arm.values_at(course.steps, seed, weight("beta")),
              .residual = trailing_means(batches.steps, batches.values, course.steps, kLatest),
              .copy = arm.values_at(course.steps, seed, novel("copy"))};
  const size_t size = std::min({state.w.size(), state.beta.size(), state.residual.size(), state.copy.size()});
  for (std::vector<double>* each : {&state.w, &state.beta, &state.residual, &state.copy}) each->resize(size);
  return state;
}

// Mean of C/lambda between the first evaluation below 0.9 after acquisition and the first below 0.7.
std::vector<double> residuals_at_loss(const Courses& courses) {
  std::vector<double> means;
  for (size_t seed = 0; seed < courses.runs.size(); ++seed) {
    const State state = state_of(courses.arm, static_cast<std::int64_t>(seed), courses.runs[seed]);
    const Stretch fall = courses.runs[seed].shape.fall;
    const bool there = !fall.empty() && fall.end <= state.size();
    means.push_back(there ? analysis::mean(std::span(state.residual).subspan(fall.begin, fall.end - fall.begin)) /
                                decay(courses.arm)
                          : std::nan(""));
  }
  return means;
}

// Medians over the second half of the plateau, where attention is stationary.
struct Plateau {
  std::vector<double> w_relation, residual_relation;  // w^2 (1 - copy)/beta and (C/lambda) copy/w by seed
};

Plateau plateau_of(const Courses& courses) {
  Plateau plateau;
  for (size_t seed = 0; seed < courses.runs.size(); ++seed) {
    const State state = state_of(courses.arm, static_cast<std::int64_t>(seed), courses.runs[seed]);
    const Stretch above = courses.runs[seed].shape.above;
    std::vector<double> w_relation, residual_relation;
    for (size_t i = (above.begin + above.end) / 2; i < std::min(above.end, state.size()); ++i) {
      w_relation.push_back(state.w[i] * state.w[i] * (1 - state.copy[i]) / state.beta[i]);
      residual_relation.push_back(state.residual[i] / decay(courses.arm) * state.copy[i] / state.w[i]);
    }
    plateau.w_relation.push_back(analysis::median(w_relation));
    plateau.residual_relation.push_back(analysis::median(residual_relation));
  }
  return plateau;
}

// -d log(w)/d(eta lambda t) over the second half of what is left after accuracy fell below 0.6.
std::vector<double> decay_exponents(const Courses& courses) {
  std::vector<double> exponents;
  const double rate = courses.arm.lr() * decay(courses.arm);
  for (size_t seed = 0; seed < courses.runs.size(); ++seed) {
    const Course& run = courses.runs[seed];
    const State state = state_of(courses.arm, static_cast<std::int64_t>(seed), courses.runs[seed]);
    const Stretch lost = rise_and_fall(run.accuracy, kAcquired, kFalling, kLost).fall;
    if (lost.empty()) {
      exponents.push_back(std::nan(""));
      continue;
    }
    std::vector<double> time, w;
    for (size_t i = (lost.end + state.size()) / 2; i < state.size(); ++i) {
      time.push_back(rate * static_cast<double>(run.steps[i]));
      w.push_back(state.w[i]);
    }
    exponents.push_back(-log_slope(time, w));
  }
  return exponents;
}

// ---- checks ---------------------------------------------------------------------------------------

// The quick protocol's settings, by its numbers of items and decays.
void check_quick(const std::vector<Courses>& all, Checks& checks) {
  if (const Courses* row = find(all, 512, 3e-3, true)) {
    const std::string name = name_of(row->arm);
    checks.add(fmt::format("highest accuracy on novel items, {}", name), report::kAbsent,
               analysis::median_over_seeds(row->of(&Course::peak)), above(kAcquired), "above 0.95");
    checks.add(fmt::format("lowest accuracy on novel items after that, {}", name), 0.5,
               analysis::median_over_seeds(row->of(&Course::least_later)), below(kLost), "below 0.6");
    checks.add(fmt::format("accuracy on trained items at the end, {}", name), 1,
               analysis::median_over_seeds(last_values(row->arm, trained())), {.lo = 0.95}, "at least 0.95");
    checks.add(fmt::format("C/λ while accuracy falls from 0.9 to 0.7, {}", name),
               theory::decay_fold(context(row->arm)).h_fold, analysis::median_over_seeds(residuals_at_loss(*row)),
               {.lo = 3.5, .hi = 6.5}, "3.5 to 6.5, around the fold");
  }
  if (const Courses* row = find(all, 512, 3e-2, true))
    checks.add(fmt::format("fraction of runs that acquire, {}", name_of(row->arm)), 0,
               analysis::mean_over_seeds(acquired(row->arm)), within(0, 0), "none");
  for (const Courses& row : all)
    if (!memory_is_kept(row.arm))
      checks.add(fmt::format("accuracy on novel items at the end, {}", name_of(row.arm)), 1,
                 analysis::median_over_seeds(last_values(row.arm, novel())), {.lo = 0.95}, "at least 0.95");
}

// Loss time at a large decay over that at a small one, at the same number of items.
void check_order(const Courses& small, const Courses& large, Checks& checks) {
  checks.add(fmt::format("median step of loss at λ = {} over that at λ = {}, K = {}", decay(large.arm), decay(small.arm),
                         items(small.arm)),
             report::kAbsent,
             analysis::ratio_over_seeds(large.of(&Course::loss_step), small.of(&Course::loss_step), analysis::median),
             below(1), "below 1: lost sooner");
}

void show_theory(const Courses& row, Checks& checks) {
  const std::string name = name_of(row.arm);
  const Plateau plateau = plateau_of(row);
  checks.show(fmt::format("w² (1 − copy)/β on the plateau, {}", name), 1, analysis::median_over_seeds(plateau.w_relation));
  checks.show(fmt::format("(C/λ) copy/w on the plateau, {}; theory: all copies have one overlap", name), 1,
              analysis::median_over_seeds(plateau.residual_relation));
  checks.show(fmt::format("decay of w after the loss over e^(−ηλt), {}", name), 1,
              analysis::median_over_seeds(decay_exponents(row)));
}

// ---- figures --------------------------------------------------------------------------------------

report::Figure accuracy_figure(const std::vector<Courses>& all) {
  report::Figure figure("c12-accuracy", "Acquired in context, and lost again", step_axis(),
                        {.word = "accuracy", .from = 0.4, .to = 1});
  figure.caption("Means over runs. Attention decays at rate λ: it forms first, memory catches up, and in-context learning is lost. A decay that is too large lets it "
                 "never form; one that acts on memory too keeps it.");
  figure.panels("K");
  for (const Courses& courses : all) {
    const CurveStyle style{.most = 30, .panel = panel_of(courses.arm)};
    draw_mean_curve(figure, "novel items (in context)", courses.arm, novel(), style);
    draw_mean_curve(figure, "trained items (in weights)", courses.arm, trained(), style);
  }
  figure.rule_y(0.5, "chance");
  return figure;
}

report::Figure fold_figure(const Courses& row) {
  const double N = context(row.arm), lambda = decay(row.arm);
  const theory::DecayFold fold = theory::decay_fold(N);
  report::Figure figure("c12-fold", "Attention is lost at the fold of its stationary states",
                        {.word = "sharpness of attention", .symbol = "β"},
                        {.word = "training residual over decay", .symbol = "C/λ", .log = true});
  figure.caption(fmt::format("{}. Line: stationary attention, C/λ = h(β). Runs (dots, every few evaluations) start high at β = 0, come down along the right branch as memory "
                             "grows, and where C/λ falls below the fold, β decays to 0. Dots above the line near the fold: spikes of the MLP's training.", name_of(row.arm)));
  std::vector<double> beta, h;
  double most = fold.beta_fold + 2;
  for (size_t seed = 0; seed < row.runs.size(); ++seed) {
    const State state = state_of(row.arm, static_cast<std::int64_t>(seed), row.runs[seed]);
    if (state.size() > 0) most = std::max(most, *std::ranges::max_element(state.beta));
  }
  for (int i = 1; i <= 120; ++i) {
    beta.push_back(most * i / 120);
    h.push_back(theory::h_decay(beta.back(), N));
  }
  figure.theory("stationary attention, h(β)", beta, h);
  for (size_t seed = 0; seed < row.runs.size(); ++seed) {
    const auto number = static_cast<std::int64_t>(seed);
    const State state = state_of(row.arm, number, row.runs[seed]);
    std::vector<double> places(state.size());
    for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<double>(i);
    for (const size_t i : report::thin(places, 41, false))
      figure.run("runs", {.x = state.beta[i], .y = state.residual[i] / lambda, .seed = number,
                          .settings = fmt::format("{}, step {}", row.arm.label(number), row.runs[seed].steps[i])});
  }
  figure.rule_y(fold.h_fold, "fold");
  return figure;
}

report::Figure loss_figure(const std::vector<Courses>& all) {
  report::Figure figure("c12-loss", "A larger decay loses in-context learning sooner",
                        {.word = "decay of attention", .symbol = "λ", .log = true},
                        {.word = "last step with accuracy on novel items ≥ 0.75"});
  figure.caption("A dot is a run, the point their median; 0: never above 0.75.");
  for (const Courses& courses : all)
    if (memory_is_kept(courses.arm))
      draw_seeds(figure, fmt::format("K = {}", items(courses.arm)), decay(courses.arm), courses.of(&Course::loss_step),
                 courses.arm);
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "Transience";
  claim.statement =
      "With weight decay on attention alone, in-context learning is acquired and later lost while the labels are learned in the "
      "weights: attention needs a training residual C above λ h_fold, and memory drives C below it. A larger decay loses it "
      "sooner or never lets it form; decay of the MLP too, which keeps C up, preserves it.";
  claim.provenance = provenance("paper", "transience; the fold is derived",
                                "fold of the stationary states of w and β under decay "
                                "(differential-kinetics.md, section 3.9)");
  std::vector<Arm> arms = paper_or_quick(measurements, "figure-2e", "transience-fold");
  for (const Arm& arm : measurements.arms("transience")) arms.push_back(arm);
  const std::vector<Courses> settings = courses_of(arms),
                             sweep = courses_of(measurements.arms("figure-a6"));
  const bool minimal = !settings.empty() && is_minimal(settings.front().arm);
  std::vector<Courses> all = settings;
  all.insert(all.end(), sweep.begin(), sweep.end());
  Checks checks(Strictness::kValue);
  if (minimal) {
    check_quick(settings, checks);
    const Courses *small = find(settings, 256, 1e-3, true), *large = find(settings, 256, 3e-3, true);
    if (small != nullptr && large != nullptr) check_order(*small, *large, checks);
  } else if (sweep.size() > 1) {
    const auto by_decay = [](const Courses& row) { return decay(row.arm); };
    check_order(*std::ranges::min_element(sweep, {}, by_decay), *std::ranges::max_element(sweep, {}, by_decay), checks);
  }
  for (const Courses& row : all) {
    if (!minimal) {
      checks.show(fmt::format("highest accuracy on novel items, {}", name_of(row.arm)), report::kAbsent,
                  analysis::median_over_seeds(row.of(&Course::peak)));
      checks.show(fmt::format("lowest accuracy on novel items after that, {}", name_of(row.arm)), report::kAbsent,
                  analysis::median_over_seeds(row.of(&Course::least_later)));
    }
    checks.show(fmt::format("median step of loss, {}", name_of(row.arm)), report::kAbsent,
                analysis::median_over_seeds(row.of(&Course::loss_step)));
  }
  const Courses* folding = minimal ? find(settings, 512, 3e-3, true) : nullptr;
  if (folding != nullptr) show_theory(*folding, checks);
  claim.checks = checks.take();
  if (!settings.empty()) claim.figures.push_back(accuracy_figure(settings));
  if (folding != nullptr) claim.figures.push_back(fold_figure(*folding));
  if (!all.empty()) claim.figures.push_back(loss_figure(all));
  return claim;
}

}  // namespace

ClaimRecipe transience() { return {"C12", {"transience-fold", "transience", "figure-a6"}, {"figure-2e"}, judge, {}}; }

}  // namespace iclab::papers::differential_kinetics
