// C7 at full scale: why it is not reproduced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "papers/study_files.h"
#include "papers/task-diversity/claims.h"

namespace iclab::papers::task_diversity {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// The cause compares theory with theory: it needs the study, not its runs.
std::string cause_of_c7(const std::string& mode) {
  const auto file = std::ranges::find_if(study_files(), [&](const StudyFile& each) {
    return each.mode == mode && each.name == "plateau";
  });
  const study::Study study = study::parse_study(std::string(file->text), "plateau.toml");
  const std::map<std::string, StudyPair> studies{{"plateau", {study, study}}};
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("iclab-plateau-" + mode);
  std::filesystem::remove_all(folder);
  const study::Store store(folder, study::Store::Access::kWrite);
  return plateau_law().cause(Measurements(studies, store));
}

TEST(PlateauLaw, AFormulaBeyondItsBoundIsNamed) {
  EXPECT_THAT(cause_of_c7("full"),
              HasSubstr("T_lin is 8.36 % off the ODE at K = 4, s = 1, α = 0.01, n = 400"));
}

TEST(PlateauLaw, NoCauseWithinTheBound) { EXPECT_THAT(cause_of_c7("quick"), IsEmpty()); }

}  // namespace
}  // namespace iclab::papers::task_diversity
