// C4 and C5: what diversity buys out of distribution, and what it costs at finite context.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "papers/judge.h"
#include "papers/points.h"
#include "papers/task-diversity/axes.h"
#include "papers/task-diversity/claims.h"
#include "papers/task-diversity/law.h"
#include "theory/linear_risk.h"

namespace iclab::papers::task_diversity {
namespace {

std::vector<Arm> all_arms(const Measurements& measurements,
                          const std::vector<std::string>& studies) {
  std::vector<Arm> arms;
  for (const std::string& study : studies)
    for (const Arm& arm : measurements.arms(study)) arms.push_back(arm);
  return arms;
}

const Quantity kIsotropic{"risk", "isotropic"};

// By context length, then by number of distinct columns: the first noiseless arm of each.
std::map<double, std::map<std::int64_t, Arm>> by_context(const std::vector<Arm>& arms) {
  std::map<double, std::map<std::int64_t, Arm>> table;
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    if (law.sigma2 == 0) table[law.n].emplace(law.mixture.R(), arm);
  }
  return table;
}

report::Figure columns_figure(const std::vector<Arm>& arms) {
  report::Figure figure("c4-risk-against-columns",
                        "Out-of-distribution risk falls with distinct columns",
                        {.word = "distinct columns", .symbol = "R"}, risk_axis());
  figure.caption(
      "On isotropic test tasks every distinct column of the training subspaces lowers the risk "
      "by about 1/d.");
  double d = 0;
  for (const auto& [n, row] : by_context(arms)) {
    const std::string series = fmt::format("n = {:.0f}", n);
    std::vector<double> x, y;
    for (const auto& [columns, arm] : row) {
      x.push_back(static_cast<double>(columns));
      y.push_back(law_of(arm).isotropic_risk());
      d = static_cast<double>(law_of(arm).mixture.d);
    }
    figure.theory(series, x, y);
    for (const auto& [columns, arm] : row)
      figure.measured(series,
                      point_at(static_cast<double>(columns),
                               analysis::mean_over_seeds(arm.final(kIsotropic)), arm.label(-1)));
  }
  figure.curve("1 − R/d", std::vector<double>{0, d}, std::vector<double>{1, 0});
  return figure;
}

report::Claim judge_columns(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "OOD risk falls with the number of distinct columns";
  claim.statement =
      "More task diversity, counted in non-overlapping columns of the training subspaces, lets "
      "in-context "
      "learning seem to generalise out of distribution. Our closed form: on isotropic tasks the "
      "risk tends "
      "to 1 − R/d, R the number of distinct columns.";
  claim.provenance =
      provenance("paper", "claim (ii) of the abstract of arXiv 2606.06814; the law 1 − R/d is ours",
                 "closed form of task-diversity.md, section 4.2, on isotropic test tasks");
  Checks checks;
  const std::vector<Arm> arms =
      all_arms(measurements, {"trained-single", "trained-union", "trained-others"});
  size_t mark = checks.size();
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    const double predicted = law.isotropic_risk();
    checks.add(fmt::format("J/r on isotropic tasks, {} (R = {}){}", mixture_name(law.mixture),
                           law.mixture.R(), other_axes(arm)),
               predicted, analysis::mean_over_seeds(arm.final(kIsotropic)), within(predicted, 0.03),
               "mean within 3 %");
  }
  checks.condense(mark);
  double worst = 0;
  for (const Arm& arm : arms) {
    Law law = law_of(arm);
    law.n = 1e5;
    const double limit =
        1 - static_cast<double>(law.mixture.R()) / static_cast<double>(law.mixture.d);
    worst = std::max(worst, std::abs(law.isotropic_risk() - limit));
  }
  checks.add("|J/r − (1 − R/d)| of theory at n = 1e5, largest", 0, analysis::exact(worst),
             below(1e-3), "below 1e-3");
  claim.checks = checks.take();
  claim.figures.push_back(
      columns_figure(all_arms(measurements, {"trained-single", "trained-union", "trained-others",
                                             "price", "price-context"})));
  return claim;
}

// ---- C5 ----------------------------------------------------------------------------------------

report::Figure tradeoff_figure(const std::vector<Arm>& arms) {
  report::Figure figure("c5-tradeoff", "Diversity costs risk at home and buys it elsewhere",
                        {.word = "components", .symbol = "K"}, risk_axis());
  std::vector<double> x, id, isotropic;
  const Law first = law_of(arms.at(0));
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    if (law.n != first.n || law.sigma2 != first.sigma2) continue;
    x.push_back(static_cast<double>(law.mixture.K));
    id.push_back(law.least_risk());
    isotropic.push_back(law.isotropic_risk());
    figure.measured("training tasks",
                    point_at(x.back(), analysis::mean_over_seeds(arm.final({})), arm.label(-1)));
    figure.measured(
        "isotropic tasks",
        point_at(x.back(), analysis::mean_over_seeds(arm.final(kIsotropic)), arm.label(-1)));
  }
  figure.theory("training tasks", x, id);
  figure.theory("isotropic tasks", x, isotropic);
  figure.caption(
      fmt::format("At context n = {:.0f}, each further disjoint subspace raises the risk on the "
                  "training tasks and lowers it on isotropic ones.",
                  first.n));
  return figure;
}

report::Figure context_figure(const std::vector<Arm>& arms) {
  report::Figure figure("c5-context", "The price of diversity vanishes with the context length",
                        {.word = "context length", .symbol = "n", .log = true}, log_risk_axis());
  figure.caption("The risk on the training tasks falls like (1 + K r)/n.");
  std::map<std::int64_t, std::vector<Arm>> by_components;
  double low = 1e9, high = 0;
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    if (law.sigma2 > 0) continue;
    by_components[law.mixture.K].push_back(arm);
    low = std::min(low, law.n);
    high = std::max(high, law.n);
  }
  for (const auto& [K, own] : by_components) {
    Law law = law_of(own.front());
    const std::string series = mixture_name(law.mixture);
    std::vector<double> x = log_grid(low, high, 40), y;
    for (const double n : x) {
      law.spectrum.n = n;
      y.push_back(law.least_risk());
    }
    figure.theory(series, x, y);
    for (const Arm& arm : own)
      figure.measured(
          series, point_at(law_of(arm).n, analysis::mean_over_seeds(arm.final({})), arm.label(-1)));
    const double asymptote = (1 + static_cast<double>(K * law.mixture.r)) / high;
    if (K == 1) figure.slope("slope −1", -1, low, asymptote * high / low, high);
  }
  return figure;
}

report::Claim judge_price(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "The price of diversity at finite context";
  claim.statement =
      "At a finite context length diversity has a price: the risk on the training tasks themselves "
      "grows "
      "with the number K of disjoint subspaces, J*/r = 1 − 1/(1 + (1 + K(r + σ²))/n), and vanishes "
      "like "
      "(1 + K r)/n.";
  claim.provenance = provenance("derived", "not in the abstract; follows from the closed form",
                                "closed form of task-diversity.md, section 4.2, s = 0");
  Checks checks;
  const std::vector<Arm> arms = measurements.arms("price");
  const size_t mark = checks.size();
  double worst = 0;
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    const double K = static_cast<double>(law.mixture.K), r = static_cast<double>(law.mixture.r);
    const double closed = 1 - 1 / (1 + (1 + K * (r + law.sigma2)) / law.n);
    const theory::Matrix q = theory::Matrix::Identity(law.mixture.d, law.mixture.d);
    worst = std::max(
        worst,
        std::abs(closed -
                 theory::least_risk(theory::second_moment(q, law.mixture), law.n, law.sigma2) / r));
    checks.add(
        fmt::format("J/r on the training tasks, {}{}", mixture_name(law.mixture), other_axes(arm)),
        closed, analysis::mean_over_seeds(arm.final({})), within(closed, 0.03), "mean within 3 %");
  }
  checks.condense(mark);
  checks.add("closed form against J* by matrices, largest difference", 0, analysis::exact(worst),
             within(0, 0, 1e-12), "at most 1e-12");
  claim.checks = checks.take();
  claim.figures.push_back(tradeoff_figure(arms));
  claim.figures.push_back(context_figure(all_arms(measurements, {"price", "price-context"})));
  return claim;
}

}  // namespace

ClaimRecipe distinct_columns() {
  return {"C4",
          {"trained-single", "trained-union", "trained-others"},
          {"price", "price-context"},
          judge_columns,
          {}};
}

ClaimRecipe price_of_diversity() { return {"C5", {"price"}, {"price-context"}, judge_price, {}}; }

}  // namespace iclab::papers::task_diversity
