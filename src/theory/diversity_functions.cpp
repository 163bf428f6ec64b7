#include "theory/diversity_functions.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>

#include "base/error.h"
#include "theory/conditioning.h"
#include "theory/mixture_risk.h"
#include "theory/one_eigenvalue.h"
#include "theory/plateau.h"
#include "theory/population_training.h"
#include "theory/speed.h"
#include "theory/staircase.h"

namespace iclab::theory {
namespace {

constexpr double kMaxCount = 1e9;     // d, r, K, s: their products stay exact
constexpr double kMaxContext = 1e15;  // n: exact as a double
constexpr double kMaxColumns = 1e6;   // where an array has d entries
constexpr double kMaxSteps = 1e7;     // where every step's risk is kept

// ---- parameters
// ----------------------------------------------------------------------------------

Parameter count(const char* name, const char* help, double minimum = 1,
                double maximum = kMaxCount) {
  return {
      .name = name, .kind = Kind::kInteger, .help = help, .minimum = minimum, .maximum = maximum};
}

Parameter count(const char* name, const char* help, double minimum, double maximum,
                std::int64_t fallback) {
  Parameter parameter = count(name, help, minimum, maximum);
  parameter.fallback = fallback;
  return parameter;
}

// A number above 0; a fallback of 0 means none.
Parameter positive(const char* name, const char* help, double fallback = 0) {
  Parameter parameter{
      .name = name, .kind = Kind::kReal, .help = help, .minimum = 0, .above_minimum = true};
  if (fallback > 0) parameter.fallback = fallback;
  return parameter;
}

Parameter optional(Parameter parameter) {
  parameter.fallback.reset();
  parameter.optional = true;
  return parameter;
}

Parameter choice(const char* name, const char* help, std::vector<std::string> choices,
                 bool first_is_fallback = true) {
  Parameter parameter{.name = name, .kind = Kind::kText, .help = help};
  if (first_is_fallback) parameter.fallback = choices[0];
  parameter.choices = std::move(choices);
  return parameter;
}

Parameter noise() {
  return {.name = "sigma2",
          .kind = Kind::kReal,
          .help = "label noise sigma^2",
          .fallback = 0.0,
          .minimum = 0};
}

Parameter context() { return count("n", "context length", 1, kMaxContext); }

Parameter fraction(const char* name, Kind kind, const char* help, Setting fallback) {
  return {.name = name,
          .kind = kind,
          .help = help,
          .fallback = std::move(fallback),
          .minimum = 0,
          .maximum = 1,
          .above_minimum = true,
          .below_maximum = true};
}

Parameter phi() {
  return fraction("phi", Kind::kReal, "part of the drop J(0) - J* that ends the plateau", 0.5);
}

// Starts of flows: what the flow multiplies of them stays a double.
Parameter start(const char* name, const char* help, double minimum, double maximum) {
  Parameter parameter{
      .name = name, .kind = Kind::kReal, .help = help, .minimum = minimum, .maximum = maximum};
  parameter.fallback = 1e-2;
  return parameter;
}

Parameter alpha() {
  return start("alpha", "scale of the initialisation: v0 = |W0|_F", 1e-300, 1e70);
}

// d r K s n sigma2, then the function's own.
std::vector<Parameter> mixture_parameters(std::vector<Parameter> more = {}) {
  std::vector<Parameter> parameters{
      count("d", "input dimension"),
      count("r", "rank of a component, at most d"),
      count("K", "components"),
      count("s", "columns shared by all components, at most r; 0 where K = 1", 0),
      context(),
      noise()};
  parameters.insert(parameters.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  return parameters;
}

// ---- reading and writing
// -------------------------------------------------------------------------

// The law of mixture_parameters().
struct Law {
  Mixture mixture;
  double n, sigma2;
};

Law law(const Settings& settings, const std::string& function) {
  const Mixture mixture{.d = settings.integer("d"),
                        .r = settings.integer("r"),
                        .K = settings.integer("K"),
                        .s = settings.integer("s")};
  check(mixture, "[" + function + "] ");
  return {mixture, static_cast<double>(settings.integer("n")), settings.real("sigma2")};
}

// Undefined, never reached or out of a double's range: null.
Json number(double x) { return std::isfinite(x) ? Json(x) : Json(); }
Json number(const std::optional<double>& x) { return x ? number(*x) : Json(); }

// A step that never comes: "inf", as every time that does not.
Json step_or_never(std::int64_t step) { return step < 0 ? Json("inf") : Json(step); }

Json numbers(const std::vector<double>& values) {
  Json array = Json::array();
  for (const double value : values) array.push_back(number(value));
  return array;
}

// ---- the functions, in the order of the table
// ----------------------------------------------------

Json constants(const Settings& settings) {
  const auto [mixture, n, sigma2] = law(settings, "diversity-constants");
  const MixtureConstants c = mixture_constants(mixture, n, sigma2);
  return {{"rho", number(c.rho)},
          {"m_shared", number(c.m_shared)},
          {"m_private", number(c.m_private)},
          {"m_null", number(c.m_null)},
          {"gamma_shared", number(c.gamma_shared)},
          {"gamma_private", number(c.gamma_private)},
          {"Lambda", number(c.Lambda)},
          {"R", mixture.R()},
          {"stable_rank", number(c.stable_rank)},
          {"lr_max_factored", number(c.lr_max_factored)},
          {"kappa_M", number(c.kappa_M)}};
}

Json risk(const Settings& settings) {
  const auto [mixture, n, sigma2] = law(settings, "diversity-risk");
  const TestSetting test{
      .n = settings.has("n_test") ? static_cast<double>(settings.integer("n_test")) : n,
      .sigma2 = settings.has("sigma2_test") ? settings.real("sigma2_test") : sigma2};
  const std::string& kind = settings.text("test");
  if (kind == "id") return number(span_risk(mixture, n, sigma2, test));
  if (kind == "isotropic") return number(isotropic_risk(mixture, n, sigma2, test));
  if (kind == "complement") return number(complement_risk(mixture, n, sigma2, test));

  std::vector<double> risks;
  for (const double degrees : settings.reals("angle_deg")) {
    const double theta = degrees * std::numbers::pi / 180;
    const std::optional<double> one =
        kind == "outside" ? outside_risk(mixture, n, sigma2, test, theta)
        : mixture.K >= 2  ? std::optional(span_risk(mixture, n, sigma2, test))
                          : std::nullopt;
    if (!one) return Json();
    risks.push_back(*one);
  }
  return risks.size() == 1 ? number(risks[0]) : numbers(risks);
}

Json plateau_length(const Settings& settings) {
  const auto [mixture, n, sigma2] = law(settings, "diversity-plateau");
  const Spectrum C = spectrum(mixture, n, sigma2);
  const double alpha_value = settings.real("alpha"), phi_value = settings.real("phi");
  const double T = settings.text("method") == "lin" ? linear_plateau(C, alpha_value, phi_value)
                                                    : plateau(C, alpha_value, phi_value);
  // The sum of the K class losses is K times the mean loss: all rates times K.
  return number(settings.text("loss") == "sum" ? T / static_cast<double>(mixture.K) : T);
}

Json logistic(const Settings& settings) {
  const OneEigenvalue model{.r = settings.integer("r"),
                            .K = settings.integer("K"),
                            .n = static_cast<double>(settings.integer("n")),
                            .sigma2 = settings.real("sigma2")};
  const double v0 = settings.real("v0"), phi_value = settings.real("phi");
  const double u0 = settings.has("u0") ? settings.real("u0") : v0;
  Json value{{"Lambda", number(model.Lambda())},
             {"m", number(model.m())},
             {"T_quadrature", number(model.quadrature_plateau(v0, u0, phi_value))}};
  if (u0 != v0) return value;

  value["T_logistic"] = number(model.logistic_plateau(v0, phi_value));
  value["J_at_t"] = Json::array();
  for (const double t : settings.reals("t"))
    value["J_at_t"].push_back(Json::array({number(t), number(model.logistic_risk(v0, t))}));
  return value;
}

Json spectrum_value(const Settings& settings) {
  const std::string where = "[diversity-spectrum] classes";
  const std::int64_t d = settings.integer("d");
  const std::vector<ColumnClass> classes = parse_classes(settings.text("classes"), where);
  check(classes, d, where);

  const ClassSpectra spectra = class_spectra(classes, d, static_cast<double>(settings.integer("n")),
                                             settings.real("sigma2"));
  const double alpha_value = settings.real("alpha"), phi_value = settings.real("phi");
  const double T = plateau(spectra.mixture, alpha_value, phi_value);
  const double T_0 = plateau(spectra.mixture, spectra.classes[0], alpha_value, phi_value);
  const auto count_of_classes = static_cast<double>(classes.size());
  return {{"lam", numbers(column_moments(classes, d))},
          {"Lambda", number(spectra.mixture.Lambda())},
          {"T_mean", number(T)},
          {"T_sum", number(T / count_of_classes)},
          {"T_mean_class0", number(T_0)},
          {"T_sum_class0", number(T_0 / count_of_classes)}};
}

Json trajectory(const Settings& settings) {
  const auto [mixture, n, sigma2] = law(settings, "diversity-trajectory");
  const std::int64_t steps = settings.integer("steps");
  for (const std::int64_t step : settings.integers("steps_checked"))
    if (step > steps)
      throw UsageError(
          fmt::format("[diversity-trajectory] steps_checked: found {}, accepted is 0 to "
                      "steps = {}",
                      step, steps));

  const Spectrum C = spectrum(mixture, n, sigma2);
  const std::vector<double> J = population_risks(
      C,
      {.optimizer = settings.text("opt") == "adam" ? Optimizer::kAdam : Optimizer::kGradientDescent,
       .lr = settings.real("lr"),
       .alpha = settings.real("alpha"),
       .scale = settings.real("scale")},
      steps);
  std::vector<double> checked;
  for (const std::int64_t step : settings.integers("steps_checked"))
    checked.push_back(J[static_cast<size_t>(step)]);

  const double least = least_risk(mixture, n, sigma2);
  return {{"J", numbers(checked)},
          {"J_star", number(least)},
          {"first_step_half_drop", step_or_never(first_step(J, J[0] - 0.5 * (J[0] - least)))},
          {"first_step_below_0p8_r",
           step_or_never(first_step(J, 0.8 * static_cast<double>(mixture.r)))}};
}

Json speed(const Settings& settings) {
  const SpeedArguments arguments{.r = settings.integer("r"),
                                 .K = settings.integer("K"),
                                 .s = settings.integer("s"),
                                 .nu = settings.integer("nu"),
                                 .c = settings.real("c")};
  const auto refuse = [](const char* key, const std::string& what) {
    throw UsageError(fmt::format("[diversity-speed] {}: {}", key, what));
  };
  const std::string& code = settings.text("code");
  const bool mixes = code == "A" || code == "B" || code == "C";
  if (arguments.s > arguments.r)
    refuse("s", fmt::format("found {}, accepted is 0 to r = {}", arguments.s, arguments.r));
  if (mixes && arguments.K == 1 && arguments.s > 0)
    refuse("s", fmt::format("found {}, accepted is 0 where K = 1 (nothing to share)", arguments.s));

  const Convention convention = code == "A"   ? Convention::kMeanLoss
                                : code == "B" ? Convention::kSummedLoss
                                : code == "C" ? Convention::kMatchedRate
                                : code == "E" ? Convention::kNested
                                : code == "F" ? Convention::kEasyClass
                                              : Convention::kOverlapping;
  return number(speed_ratio(convention, arguments));
}

Json conditioning(const Settings& settings) {
  const auto [mixture, n, sigma2] = law(settings, "diversity-conditioning");
  return {{"kappa_M", number(mixture_constants(mixture, n, sigma2).kappa_M)},
          {"steps", merged_descent_steps(mixture, n, sigma2, settings.real("tol"))}};
}

Json staircase(const Settings& settings) {
  const auto [mixture, n, sigma2] = law(settings, "diversity-staircase");
  const SeparateStart start{.q0 = settings.real("q0"), .v0 = settings.real("v0")};
  return {{"times",
           numbers(staircase_times(spectrum(mixture, n, sigma2), start, settings.reals("drops")))},
          {"level", number(staircase_level(mixture, n, sigma2))}};
}

// ---- the table
// -----------------------------------------------------------------------------------

Function risk_function() {
  return {
      "diversity-risk", "risk of the optimum Gamma*(n, sigma2) on test tasks, not divided by r",
      "arXiv 2606.06814; task-diversity.md, section 4.2",
      mixture_parameters(
          {choice("test",
                  "tasks: the training law, w ~ N(0, (r/d) I), the span's complement, or a "
                  "subspace at an angle inside or leaving the span",
                  {"id", "isotropic", "complement", "span", "outside"}),
           optional(count("n_test", "context length of the test, n if absent", 1, kMaxContext)),
           optional({.name = "sigma2_test",
                     .kind = Kind::kReal,
                     .help = "label noise of the test, sigma2 if absent",
                     .minimum = 0}),
           {.name = "angle_deg",
            .kind = Kind::kReals,
            .help = "angles of the test subspace in degrees (span, outside); a list gives an array",
            .fallback = std::vector<double>{0}}}),
      risk};
}

Function plateau_function() {
  return {
      "diversity-plateau",
      "plateau length T_phi of the factored model under gradient flow, in lr * step",
      "arXiv 2606.06814; task-diversity.md, sections 5.2 and 5.4",
      mixture_parameters(
          {alpha(), phi(),
           choice("loss", "mean over the classes, or their sum (T / K)", {"mean", "sum"}),
           choice("method", "the integrated flow, or the leading order T_lin", {"ode", "lin"})}),
      plateau_length};
}

Function logistic_function() {
  return {"diversity-logistic",
          "the factored model with one eigenvalue (s = 0) in closed form",
          "arXiv 2606.06814; task-diversity.md, section 5.3",
          {count("r", "rank of a component"),
           count("K", "components"),
           context(),
           noise(),
           positive("v0", "initial v", 1e-2),
           optional(positive("u0", "initial <W, C>/Lambda, v0 if absent")),
           phi(),
           {.name = "t",
            .kind = Kind::kReals,
            .help = "times lr * step for J_at_t (u0 = v0 only)",
            .fallback = std::vector<double>{},
            .minimum = 0}},
          logistic};
}

Function spectrum_function() {
  return {"diversity-spectrum",
          "second moment and plateau of classes given as columns and scales, of the mixture and "
          "class 0",
          "arXiv 2606.06814; task-diversity.md, sections 1, 3 and 5.1",
          {count("d", "input dimension", 1, kMaxColumns),
           {.name = "classes",
            .kind = Kind::kText,
            .help = "cols@scale joined by '/', as in 0,1@1/2,3@1.5; equal weights, axis basis"},
           context(),
           noise(),
           alpha(),
           phi()},
          spectrum_value};
}

Function trajectory_function() {
  return {"diversity-trajectory",
          "discrete training of the factored model on the population gradient",
          "arXiv 2606.06814; task-diversity.md, sections 2 and 5.4",
          mixture_parameters(
              {alpha(),
               positive("lr", "learning rate"),
               count("steps", "updates", 0, kMaxSteps),
               choice("opt", "gradient descent or Adam (0.9, 0.999, 1e-8)", {"gd", "adam"}),
               positive("scale", "factor of the gradient, not of J (K for summed losses)", 1),
               {.name = "steps_checked",
                .kind = Kind::kIntegers,
                .help = "steps at which J is given",
                .fallback = std::vector<std::int64_t>{},
                .minimum = 0}}),
          trajectory};
}

Function speed_function() {
  Parameter c{.name = "c",
              .kind = Kind::kReal,
              .help = "scale of the easy class (F)",
              .fallback = 1.0,
              .minimum = 0};
  return {
      "diversity-speed",
      "plateau length over that of the single class, to leading order in ln(1/alpha)",
      "arXiv 2606.06814; task-diversity.md, section 5.7",
      {choice("code",
              "convention: A mean loss, B summed loss, C matched rate, E nested class, Ep "
              "(E') overlapping class, F easy class",
              {"A", "B", "C", "E", "Ep", "F"}, false),
       count("r", "rank of the single class"), count("K", "components (A, B, C)", 1, kMaxCount, 1),
       count("s", "shared columns (A, B, C, Ep)", 0, kMaxCount, 0),
       count("nu", "columns of class 1 that class 0 does not have (E, Ep)", 0, kMaxCount, 0), c},
      speed};
}

}  // namespace

std::vector<Function> diversity_functions() {
  return {
      {"diversity-constants", "eigenvalues, optimum and constants of a mixture of subspaces",
       "arXiv 2606.06814; task-diversity.md, section 4.2", mixture_parameters(), constants},
      risk_function(),
      plateau_function(),
      logistic_function(),
      spectrum_function(),
      trajectory_function(),
      speed_function(),
      {"diversity-conditioning",
       "condition number of M and steps of the merged model to within tol of the optimum",
       "arXiv 2606.06814; task-diversity.md, section 5.5",
       mixture_parameters({positive("tol", "J - J* over r that ends the count", 0.01)}),
       conditioning},
      {"diversity-staircase",
       "gradient flow with separate queries and keys: times of drops and the level between them",
       "arXiv 2606.06814; task-diversity.md, section 5.6",
       mixture_parameters({start("q0", "W_Q = W_K = q0 I", 1e-100, 1e40),
                           start("v0", "initial v", 1e-100, 1e40),
                           fraction("drops", Kind::kReals, "parts of J(0) - J*",
                                    std::vector<double>{0.25, 0.5, 0.75, 0.9})}),
       staircase}};
}

}  // namespace iclab::theory
