// A file includes only from its own floor or from below (docs/architecture.md, "Floors").
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;

// What each floor may include from, besides itself.
const std::map<std::string, std::set<std::string>>& allowed() {
  static const std::map<std::string, std::set<std::string>> floors = [] {
    std::map<std::string, std::set<std::string>> result;
    result["base"] = {};
    result["theory"] = {"base"};  // beside the engine
    std::set<std::string> below{"base"};
    const auto stack = [&](std::initializer_list<std::string> storey) {
      std::set<std::string> storeys(below);
      storeys.insert(storey.begin(), storey.end());
      for (const std::string& floor : storey) result[floor] = storeys;
      below = storeys;
    };
    for (const char* floor : {"lanes", "random", "program", "tasks", "nn", "probes", "train", "analysis", "study"})
      stack({floor});
    below.insert("theory");
    result["report"] = {"base"};
    below.insert("report");
    stack({"papers"});
    stack({"cli", "python", "web"});
    return result;
  }();
  return floors;
}

TEST(Floors, AFileIncludesOnlyFromItsOwnFloorOrBelow) {
  const fs::path source = fs::path(ICLAB_SOURCE_DIR) / "src";
  const std::regex include(R"(^\s*#\s*include\s*\"([^/\"]+)/[^\"]*\")");
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".h" && extension != ".cpp") continue;
    ++files;
    const std::string floor = (*fs::relative(entry.path(), source).begin()).string();
    ASSERT_TRUE(allowed().contains(floor)) << "unknown floor " << floor;
    std::ifstream in(entry.path());
    int number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      const std::string target = match[1];
      if (!fs::is_directory(source / target)) continue;  // a library's header
      EXPECT_TRUE(target == floor || allowed().at(floor).contains(target))
          << entry.path() << ":" << number << ": " << floor << "/ may not include from " << target << "/";
    }
  }
  EXPECT_GT(files, 50);
}

TEST(Floors, OnlyLanesKnowsVectorInstructions) {
  const fs::path source = fs::path(ICLAB_SOURCE_DIR) / "src";
  const std::regex vector_header(R"(#\s*include\s*[<\"](hwy/|immintrin|x86intrin))");
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    if (!entry.is_regular_file()) continue;
    if (*fs::relative(entry.path(), source).begin() == "lanes") continue;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);)
      EXPECT_FALSE(std::regex_search(line, vector_header)) << entry.path() << ": " << line;
  }
}

}  // namespace
