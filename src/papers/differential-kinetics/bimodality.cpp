// C8: near K* runs that differ in their initial attention acquire early or never.
#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>

#include "analysis/series.h"
#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/runs.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "papers/points.h"

namespace iclab::papers::differential_kinetics {
namespace {

constexpr double kPartialFrom = 0.65, kPartialTo = 0.9;

// Phi(nu log(K/K*)/s) with nu/s = 0.8, K* = 300 at N = 32 (differential-kinetics.md, section 4 (C8)).
double predicted_fraction(double K) { return boost::math::cdf(boost::math::normal(), 0.8 * std::log(K / 300)); }

// The smallest change of the fraction from one K to the next.
analysis::Estimate smallest_rise(const std::vector<Arm>& arms) {
  std::vector<std::vector<double>> all;
  for (const Arm& arm : arms) all.push_back(acquired(arm));
  return analysis::over_seeds(arms.front().seeds(), [&](std::span<const size_t> seeds) {
    double least = analysis::kNever;
    for (size_t i = 0; i + 1 < all.size(); ++i)
      least = std::min(least, analysis::mean(picked(all[i + 1], seeds)) - analysis::mean(picked(all[i], seeds)));
    return least;
  });
}

// Of all runs, those whose final accuracy is clearly one or the other.
analysis::Estimate decided(const std::vector<Arm>& arms) {
  std::vector<std::vector<double>> all;
  for (const Arm& arm : arms) {
    all.push_back(last_values(arm, novel()));
    for (double& x : all.back()) x = x < kPartialFrom || x > kPartialTo ? 1 : 0;
  }
  return analysis::over_seeds(arms.front().seeds(), [&](std::span<const size_t> seeds) {
    double total = 0;
    for (const std::vector<double>& values : all) total += analysis::mean(picked(values, seeds));
    return total / static_cast<double>(all.size());
  });
}

report::Figure histogram(const std::vector<Arm>& arms) {
  report::Figure figure("c8-bimodality", "Early or never", {.word = "step of acquisition", .symbol = "t_ICL", .log = true},
                        {.word = "runs"});
  figure.caption("Runs with the same items, weights' law and training, initial β ~ N(0, 1): near K* some acquire early "
                 "and the others, in the bar at the right end, never do.");
  figure.panels("K");
  for (const Arm& arm : arms) {
    constexpr int kBins = 12;
    const auto last = static_cast<double>(arm.steps());
    std::vector<double> edges, counts(kBins, 0.0);
    for (int i = 0; i <= kBins; ++i) edges.push_back(20 * std::pow(last / 20, i / static_cast<double>(kBins)));
    double never = 0;
    for (const double step : acquisition_steps(arm)) {
      never += std::isinf(step) ? 1 : 0;
      for (size_t i = 0; i < counts.size(); ++i)
        counts[i] += step <= edges[i + 1] && (step > edges[i] || i == 0) ? 1 : 0;
    }
    const std::string panel = fmt::format("{}", items(arm));
    figure.bars("acquired", edges, counts, panel);
    figure.bars("never", std::vector<double>{last * 1.6, last * 2.6}, std::vector<double>{never}, panel);
  }
  return figure;
}

report::Figure fractions(const std::vector<Arm>& arms) {
  report::Figure figure("c8-fraction", "The share of runs that acquire", items_axis(),
                        {.word = "fraction of runs", .from = 0, .to = 1});
  figure.caption("From no run to all, over a decade and more in K: the width of the distribution of β, seen through the "
                 "law of memorisation.");
  if (arms.size() > 1 && is_minimal(arms.front())) {
    std::vector<double> x, y;
    const double from = items(arms.front()) / 2, to = items(arms.back()) * 2;
    for (int i = 0; i <= 100; ++i) {
      x.push_back(from * std::pow(to / from, i / 100.0));
      y.push_back(predicted_fraction(x.back()));
    }
    figure.theory("Φ(0.8 ln(K/300))", x, y);
  }
  for (const Arm& arm : arms) {
    const std::vector<double> done = acquired(arm);
    const auto count = static_cast<std::int64_t>(std::ranges::count(done, 1.0));
    figure.measured("runs", point_at(items(arm), analysis::wilson(count, arm.seeds()), arm.label(-1)));
  }
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "Bimodality near the transition";
  claim.statement =
      "Near K* the outcomes of runs that differ only in their draws are two separate groups: some acquire in-context "
      "learning early, the others never do.";
  claim.provenance = provenance("paper", "figure 6c of the authors' code",
                                "probit of differential-kinetics.md, section 3.6");
  const std::vector<Arm> arms = paper_or_quick(measurements, "figure-6c", "initial-beta");
  Checks checks(Strictness::kValue);
  for (const Arm& arm : arms) {
    const std::string what = fmt::format("fraction of runs that acquire, K = {}", items(arm));
    const double predicted = predicted_fraction(items(arm));
    const analysis::Estimate fraction = analysis::mean_over_seeds(acquired(arm));
    if (is_minimal(arm))
      checks.add(what, predicted, fraction, within(predicted, 0, 0.2), "within 0.2 of the probit");
    else
      checks.show(what, report::kAbsent, fraction);
    checks.show(fmt::format("runs that attend to the copy without acquiring, K = {}", items(arm)), report::kAbsent,
                analysis::exact(partial_runs(arm)));
  }
  if (arms.size() > 1)
    checks.add("smallest rise of the fraction from one K to the next", report::kAbsent, smallest_rise(arms), {.lo = -0.1},
               "no fall by more than 0.1");
  if (!arms.empty())
    checks.add("fraction of runs that end outside of accuracies 0.65 to 0.9", report::kAbsent, decided(arms), {.lo = 0.8},
               "at least 0.8");
  claim.checks = checks.take();
  claim.figures.push_back(histogram(arms));
  claim.figures.push_back(fractions(arms));
  return claim;
}

}  // namespace

ClaimRecipe bimodality() { return {"C8", {"figure-6c|initial-beta"}, {}, judge, {}}; }

}  // namespace iclab::papers::differential_kinetics
