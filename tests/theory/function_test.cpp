#include "theory/function.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "tests/theory/typed.h"
#include "theory/diversity_functions.h"

namespace iclab::theory {
namespace {

using testing::HasSubstr;
using testing::Not;

// Arguments that every function of the name accepts.
const std::string kMixture = " d=8 r=2 K=2 s=1 n=16";
std::string sample(const std::string& name) {
  if (name == "diversity-logistic") return name + " r=2 K=2 n=16";
  if (name == "diversity-spectrum") return name + " d=8 n=16 classes=0,1@1/2,3@1.5";
  if (name == "diversity-speed") return name + " code=A r=2";
  if (name == "diversity-trajectory") return name + kMixture + " lr=0.01 steps=20";
  return name + kMixture;
}

TEST(Functions, AreTheTableInItsOrder) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"diversity-constants", "d r K s n sigma2"},
      {"diversity-risk", "d r K s n sigma2 test n_test sigma2_test angle_deg"},
      {"diversity-plateau", "d r K s n sigma2 alpha phi loss method"},
      {"diversity-logistic", "r K n sigma2 v0 u0 phi t"},
      {"diversity-spectrum", "d classes n sigma2 alpha phi"},
      {"diversity-trajectory", "d r K s n sigma2 alpha lr steps opt scale steps_checked"},
      {"diversity-speed", "code r K s nu c"},
      {"diversity-conditioning", "d r K s n sigma2 tol"},
      {"diversity-staircase", "d r K s n sigma2 q0 v0 drops"}};
  ASSERT_EQ(diversity_functions().size(), table.size());
  for (size_t i = 0; i < table.size(); ++i) {
    const Function& function = functions()[i];
    std::string names;
    for (const Parameter& parameter : function.parameters) {
      names += (names.empty() ? "" : " ") + parameter.name;
      EXPECT_FALSE(parameter.help.empty()) << parameter.name;
    }
    EXPECT_EQ(function.name, table[i].first);
    EXPECT_EQ(names, table[i].second);
    EXPECT_FALSE(function.summary.empty());
    EXPECT_THAT(function.source, HasSubstr("section"));
    EXPECT_FALSE(evaluate(sample(function.name)).is_null()) << function.name;
  }
}

TEST(Functions, DefaultsAreThoseOfTheTable) {
  const std::string law = kMixture + " sigma2=0";
  EXPECT_EQ(evaluate("diversity-constants" + kMixture), evaluate("diversity-constants" + law));
  EXPECT_EQ(evaluate("diversity-risk" + kMixture),
            evaluate("diversity-risk" + law + " test=id n_test=16 sigma2_test=0 angle_deg=0"));
  // The test's context and noise follow the training's.
  EXPECT_EQ(evaluate("diversity-risk d=8 r=2 K=2 s=1 n=7 sigma2=0.5"),
            evaluate("diversity-risk d=8 r=2 K=2 s=1 n=7 sigma2=0.5 n_test=7 sigma2_test=0.5"));
  EXPECT_EQ(evaluate("diversity-plateau" + kMixture),
            evaluate("diversity-plateau" + law + " alpha=1e-2 phi=0.5 loss=mean method=ode"));
  EXPECT_EQ(evaluate("diversity-logistic r=2 K=2 n=16"),
            evaluate("diversity-logistic r=2 K=2 n=16 sigma2=0 v0=1e-2 u0=1e-2 phi=0.5 t="));
  EXPECT_EQ(evaluate("diversity-logistic r=2 K=2 n=16 v0=1e-3"),
            evaluate("diversity-logistic r=2 K=2 n=16 v0=1e-3 u0=1e-3"));
  EXPECT_EQ(evaluate(sample("diversity-spectrum")),
            evaluate(sample("diversity-spectrum") + " sigma2=0 alpha=1e-2 phi=0.5"));
  EXPECT_EQ(evaluate(sample("diversity-trajectory")),
            evaluate(sample("diversity-trajectory") +
                     " sigma2=0 alpha=1e-2 opt=gd scale=1 steps_checked="));
  EXPECT_EQ(evaluate("diversity-speed code=E r=2"),
            evaluate("diversity-speed code=E r=2 K=1 s=0 nu=0 c=1"));
  EXPECT_EQ(evaluate("diversity-conditioning" + kMixture),
            evaluate("diversity-conditioning" + law + " tol=0.01"));
  EXPECT_EQ(evaluate("diversity-staircase" + kMixture),
            evaluate("diversity-staircase" + law + " q0=1e-2 v0=1e-2 drops=0.25,0.5,0.75,0.9"));
}

TEST(Functions, ValuesHaveTheShapesOfTheTable) {
  EXPECT_TRUE(evaluate("diversity-risk" + kMixture + " test=outside angle_deg=30").is_number());
  EXPECT_EQ(evaluate("diversity-risk" + kMixture + " test=outside angle_deg=0,30,90").size(), 3u);
  const Json span = evaluate("diversity-risk" + kMixture + " test=span angle_deg=0,30,90");
  ASSERT_EQ(span.size(), 3u);
  EXPECT_EQ(span[0], span[2]);  // flat
  // Angles belong to span and outside alone.
  EXPECT_TRUE(evaluate("diversity-risk" + kMixture + " test=isotropic angle_deg=0,30").is_number());

  const Json logistic = evaluate("diversity-logistic r=2 K=2 n=16 t=0,1");
  EXPECT_EQ(logistic["J_at_t"].size(), 2u);
  EXPECT_EQ(logistic["J_at_t"][1][0], 1.0);
  EXPECT_FALSE(evaluate("diversity-logistic r=2 K=2 n=16 u0=1e-3 t=0,1").contains("T_logistic"));

  const Json staircase = evaluate("diversity-staircase" + kMixture + " drops=0.9,0.5");
  EXPECT_GT(staircase["times"][0].get<double>(), staircase["times"][1].get<double>());
  EXPECT_EQ(evaluate("diversity-spectrum d=5 n=16 classes=0,1")["lam"],
            (Json{1.0, 1.0, 0.0, 0.0, 0.0}));

  const double mean = evaluate("diversity-plateau d=8 r=2 K=4 s=0 n=16");
  EXPECT_DOUBLE_EQ(evaluate("diversity-plateau d=8 r=2 K=4 s=0 n=16 loss=sum"), mean / 4);
}

TEST(Functions, TheUndefinedIsNull) {
  EXPECT_TRUE(evaluate("diversity-risk d=8 r=2 K=1 s=0 n=16 test=span angle_deg=0,10").is_null());
  EXPECT_TRUE(evaluate("diversity-risk d=8 r=2 K=4 s=0 n=16 test=outside").is_null());
  EXPECT_TRUE(evaluate("diversity-risk d=8 r=2 K=4 s=0 n=16 test=complement").is_null());
  const Json beyond = evaluate("diversity-logistic r=2 K=2 n=16 v0=5");
  EXPECT_TRUE(beyond["T_logistic"].is_null());
  EXPECT_TRUE(beyond["T_quadrature"].is_null());
  const Json weak = evaluate("diversity-spectrum d=8 n=2 classes=0@0.1/1,2,3,4,5@1");
  EXPECT_TRUE(weak["T_mean_class0"].is_null());
  EXPECT_TRUE(weak["T_sum_class0"].is_null());
  EXPECT_TRUE(weak["T_mean"].is_number());
}

TEST(Functions, StepsThatNeverComeAreInf) {
  const Json value = evaluate(sample("diversity-trajectory"));
  EXPECT_EQ(value["first_step_half_drop"], "inf");
  EXPECT_EQ(value["first_step_below_0p8_r"], "inf");
}

// Squares, fourth powers and exponentials of arguments within a double's range that are not.
TEST(Functions, TinyAndHugeArgumentsKeepTheirValues) {
  const auto near = [](const std::string& line, const std::string& key, double want) {
    const Json value = evaluate(line);
    const Json& got = key.empty() ? value : value[key];
    ASSERT_TRUE(got.is_number()) << line << " " << value;
    EXPECT_NEAR(got.get<double>(), want, 1e-9 * std::abs(want)) << line;
  };
  // T = (ln(z/(1-z)) - ln(v0^2 m/Lambda))/(4 Lambda), the plateau of diversity-plateau.
  for (const auto& [v0, T] : {std::pair("1e-160", 183.71), {"1e-300", 344.89}}) {
    const Json value = evaluate(std::string("diversity-logistic r=1 K=1 n=1 t=0,1 v0=") + v0);
    EXPECT_NEAR(value["T_logistic"].get<double>(), T, 0.005) << v0;
    EXPECT_NEAR(value["T_quadrature"].get<double>(), T, 0.005) << v0;
    EXPECT_EQ(value["J_at_t"], (Json{{0.0, 1.0}, {1.0, 1.0}})) << v0;
  }
  // One decade of v0 takes ln(10)/(2 Lambda), Lambda = 1.
  const double T = evaluate("diversity-logistic r=2 K=2 n=16 v0=1e-150")["T_logistic"];
  near("diversity-logistic r=2 K=2 n=16 v0=1e-290", "T_logistic", T + 70 * std::log(10));
  near("diversity-logistic r=2 K=2 n=16 v0=1e-290", "T_quadrature", T + 70 * std::log(10));
  near("diversity-logistic r=2 K=2 n=16 v0=1e-200 u0=2e-200", "T_quadrature",
       evaluate("diversity-logistic r=2 K=2 n=16 v0=1e-100 u0=2e-100")["T_quadrature"].get<double>() +
           50 * std::log(10));
  const double T_tiny = evaluate("diversity-conditioning d=8 r=2 K=2 s=0 n=1000 tol=1e-290")["steps"];
  EXPECT_NEAR(evaluate("diversity-conditioning d=8 r=2 K=2 s=0 n=1000 tol=1e-310")["steps"].get<double>() / T_tiny,
              310.0 / 290, 0.01);
  // A wait of 1e20, beside which what happens at its end takes no time.
  const Json wait = evaluate("diversity-staircase d=8 r=2 K=2 s=1 n=16 q0=1e-20 v0=1e-20")["times"];
  const Json longer = evaluate("diversity-staircase d=8 r=2 K=2 s=1 n=16 q0=1e-100 v0=1e-100")["times"];
  for (size_t i = 0; i < wait.size(); ++i)
    EXPECT_NEAR(longer[i].get<double>() / wait[i].get<double>(), 1e80, 1e71);
  // Unbalanced: until v moves q grows as e^(2 v0 lambda t), lambda = 1.
  const double T_q = evaluate("diversity-staircase d=8 r=2 K=1 s=0 n=16 q0=1e-40 v0=1 drops=0.5")["times"][0];
  const double T_less = evaluate("diversity-staircase d=8 r=2 K=1 s=0 n=16 q0=1e-90 v0=1 drops=0.5")["times"][0];
  EXPECT_NEAR(T_less - T_q, 25 * std::log(10), 1e-9 * T_less);
  // F: 2/sqrt(1 + c^4).
  near("diversity-speed code=F r=2 c=1e100", "", 2e-200);
  // Eigenvalues (1e-100)^2/1 and (1e100)^2.
  near("diversity-spectrum d=4 n=16 classes=0,1@1e-100", "Lambda", std::sqrt(2) * 1e-200);
  near("diversity-spectrum d=4 n=16 classes=0,1@1e100", "Lambda", std::sqrt(2) * 1e200);
}

TEST(Functions, ADivergedTrajectoryHasNoNumbers) {
  const Json value =
      evaluate("diversity-trajectory" + kMixture + " lr=50 steps=200 steps_checked=0,200");
  EXPECT_TRUE(value["J"][0].is_number());
  EXPECT_TRUE(value["J"][1].is_null());
}

TEST(Functions, MixturesThatDoNotExistAreRefusedByEach) {
  for (const Function& function : diversity_functions()) {
    if (function.parameters[0].name != "d" || function.parameters[1].name != "r") continue;
    const std::string rest =
        function.name == "diversity-trajectory" ? " n=16 lr=0.01 steps=9" : " n=16";
    const std::string begin = "[" + function.name + "] ";
    const auto refused = [&](const std::string& law) {
      return refusal(function.name + law + rest);
    };
    EXPECT_EQ(refused(" d=7 r=2 K=4 s=0"),
              begin +
                  "d: found 7, accepted is at least R = s + K (r-s) = 8, the number of distinct "
                  "columns");
    EXPECT_EQ(refused(" d=8 r=2 K=1 s=1"),
              begin + "s: found 1, accepted is 0 where K = 1 (nothing to share)");
    EXPECT_EQ(refused(" d=8 r=2 K=2 s=3"), begin + "s: found 3, accepted is 0 to r = 2");
    EXPECT_EQ(refused(" d=8 r=9 K=1 s=0"), begin + "r: found 9, accepted is 1 to d = 8");
  }
}

TEST(Functions, NumbersOutOfTheirRangeAreRefusedByEach) {
  // Everything that a key may not be, wherever the key occurs.
  const std::vector<std::string> bad{"n=0",
                                     "n=-3",
                                     "n=1.5",
                                     "sigma2=-1",
                                     "sigma2=nan",
                                     "sigma2_test=-0.1",
                                     "n_test=0",
                                     "alpha=0",
                                     "alpha=-1",
                                     "alpha=inf",
                                     "v0=0",
                                     "u0=0",
                                     "u0=-1",
                                     "q0=0",
                                     "phi=0",
                                     "phi=1",
                                     "phi=2",
                                     "drops=0.5,1",
                                     "drops=0",
                                     "d=0",
                                     "r=0",
                                     "K=0",
                                     "s=-1",
                                     "d=1e-3",
                                     "lr=0",
                                     "lr=-1",
                                     "steps=-1",
                                     "scale=0",
                                     "tol=0",
                                     "c=-1",
                                     "nu=-1",
                                     "t=-1",
                                     "t=1,,2",
                                     "steps_checked=-1",
                                     "test=ood",
                                     "loss=max",
                                     "method=euler",
                                     "opt=sgd",
                                     "code=D",
                                     "angle_deg=x",
                                     "n=99999999999999999999"};
  for (const std::string& argument : bad) {
    const std::string key = argument.substr(0, argument.find('='));
    int functions_with_key = 0;
    for (const Function& function : diversity_functions()) {
      if (std::ranges::find(function.parameters, key, &Parameter::name) ==
          function.parameters.end())
        continue;
      ++functions_with_key;
      // The bad value instead of the sample's.
      std::istringstream words(sample(function.name));
      std::string line, word;
      while (words >> word)
        if (!word.starts_with(key + "=")) line += word + " ";
      const std::string message = refusal(line + argument);
      EXPECT_THAT(message, testing::StartsWith("[" + function.name + "] " + key + ": found "));
      EXPECT_THAT(message, HasSubstr("accepted is")) << argument;
    }
    EXPECT_GT(functions_with_key, 0) << argument;
  }
}

TEST(Functions, ArgumentsThatDoNotGoTogetherAreRefused) {
  EXPECT_EQ(refusal("diversity-spectrum d=4 n=16 classes=0,4@1"),
            "[diversity-spectrum] classes: found column 4 in class 0, accepted is 0 to d-1 = 3");
  EXPECT_EQ(
      refusal("diversity-spectrum d=4 n=16 classes="),
      "[diversity-spectrum] classes: found no class, accepted is at least one, such as 0,1@1");
  EXPECT_EQ(refusal(sample("diversity-trajectory") + " steps_checked=0,21"),
            "[diversity-trajectory] steps_checked: found 21, accepted is 0 to steps = 20");
  EXPECT_EQ(refusal("diversity-speed code=B r=2 s=1"),
            "[diversity-speed] s: found 1, accepted is 0 where K = 1 (nothing to share)");
  EXPECT_EQ(refusal("diversity-speed code=Ep r=2 s=3"),
            "[diversity-speed] s: found 3, accepted is 0 to r = 2");
  EXPECT_EQ(refusal("diversity-speed code=Ep r=2 s=1 nu=1"), "no error");  // K does not enter
}

TEST(ParseArguments, RefusesWhatIsNoKnownKeyAndValue) {
  EXPECT_EQ(refusal("diversity-constants d"),
            "[diversity-constants]: found 'd', accepted is key=value");
  EXPECT_EQ(refusal("diversity-constants d=8 d=9"),
            "[diversity-constants] d: found twice, accepted is once");
  EXPECT_THAT(
      refusal("diversity-constants" + kMixture + " sigma=1"),
      HasSubstr("sigma: unknown key of function 'diversity-constants'; accepted are d, r, K, s, "
                "n, sigma2; did you mean 'sigma2'?"));
  EXPECT_THAT(refusal("diversity-constants d=8 r=2 K=2 s=1"), HasSubstr("n: missing"));
  EXPECT_EQ(refusal("diversity-risk" + kMixture + " angle_deg="),
            "[diversity-risk] angle_deg: found no number, accepted is at least one");
  EXPECT_EQ(refusal("diversity-risk" + kMixture + " test="),
            "[diversity-risk] test: found '', accepted is one of id, isotropic, complement, span, outside");
  EXPECT_EQ(refusal("diversity-constants d="), "[diversity-constants] d: found '', accepted is an integer");
  EXPECT_EQ(refusal("diversity-risk" + kMixture + " test=outside angle_deg=[]"),
            "[diversity-risk] angle_deg: found no number, accepted is at least one");
  EXPECT_EQ(refusal("diversity-logistic r=2 K=2 n=16 t=[]"), "no error");  // the default
  EXPECT_THAT(refusal("diversity-constants d=8 r=2 K=2 s=0 N=4"), HasSubstr("; did you mean 'n'?"));
  EXPECT_THAT(refusal("diversity-constants" + kMixture + " q=4"), Not(HasSubstr("did you mean")));
}

TEST(ParseArguments, TakesAWholeRealForAnInteger) {
  EXPECT_EQ(evaluate("diversity-constants d=8.0 r=2 K=2 s=0 n=1e3"),
            evaluate("diversity-constants d=8 r=2 K=2 s=0 n=1000"));
  EXPECT_EQ(refusal("diversity-constants d=8 r=2 K=2 s=0 n=2.5"),
            "[diversity-constants] n: found '2.5', accepted is an integer");
}

TEST(FindFunction, NamesTheNearest) {
  EXPECT_THAT(refusal("diversity-plateaus"), HasSubstr("did you mean 'diversity-plateau'?"));
  EXPECT_THAT(refusal("zzz"), HasSubstr("[theory] found no function 'zzz', accepted is one of "
                                        "diversity-constants, "));
}

}  // namespace
}  // namespace iclab::theory
