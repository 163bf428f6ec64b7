#include "theory/kinetics_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "base/error.h"
#include "theory/kinetics_attention.h"
#include "theory/kinetics_decay.h"
#include "theory/kinetics_mean_field.h"
#include "theory/kinetics_memoriser.h"

namespace iclab::theory {
namespace {

constexpr double kMaxCount = 1e15;  // exact as a double
constexpr double kMaxSum = 1e7;     // N where a sum over about 8 sqrt(N) label sums is taken
constexpr double kMaxItems = 1e8;   // K where every item is visited
// Of what is integrated numerically: far beyond what a model takes, still without overflow.
constexpr double kMaxWeight = 1e9, kMaxDrift = 1e12;

// ---- parameters ----

Parameter count(const char* name, const char* help, double minimum, double maximum = kMaxCount) {
  return {
      .name = name, .kind = Kind::kInteger, .help = help, .minimum = minimum, .maximum = maximum};
}

Parameter context(double maximum = kMaxCount) { return count("N", "context tokens", 2, maximum); }

Parameter copies() {
  Parameter parameter = count("n", "copies of the target in the context, below N", 1);
  parameter.fallback = std::int64_t{1};
  return parameter;
}

Parameter any(const char* name, const char* help) { return {.name = name, .help = help}; }

Parameter any(const char* name, const char* help, double fallback) {
  return {.name = name, .help = help, .fallback = fallback};
}

Parameter positive(const char* name, const char* help) {
  return {.name = name, .help = help, .minimum = 0, .above_minimum = true};
}

Parameter within(Parameter parameter, double minimum, double maximum) {
  parameter.minimum = minimum;
  parameter.maximum = maximum;
  return parameter;
}

Parameter beta0() { return any("beta0", "initial attention beta", 0); }
Parameter w0() { return any("w0", "initial readout w", 0); }
Parameter integrated_w0() { return within(w0(), -kMaxWeight, kMaxWeight); }

Parameter drift() {
  return within(any("mu", "mean sum of the other labels, times the answer", 0), -kMaxDrift,
                kMaxDrift);
}

Parameter rate() { return positive("eta", "learning rate"); }

Parameter list(const char* name, const char* help, double minimum,
               double maximum = std::numeric_limits<double>::infinity()) {
  return {.name = name, .kind = Kind::kReals, .help = help, .minimum = minimum, .maximum = maximum};
}

// ---- reading and writing ----

double N_of(const Settings& settings) { return static_cast<double>(settings.integer("N")); }
double n_of(const Settings& settings) { return static_cast<double>(settings.integer("n")); }

[[noreturn]] void refuse(const char* function, const char* key, const std::string& what) {
  throw UsageError(fmt::format("[{}] {}: {}", function, key, what));
}

void check_copies(const char* function, const Settings& settings) {
  const std::int64_t n = settings.integer("n"), N = settings.integer("N");
  if (n >= N) refuse(function, "n", fmt::format("found {}, accepted is 1 to N - 1 = {}", n, N - 1));
}

void check_ascending(const char* function, const char* key, std::span<const double> values) {
  for (size_t i = 1; i < values.size(); ++i)
    if (values[i] < values[i - 1])
      refuse(function, key,
             fmt::format("found {} after {}, accepted are ascending numbers", values[i],
                         values[i - 1]));
}

void check_as_long(const char* function, const char* key, std::span<const double> values,
                   const char* other, std::span<const double> grid) {
  if (values.size() != grid.size())
    refuse(function, key, fmt::format("found {} numbers, accepted is {}, as many as {}",
                                      values.size(), grid.size(), other));
}

// "inf" is no finite time, or beyond a double's range.
Json number(double x) {
  if (std::isnan(x)) return {};
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  return x;
}

Json numbers(std::span<const double> values) {
  Json array = Json::array();
  for (const double value : values) array.push_back(number(value));
  return array;
}

// ---- the functions, in the order of the table ----

Function tau_star_function() {
  return {"tau_star",
          "acquisition threshold tau* without friction, in the memoriser's time eta sum c1",
          "arXiv 2412.00104; differential-kinetics.md, section 3.3",
          {context(), beta0(), w0(), copies()},
          [](const Settings& s) {
            check_copies("tau_star", s);
            return number(tau_star(N_of(s), s.real("beta0"), s.real("w0"), n_of(s)));
          }};
}

Function path_function() {
  Parameter x = any("x", "tau / tau*");
  x.minimum = 0;
  x.maximum = 1;
  x.below_maximum = true;
  return {"frictionless_path",
          "w and beta on the way to acquisition without friction",
          "arXiv 2412.00104; differential-kinetics.md, section 3.3",
          {x, w0(), beta0()},
          [](const Settings& s) {
            const WeightAndBeta at =
                frictionless_path(s.real("x"), s.real("w0"), s.real("beta0"));
            return Json{{"w", number(at.w)}, {"beta", number(at.beta)}};
          }};
}

Function friction_function() {
  Parameter kappa = any("kappa", "friction c2 e^-beta0 / n");
  kappa.minimum = 0;
  return {"G_friction",
          "tau* with label noise in units of (N/n) e^-beta0",
          "arXiv 2412.00104; differential-kinetics.md, section 3.4",
          {kappa, integrated_w0()},
          [](const Settings& s) { return number(G_friction(s.real("kappa"), s.real("w0"))); }};
}

Function general_function() {
  Parameter c2 = within(any("c2", "friction: 1 - <sigma^2>/<sigma> of the memoriser", 0), 0, 1);
  return {"tau_star_general",
          "tau* with label noise (v_S/N = 1) and drift; inf where never",
          "arXiv 2412.00104; differential-kinetics.md, section 3.4",
          {context(), beta0(), integrated_w0(), copies(), c2, drift()},
          [](const Settings& s) {
            check_copies("tau_star_general", s);
            return number(tau_star_general(N_of(s), s.real("beta0"), s.real("w0"), n_of(s),
                                           s.real("c2"), s.real("mu")));
          }};
}

Function infinite_function() {
  Parameter c2 = within(any("c2", "friction: 0 none, 1/2 a silent memoriser", 0), 0, 1);
  return {"t_icl_Kinf",
          "steps to acquisition for K = infinity",
          "arXiv 2412.00104; differential-kinetics.md, section 3.5",
          {context(), rate(), beta0(), integrated_w0(), copies(), c2},
          [](const Settings& s) {
            check_copies("t_icl_Kinf", s);
            return number(t_icl_Kinf(N_of(s), s.real("eta"), s.real("beta0"), s.real("w0"),
                                     n_of(s), s.real("c2")));
          }};
}

Function quantile_function() {
  Parameter q = positive("q", "probability");
  q.maximum = 1;
  q.below_maximum = true;
  return {"t_icl_quantile",
          "quantile of the steps to acquisition for K = infinity, w0 = 0, beta0 ~ N(0, sigma^2)",
          "arXiv 2412.00104; differential-kinetics.md, section 3.5",
          {q, context(), rate(), positive("sigma_beta", "spread of beta0"), copies()},
          [](const Settings& s) {
            check_copies("t_icl_quantile", s);
            return number(t_icl_quantile(s.real("q"), N_of(s), s.real("eta"),
                                         s.real("sigma_beta"), n_of(s)));
          }};
}

Function fraction_function() {
  return {"p_acquire",
          "fraction of runs that acquire, w0 = 0 and beta0 ~ N(0, sigma^2)",
          "arXiv 2412.00104; differential-kinetics.md, section 3.6",
          {positive("I_inf", "I_K(inf), the memoriser's whole time"), context(),
           positive("sigma_beta", "spread of beta0"), copies()},
          [](const Settings& s) {
            check_copies("p_acquire", s);
            return number(p_acquire(s.real("I_inf"), N_of(s), s.real("sigma_beta"), n_of(s)));
          }};
}

Function diversity_function() {
  return {"k_star",
          "number of items from which in-context learning is acquired, for I_K(inf) = A K^nu",
          "arXiv 2412.00104; differential-kinetics.md, section 3.6",
          {context(), positive("A", "scale of the memorisation law"),
           positive("nu", "exponent of the memorisation law"), beta0(), w0(), copies()},
          [](const Settings& s) {
            check_copies("k_star", s);
            return number(k_star(N_of(s), s.real("A"), s.real("nu"), s.real("beta0"),
                                 s.real("w0"), n_of(s)));
          }};
}

Function copies_function() {
  return {"expected_copies",
          "mean number of copies of the target under the paper's sampler",
          "arXiv 2412.00104; differential-kinetics.md, section 1.2",
          {context(), count("K", "items", 2)},
          [](const Settings& s) {
            return number(expected_copies(N_of(s), static_cast<double>(s.integer("K"))));
          }};
}

Function cell_function() {
  Parameter time = any("s", "time of a cell");
  time.minimum = 0;
  return {"g_lookup",
          "a cell of the table memoriser: g' = sigma(-g), g(0) = 0",
          "arXiv 2412.00104; differential-kinetics.md, section 3.6",
          {time},
          [](const Settings& s) { return number(g_lookup(s.real("s"))); }};
}

Function table_function() {
  Parameter time = any("t", "eta * steps");
  time.minimum = 0;
  return {"I_lookup",
          "I_K(t) of the table memoriser with item frequencies k^-alpha",
          "arXiv 2412.00104; differential-kinetics.md, section 3.6",
          {time, count("K", "items", 1, kMaxItems), any("alpha", "skew of the items", 0)},
          [](const Settings& s) {
            return number(I_lookup(s.real("t"), s.integer("K"), s.real("alpha")));
          }};
}

Function accuracy_function() {
  return {"icl_accuracy_ideal",
          "accuracy on novel items at attention beta, w > 0, ties counted half",
          "arXiv 2412.00104; differential-kinetics.md, section 3.5",
          {context(kMaxSum), any("beta", "attention"), copies()},
          [](const Settings& s) {
            check_copies("icl_accuracy_ideal", s);
            return number(icl_accuracy_ideal(s.integer("N"), s.real("beta"), s.integer("n")));
          }};
}

Function loss_function() {
  return {"icl_loss_ideal",
          "loss L(w, beta) for K = infinity",
          "arXiv 2412.00104; differential-kinetics.md, section 3.5",
          {context(kMaxSum), any("beta", "attention"), any("w", "readout"), copies()},
          [](const Settings& s) {
            check_copies("icl_loss_ideal", s);
            return number(
                icl_loss_ideal(s.integer("N"), s.real("beta"), s.real("w"), s.integer("n")));
          }};
}

Function descent_function() {
  return {"meanfield_rhs",
          "[dw, dbeta] per unit of eta t: minus the gradient of the loss for K = infinity",
          "arXiv 2412.00104; differential-kinetics.md, section 3.5",
          {context(kMaxSum), any("w", "readout"), any("beta", "attention"), copies(),
           any("phi", "output of the memoriser, times the answer", 0)},
          [](const Settings& s) {
            check_copies("meanfield_rhs", s);
            const Descent descent = meanfield_rhs(s.integer("N"), s.real("w"), s.real("beta"),
                                                  s.integer("n"), s.real("phi"));
            return Json::array({number(descent.dw), number(descent.dbeta)});
          }};
}

Function mean_field_function() {
  Parameter times = list("times", "values of eta t at which w and beta are given", 0);
  times.fallback = std::vector<double>{};
  return {"meanfield_Kinf",
          "flow of the loss for K = infinity, and when it passes an accuracy of 0.95",
          "arXiv 2412.00104; differential-kinetics.md, section 3.5",
          {context(kMaxSum), copies(), beta0(), integrated_w0(), times},
          [](const Settings& s) {
            check_copies("meanfield_Kinf", s);
            const std::vector<double>& at = s.reals("times");
            check_ascending("meanfield_Kinf", "times", at);
            const MeanField flow = meanfield_Kinf(s.integer("N"), s.integer("n"),
                                                  s.real("beta0"), s.real("w0"), at);
            return Json{{"beta_thr", number(flow.beta_threshold)},
                        {"t_acc", number(flow.t_acc)},
                        {"times", numbers(at)},
                        {"w", numbers(flow.w)},
                        {"beta", numbers(flow.beta)}};
          }};
}

Function memoriser_function() {
  constexpr const char* kName = "t_icl_from_memoriser";
  return {kName,
          "acquisition predicted from what the memoriser does alone",
          "arXiv 2412.00104; differential-kinetics.md, sections 3.2 and 4 (C5)",
          {list("t", "steps, ascending", -std::numeric_limits<double>::infinity()),
           list("c1", "mean residual <sigma> at these steps", 0, 1),
           list("c2", "1 - <sigma^2>/<sigma> at these steps", 0, 1), context(), rate(),
           beta0(), integrated_w0(), copies(), drift()},
          [](const Settings& s) {
            check_copies(kName, s);
            const MemoriserSeries series{s.reals("t"), s.reals("c1"), s.reals("c2")};
            if (series.t.empty())
              refuse(kName, "t", "found no number, accepted is at least one");
            check_ascending(kName, "t", series.t);
            check_as_long(kName, "c1", series.c1, "t", series.t);
            check_as_long(kName, "c2", series.c2, "t", series.t);
            const FromMemoriser found =
                t_icl_from_memoriser(series, N_of(s), s.real("eta"), s.real("beta0"),
                                     s.real("w0"), n_of(s), s.real("mu"));
            return Json{{"t_icl", number(found.t_icl)},
                        {"tau_end", number(found.tau_end)},
                        {"w", number(found.w)},
                        {"beta", number(found.beta)}};
          }};
}

Function decay_function() {
  return {"h_decay",
          "C/lambda of the stationary states under decay of w and beta",
          "arXiv 2412.00104; differential-kinetics.md, section 3.9",
          {positive("beta", "attention"), context()},
          [](const Settings& s) { return number(h_decay(s.real("beta"), N_of(s))); }};
}

Function fold_function() {
  return {"decay_fold",
          "where stationary in-context learning is lost, and where it starts by itself",
          "arXiv 2412.00104; differential-kinetics.md, section 3.9",
          {count("N", "context tokens", 8)},
          [](const Settings& s) {
            const DecayFold fold = decay_fold(N_of(s));
            return Json{{"beta_fold", number(fold.beta_fold)},
                        {"h_fold", number(fold.h_fold)},
                        {"w_fold", number(fold.w_fold)},
                        {"beta_top", number(fold.beta_top)},
                        {"h_top", number(fold.h_top)}};
          }};
}

Function saturated_function() {
  Parameter c3 = any("c3", "<e^-phi+> of the memoriser");
  c3.minimum = 0;
  return {"w_decay_saturated",
          "w of saturated attention under decay: lambda w = c3 e^-w",
          "arXiv 2412.00104; differential-kinetics.md, section 3.9",
          {c3, positive("lam", "decay lambda")},
          [](const Settings& s) { return number(w_decay_saturated(s.real("c3"), s.real("lam"))); }};
}

Function after_function() {
  return {"post_acquisition",
          "w, eta t and training loss after acquisition, each at the times s of the memoriser",
          "arXiv 2412.00104; differential-kinetics.md, section 3.8",
          {list("s", "times of the slowed memoriser, ascending",
                -std::numeric_limits<double>::infinity()),
           list("c3_s", "<e^-phi+> at these times", 0), any("w_a", "w at s[0]")},
          [](const Settings& s) {
            const std::vector<double>&grid = s.reals("s"), &c3 = s.reals("c3_s");
            check_ascending("post_acquisition", "s", grid);
            check_as_long("post_acquisition", "c3_s", c3, "s", grid);
            const PostAcquisition way = post_acquisition(grid, c3, s.real("w_a"));
            return Json::array({numbers(way.w), numbers(way.time), numbers(way.loss)});
          }};
}

}  // namespace

std::vector<Function> kinetics_functions() {
  return {tau_star_function(),   path_function(),     friction_function(),  general_function(),
          infinite_function(),   quantile_function(), fraction_function(),  diversity_function(),
          copies_function(),     cell_function(),     table_function(),     accuracy_function(),
          loss_function(),       descent_function(),  mean_field_function(), memoriser_function(),
          decay_function(),      fold_function(),     saturated_function(), after_function()};
}

}  // namespace iclab::theory
