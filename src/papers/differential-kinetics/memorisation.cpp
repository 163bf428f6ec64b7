// C6: how much training the MLP alone needs to remember K items.
#include <fmt/format.h>

#include <cmath>

#include "analysis/series.h"
#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/drawing.h"
#include "papers/differential-kinetics/memorisation.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "papers/points.h"

namespace iclab::papers::differential_kinetics {

MemorisationLaw::MemorisationLaw(const std::vector<Arm>& arms) {
  for (const Arm& arm : arms) {
    items_.push_back(differential_kinetics::items(arm));
    std::vector<double> totals;
    for (std::int64_t seed = 0; seed < arm.seeds(); ++seed) {
      const std::vector<double> tau = memorised(memory_curve(arm, seed), arm.lr());
      totals.push_back(tau.empty() ? std::nan("") : tau.back());
    }
    totals_.push_back(std::move(totals));
  }
}

double MemorisationLaw::exponent(std::span<const size_t> seeds, double least, double most) const {
  std::vector<double> x, y;
  for (size_t i = 0; i < items_.size(); ++i) {
    if (items_[i] < least || items_[i] > most) continue;
    x.push_back(items_[i]);
    y.push_back(analysis::median(picked(totals_[i], seeds)));
  }
  return analysis::log_log_slope(x, y);
}

analysis::Estimate MemorisationLaw::exponent(double least, double most) const {
  const auto seeds = totals_.empty() ? 0 : static_cast<std::int64_t>(totals_.front().size());
  return analysis::over_seeds(seeds, [&](std::span<const size_t> sample) { return exponent(sample, least, most); });
}

namespace {

constexpr double kLeast = 64, kMost = 1024;  // of the quick runs' fit
constexpr double kAll = 1e300;

report::Figure law_figure(const std::vector<Arm>& arms, const MemorisationLaw& law, double least, double most) {
  report::Figure figure("c6-law", "What remembering costs", items_axis(),
                        {.word = "training of the MLP alone", .symbol = "I_K = η Σ c₁", .log = true});
  figure.caption("The training that the MLP alone takes to remember K items grows as a power of K, close to 0.7 to 0.8.");
  const analysis::Estimate exponent = law.exponent(least, most);
  double first = 0, first_total = 0, last = 0;
  for (size_t i = 0; i < arms.size(); ++i) {
    const double K = law.items()[i];
    const analysis::Estimate total = analysis::median_over_seeds(law.totals()[i]);
    figure.measured("MLP alone", point_at(K, total, arms[i].label(-1)));
    if (K < least || K > most) continue;
    if (first == 0) first = K, first_total = total.value;
    last = K;
  }
  if (last > first && std::isfinite(exponent.value))
    figure.slope(fmt::format("K^{:.2f}", exponent.value), exponent.value, first, first_total, last);
  return figure;
}

report::Figure curves_figure(const Arm& arm) {
  report::Figure figure("c6-statistics", "What is left to remember", log_step_axis(),
                        {.word = "statistics of the MLP's outputs", .log = true});
  figure.caption(fmt::format("K = {}: c₁, the mean residual, falls as a power of time once the items are told apart; "
                             "1 − c₂ falls with it and c₃ approaches c₁.", items(arm)));
  draw_runs(figure, "c₁", arm, memory("c1"), 40, true);
  draw_runs(figure, "1 − c₂", arm, memory("c2"), 40, true, [](double c2) { return 1 - c2; });
  draw_runs(figure, "c₃", arm, memory("c3"), 40, true);
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "The law of memorisation";
  claim.statement = "The training that the MLP alone takes to remember K items grows as I_K(∞) ~ K^ν, ν ≈ 0.7.";
  claim.provenance = provenance("paper", "exponent of figure 6a, figures A2 and A3 of the authors' code",
                                "differential-kinetics.md, section 3.6; the exponent is measured");
  Checks checks(Strictness::kValue);
  const std::vector<Arm> arms = paper_or_quick(measurements, "figure-a2", "memorisation"), wide = measurements.arms("memorisation-wide");
  if (!arms.empty()) {
    const bool quick = wide.empty();
    const MemorisationLaw law(arms);
    const double least = quick ? kLeast : 0, most = quick ? kMost : kAll;
    if (quick)
      checks.add("exponent ν over K = 64 to 1024", 0.7, law.exponent(least, most), {0.7, 0.95}, "0.7 to 0.95");
    else
      checks.show("exponent ν", 0.7, law.exponent(least, most));
    for (size_t i = 0; i < arms.size(); ++i)
      checks.show(fmt::format("I_K, K = {}", law.items()[i]), report::kAbsent,
                  analysis::median_over_seeds(law.totals()[i]));
    claim.figures.push_back(law_figure(arms, law, least, most));
    claim.figures.push_back(curves_figure(arms[arms.size() / 2]));
  }
  if (!wide.empty())
    checks.add("exponent ν, D = 63, H = 256", 0.7, MemorisationLaw(wide).exponent(0, kAll), {0.6, 0.8}, "0.6 to 0.8");
  claim.checks = checks.take();
  return claim;
}

}  // namespace

// The check of full mode rests on the smaller study alone.
ClaimRecipe memorisation() { return {"C6", {"memorisation-wide|memorisation"}, {"figure-a2"}, judge, {}}; }

}  // namespace iclab::papers::differential_kinetics
