// C7: how long the plateau lasts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/series.h"
#include "papers/judge.h"
#include "papers/points.h"
#include "papers/task-diversity/axes.h"
#include "papers/task-diversity/claims.h"
#include "papers/task-diversity/law.h"
#include "theory/one_eigenvalue.h"
#include "theory/plateau.h"

namespace iclab::papers::task_diversity {
namespace {

constexpr double kHalf = 0.5;

// The arms of the smallest context without noise: what the figures show.
std::vector<Arm> plain(const std::vector<Arm>& arms) {
  std::vector<Arm> chosen;
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    if (law.n == law_of(arms[0]).n && law.sigma2 == 0) chosen.push_back(arm);
  }
  return chosen;
}

void check_descent(const std::vector<Arm>& arms, Checks& checks) {
  const size_t mark = checks.size();
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    const double predicted = theory::plateau(law.spectrum, law.alpha, kHalf);
    checks.add(
        fmt::format("T_0.5 of gradient descent, {}{}", mixture_name(law.mixture), other_axes(arm)),
        predicted, analysis::exact(law.lr * half_drop_steps(arm).at(0)),
        within(predicted, 0.01, law.lr), "ODE within 1 % (+ 1 step)");
  }
  checks.condense(mark, 20);
}

constexpr double kEarlyPhaseBound = 0.08;

// The early-phase formula beside the ODE. The claim accepts a distance of 8 % for alpha <= 0.01; one mixture of the full
// study exceeds it (task-diversity.md, section 5.2), and the claim says so.
struct EarlyPhase {
  const Arm* arm;
  double ode, formula;

  double error() const { return std::abs(formula / ode - 1); }
  std::string name() const { return mixture_name(law_of(*arm).mixture) + other_axes(*arm); }
};

std::vector<EarlyPhase> early_phases(const std::vector<Arm>& arms) {
  std::vector<EarlyPhase> phases;
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    if (law.alpha > 1.0001e-2) continue;
    phases.push_back({&arm, theory::plateau(law.spectrum, law.alpha, kHalf),
                      theory::linear_plateau(law.spectrum, law.alpha, kHalf)});
  }
  return phases;
}

void check_early_phase(const std::vector<Arm>& arms, Checks& checks) {
  const size_t mark = checks.size();
  for (const EarlyPhase& phase : early_phases(arms))
    checks.add(fmt::format("T_lin of the early phase, {}", phase.name()), phase.ode,
               analysis::exact(phase.formula), within(phase.ode, kEarlyPhaseBound),
               "ODE within 8 %");
  checks.condense(mark, 4);
}

// No run decides whether the formula keeps its bound.
std::string cause(const Measurements& measurements) {
  const std::vector<Arm> arms = measurements.arms("plateau");
  const std::vector<EarlyPhase> phases = early_phases(arms);
  const auto worst = std::ranges::max_element(phases, {}, &EarlyPhase::error);
  if (worst == phases.end() || worst->error() <= kEarlyPhaseBound) return "";
  return fmt::format(
      "The early-phase formula T_lin is {:.2f} % off the ODE at {}. No run enters that comparison "
      "of theory with theory: the formula follows only the growth from small weights, its error "
      "falls like 1/ln(1/α), and a bound of 8 % for α ≤ 0.01 is too narrow for this mixture "
      "(task-diversity.md, section 5.2). ",
      100 * worst->error(), worst->name());
}

void check_logistic(const std::vector<Arm>& arms, Checks& checks) {
  double worst = 0;
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    if (law.mixture.s > 0) continue;
    const theory::OneEigenvalue one{law.mixture.r, law.mixture.K, law.n, law.sigma2};
    worst = std::max(worst, std::abs(one.logistic_plateau(law.alpha, kHalf) -
                                     one.quadrature_plateau(law.alpha, law.alpha, kHalf)));
  }
  checks.add("logistic solution against quadrature, largest difference of T_0.5", 0,
             analysis::exact(worst), within(0, 0, 1e-9), "at most 1e-9");
}

// ln 10 / (2 Lambda), from the two smallest alphas of gradient descent.
void show_slopes(const std::vector<Arm>& arms, Checks& checks) {
  for (size_t i = 0; i + 1 < arms.size(); ++i) {
    const Law law = law_of(arms[i]), next = law_of(arms[i + 1]);
    const bool last_pair = i + 2 == arms.size() ||
                           mixture_name(law_of(arms[i + 2]).mixture) != mixture_name(law.mixture);
    if (mixture_name(law.mixture) != mixture_name(next.mixture) || !last_pair) continue;
    const double steps = half_drop_steps(arms[i + 1]).at(0) - half_drop_steps(arms[i]).at(0);
    checks.show(fmt::format("T_0.5 per decade of α, {}", mixture_name(law.mixture)),
                std::log(10.0) / (2 * law.spectrum.Lambda()),
                analysis::exact(law.lr * steps / std::log10(law.alpha / next.alpha)));
  }
}

report::Figure curves_figure(const std::vector<Arm>& arms) {
  report::Figure figure("c7-risk-against-time",
                        "The plateau grows by a constant for every decade of α", time_axis(),
                        risk_axis());
  figure.caption(
      "Gradient flow (lines) and gradient descent (points) from ever smaller initial weights: the "
      "drop moves, its shape stays.");
  figure.panels("training tasks");
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    const std::string series = fmt::format("α = {}", law.alpha), panel = mixture_name(law.mixture);
    const double end = law.lr * static_cast<double>(arm.steps());
    std::vector<double> times, risks;
    for (int i = 0; i <= 100; ++i) times.push_back(end * i / 100);
    for (const double risk :
         theory::factored_flow_risks(law.spectrum, law.spectrum, law.alpha, times))
      risks.push_back(risk / law.power());
    figure.theory(series, times, risks, panel);
    draw_mean_curve(figure, series, arm, {}, {.most = 25, .time = law.lr, .panel = panel});
  }
  return figure;
}

report::Figure law_figure(const std::vector<Arm>& arms) {
  report::Figure figure("c7-plateau-law", "Length of the plateau against the initial weights",
                        {.word = "initial scale", .symbol = "ln(1/α)"},
                        {.word = "half-drop time", .symbol = "T_0.5"});
  figure.caption("T_0.5 is a straight line in ln(1/α), with slope 1/(2Λ), Λ = ‖C‖_F (dashed).");
  std::set<std::string> drawn;
  for (const Arm& arm : arms) {
    const Law law = law_of(arm);
    const std::string series = mixture_name(law.mixture);
    figure.measured(
        series, point_at(-std::log(law.alpha), analysis::exact(law.lr * half_drop_steps(arm).at(0)),
                         arm.label(-1)));
    if (!drawn.insert(series).second) continue;
    std::vector<double> x, y, slope;
    for (const double alpha : log_grid(1e-5, 0.1, 30)) {
      x.insert(x.begin(), -std::log(alpha));
      y.insert(y.begin(), theory::plateau(law.spectrum, alpha, kHalf));
    }
    figure.theory(series, x, y);
    for (const double at : x)
      slope.push_back(y.back() + (at - x.back()) / (2 * law.spectrum.Lambda()));
    figure.curve(fmt::format("slope 1/(2Λ), {}", series), x, slope);
  }
  return figure;
}

report::Claim judge(const Measurements& measurements) {
  report::Claim claim;
  claim.title = "The plateau law";
  claim.statement =
      "From small weights the loss first rests on a plateau. Its length is T ≈ ln(c/α)/(2Λ): set "
      "by the norm "
      "Λ = ‖C‖_F of the tasks' second moment at a fixed learning rate, and by the logarithm of the "
      "initial "
      "scale α.";
  claim.provenance = provenance("derived", "the plateau is the paper's subject; this law is ours",
                                "ODE of gradient flow, its early phase, and its logistic solution");
  const std::vector<Arm> arms = measurements.arms("plateau");
  Checks checks;
  check_descent(arms, checks);
  check_early_phase(arms, checks);
  check_logistic(arms, checks);
  const std::vector<Arm> shown = plain(arms);
  show_slopes(shown, checks);
  claim.checks = checks.take();
  claim.figures.push_back(curves_figure(shown));
  claim.figures.push_back(law_figure(shown));
  return claim;
}

}  // namespace

ClaimRecipe plateau_law() { return {"C7", {"plateau"}, {}, judge, cause}; }

}  // namespace iclab::papers::task_diversity
