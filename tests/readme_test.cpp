// What README shows is what stands in the repository.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = ICLAB_SOURCE_DIR;

std::string read(const fs::path& file) {
  std::ifstream in(file);
  EXPECT_TRUE(in) << file;
  return {std::istreambuf_iterator<char>(in), {}};
}

// The text without comments, blanks at line ends and empty lines.
std::string bare(const std::string& toml) {
  std::istringstream in(toml);
  std::string result;
  for (std::string line; std::getline(in, line);) {
    line = std::regex_replace(line, std::regex(R"(\s*(^|\s)#.*$)"), "");
    if (!line.empty()) result += line + "\n";
  }
  return result;
}

TEST(Readme, ShowsTheExampleStudy) {
  const std::string readme = read(kRoot / "README.md");
  const size_t begin = readme.find("```toml\n") + 8;
  ASSERT_GE(begin, 8U);
  EXPECT_EQ(bare(readme.substr(begin, readme.find("```", begin) - begin)),
            bare(read(kRoot / "examples/components.toml")));
}

TEST(Readme, LinksToFilesThatExist) {
  const std::string readme = read(kRoot / "README.md");
  const std::regex link(R"(\]\(([^)#:]+)\))");
  int links = 0;
  for (auto match = std::sregex_iterator(readme.begin(), readme.end(), link);
       match != std::sregex_iterator(); ++match, ++links)
    EXPECT_TRUE(fs::exists(kRoot / (*match)[1].str())) << (*match)[1];
  EXPECT_GT(links, 5);
}

TEST(Readme, NamesEveryFolderOfTheHouse) {
  const std::string readme = read(kRoot / "README.md");
  for (const auto& entry : fs::directory_iterator(kRoot / "src"))
    if (entry.is_directory()) {
      const std::string name = "`src/" + entry.path().filename().string() + "`";
      EXPECT_NE(readme.find(name), std::string::npos) << name;
    }
}

// A block of code in docs/ whose first line is "// tests/..." is that file.
TEST(Docs, ShowTheTestsTheyName) {
  int shown = 0;
  for (const auto& entry : fs::directory_iterator(kRoot / "docs")) {
    if (entry.path().extension() != ".md") continue;
    const std::string page = read(entry.path()), fence = "```cpp\n// ";
    for (size_t at = page.find(fence + "tests/"); at != std::string::npos;
         at = page.find(fence + "tests/", at + 1), ++shown) {
      const size_t name = at + fence.size(), code = at + fence.find('/');
      const std::string file = page.substr(name, page.find('\n', name) - name);
      EXPECT_EQ(page.substr(code, page.find("```\n", code) - code), read(kRoot / file)) << entry.path();
    }
  }
  EXPECT_GT(shown, 0);
}

}  // namespace
