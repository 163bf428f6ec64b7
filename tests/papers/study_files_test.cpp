#include "papers/study_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "study/study.h"

namespace iclab::papers {
namespace {

TEST(StudyFiles, AreThoseOfTheSourceTree) {
  const std::filesystem::path root = std::filesystem::path(ICLAB_SOURCE_DIR) / "src/papers";
  size_t on_disk = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
    on_disk += entry.path().extension() == ".toml";
  EXPECT_EQ(study_files().size(), on_disk);

  for (const StudyFile& file : study_files()) {
    const std::filesystem::path path =
        root / file.paper / file.mode / (std::string(file.name) + ".toml");
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_EQ(std::string(file.text), text.str()) << path;
  }
}

TEST(StudyFiles, AreStudiesOfTheirNames) {
  for (const StudyFile& file : study_files()) {
    const study::Study study =
        study::parse_study(std::string(file.text), std::string(file.name) + ".toml");
    EXPECT_EQ(study.name, file.name);
    EXPECT_FALSE(study.points.empty());
  }
}

// Of the paper whose modes differ in their sizes alone; others name alternatives in their recipes.
TEST(StudyFiles, FullHasWhatQuickJudges) {
  std::set<std::string_view> quick, full;
  for (const StudyFile& file : study_files())
    if (file.paper == "task-diversity") (file.mode == "quick" ? quick : full).insert(file.name);
  // Only shown: angles and prices at other context lengths, which the full studies sweep
  // themselves.
  for (const std::string_view shown : {"angles-single", "angles-union", "price-context"})
    quick.erase(shown);
  EXPECT_EQ(quick, full);
}

}  // namespace
}  // namespace iclab::papers
