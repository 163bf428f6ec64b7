#include "papers/verify.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "lanes/kernels.h"

// This executable is linked with --wrap for kernels<double>(): the table that the engine receives can be
// made wrong here, in one kernel at a time, without the engine knowing.
namespace {
const iclab::lanes::Kernels<double>* broken = nullptr;
}
extern "C" {
// NOLINTBEGIN: the linker's names
const iclab::lanes::Kernels<double>& __real__ZN5iclab5lanes7kernelsIdEERKNS0_7KernelsIT_EENS0_14InstructionSetE(
    iclab::lanes::InstructionSet set);
const iclab::lanes::Kernels<double>& __wrap__ZN5iclab5lanes7kernelsIdEERKNS0_7KernelsIT_EENS0_14InstructionSetE(
    iclab::lanes::InstructionSet set) {
  return broken ? *broken
                : __real__ZN5iclab5lanes7kernelsIdEERKNS0_7KernelsIT_EENS0_14InstructionSetE(set);
}
// NOLINTEND
}

namespace iclab::papers {
namespace {

const std::string kGolden = ICLAB_SOURCE_DIR "/tests/golden/task-diversity.json";
const std::string kSecond = ICLAB_SOURCE_DIR "/tests/golden/task-diversity-second.json";

// A kernel that is right but for a factor 1 + 1e-8 on the first element it writes.
constexpr double kWrong = 1 + 1e-8;
const lanes::Kernels<double>* right = nullptr;

void spoil(const lanes::Operand& out) { *static_cast<double*>(out.data) *= kWrong; }

template <int F>
void wrong_binary(const lanes::ElementwiseArgs& args) {
  right->binary[F](args);
  spoil(args.out);
}

struct Injection {
  const char* what;
  void (*into)(lanes::Kernels<double>&);
};

const Injection kInjections[] = {
    {"product", [](lanes::Kernels<double>& t) {
       t.product = [](const lanes::ProductArgs& a) { right->product(a); spoil(a.c); };
     }},
    {"product over prompts", [](lanes::Kernels<double>& t) {
       t.product_over_prompts = [](const lanes::ProductArgs& a) { right->product_over_prompts(a); spoil(a.c); };
     }},
    {"sum", [](lanes::Kernels<double>& t) {
       t.sum = [](const lanes::SumArgs& a) { right->sum(a); spoil(a.out); };
     }},
    {"sum over prompts", [](lanes::Kernels<double>& t) {
       t.sum_over_prompts = [](const lanes::SumArgs& a) { right->sum_over_prompts(a); spoil(a.out); };
     }},
    {"multiply", [](lanes::Kernels<double>& t) {
       constexpr int f = static_cast<int>(lanes::Binary::kMultiply);
       t.binary[f] = wrong_binary<f>;
     }},
    {"add", [](lanes::Kernels<double>& t) {
       constexpr int f = static_cast<int>(lanes::Binary::kAdd);
       t.binary[f] = wrong_binary<f>;
     }},
    {"subtract", [](lanes::Kernels<double>& t) {
       constexpr int f = static_cast<int>(lanes::Binary::kSubtract);
       t.binary[f] = wrong_binary<f>;
     }},
    {"sgd", [](lanes::Kernels<double>& t) {
       t.update[static_cast<int>(lanes::Update::kSgd)] = [](const lanes::UpdateArgs& args) {
         lanes::UpdateArgs wrong = args;
         wrong.lr *= kWrong;
         return right->update[static_cast<int>(lanes::Update::kSgd)](wrong);
       };
     }},
    {"adam", [](lanes::Kernels<double>& t) {
       t.update[static_cast<int>(lanes::Update::kAdam)] = [](const lanes::UpdateArgs& args) {
         lanes::UpdateArgs wrong = args;
         wrong.lr *= 1 + 1e-5;  // its trajectory is compared to 1e-7
         return right->update[static_cast<int>(lanes::Update::kAdam)](wrong);
       };
     }},
};

TEST(Verify, PassesTheGoldenFiles) {
  for (const std::string& file : {kGolden, kSecond}) {
    const Verification verification = verify_file(file);
    EXPECT_TRUE(verification.ok()) << to_json(verification).dump(1);
    EXPECT_GT(verification.comparison.passed(), 300);
    EXPECT_LT(verification.comparison.worst().error, verification.comparison.worst().tolerance);
  }
}

class VerifyWithABrokenKernel : public ::testing::TestWithParam<Injection> {};

TEST_P(VerifyWithABrokenKernel, Fails) {
  right = &lanes::kernels<double>(lanes::chosen_instruction_set());
  lanes::Kernels<double> table = *right;
  GetParam().into(table);
  broken = &table;
  const Verification verification = verify_file(kGolden);
  broken = nullptr;
  EXPECT_GT(verification.comparison.failed(), 0) << GetParam().what;
  EXPECT_TRUE(verify_file(kGolden).ok()) << "right again";
}

INSTANTIATE_TEST_SUITE_P(EachKernel, VerifyWithABrokenKernel, ::testing::ValuesIn(kInjections),
                         [](const auto& injected) {
                           std::string name = injected.param.what;
                           std::ranges::replace(name, ' ', '_');
                           return name;
                         });

// ---- files that are wrong ----

Json golden() {
  std::ifstream stream(kGolden);
  return Json::parse(stream);
}

std::string write(const std::string& text) {
  const auto file = std::filesystem::temp_directory_path() /
                    fmt::format("iclab-verify-{}.json", ::testing::UnitTest::GetInstance()->random_seed() + ::getpid());
  std::ofstream(file) << text;
  return file.string();
}

Verification verify_changed(const std::function<void(Json&)>& change) {
  Json file = golden();
  change(file);
  const std::string name = write(file.dump());
  const Verification verification = verify_file(name);
  std::filesystem::remove(name);
  return verification;
}

std::string error_of(const std::string& text) {
  const std::string name = write(text);
  std::string message = "no error";
  try {
    (void)verify_file(name);
  } catch (const Error& error) {
    message = error.what();
  }
  std::filesystem::remove(name);
  return message;
}

std::string error_of_changed(const std::function<void(Json&)>& change) {
  Json file = golden();
  change(file);
  return error_of(file.dump());
}

#define EXPECT_PART(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Verify, FindsEveryChangedNumber) {
  // Each number of each output, one section's first case at a time, off by ten tolerances.
  for (const char* section : {"batch_cases", "population_cases", "theory", "trajectories", "spectra", "single_group"}) {
    const Json first = golden()[section][0];
    for (const auto& [key, value] : first.items()) {
      if (!value.is_number_float() || key == "v" || key == "alpha" || key == "phi" || key == "sigma2" ||
          key == "lr" || key == "scale" || key == "v0" || key == "u0")
        continue;
      const Verification verification =
          verify_changed([&](Json& file) { file[section][0][key] = value.get<double>() * (1 + 1e-5); });
      ASSERT_EQ(verification.comparison.failed(), 1) << section << " " << key;
      EXPECT_EQ(verification.comparison.differences()[0].path, fmt::format("{}[0].{}", section, key));
      EXPECT_NEAR(verification.comparison.worst().error, 1e-5, 1e-9);
    }
  }
  const Verification array = verify_changed([](Json& file) {
    Json& entry = file["batch_cases"][0]["merged"]["grad_Gamma"][1][2];
    entry = entry.get<double>() + 1;
  });
  ASSERT_EQ(array.comparison.failed(), 1) << "an array counts once";
  EXPECT_EQ(array.comparison.differences()[0].path, "batch_cases[0].merged.grad_Gamma[1][2]");
}

TEST(Verify, StepCountsAreExact) {
  const Verification verification =
      verify_changed([](Json& file) { file["trajectories"][0]["first_step_half_drop"] = 164; });
  ASSERT_EQ(verification.comparison.failed(), 1);
  EXPECT_EQ(verification.comparison.differences()[0].got, 163);
  EXPECT_EQ(verification.comparison.differences()[0].tolerance, 0);
}

TEST(Verify, NullIsCompared) {
  EXPECT_EQ(verify_changed([](Json& f) { f["theory"][0]["risk_angle_span"] = 1.0; }).comparison.failed(), 1);
  EXPECT_EQ(verify_changed([](Json& f) { f["theory"][1]["risk_angle_span"] = nullptr; }).comparison.failed(), 1);
  EXPECT_EQ(verify_changed([](Json& f) { f["theory"][1]["Lambda"] = "one"; }).comparison.failed(), 1);
}

TEST(Verify, CountsUnknownSectionsAndKeys) {
  const Verification verification = verify_changed([](Json& file) {
    file["about"] = 3;
    file["meta"] = Json::array();
    file["new_section"] = Json::array();
    file["theory"][2]["new_constant"] = 1;
    file["theory"][2]["note"] = "skipped";
  });
  EXPECT_EQ(verification.unknown, (std::vector<std::string>{"new_section", "theory[2].new_constant"}));
  EXPECT_EQ(verification.comparison.failed(), 0);
  EXPECT_FALSE(verification.ok());
  const Json json = to_json(verification);
  EXPECT_EQ(json["unknown"], 2);
  EXPECT_EQ(json["paper"], "task-diversity");
  for (const char* key : {"path", "got", "want", "error", "tolerance"}) EXPECT_TRUE(json["worst"].contains(key));
}

TEST(Verify, AnythingButAFileOfTestVectorsIsAnError) {
  EXPECT_PART(error_of("{"), "not JSON");
  EXPECT_PART(error_of("[]"), "found no key \"paper\"");
  EXPECT_PART(error_of("{\"paper\": 1}"), "found no key \"paper\"");
  EXPECT_PART(error_of("{\"paper\": \"task-diversty\"}"), "did you mean 'task-diversity'?");
  EXPECT_THROW((void)verify_file("/nonexistent/file.json"), Error);
  EXPECT_THROW((void)verify_file(std::filesystem::temp_directory_path()), Error);
}

TEST(Verify, InputsOfAnotherShapeAreErrorsWithTheirPath) {
  EXPECT_PART(error_of_changed([](Json& f) { f["theory"] = 1; }), "theory: found 1, accepted is an array of objects");
  EXPECT_PART(error_of_changed([](Json& f) { f["theory"][1] = 1; }), "theory[1]: found 1, accepted is an object");
  EXPECT_PART(error_of_changed([](Json& f) { f["theory"][1].erase("r"); }), "theory[1]: found no \"r\"");
  EXPECT_PART(error_of_changed([](Json& f) { f["theory"][1]["r"] = 9; }), "theory[1]");
  EXPECT_PART(error_of_changed([](Json& f) { f["theory"][1]["K"] = 1.5; }), "theory[1].K: found 1.5, accepted is an integer from 1");
  EXPECT_PART(error_of_changed([](Json& f) { f["theory"][1]["n"] = 0; }), "theory[1].n");
  EXPECT_PART(error_of_changed([](Json& f) { f["theory"][1]["sigma2"] = -1; }), "theory[1].sigma2");
  EXPECT_PART(error_of_changed([](Json& f) { f["batch_cases"][0]["X"][1][0] = Json::array({1}); }),
              "batch_cases[0].X[1][0]: found array of 1, accepted is an array of 3");
  EXPECT_PART(error_of_changed([](Json& f) { f["batch_cases"][0]["X"][1][0][2] = nullptr; }),
              "batch_cases[0].X[1][0][2]: found null, accepted is a number");
  EXPECT_PART(error_of_changed([](Json& f) { f["batch_cases"][0]["merged"].erase("Gamma"); }),
              "batch_cases[0].merged: found no \"Gamma\"");
  EXPECT_PART(error_of_changed([](Json& f) { f["batch_cases"][0]["d"] = 1e9; }), "batch_cases[0].d");
  EXPECT_PART(error_of_changed([](Json& f) { f["population_cases"][1]["s"] = 3; }), "population_cases[1]");
  EXPECT_PART(error_of_changed([](Json& f) { f["population_cases"][1]["Q"] = "Q"; }),
              "population_cases[1].Q: found \"Q\", accepted is an array of 5");
  EXPECT_PART(error_of_changed([](Json& f) { f["trajectories"][0]["opt"] = "lion"; }),
              "trajectories[0].opt: found \"lion\", accepted is one of gd, adam");
  EXPECT_PART(error_of_changed([](Json& f) { f["trajectories"][0]["steps_checked"][0] = 401; }),
              "trajectories[0].steps_checked: found 401, accepted is 0 to 400");
  EXPECT_PART(error_of_changed([](Json& f) { f["spectra"][0]["classes"][0]["cols"][0] = 8; }), "spectra[0]");
  EXPECT_PART(error_of_changed([](Json& f) { f["spectra"][0]["classes"][0]["cols"][0] = -1; }), "spectra[0].classes[0].cols");
  EXPECT_PART(error_of_changed([](Json& f) { f["single_group"][0]["s"] = 1; }), "single_group[0].s");
  EXPECT_PART(error_of_changed([](Json& f) { f["single_group"][0]["J_at_t"][0] = 1; }), "single_group[0].J_at_t[0]");
}

// ---- comparing ----

TEST(Comparison, ErrorsAreRelativeToTheValueOrTheArraysLargestEntry) {
  Comparison c;
  c.compare("a", 1.0 + 1e-6, 1.0, 2e-6);
  c.compare("b", Json::array({100.0, 1e-5}), Json::array({100.0, 0.0}), 2e-7);
  EXPECT_EQ(c.passed(), 2);
  c.compare("c", Json::array({100.0, 1e-4}), Json::array({100.0, 0.0}), 2e-7);
  c.compare("zero", 1e-3, 0.0, 1e-4);
  c.compare("shape", Json::array({1.0}), Json::array({1.0, 2.0}), 1);
  c.compare("nan", std::numeric_limits<double>::quiet_NaN(), 1.0, 1);
  c.compare("kind", Json(), 1.0, 1);
  c.compare("null", Json(), Json(), 0);
  EXPECT_EQ(c.passed(), 3);
  ASSERT_EQ(c.failed(), 5);
  EXPECT_EQ(c.differences()[0].path, "c[1]");
  EXPECT_DOUBLE_EQ(c.differences()[0].error, 1e-6);
  EXPECT_DOUBLE_EQ(c.differences()[1].error, 1e-3) << "absolute where the value is 0";
}

}  // namespace
}  // namespace iclab::papers
