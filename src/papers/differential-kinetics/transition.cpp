// C1: the accuracy on novel items jumps where the number of items passes K*.
#include <fmt/format.h>

#include <cmath>

#include "analysis/series.h"
#include "analysis/sigmoid_fit.h"
#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/criterion.h"
#include "papers/differential-kinetics/runs.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "papers/points.h"

namespace iclab::papers::differential_kinetics {
namespace {

constexpr double kContext = 32;  // of the quick runs

// The arms of this claim: those with N = 32 in quick mode, all in full mode.
std::vector<Arm> chosen(const Measurements& measurements) {
  const std::vector<Arm> all = paper_or_quick(measurements, "figure-2b", "transition");
  return !all.empty() && is_minimal(all.front()) ? with_context(all, kContext) : all;
}

struct Sweep {
  std::vector<double> items;
  std::vector<std::vector<double>> accuracy;  // of novel items at the end, by point and seed
};

Sweep sweep_of(const std::vector<Arm>& arms) {
  Sweep sweep;
  for (const Arm& arm : arms) {
    sweep.items.push_back(items(arm));
    sweep.accuracy.push_back(last_values(arm, novel()));
  }
  return sweep;
}

void draw(report::Figure& figure, const std::string& series, const Arm& arm, const std::vector<double>& values) {
  figure.measured(series, point_at(items(arm), analysis::mean_over_seeds(values), arm.label(-1)));
  for (size_t seed = 0; seed < values.size(); ++seed) {
    const auto index = static_cast<std::int64_t>(seed);
    figure.run(series, {.x = items(arm), .y = values[seed], .seed = index, .settings = arm.label(index)});
  }
}

// The fit of differential-kinetics.md, section 1.3; quick runs have their transition below 100 items too.
void draw_fit(report::Figure& figure, const Sweep& sweep) {
  std::vector<double> x, y;
  for (size_t i = 0; i < sweep.items.size(); ++i) {
    x.push_back(std::log10(sweep.items[i]));
    y.push_back(analysis::mean(sweep.accuracy[i]));
  }
  if (x.empty()) return;
  const analysis::Sigmoid fit = analysis::sigmoid_fit(x, y, {.b = {x.front(), x.back()}});
  if (std::isnan(fit.b)) return;
  std::vector<double> fine, fitted;
  for (int i = 0; i <= 200; ++i) {
    const double at = x.front() + (x.back() - x.front()) * i / 200;
    fine.push_back(std::pow(10, at));
    fitted.push_back(fit(at));
  }
  figure.curve(fmt::format("sigmoid fit, midpoint {:.0f}", fit.midpoint()), fine, fitted);
}

report::Figure figure_of(const std::vector<Arm>& arms, const Sweep& sweep, const Measurements& measurements) {
  report::Figure figure("c1-transition", "From memory to context as items are added", items_axis(), accuracy_axis());
  figure.caption("With few items their labels are remembered and novel items are at chance; past K* the context is "
                 "read instead, and memory stays behind.");
  for (const Arm& arm : arms) draw(figure, "novel items (in context)", arm, last_values(arm, novel()));
  for (const Arm& arm : arms) draw(figure, "trained items (in weights)", arm, last_values(arm, trained()));
  draw_fit(figure, sweep);
  const double predicted = measurements.has("alone") && !arms.empty() && is_minimal(arms.front())
                               ? predicted_critical_items(measurements.arms("alone"), kContext)
                               : std::nan("");
  if (std::isfinite(predicted)) figure.rule_x(predicted, fmt::format("K* predicted, {:.0f}", predicted));
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "A sharp transition in task diversity";
  claim.statement =
      "The accuracy on novel items jumps from chance to 1 as the number of items K passes K*; the accuracy of memory on "
      "trained items does the opposite.";
  claim.provenance = provenance("paper", "abstract and figures 2b, 2c of the authors' code",
                                "K*: differential-kinetics.md, section 3.6");
  const std::vector<Arm> arms = chosen(measurements);
  const Sweep sweep = sweep_of(arms);
  Checks checks(Strictness::kValue);
  for (size_t i = 0; i < arms.size(); ++i) {
    const analysis::Estimate mean = analysis::mean_over_seeds(sweep.accuracy[i]);
    const std::string what = fmt::format("mean accuracy on novel items at the end, K = {}", sweep.items[i]);
    if (is_minimal(arms[i]) && sweep.items[i] == 128)
      checks.add(what, 0.5, mean, below(0.6), "below 0.6");
    else if (is_minimal(arms[i]) && sweep.items[i] == 512)
      checks.add(what, 1, mean, above(0.95), "above 0.95");
    else
      checks.show(what, report::kAbsent, mean);
    if (const double partial = partial_runs(arms[i]); partial > 0)
      checks.show(fmt::format("runs that attend to the copy without acquiring, K = {}", sweep.items[i]), report::kAbsent,
                  analysis::exact(partial));
  }
  if (!arms.empty()) {
    const analysis::Estimate critical = analysis::over_seeds(
        arms.front().seeds(),
        [&](std::span<const size_t> seeds) { return critical_items(sweep.items, sweep.accuracy, seeds); });
    if (is_minimal(arms.front()))
      checks.add("K*, where the mean accuracy crosses 0.75", report::kAbsent, critical, {180, 260}, "180 to 260");
    else
      checks.show("K*, where the mean accuracy crosses 0.75", report::kAbsent, critical);
  }
  claim.checks = checks.take();
  claim.figures.push_back(figure_of(arms, sweep, measurements));
  return claim;
}

}  // namespace

ClaimRecipe transition() { return {"C1", {"figure-2b|transition"}, {"alone"}, judge, {}}; }

}  // namespace iclab::papers::differential_kinetics
