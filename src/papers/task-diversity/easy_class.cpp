// C9: an easy class that joins a hard one, and the hard one's plateau.
#include <fmt/format.h>

#include <cmath>

#include "analysis/series.h"
#include "papers/judge.h"
#include "papers/points.h"
#include "papers/task-diversity/axes.h"
#include "papers/task-diversity/claims.h"
#include "papers/task-diversity/law.h"
#include "theory/plateau.h"

namespace iclab::papers::task_diversity {
namespace {

constexpr double kHalf = 0.5;
const double kThreshold = std::pow(3.0, 0.25);  // early phase: sped up iff c^4 > 3

// The plateau of class 0 in time, lr * step.
struct HardClass {
  double c = 0;  // scale of the easy class; 0: alone
  double predicted = 0, measured = 0;
  double lr = 0;
  std::string label;
};

HardClass hard_class(const Arm& arm) {
  const Law law = law_of(arm);
  const std::vector<theory::ColumnClass> classes = classes_of(arm);
  const theory::Spectrum& hard = law.classes.at(0);
  HardClass result;
  result.c = classes.size() > 1 ? classes[1].scale : 0;
  result.predicted = theory::plateau(law.spectrum, hard, law.alpha, kHalf) / law.scale;
  // J_0* = J_0(Gamma*), Gamma* of the whole mixture.
  const double least = 1 + hard.excess(law.spectrum.optimum()) / hard.trace();
  result.measured = law.lr * drop_steps(arm, {"risk", "id", "risk_class0"}, least, kHalf).at(0);
  result.lr = law.lr;
  result.label = arm.label(-1);
  return result;
}

std::vector<HardClass> hard_classes(const std::vector<Arm>& arms) {
  std::vector<HardClass> results;
  for (const Arm& arm : arms) results.push_back(hard_class(arm));
  return results;
}

void check_times(const std::string& loss, const std::vector<HardClass>& results, Checks& checks) {
  const size_t mark = checks.size();
  for (const HardClass& result : results)
    checks.add(result.c > 0
                   ? fmt::format("T_0.5 of the hard class, {} loss, c = {}", loss, result.c)
                   : "T_0.5 of the hard class alone",
               result.predicted, analysis::exact(result.measured),
               within(result.predicted, 0.01, result.lr), "ODE within 1 % (+ 1 step)");
  checks.condense(mark, 10);
}

double ratio_to(const HardClass& result, const HardClass& alone) {
  return analysis::ratio_or_never(result.measured, alone.measured);
}

void check_ratios(const std::vector<HardClass>& results, const HardClass& alone, Checks& checks) {
  for (const HardClass& result : results) {
    if (result.c != 1 && result.c < 1.5) continue;
    const bool slower = result.c == 1;
    checks.add(fmt::format("T/T_alone, mean loss, c = {}", result.c),
               result.predicted / alone.predicted, analysis::exact(ratio_to(result, alone)),
               slower ? above(1) : below(1), slower ? "above 1" : "below 1");
  }
}

// The theory curve over the scale c, for the training law of an arm with two classes.
void draw(report::Figure& figure, const std::string& series, const Arm& example,
          const std::vector<HardClass>& results, const HardClass& alone) {
  const Law law = law_of(example);
  std::vector<theory::ColumnClass> classes = classes_of(example);
  std::vector<double> x, y;
  for (int i = 0; i <= 40; ++i) {
    classes[1].scale = 1 + i / 20.0;
    const theory::ClassSpectra spectra =
        theory::class_spectra(classes, law.mixture.d, law.n, law.sigma2);
    x.push_back(classes[1].scale);
    y.push_back(theory::plateau(spectra.mixture, spectra.classes[0], law.alpha, kHalf) / law.scale /
                alone.predicted);
  }
  figure.theory(series, x, y);
  for (const HardClass& result : results)
    if (result.c > 0)
      figure.measured(series,
                      point_at(result.c, analysis::exact(ratio_to(result, alone)), result.label));
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "An easy class shortens the hard class's plateau";
  claim.statement =
      "A disjoint class of larger scale c pulls a hard class off its plateau: with the mean loss "
      "if c is above "
      "about 3^(1/4) = 1.316, with summed losses always.";
  claim.provenance = provenance("derived",
                                "convention F; the effect is known from arXiv 2410.05448 for "
                                "transformers, the threshold is ours",
                                "ODE of gradient flow; early-phase ratio 2/√(1 + c⁴)");
  const std::vector<Arm> mean_arms = measurements.arms("easy-mean"),
                         sum_arms = measurements.arms("easy-sum");
  std::vector<HardClass> mean = hard_classes(mean_arms);
  const std::vector<HardClass> sum = hard_classes(sum_arms);
  const HardClass alone = mean.at(0);
  Checks checks;
  check_times("mean", mean, checks);
  check_times("summed", sum, checks);
  check_ratios(mean, alone, checks);
  claim.checks = checks.take();

  report::Figure figure(
      "c9-easy-class", "A hard class joined by an easy one",
      {.word = "scale of the easy class", .symbol = "c"},
      {.word = "plateau of the hard class over its plateau alone", .symbol = "T/T_alone"});
  figure.caption(
      "With the mean loss an easy class must be strong enough to make up for the halved weight of "
      "the hard one; the early-phase law puts the threshold at 3^(1/4), at this α it lies a little "
      "higher.");
  draw(figure, "F: mean loss", mean_arms.back(), mean, alone);
  draw(figure, "F: summed loss", sum_arms.back(), sum, alone);
  figure.rule_x(kThreshold, "3^(1/4)");
  figure.rule_y(1, "as long as alone");
  claim.figures.push_back(std::move(figure));
  return claim;
}

}  // namespace

ClaimRecipe easy_class() { return {"C9", {"easy-mean", "easy-sum"}, {}, judge, {}}; }

}  // namespace iclab::papers::task_diversity
