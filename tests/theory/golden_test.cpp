// The theory sections of the golden files at the tolerances of task-diversity.md, section 8.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "theory/full_attention.h"
#include "theory/function.h"
#include "theory/linear_risk.h"
#include "theory/merged_flow.h"
#include "theory/mixture_risk.h"

namespace iclab::theory {
namespace {

constexpr double kAlgebra = 1e-10, kTime = 1e-6, kDescent = 1e-9, kAdam = 1e-7;

double largest(const Json& value) {
  if (value.is_number()) return std::abs(value.get<double>());
  double norm = 0;
  for (const Json& entry : value) norm = std::max(norm, largest(entry));
  return norm;
}

// Largest difference; infinite where the shapes or the nulls differ.
double difference(const Json& got, const Json& want) {
  if (got.is_null() && want.is_null()) return 0;
  if (got.is_number() && want.is_number()) return std::abs(got.get<double>() - want.get<double>());
  if (!got.is_array() || !want.is_array() || got.size() != want.size()) return HUGE_VAL;
  double most = 0;
  for (size_t i = 0; i < got.size(); ++i) most = std::max(most, difference(got[i], want[i]));
  return most;
}

void expect_close(const Json& got, const Json& want, double tolerance, const std::string& what) {
  EXPECT_LE(difference(got, want), tolerance * largest(want))
      << what << ": " << got << "\nfor " << want;
}

// "key=value" as it would be typed.
std::string argument(const std::string& key, const Json& value) {
  if (!value.is_array())
    return key + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
  std::string list = key + "=";
  for (size_t i = 0; i < value.size(); ++i) list += (i ? "," : "") + value[i].dump();
  return list;
}

Json evaluate(const std::string& name, const Json& given, const std::vector<std::string>& keys,
              std::vector<std::string> arguments = {}) {
  for (const std::string& key : keys) arguments.push_back(argument(key, given[key]));
  const Function& function = find_function(name);
  return function.evaluate(parse_arguments(function, arguments));
}

const std::vector<std::string> kLaw{"d", "r", "K", "s", "n", "sigma2"};

Matrix matrix(const Json& json) {
  Matrix result(json.size(), json[0].size());
  for (Eigen::Index i = 0; i < result.rows(); ++i)
    for (Eigen::Index j = 0; j < result.cols(); ++j)
      result(i, j) = json[static_cast<size_t>(i)][static_cast<size_t>(j)].get<double>();
  return result;
}

Vector vector(const Json& json) {
  const auto values = json.get<std::vector<double>>();
  return Eigen::Map<const Vector>(values.data(), static_cast<Eigen::Index>(values.size()));
}

Json json(const Matrix& values) {
  Json rows = Json::array();
  for (Eigen::Index i = 0; i < values.rows(); ++i) {
    Json& row = rows.emplace_back(Json::array());
    for (Eigen::Index j = 0; j < values.cols(); ++j) row.push_back(values(i, j));
  }
  return rows;
}

class Golden : public testing::TestWithParam<const char*> {
 protected:
  Golden() {
    std::ifstream file(std::string(ICLAB_SOURCE_DIR) + "/tests/golden/" + GetParam());
    golden_ = Json::parse(file);
  }
  Json golden_;
};

TEST_P(Golden, Theory) {
  ASSERT_FALSE(golden_["theory"].empty());
  for (const Json& want : golden_["theory"]) {
    const Json constants = evaluate("diversity-constants", want, kLaw);
    EXPECT_EQ(constants.size(), 11u);
    for (const auto& [key, value] : constants.items())
      expect_close(value, want[key], kAlgebra, key);

    const auto risk = [&](const std::string& test) {
      std::vector<std::string> keys = kLaw;
      keys.push_back("angle_deg");
      return evaluate("diversity-risk", want, keys, {"test=" + test});
    };
    expect_close(risk("id"), want["risk_id"], kAlgebra, "risk_id");
    expect_close(risk("isotropic"), want["risk_isotropic"], kAlgebra, "risk_isotropic");
    expect_close(risk("complement"), want["risk_orthogonal_complement"], kAlgebra, "complement");
    expect_close(risk("span"), want["risk_angle_span"], kAlgebra, "risk_angle_span");
    expect_close(risk("outside"), want["risk_angle_outside"], kAlgebra, "risk_angle_outside");

    const Mixture mixture{want["d"], want["r"], want["K"], want["s"]};
    const double n = want["n"], sigma2 = want["sigma2"];
    const Matrix C = second_moment(Matrix::Identity(mixture.d, mixture.d), mixture);
    expect_close(theory::risk(optimum(C, n, sigma2), C, n, sigma2), want["risk_id_matrix"],
                 kAlgebra, "risk_id_matrix");
    expect_close(least_risk(mixture, n, sigma2), want["risk_id"], kAlgebra, "least_risk");

    for (const std::string loss : {"mean", "sum"}) {
      std::vector<std::string> keys = kLaw;
      keys.insert(keys.end(), {"alpha", "phi"});
      expect_close(evaluate("diversity-plateau", want, keys, {"loss=" + loss}),
                   want["T_ode_" + loss], kTime, "T_ode_" + loss);
      expect_close(evaluate("diversity-plateau", want, keys, {"loss=" + loss, "method=lin"}),
                   want["T_lin_" + loss], kAlgebra, "T_lin_" + loss);
    }
  }
}

TEST_P(Golden, Trajectories) {
  ASSERT_FALSE(golden_["trajectories"].empty());
  for (const Json& want : golden_["trajectories"]) {
    std::vector<std::string> keys = kLaw;
    keys.insert(keys.end(), {"alpha", "lr", "steps", "opt", "scale", "steps_checked"});
    const Json got = evaluate("diversity-trajectory", want, keys);
    expect_close(got["J"], want["J"], want["opt"] == "adam" ? kAdam : kDescent, "J");
    expect_close(got["J_star"], want["J_star"], kAlgebra, "J_star");
    for (const char* count : {"first_step_half_drop", "first_step_below_0p8_r"})
      EXPECT_EQ(got[count], want[count] == -1 ? Json("inf") : want[count]) << count;  // -1: never
  }
}

TEST_P(Golden, Spectra) {
  ASSERT_FALSE(golden_["spectra"].empty());
  for (const Json& want : golden_["spectra"]) {
    std::string classes;
    for (const Json& one : want["classes"])
      classes += (classes.empty() ? "" : "/") + argument("", one["cols"]).substr(1) + "@" +
                 one["scale"].dump();
    const Json got = evaluate("diversity-spectrum", want, {"d", "n", "sigma2", "alpha", "phi"},
                              {"classes=" + classes});
    EXPECT_EQ(got.size(), 6u);
    for (const auto& [key, value] : got.items())
      expect_close(value, want[key], key.starts_with("T_") ? kTime : kAlgebra, key);
  }
}

TEST_P(Golden, SingleGroup) {
  ASSERT_FALSE(golden_["single_group"].empty());
  for (const Json& want : golden_["single_group"]) {
    Json given = want;
    given["t"] = Json::array();
    const bool balanced = want["u0"] == want["v0"];
    ASSERT_EQ(want.contains("J_at_t"), balanced);
    if (balanced)
      for (const Json& pair : want["J_at_t"]) given["t"].push_back(pair[0]);
    const Json got =
        evaluate("diversity-logistic", given, {"r", "K", "n", "sigma2", "v0", "u0", "phi", "t"});
    EXPECT_EQ(got.size(), balanced ? 5u : 3u);
    for (const auto& [key, value] : got.items())
      expect_close(value, want[key], key.starts_with("T_") ? kTime : kAlgebra, key);
  }
}

TEST_P(Golden, PopulationMatrices) {
  ASSERT_FALSE(golden_["population_cases"].empty());
  for (const Json& want : golden_["population_cases"]) {
    const Mixture mixture{want["d"], want["r"], want["K"], want["s"]};
    const double n = want["n"], sigma2 = want["sigma2"], v = want["v"];
    const Matrix C = second_moment(matrix(want["Q"]), mixture);
    const Matrix Gamma = matrix(want["Gamma"]), W = matrix(want["W"]);
    const FactoredGradient factored = factored_gradient(v, W, C, n, sigma2);
    const std::vector<std::pair<const char*, Json>> got{
        {"C", json(C)},
        {"M", json(gram(C, n, sigma2))},
        {"Gamma_star", json(optimum(C, n, sigma2))},
        {"J_star", least_risk(C, n, sigma2)},
        {"J_Gamma", risk(Gamma, C, n, sigma2)},
        {"grad_Gamma", json(merged_gradient(Gamma, C, n, sigma2))},
        {"J_vW", risk(v * W, C, n, sigma2)},
        {"grad_v", factored.v},
        {"grad_W", json(factored.W)}};
    for (const auto& [key, value] : got) expect_close(value, want[key], kAlgebra, key);

    const Json& flow = want["merged_flow"];
    expect_close(merged_flow_risks(matrix(flow["Gamma0"]), C, n, sigma2,
                                   flow["t"].get<std::vector<double>>()),
                 flow["J"], kAlgebra, "merged_flow");
  }
}

TEST_P(Golden, PopulationFullAttention) {
  for (const Json& want : golden_["population_cases"]) {
    const Mixture mixture{want["d"], want["r"], want["K"], want["s"]};
    const double n = want["n"], sigma2 = want["sigma2"];
    std::vector<Matrix> class_moments;
    for (std::int64_t k = 0; k < mixture.K; ++k) {
      const Matrix U = basis(matrix(want["Q"]), mixture, k);
      class_moments.push_back(U * U.transpose());
    }
    const Json& lsa = want["lsa"];
    const FullAttention layer{
        .p = vector(lsa["p"]), .v = lsa["v"], .A = matrix(lsa["A"]), .b = vector(lsa["b"])};
    expect_close(mean_square_power(class_moments, sigma2), lsa["E_q2"], kAlgebra, "E_q2");
    for (const bool with_query : {true, false}) {
      const std::string key = with_query ? "J_with_query" : "J_without_query";
      expect_close(full_attention_risk(layer, class_moments, n, sigma2, with_query), lsa[key],
                   kAlgebra, key);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Golden,
                         testing::Values("task-diversity.json", "task-diversity-second.json"),
                         [](const auto& file) { return file.index == 0 ? "First" : "Second"; });

}  // namespace
}  // namespace iclab::theory
