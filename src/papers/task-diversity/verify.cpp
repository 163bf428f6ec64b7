#include "papers/task-diversity/verify.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "theory/full_attention.h"
#include "theory/function.h"
#include "theory/linear_risk.h"
#include "theory/merged_flow.h"

namespace iclab::papers::task_diversity {
namespace {

using theory::Matrix;
using Given = std::map<std::string, Setting>;

constexpr std::int64_t kMaxCount = 1'000'000'000;
constexpr std::int64_t kMaxTheoryContext = 1'000'000'000'000'000;

Matrix matrix(const std::vector<double>& numbers, std::int64_t d) {
  return Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>(numbers.data(), d, d);
}

Json rows(const Matrix& m) {
  Json all = Json::array();
  for (Eigen::Index i = 0; i < m.rows(); ++i) {
    Json row = Json::array();
    for (Eigen::Index j = 0; j < m.cols(); ++j) row.push_back(m(i, j));
    all.push_back(std::move(row));
  }
  return all;
}

// A closed form of the registry.
Json evaluate(const Case& entry, const std::string& name, const Given& given) {
  const theory::Function& function = theory::find_function(name);
  return function.evaluate(resolve(function.parameters, given, "theory '" + name + "'",
                                   [&](const std::string& key) { return entry.path() + "." + key; }));
}

Given law_of(Case& entry) {
  return {{"d", entry.integer("d", 1, kMaxCount)}, {"r", entry.integer("r", 1, kMaxCount)},
          {"K", entry.integer("K", 1, kMaxCount)}, {"s", entry.integer("s", 0, kMaxCount)},
          {"n", entry.integer("n", 1, kMaxTheoryContext)}, {"sigma2", entry.number("sigma2")}};
}

theory::Mixture mixture_of(Case& entry) {
  const theory::Mixture mixture{entry.integer("d", 1, kMaxDim), entry.integer("r", 1, kMaxDim),
                                entry.integer("K", 1, kMaxDim), entry.integer("s", 0, kMaxDim)};
  theory::check(mixture, entry.path() + ".");
  return mixture;
}

Given with(Given given, const Given& more) {
  given.insert(more.begin(), more.end());
  return given;
}

void verify_population_theory(Case& entry, Comparison& comparison) {
  const theory::Mixture mixture = mixture_of(entry);
  const std::int64_t d = mixture.d;
  const auto n = static_cast<double>(entry.integer("n", 1, kMaxContext));
  const double sigma2 = entry.number("sigma2");
  const Matrix Q = matrix(entry.numbers("Q", {d, d}), d), C = theory::second_moment(Q, mixture);
  entry.check(comparison, "C", kAlgebra, [&] { return rows(C); });
  entry.check(comparison, "M", kAlgebra, [&] { return rows(theory::gram(C, n, sigma2)); });
  entry.check(comparison, "Gamma_star", kAlgebra, [&] { return rows(theory::optimum(C, n, sigma2)); });
  entry.check(comparison, "J_star", kAlgebra, [&] { return Json(theory::least_risk(C, n, sigma2)); });

  if (entry.has("merged_flow")) {
    Case flow = entry.object("merged_flow");
    const Matrix start = matrix(flow.numbers("Gamma0", {d, d}), d);
    const std::vector<double> t = flow.numbers("t", {-1});
    flow.check(comparison, "J", kAlgebra,
               [&] { return Json(theory::merged_flow_risks(start, C, n, sigma2, t)); });
    flow.finish(comparison);
  }
}

void verify_population_case(Case& entry, Comparison& comparison) {
  entry.inputs({"Gamma", "v", "W"});
  verify_population_theory(entry, comparison);
  verify_population_models(entry, comparison);
}

void verify_theory(Case& entry, Comparison& comparison) {
  entry.inputs({"alpha", "phi", "angle_deg"});
  const Given law = law_of(entry);
  const Json constants = evaluate(entry, "diversity-constants", law);
  for (const auto& [key, value] : constants.items())
    entry.check(comparison, key, kAlgebra, [&] { return value; });

  const auto risk = [&](const std::string& key, const std::string& test) {
    entry.check(comparison, key, kAlgebra,
                [&] { return evaluate(entry, "diversity-risk", with(law, {{"test", test}})); });
  };
  risk("risk_id", "id");
  risk("risk_isotropic", "isotropic");
  risk("risk_orthogonal_complement", "complement");
  entry.check(comparison, "risk_id_matrix", kAlgebra, [&] {
    const theory::Mixture mixture = mixture_of(entry);
    const Matrix C = theory::second_moment(Matrix::Identity(mixture.d, mixture.d), mixture);
    const auto n = static_cast<double>(entry.integer("n", 1, kMaxTheoryContext));
    const double sigma2 = entry.number("sigma2");
    return Json(theory::risk(theory::optimum(C, n, sigma2), C, n, sigma2));
  });
  for (const std::string direction : {"span", "outside"})
    entry.check(comparison, "risk_angle_" + direction, kAlgebra, [&] {
      const std::vector<double> angles = entry.numbers("angle_deg", {-1});
      const Json curve = evaluate(entry, "diversity-risk",
                                  with(law, {{"test", direction}, {"angle_deg", angles}}));
      return curve.is_number() ? Json::array({curve}) : curve;  // one angle gives a number
    });

  for (const std::string method : {"ode", "lin"})
    for (const std::string loss : {"mean", "sum"})
      entry.check(comparison, "T_" + method + "_" + loss, method == "ode" ? kTime : kAlgebra, [&] {
        return evaluate(entry, "diversity-plateau",
                        with(law, {{"alpha", entry.number("alpha")}, {"phi", entry.number("phi")},
                                   {"method", method}, {"loss", loss}}));
      });
}

void verify_spectrum(Case& entry, Comparison& comparison) {
  std::string classes;
  for (Case& one : entry.objects("classes")) {
    std::vector<std::int64_t> columns;
    for (const double column : one.numbers("cols", {-1})) {
      if (!(column >= 0 && column < static_cast<double>(kMaxCount)) ||
          column != static_cast<double>(static_cast<std::int64_t>(column)))
        throw Error(fmt::format("{}.cols: found {}, accepted are columns from 0", one.path(), column));
      columns.push_back(static_cast<std::int64_t>(column));
    }
    classes += fmt::format("{}{}@{}", classes.empty() ? "" : "/", fmt::join(columns, ","), one.number("scale"));
    one.finish(comparison);
  }
  const Json value = evaluate(entry, "diversity-spectrum",
                              {{"d", entry.integer("d", 1, kMaxCount)}, {"classes", classes},
                               {"n", entry.integer("n", 1, kMaxTheoryContext)},
                               {"sigma2", entry.number("sigma2")}, {"alpha", entry.number("alpha")},
                               {"phi", entry.number("phi")}});
  for (const auto& [key, got] : value.items())
    entry.check(comparison, key, key.starts_with("T_") ? kTime : kAlgebra, [&] { return got; });
}

// The pairs [t, J] of the file: the times are inputs.
std::vector<double> column(const std::vector<double>& pairs, size_t which) {
  std::vector<double> values;
  for (size_t i = which; i < pairs.size(); i += 2) values.push_back(pairs[i]);
  return values;
}

void verify_single_group(Case& entry, Comparison& comparison) {
  if (entry.has("s")) (void)entry.integer("s", 0, 0);
  const std::vector<double> pairs =
      entry.has("J_at_t") ? entry.numbers("J_at_t", {-1, 2}) : std::vector<double>{};
  const Json value = evaluate(entry, "diversity-logistic",
                              {{"r", entry.integer("r", 1, kMaxCount)}, {"K", entry.integer("K", 1, kMaxCount)},
                               {"n", entry.integer("n", 1, kMaxTheoryContext)},
                               {"sigma2", entry.number("sigma2")}, {"v0", entry.number("v0")},
                               {"u0", entry.number("u0")}, {"phi", entry.number("phi")},
                               {"t", column(pairs, 0)}});
  const auto of = [&](const char* key) { return value.contains(key) ? value[key] : Json(); };
  for (const char* key : {"Lambda", "m"}) entry.check(comparison, key, kAlgebra, [&] { return of(key); });
  for (const char* key : {"T_quadrature", "T_logistic"})
    entry.check(comparison, key, kTime, [&] { return of(key); });
  if (entry.has("J_at_t")) {
    std::vector<double> got;
    for (const Json& pair : of("J_at_t")) got.push_back(pair[1].is_number() ? pair[1].get<double>() : 0);
    comparison.compare(entry.path() + ".J_at_t", got, column(pairs, 1), kAlgebra);
  }
}

}  // namespace

bool verify(const std::string& section, const Json& content, Comparison& comparison) {
  static const std::map<std::string, void (*)(Case&, Comparison&)> sections = {
      {"batch_cases", verify_batch_case}, {"population_cases", verify_population_case},
      {"theory", verify_theory},          {"trajectories", verify_trajectory},
      {"spectra", verify_spectrum},       {"single_group", verify_single_group}};
  const auto known = sections.find(section);
  if (known == sections.end()) return false;
  for (Case& entry : cases_of(section, content)) {
    try {
      known->second(entry, comparison);
    } catch (const Error& error) {
      const std::string message = error.what();
      throw Error(message.starts_with(entry.path()) ? message : entry.path() + ": " + message);
    }
    entry.finish(comparison);
  }
  return true;
}

}  // namespace iclab::papers::task_diversity
