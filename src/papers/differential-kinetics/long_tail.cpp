// C4: the time of acquisition falls exponentially with the initial beta; drawn ones give it a long tail.
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
#include "theory/kinetics_attention.h"
#include "theory/kinetics_mean_field.h"

namespace iclab::papers::differential_kinetics {
namespace {

// The first evaluation after step 0: runs that had acquired by then have no time of their own.
constexpr double kFirst = 20;

double mean_field_steps(const Arm& arm, double beta0, double w0) {
  return theory::meanfield_Kinf(arm.task().integer("context"), 1, beta0, w0).t_acc / arm.lr();
}

// Runs with drawn beta0 beside the mean field from the same.
struct Tail {
  std::vector<double> beta0, steps;        // of all
  std::vector<double> measured, predicted;  // logs, of the runs beyond the first evaluation
};

Tail tail_of(const Arm& arm) {
  Tail tail{last_values(arm, weight("beta")), acquisition_steps(arm), {}, {}};
  for (size_t i = 0; i < tail.steps.size(); ++i) {
    if (!(tail.steps[i] > kFirst) || std::isinf(tail.steps[i]) || std::isnan(tail.beta0[i])) continue;
    const double predicted = mean_field_steps(arm, tail.beta0[i], 0);
    if (!(predicted > 0) || std::isinf(predicted)) continue;
    tail.measured.push_back(std::log(tail.steps[i]));
    tail.predicted.push_back(std::log(predicted));
  }
  return tail;
}

analysis::Estimate correlation(const Tail& tail) {
  return analysis::over_seeds(static_cast<std::int64_t>(tail.measured.size()), [&](std::span<const size_t> seeds) {
    return analysis::correlation(picked(tail.predicted, seeds), picked(tail.measured, seeds));
  });
}

analysis::Estimate ratio(const Tail& tail) {
  std::vector<double> logs;
  for (size_t i = 0; i < tail.measured.size(); ++i) logs.push_back(tail.measured[i] - tail.predicted[i]);
  return analysis::over_seeds(static_cast<std::int64_t>(logs.size()), [&](std::span<const size_t> seeds) {
    return std::exp(analysis::mean(picked(logs, seeds)));
  });
}

// beta0 on a grid with the mean field's time, which falls with beta0.
struct Passage {
  std::vector<double> beta0, steps;
};

Passage mean_field_passage(const Arm& arm) {
  Passage passage;
  for (double beta0 = -4; beta0 < 2; beta0 += 0.05) {
    const double steps = mean_field_steps(arm, beta0, 0);
    if (!(steps > 0)) break;
    passage.beta0.push_back(beta0);
    passage.steps.push_back(steps);
  }
  return passage;
}

// The beta0 that acquires at this step, linear in log t.
double beta_at(const Passage& passage, double step) {
  for (size_t i = 1; i < passage.steps.size(); ++i) {
    if (passage.steps[i] > step) continue;
    const double part = std::log(passage.steps[i - 1] / step) / std::log(passage.steps[i - 1] / passage.steps[i]);
    return passage.beta0[i - 1] + std::clamp(part, 0.0, 1.0) * (passage.beta0[i] - passage.beta0[i - 1]);
  }
  return passage.beta0.back();
}

// The part of beta0 ~ N(0, 1) above.
double part_above(double beta0) { return boost::math::cdf(boost::math::complement(boost::math::normal(), beta0)); }

report::Figure histogram(const Arm& arm, const Tail& tail) {
  constexpr int kBins = 28;
  std::vector<double> edges, counts(kBins, 0.0);
  for (int i = 0; i <= kBins; ++i) edges.push_back(kFirst * std::pow(6000 / kFirst, i / static_cast<double>(kBins)));
  for (const double step : tail.steps)
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += step > edges[i] && step <= edges[i + 1] ? 1 : 0;

  const auto runs = static_cast<double>(tail.steps.size());
  const Passage passage = mean_field_passage(arm);
  const double N = context(arm);
  std::vector<double> centres, log_normal, mean_field;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double lo = edges[i], hi = edges[i + 1];
    // Without friction t = t(0) e^-beta0.
    const auto frictionless = [&](double step) { return std::log(theory::t_icl_Kinf(N, arm.lr()) / step); };
    centres.push_back(std::sqrt(lo * hi));
    log_normal.push_back(runs * (part_above(frictionless(hi)) - part_above(frictionless(lo))));
    mean_field.push_back(runs * (part_above(beta_at(passage, hi)) - part_above(beta_at(passage, lo))));
  }
  report::Figure figure("c4-long-tail", "When runs acquire: a long tail", acquisition_axis(), {.word = "runs"});
  figure.caption(fmt::format(
      "The step of acquisition of {} runs that differ in seed and initial β ~ N(0, 1), on a logarithmic axis: nearly "
      "log-normal; some runs take ten times the median. {} runs had acquired by step {} and are not shown.",
      tail.steps.size(), std::ranges::count_if(tail.steps, [](double x) { return x <= kFirst; }), kFirst));
  figure.bars("runs", edges, counts);
  figure.theory("mean field", centres, mean_field);
  figure.theory("log-normal, without friction", centres, log_normal);
  return figure;
}

report::Figure against_beta(const Arm& arm, const Tail& tail) {
  report::Figure figure("c4-initial-beta", "Each run's own time", {.word = "initial attention", .symbol = "β₀"},
                        acquisition_axis());
  figure.caption("Each dot is a run: what looks like chance is its initial β.");
  const Passage passage = mean_field_passage(arm);
  figure.theory("mean field", passage.beta0, passage.steps);
  std::vector<double> frictionless;
  for (const double beta0 : passage.beta0) frictionless.push_back(theory::t_icl_Kinf(context(arm), arm.lr(), beta0));
  figure.theory("log-normal, without friction", passage.beta0, frictionless);
  for (size_t i = 0; i < tail.steps.size(); ++i)
    if (tail.steps[i] > 0)
      figure.run("runs", {.x = tail.beta0[i], .y = tail.steps[i], .seed = static_cast<std::int64_t>(i),
                          .settings = arm.label(static_cast<std::int64_t>(i))});
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "A long tail from the initial attention";
  claim.statement =
      "The step of acquisition falls exponentially with the initial β: drawn from a normal distribution it gives times "
      "that are nearly log-normal, with a long tail.";
  claim.provenance = provenance("paper", "figures 6b and A4 of the authors' code",
                                "mean field and log-normal of differential-kinetics.md, section 3.5");
  Checks checks(Strictness::kValue);
  for (const Arm& arm : measurements.arms("long-tail")) {
    const Tail tail = tail_of(arm);
    const auto runs = tail.measured.size();
    checks.add(fmt::format("correlation of log t_ICL with the log of the mean field, {} runs beyond step {}", runs, kFirst),
               1, correlation(tail), above(0.97), "above 0.97");
    checks.add("geometric mean of t_ICL over the mean field", 1, ratio(tail), {0.9, 1.25}, "0.9 to 1.25");
    checks.show(fmt::format("runs that had acquired by step {}, left out above", kFirst), report::kAbsent,
                analysis::exact(static_cast<double>(
                    std::ranges::count_if(tail.steps, [](double x) { return x <= kFirst; }))));
    checks.show(fmt::format("runs that had not acquired by step {}, left out above", arm.steps()), report::kAbsent,
                analysis::exact(static_cast<double>(std::ranges::count(tail.steps, analysis::kNever))));
    checks.show("median t_ICL, log-normal", theory::t_icl_quantile(0.5, context(arm), arm.lr(), 1),
                analysis::median_over_seeds(tail.steps));
    claim.figures.push_back(histogram(arm, tail));
    claim.figures.push_back(against_beta(arm, tail));
  }
  for (const Arm& arm : measurements.arms("initial-values")) {
    const double beta0 = arm.model().real("beta"), w0 = arm.model().real("w");
    checks.show(fmt::format("t_ICL, N = {}, β₀ = {}, w₀ = {}", context(arm), beta0, w0), mean_field_steps(arm, beta0, w0),
                analysis::median_over_seeds(acquisition_steps(arm)));
  }
  for (const Arm& arm : measurements.arms("figure-6b"))
    checks.show(fmt::format("t_ICL of the full model, N = {}", context(arm)), report::kAbsent,
                analysis::median_over_seeds(acquisition_steps(arm)));
  claim.checks = checks.take();
  return claim;
}

}  // namespace

ClaimRecipe long_tail() { return {"C4", {"long-tail"}, {"initial-values", "figure-6b"}, judge, {}}; }

}  // namespace iclab::papers::differential_kinetics
