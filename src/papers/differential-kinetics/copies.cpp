// C9: several copies of the target in the context, or every item several times, make acquisition earlier.
#include <fmt/format.h>

#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/drawing.h"
#include "papers/differential-kinetics/runs.h"
#include "papers/differential-kinetics/words.h"
#include "papers/judge.h"
#include "theory/kinetics_mean_field.h"

namespace iclab::papers::differential_kinetics {
namespace {

const std::string kCopies = "n copies of the target", kBurstiness = "every item B times";

// Steps of the mean field to acquisition. Items that stand B times act as a context of N/B.
double predicted_steps(std::int64_t N, std::int64_t copies, std::int64_t burstiness, double lr) {
  return theory::meanfield_Kinf(N / burstiness, copies).t_acc / lr;
}

struct Place {
  std::string series, name;
  double times = 1;  // n or B
  double predicted = 0;
  std::vector<double> steps;  // t_ICL by seed
  const Arm* arm;
};

Place place_of(const Arm& arm) {
  const std::int64_t copies = arm.task().has("copies") ? arm.task().integer("copies") : 1;
  const std::int64_t burstiness = arm.task().has("burstiness") ? arm.task().integer("burstiness") : 1;
  const bool bursty = burstiness > 1;
  return {.series = bursty ? kBurstiness : kCopies,
          .name = bursty ? fmt::format("B = {}", burstiness) : fmt::format("n = {}", copies),
          .times = static_cast<double>(bursty ? burstiness : copies),
          .predicted = predicted_steps(arm.task().integer("context"), copies, burstiness, arm.lr()),
          .steps = acquisition_steps(arm),
          .arm = &arm};
}

// The mean field at 1, 2, 4, ... copies or repetitions.
void draw_prediction(report::Figure& figure, const std::string& series, const Arm& arm, double most) {
  std::vector<double> x, y;
  for (std::int64_t times = 1; static_cast<double>(times) <= most; times *= 2) {
    const bool bursty = series == kBurstiness;
    x.push_back(static_cast<double>(times));
    y.push_back(predicted_steps(arm.task().integer("context"), bursty ? 1 : times, bursty ? times : 1, arm.lr()));
  }
  figure.theory(series, x, y);
}

report::Figure figure_of(const std::vector<Place>& places) {
  report::Figure figure("c9-copies", "More copies, earlier acquisition",
                        {.word = "times that the target, or every item, stands in the context", .symbol = "n, B", .log = true},
                        acquisition_axis());
  figure.caption("A dot is a run, the point the median of the runs; lines are the mean field for n copies among N items and "
                 "for a context of N/B. Dashed: inversely proportional, as N/n.");
  for (const std::string& series : {kCopies, kBurstiness}) {
    double most = 1;
    const Arm* arm = nullptr;
    for (const Place& place : places)
      if (place.series == series) {
        most = std::max(most, place.times);
        arm = place.arm;
      }
    if (arm != nullptr) draw_prediction(figure, series, *arm, most);
  }
  for (const Place& place : places) draw_seeds(figure, place.series, place.times, place.steps, *place.arm);
  const Place& once = places.front();
  figure.slope("∝ 1/n", -1, 1, once.predicted, places.back().times);
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "Copies and burstiness";
  claim.statement =
      "In-context learning starts earlier when the target stands n times in the context, or when every item "
      "stands B times: as in a context of N/n or N/B items.";
  claim.provenance = provenance("derived", "that context statistics matter is the paper's, the law is ours",
                                "mean field for infinitely many items, binomial label noise "
                                "(differential-kinetics.md, section 3.5)");
  std::vector<Arm> arms = measurements.arms("copies");
  for (const Arm& arm : measurements.arms("burstiness")) arms.push_back(arm);
  std::vector<Place> places;
  for (const Arm& arm : arms) places.push_back(place_of(arm));
  Checks checks(Strictness::kValue);
  for (const Place& place : places)
    checks.add(fmt::format("median t_ICL, {}", place.name), place.predicted, analysis::median_over_seeds(place.steps),
               within(place.predicted, 0.15), "mean field within 15 %");
  const Place& once = places.front();
  for (const Place& place : places)
    if (place.times > 1)
      checks.show(fmt::format("t_ICL of one copy over that of {}", place.name), place.times,
                  analysis::ratio_over_seeds(once.steps, place.steps, analysis::median));
  claim.checks = checks.take();
  claim.figures.push_back(figure_of(places));
  return claim;
}

}  // namespace

ClaimRecipe copies() { return {"C9", {"copies", "burstiness"}, {}, judge, {}}; }

}  // namespace iclab::papers::differential_kinetics
