// C7: the number of items at the transition grows as a power of the context's length.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "analysis/series.h"
#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/memorisation.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "papers/points.h"

namespace iclab::papers::differential_kinetics {
namespace {

// K* by context, in the order of N.
class CriticalNumbers {
 public:
  explicit CriticalNumbers(const std::vector<Arm>& arms) {
    for (const Arm& arm : arms) {
      sweeps_[context(arm)].items.push_back(items(arm));
      sweeps_[context(arm)].accuracy.push_back(last_values(arm, novel()));
      seeds_ = arm.seeds();
    }
  }

  std::vector<double> contexts() const {
    std::vector<double> all;
    for (const auto& [N, sweep] : sweeps_) all.push_back(N);
    return all;
  }

  analysis::Estimate at(double N) const {
    return analysis::over_seeds(seeds_, [&](std::span<const size_t> seeds) { return at(N, seeds); });
  }

  /// Slope of log K* against log N.
  analysis::Estimate slope() const {
    return analysis::over_seeds(seeds_, [&](std::span<const size_t> seeds) {
      std::vector<double> critical;
      for (const auto& [N, sweep] : sweeps_) critical.push_back(at(N, seeds));
      return analysis::log_log_slope(contexts(), critical);
    });
  }

 private:
  struct Sweep {
    std::vector<double> items;
    std::vector<std::vector<double>> accuracy;
  };

  double at(double N, std::span<const size_t> seeds) const {
    const Sweep& sweep = sweeps_.at(N);
    return critical_items(sweep.items, sweep.accuracy, seeds);
  }

  std::map<double, Sweep> sweeps_;
  std::int64_t seeds_ = 0;
};

// 1/nu from the runs of the MLP alone, if the mode has them; 1/0.7 otherwise.
double predicted_slope(const Measurements& measurements) {
  const std::vector<Arm> alone = measurements.arms("memorisation");
  if (alone.empty() || !is_minimal(alone.front())) return 1 / 0.7;
  return 1 / MemorisationLaw(alone).exponent(64, 1024).value;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "The transition against the length of the context";
  claim.statement = "The number of items at the transition grows as K* ~ N^(1/ν) with the exponent ν of memorisation.";
  claim.provenance = provenance("paper", "figure 6a of the authors' code, with slope 1/0.7",
                                "differential-kinetics.md, section 3.6");
  const std::vector<Arm> arms = paper_or_quick(measurements, "figure-6a", "transition");
  const CriticalNumbers numbers(arms);
  const double slope = predicted_slope(measurements);
  Checks checks(Strictness::kValue);
  checks.add("slope of log K* against log N", slope, numbers.slope(), {1.0, 1.5}, "1.0 to 1.5");

  report::Figure figure("c7-critical-number", "Longer contexts need more items", context_axis(),
                        {.word = "items at the transition", .symbol = "K*", .log = true});
  figure.caption("Where the accuracy on novel items crosses 0.75, against the length of the context; dashed, the slope "
                 "that the MLP's memory predicts.");
  const std::vector<double> contexts = numbers.contexts();
  for (const double N : contexts) {
    const analysis::Estimate critical = numbers.at(N);
    checks.show(fmt::format("K*, N = {}", N), report::kAbsent, critical);
    figure.measured("runs", point_at(N, critical, fmt::format("N {}", N)));
  }
  if (contexts.size() > 1 && std::isfinite(slope)) {
    const double middle = numbers.at(contexts[contexts.size() / 2]).value;
    const double from = contexts.front();
    figure.slope(fmt::format("N^{:.2f}", slope), slope, from,
                 middle * std::pow(from / contexts[contexts.size() / 2], slope), contexts.back());
  }
  claim.checks = checks.take();
  claim.figures.push_back(std::move(figure));
  return claim;
}

}  // namespace

ClaimRecipe critical_number() { return {"C7", {"figure-6a|transition"}, {"memorisation"}, judge, {}}; }

}  // namespace iclab::papers::differential_kinetics
