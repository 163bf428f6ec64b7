#include "theory/kinetics_functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <sstream>

#include "base/error.h"
#include "tests/theory/typed.h"
#include "theory/function.h"

namespace iclab::theory {
namespace {

using testing::HasSubstr;

struct Row {
  std::string name;
  std::string sample;    // required arguments
  std::string defaults;  // the others, as the table has them
};

// differential-kinetics.md, section 7.1.
const std::vector<Row>& table() {
  static const std::vector<Row> rows{
      {"tau_star", "N=32", "beta0=0 w0=0 n=1"},
      {"frictionless_path", "x=0.5", "w0=0 beta0=0"},
      {"G_friction", "kappa=0.5", "w0=0"},
      {"tau_star_general", "N=32", "beta0=0 w0=0 n=1 c2=0 mu=0"},
      {"t_icl_Kinf", "N=32 eta=0.3", "beta0=0 w0=0 n=1 c2=0"},
      {"t_icl_quantile", "q=0.3 N=32 eta=0.3 sigma_beta=1", "n=1"},
      {"p_acquire", "I_inf=40 N=32 sigma_beta=1", "n=1"},
      {"k_star", "N=32 A=0.9 nu=0.8", "beta0=0 w0=0 n=1"},
      {"expected_copies", "N=32 K=64", ""},
      {"g_lookup", "s=1", ""},
      {"I_lookup", "t=100 K=10", "alpha=0"},
      {"icl_accuracy_ideal", "N=32 beta=1", "n=1"},
      {"icl_loss_ideal", "N=32 beta=1 w=1", "n=1"},
      {"meanfield_rhs", "N=32 w=1 beta=1", "n=1 phi=0"},
      {"meanfield_Kinf", "N=32", "n=1 beta0=0 w0=0 times=[]"},
      {"t_icl_from_memoriser", "t=[0,100] c1=[0.5,0.4] c2=[0.5,0.6] N=32 eta=0.3",
       "beta0=0 w0=0 n=1 mu=0"},
      {"h_decay", "beta=2 N=32", ""},
      {"decay_fold", "N=32", ""},
      {"w_decay_saturated", "c3=1 lam=0.01", ""},
      {"post_acquisition", "s=[0,1] c3_s=[1,0.5] w_a=2", ""}};
  return rows;
}

TEST(KineticsFunctions, AreTheTableInItsOrder) {
  const std::vector<Function> all = kinetics_functions();
  ASSERT_EQ(all.size(), table().size());
  for (size_t i = 0; i < all.size(); ++i) {
    const Row& row = table()[i];
    EXPECT_EQ(all[i].name, row.name);
    std::istringstream words(row.sample + " " + row.defaults);
    std::vector<std::string> names;
    for (std::string word; words >> word;) names.push_back(word.substr(0, word.find('=')));
    std::vector<std::string> parameters;
    for (const Parameter& parameter : all[i].parameters) {
      parameters.push_back(parameter.name);
      EXPECT_FALSE(parameter.help.empty()) << parameter.name;
    }
    EXPECT_THAT(parameters, testing::UnorderedElementsAreArray(names)) << row.name;
    EXPECT_THAT(all[i].source, HasSubstr("section"));
    EXPECT_FALSE(all[i].summary.empty());
    EXPECT_EQ(&find_function(row.name), &functions()[functions().size() - all.size() + i]);
  }
}

TEST(KineticsFunctions, DefaultsAreThoseOfTheTable) {
  for (const Row& row : table()) {
    const Json value = evaluate(row.name + " " + row.sample);
    EXPECT_FALSE(value.is_null()) << row.name;
    EXPECT_EQ(value, evaluate(row.name + " " + row.sample + " " + row.defaults)) << row.name;
  }
}

TEST(KineticsFunctions, EveryRequiredArgumentIsRequired) {
  for (const Row& row : table()) {
    std::istringstream words(row.sample);
    for (std::string left_out; words >> left_out;) {
      std::string rest = row.sample;
      rest.erase(rest.find(left_out), left_out.size());
      const std::string key = left_out.substr(0, left_out.find('='));
      EXPECT_THAT(refusal(row.name + " " + rest), HasSubstr(key + ": missing")) << row.name;
    }
  }
}

TEST(KineticsFunctions, ValuesHaveTheShapesOfTheTable) {
  const auto keys = [](const Json& object) {
    std::string text;
    for (const auto& [key, value] : object.items()) text += key + " ";
    return text;
  };
  EXPECT_EQ(keys(evaluate("frictionless_path x=0.5")), "w beta ");
  EXPECT_EQ(keys(evaluate("decay_fold N=8")), "beta_fold h_fold w_fold beta_top h_top ");
  EXPECT_EQ(evaluate("meanfield_rhs N=32 w=0 beta=0"), (Json{1. / 64, 0.0}));
  const Json flow = evaluate("meanfield_Kinf N=32 times=[0,20.5]");
  EXPECT_EQ(keys(flow), "beta_thr t_acc times w beta ");
  EXPECT_EQ(flow["times"], (Json{0.0, 20.5}));
  EXPECT_EQ(flow["w"].size(), 2u);
  EXPECT_EQ(evaluate("meanfield_Kinf N=32")["beta"], Json::array());
  const Json found = evaluate("t_icl_from_memoriser t=[0,9] c1=[0.5,0.5] c2=[0,0] N=32 eta=0.1");
  EXPECT_EQ(keys(found), "t_icl tau_end w beta ");
  EXPECT_EQ(found["t_icl"], "inf");
  const Json after = evaluate("post_acquisition s=[0,1,2] c3_s=[1,1,1] w_a=0");
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(after[0], (Json{0.0, 1.0, 2.0}));
  EXPECT_EQ(after[1][0], 0.0);
}

TEST(KineticsFunctions, NeverIsInf) {
  EXPECT_EQ(evaluate("tau_star_general N=32 beta0=-0.5 mu=-1"), "inf");
  EXPECT_EQ(evaluate("tau_star N=32 w0=-40"), "inf");
  EXPECT_TRUE(evaluate("tau_star_general N=32 beta0=0.5 mu=-1").is_number());
}

TEST(KineticsFunctions, TinyAndHugeArgumentsKeepTheirValues) {
  const auto near = [](const std::string& line, double want) {
    const Json value = evaluate(line);
    ASSERT_TRUE(value.is_number()) << line << " " << value;
    EXPECT_NEAR(value.get<double>(), want, 1e-9 * std::abs(want)) << line;
  };
  // softplus(x) is x above 0 and 0 below: M = 1; M = 1, 1/3, 1/3, -1/3.
  near("icl_loss_ideal N=32 beta=800 w=-1e308", 1e308);
  near("icl_loss_ideal N=3 beta=0 w=-1e308", 1e308 / 12 * 5);
  // tau* alone is no double here, its root and its ratios are.
  near("k_star N=32 A=1 nu=10 beta0=-800", std::exp((std::log(32 * std::sqrt(std::numbers::pi / 2)) + 800) / 10));
  near("t_icl_Kinf N=32 eta=1e-320 beta0=700",
       2 * std::exp(std::log(32 * std::sqrt(std::numbers::pi / 2)) - 700 - std::log(1e-320)));
  near("t_icl_quantile q=0.5 N=32 eta=1e-305 sigma_beta=1", 64e305 * std::sqrt(std::numbers::pi / 2));
  near("t_icl_quantile q=1e-10 N=32 eta=1e-320 sigma_beta=100",
       std::exp(std::log(64 * std::sqrt(std::numbers::pi / 2)) - std::log(1e-320) - 100 * 6.361340902404056));
  // Far out the force alone acts, u0 = force T^2 / 2, or force and friction, u0 = force T / friction.
  near("tau_star_general N=32 beta0=-700 mu=1e12", 32 * std::exp((700 + std::log(2e-12)) / 2));
  near("tau_star_general N=32 beta0=-700 mu=1e12 c2=1", 32 * std::exp(700 - std::log(1e12)));
  near("tau_star_general N=32 beta0=-720 mu=1e12 c2=1", 32 * std::exp(720 - std::log(1e12)));
  // The items are as good as one.
  near("I_lookup t=10 K=100 alpha=-1e308", evaluate("g_lookup s=10").get<double>());
  near("I_lookup t=10 K=100 alpha=1e308", evaluate("g_lookup s=10").get<double>());
  // w0 d = -log(1 - x) where w0 is large.
  const Json path = evaluate("frictionless_path x=0.5 w0=1e200");
  EXPECT_EQ(path["w"], 1e200);
  EXPECT_NEAR(path["beta"].get<double>(), std::log(2), 1e-14);
}

TEST(KineticsFunctions, NumbersOutOfTheirRangeAreRefusedByEach) {
  // Everything that a key may not be, wherever the key occurs.
  const std::vector<std::string> bad{
      "N=1",  "N=-3",      "N=2.5",   "n=0",     "n=-1",     "n=1.5",          "eta=0",
      "A=0",  "eta=-1",    "nu=0",    "nu=-1",   "lam=0",    "sigma_beta=0",   "sigma_beta=-2",
      "q=0",  "q=1",       "q=1.5",   "x=-0.1",  "x=1",      "kappa=-1",       "c2=-0.1",
      "s=-1", "c3=-1",     "I_inf=0", "K=0",     "beta0=nan", "w0=inf",        "mu=nan",
      "w=x",  "times=-1",  "alpha=nan", "phi=inf", "c2=1.1",  "c1=[0.5,1.5]",  "c3_s=[-1,1]",
      "t=[0,nan]"};
  for (const std::string& argument : bad) {
    const std::string key = argument.substr(0, argument.find('='));
    int functions_with_key = 0, refused = 0;
    for (const Row& row : table()) {
      const Function& function = find_function(row.name);
      if (std::ranges::find(function.parameters, key, &Parameter::name) ==
          function.parameters.end())
        continue;
      // s and t are a time or a list of them: any numbers may begin a list.
      if ((key == "s" || key == "t") && row.name != "g_lookup" && argument == "s=-1") continue;
      if (key == "t" && row.name == "I_lookup") continue;
      ++functions_with_key;
      std::istringstream words(row.sample);
      std::string line = row.name + " ";
      for (std::string word; words >> word;)
        if (!word.starts_with(key + "=")) line += word + " ";
      const std::string message = refusal(line + argument);
      EXPECT_THAT(message, testing::StartsWith("[" + row.name + "] " + key + ": found "));
      EXPECT_THAT(message, HasSubstr("accepted is")) << argument;
      refused += message != "no error";
    }
    EXPECT_GT(functions_with_key, 0) << argument;
    EXPECT_EQ(refused, functions_with_key) << argument;
  }
  EXPECT_THAT(refusal("decay_fold N=7"), HasSubstr("N: found 7, accepted is a number at least 8"));
  EXPECT_THAT(refusal("expected_copies N=8 K=1"), HasSubstr("K: found 1"));
  EXPECT_THAT(refusal("h_decay beta=0 N=8"), HasSubstr("beta: found 0"));
  EXPECT_THAT(refusal("I_lookup t=-1 K=8"), HasSubstr("t: found -1"));
}

TEST(KineticsFunctions, ArgumentsThatDoNotGoTogetherAreRefused) {
  for (const Row& row : table()) {
    if (row.defaults.find("n=1") == std::string::npos) continue;
    EXPECT_EQ(refusal(row.name + " " + row.sample + " n=32"),
              "[" + row.name + "] n: found 32, accepted is 1 to N - 1 = 31");
  }
  EXPECT_EQ(refusal("meanfield_Kinf N=8 times=[2,1]"),
            "[meanfield_Kinf] times: found 1 after 2, accepted are ascending numbers");
  EXPECT_EQ(refusal("post_acquisition s=[1,0] c3_s=[1,1] w_a=0"),
            "[post_acquisition] s: found 0 after 1, accepted are ascending numbers");
  EXPECT_EQ(refusal("post_acquisition s=[0,1] c3_s=[1] w_a=0"),
            "[post_acquisition] c3_s: found 1 numbers, accepted is 2, as many as s");
  const std::string rest = " N=32 eta=0.3";
  EXPECT_EQ(refusal("t_icl_from_memoriser t=[0,1] c1=[1,1] c2=[1]" + rest),
            "[t_icl_from_memoriser] c2: found 1 numbers, accepted is 2, as many as t");
  EXPECT_EQ(refusal("t_icl_from_memoriser t=[0,1] c1=[] c2=[1,1]" + rest),
            "[t_icl_from_memoriser] c1: found no number, accepted is at least one");
  EXPECT_EQ(refusal("t_icl_from_memoriser t=[] c1=[] c2=[]" + rest),
            "[t_icl_from_memoriser] t: found no number, accepted is at least one");
  EXPECT_THAT(refusal("t_icl_from_memoriser t=[-1e308,1e308] c1=[1,1] c2=[1,1]" + rest),
              HasSubstr("[t_icl_from_memoriser] t: found a time tau = eta sum c1 beyond a double's range"));
  EXPECT_EQ(refusal("t_icl_from_memoriser t=[1,0] c1=[1,1] c2=[1,1]" + rest),
            "[t_icl_from_memoriser] t: found 0 after 1, accepted are ascending numbers");
}

}  // namespace
}  // namespace iclab::theory
