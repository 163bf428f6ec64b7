// C13: after acquisition the weight of attention grows by what memory has left to learn.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "analysis/series.h"
#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/drawing.h"
#include "papers/differential-kinetics/passages.h"
#include "papers/differential-kinetics/runs.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"

namespace iclab::papers::differential_kinetics {
namespace {

constexpr double kGrowths[] = {0.7, 1.5, 2.7, 4.4, 5.1, 6.4};  // of w, where it is held against the prediction
constexpr double kSettled = 100;                                // steps

// A run with w and beta frozen: what drives the MLP, and how far it came.
struct Frozen {
  std::vector<std::int64_t> steps;
  std::vector<double> P;     // eta times the sum of the batches' residuals so far
  std::vector<double> c1, loss;  // of the MLP alone

  std::vector<std::vector<double>*> series() { return {&P, &c1, &loss}; }
};

Frozen frozen_of(const Arm& arm, std::int64_t seed) {
  Arm::Curve residual = arm.curve(seed, {.series = "residual", .name = "batch"});
  residual.values = sums_before(residual.values, arm.lr());
  CommonSteps all = common_steps({std::move(residual), arm.curve(seed, memory("c1")), arm.curve(seed, memory("loss"))});
  return {std::move(all.steps), std::move(all.values[0]), std::move(all.values[1]), std::move(all.values[2])};
}

// A run with w trained.
struct Trained {
  std::vector<std::int64_t> steps;
  std::vector<double> w, growth;     // growth = w - w(0)
  std::vector<double> c1, loss;      // of the MLP alone
  std::vector<double> novel_loss;

  std::vector<std::vector<double>*> series() { return {&w, &growth, &c1, &loss, &novel_loss}; }
};

Trained trained_of(const Arm& arm, std::int64_t seed) {
  CommonSteps all = common_steps({arm.curve(seed, weight("w")), arm.curve(seed, memory("c1")),
                                  arm.curve(seed, memory("loss")), arm.curve(seed, novel("loss"))});
  Trained run{.steps = std::move(all.steps), .w = std::move(all.values[0]), .growth = {},
              .c1 = std::move(all.values[1]), .loss = std::move(all.values[2]), .novel_loss = std::move(all.values[3])};
  for (const double value : run.w) run.growth.push_back(value - run.w.front());
  return run;
}

// The growth of w and P of the frozen run at the same c1.
struct Pair {
  double growth, P;
};

Pair pair_at(const Trained& run, const Frozen& frozen, size_t i) {
  return {run.growth[i], analysis::crossing(frozen.P, frozen.c1, run.c1[i])};
}

Pair pair_beyond(const Trained& run, const Frozen& frozen, double growth) {
  const auto found = std::ranges::find_if(run.growth, [&](double value) { return value >= growth; });
  if (found == run.growth.end()) return {std::nan(""), std::nan("")};
  return pair_at(run, frozen, static_cast<size_t>(found - run.growth.begin()));
}

// Keeps the evaluations that all seeds have, so that the i-th is of one step in every run.
template <class Run>
void keep_common(std::vector<Run>& runs) {
  std::vector<std::int64_t> common = runs.empty() ? std::vector<std::int64_t>{} : runs.front().steps;
  for (const Run& run : runs)
    std::erase_if(common, [&](std::int64_t step) { return !std::ranges::binary_search(run.steps, step); });
  for (Run& run : runs) {
    for (std::vector<double>* series : run.series()) {
      size_t kept = 0;
      for (size_t i = 0; i < run.steps.size(); ++i)
        if (std::ranges::binary_search(common, run.steps[i])) (*series)[kept++] = (*series)[i];
      series->resize(kept);
    }
    run.steps = common;
  }
}

// How many evaluations the runs have.
template <class Run>
size_t evaluations(const std::vector<Run>& runs) {
  return runs.empty() ? 0 : runs.front().steps.size();
}

struct Runs {
  Arm arm;
  std::vector<Trained> trained;
};

Runs runs_of(const Arm& arm) {
  Runs runs{arm, {}};
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) runs.trained.push_back(trained_of(arm, seed));
  keep_common(runs.trained);
  return runs;
}

// The largest |median of L_ICL e^w - 1| over the evaluations from step 100 on.
analysis::Estimate largest_departure(const std::vector<Trained>& runs) {
  std::vector<std::vector<double>> ratios;  // by evaluation and seed
  for (size_t i = 0; i < evaluations(runs); ++i) {
    if (static_cast<double>(runs.front().steps[i]) < kSettled) continue;
    ratios.emplace_back();
    for (const Trained& run : runs) ratios.back().push_back(run.novel_loss[i] * std::exp(run.w[i]));
  }
  return analysis::over_seeds(static_cast<std::int64_t>(runs.size()), [&](std::span<const size_t> seeds) {
    double largest = ratios.empty() ? std::nan("") : 0;
    for (const std::vector<double>& ratio : ratios)
      largest = std::max(largest, std::abs(analysis::median(picked(ratio, seeds)) - 1));
    return largest;
  });
}

// With beta trained too: growth of w from acquisition to the end over the integral of c3 ds, ds = e^-w eta dt, of
// the runs that acquired.
std::vector<double> growth_ratios(const Arm& arm) {
  std::vector<double> ratios;
  const std::vector<double> acquired_at = acquisition_steps(arm);
  for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
    const double start = acquired_at[static_cast<size_t>(seed)];
    if (std::isinf(start)) continue;
    const CommonSteps both = common_steps({arm.curve(seed, weight("w")), arm.curve(seed, memory("c3"))});
    const std::vector<double>&w = both.values[0], &c3 = both.values[1];
    double first = std::nan(""), total = 0;
    for (size_t i = 0; i < both.steps.size(); ++i) {
      const auto step = static_cast<double>(both.steps[i]);
      if (step < start) continue;
      if (std::isnan(first)) {
        first = w[i];
        continue;
      }
      const auto rate = [&](size_t j) { return c3[j] * std::exp(-w[j]); };
      total += arm.lr() * (step - static_cast<double>(both.steps[i - 1])) * (rate(i - 1) + rate(i)) / 2;
    }
    if (total > 0) ratios.push_back((w.back() - first) / total);
  }
  return ratios;
}

void check(const std::vector<Trained>& trained, const std::vector<Frozen>& frozen, Checks& checks) {
  for (const double growth : kGrowths) {
    std::vector<double> ratios;
    for (size_t seed = 0; seed < std::min(trained.size(), frozen.size()); ++seed) {
      const Pair pair = pair_beyond(trained[seed], frozen[seed], growth);
      ratios.push_back(pair.growth / pair.P);
    }
    checks.add(fmt::format("growth of w over its prediction P, at w − w₀ = {}", growth), 1,
               analysis::median_over_seeds(ratios), within(1, 0.08), "within 8 %");
  }
  checks.add("largest departure of L_ICL from e^(−w), from step 100 on", 0, largest_departure(trained), {.hi = 0.1},
             "at most 10 %");
}

// ---- figures --------------------------------------------------------------------------------------

std::vector<size_t> selection(const Trained& run, size_t size, size_t most) {
  std::vector<double> steps;
  for (size_t i = 0; i < size; ++i) steps.push_back(static_cast<double>(run.steps[i]));
  return report::thin(steps, most, true);
}

report::Figure growth_figure(const Arm& arm, const std::vector<Trained>& trained, const std::vector<Frozen>& frozen) {
  report::Figure figure("c13-growth", "Attention's weight grows by what memory has left to learn",
                        {.word = "prediction from memory's progress", .symbol = "∫ c₃ ds"},
                        {.word = "growth of attention's weight", .symbol = "w − w₀"});
  figure.caption("Hard attention. Each point joins a run with w trained to a run of the same seed with w frozen, where their MLPs have come equally far (medians over seeds); on the line "
                 "the prediction is met.");
  const std::string series = "w − w₀ = ∫ c₃ ds";
  double most = 0;
  const size_t size = evaluations(trained), seeds = std::min(trained.size(), frozen.size());
  if (size > 0)
    for (const size_t i : selection(trained.front(), size, 24)) {
      std::vector<double> growth, P;
      for (size_t seed = 0; seed < seeds; ++seed) {
        const Pair pair = pair_at(trained[seed], frozen[seed], i);
        growth.push_back(pair.growth);
        P.push_back(pair.P);
      }
      draw_medians(figure, series, P, growth, fmt::format("{}, step {}", arm.label(-1), trained.front().steps[i]));
      if (std::isfinite(analysis::median(growth))) most = std::max(most, analysis::median(growth));
    }
  figure.theory(series, std::vector<double>{0, most}, std::vector<double>{0, most});
  return figure;
}

// By how much the MLP's own loss has fallen since the start: that of hard attention moves little.
double fall(const std::vector<double>& loss, size_t i) { return loss.front() - loss[i]; }

// Adds a run's points and returns the smallest loss on novel items among them.
double draw_losses(report::Figure& figure, const std::string& series, const Runs& runs) {
  double least = INFINITY;
  const size_t size = evaluations(runs.trained);
  if (size == 0) return least;
  for (const size_t i : selection(runs.trained.front(), size, 16)) {
    std::vector<double> x, y;
    for (const Trained& run : runs.trained) {
      x.push_back(fall(run.loss, i));
      y.push_back(run.novel_loss[i]);
    }
    draw_medians(figure, series, x, y, fmt::format("{}, step {}", runs.arm.label(-1), runs.trained.front().steps[i]));
    if (std::isfinite(analysis::median(y))) least = std::min(least, analysis::median(y));
  }
  return least;
}

// e^-(w0 + P) against memory's progress in the frozen runs, down to `least`.
void draw_predicted_losses(report::Figure& figure, const std::vector<Trained>& trained, const std::vector<Frozen>& frozen,
                           double least) {
  const size_t size = evaluations(frozen);
  const size_t seeds = evaluations(trained) == 0 ? 0 : std::min(trained.size(), frozen.size());
  std::vector<double> steps(size), x, y;
  std::iota(steps.begin(), steps.end(), 0.0);
  for (const size_t i : report::thin(steps, 14, true)) {  // single steps are noisy
    std::vector<double> falls, losses;
    for (size_t seed = 0; seed < seeds; ++seed) {
      falls.push_back(fall(frozen[seed].loss, i));
      losses.push_back(std::exp(-trained[seed].w.front() - frozen[seed].P[i]));
    }
    const double place = analysis::median(falls), value = analysis::median(losses);
    const bool ascending = place > (x.empty() ? 0 : x.back());
    if (!ascending || !(value > 0.8 * least)) continue;
    x.push_back(place);
    y.push_back(value);
  }
  figure.theory("e^(−w), predicted", x, y);
}

report::Figure loss_figure(const Measurements& measurements, const Runs& judged, std::vector<Frozen> frozen) {
  report::Figure figure("c13-losses", "One curve for the losses in context and in weights",
                        {.word = "fall of the MLP's own loss on trained items", .symbol = "L_IWL(0) − L_IWL", .log = true},
                        {.word = "loss on novel items", .symbol = "L_ICL", .log = true});
  figure.caption("Hard attention, medians over seeds: runs of different rates η and contexts N fall on one curve. "
                 "Line: e^(−w) with w predicted from memory's progress.");
  // The same seeds everywhere, as each has a curve of its own.
  std::vector<Runs> all{judged};
  for (const Arm& arm : measurements.arms("hard-rates")) all.push_back(runs_of(arm));
  size_t seeds = frozen.size();
  for (const Runs& runs : all) seeds = std::min(seeds, runs.trained.size());
  frozen.resize(seeds);
  double least = INFINITY;
  for (Runs& runs : all) {
    runs.trained.resize(seeds);
    const std::string series = fmt::format("N = {}, η = {}", context(runs.arm), runs.arm.lr());
    least = std::min(least, draw_losses(figure, series, runs));
  }
  draw_predicted_losses(figure, all.front().trained, frozen, least);
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "Losses after acquisition";
  claim.statement =
      "Once attention has saturated, both parts learn from the same residual: attention's weight w grows by ∫ c₃ ds, what the "
      "MLP has left to learn in its own time s, and the loss in context is e^(−w). The curve of the two losses depends neither on the "
      "rate nor on the context's length.";
  claim.provenance = provenance("paper", "a nontrivial relation of the two losses; its form is derived",
                                "flow after saturation (differential-kinetics.md, section 3.8): "
                                "dw/ds = c₃, ds = e^(−w) η dt");
  const Arm arm = measurements.arms("hard").at(0), frozen_arm = measurements.arms("hard-frozen").at(0);
  const Runs judged = runs_of(arm);
  std::vector<Frozen> frozen;
  for (std::int64_t seed = 0; seed < frozen_arm.seeds(); ++seed) frozen.push_back(frozen_of(frozen_arm, seed));
  keep_common(frozen);
  Checks checks(Strictness::kValue);
  check(judged.trained, frozen, checks);
  for (const Arm& joint : measurements.arms("joint"))
    if (items(joint) == 256)
      checks.show("β trained too, K = 256, runs that acquired: growth of w over ∫ c₃ ds; theory neglects that overlaps differ", 1,
                  analysis::median_over_seeds(growth_ratios(joint)));
  claim.checks = checks.take();
  claim.figures.push_back(loss_figure(measurements, judged, frozen));
  claim.figures.push_back(growth_figure(judged.arm, judged.trained, frozen));
  return claim;
}

}  // namespace

ClaimRecipe afterwards() { return {"C13", {"hard", "hard-frozen"}, {"hard-rates", "joint"}, judge, {}}; }

}  // namespace iclab::papers::differential_kinetics
