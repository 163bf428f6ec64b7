// Every citation "FILE.md, section N" names a document of docs/theory or docs and a numbered heading in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = ICLAB_SOURCE_DIR;

// The numbers of each document's headings by its file name: "5", "3.4", "C8".
using Documents = std::map<std::string, std::set<std::string>>;

std::string read(const fs::path& file) {
  std::ifstream in(file);
  EXPECT_TRUE(in) << file;
  return {std::istreambuf_iterator<char>(in), {}};
}

std::set<std::string> headings(const std::string& page) {
  static const std::regex heading(R"(^#+ (\d+(?:\.\d+)*|C\d+)\.? .*)");
  std::set<std::string> numbers;
  std::istringstream in(page);
  std::smatch match;
  for (std::string line; std::getline(in, line);)
    if (std::regex_match(line, match, heading)) numbers.insert(match[1]);
  return numbers;
}

Documents documents() {
  Documents all;
  for (const char* folder : {"docs", "docs/theory"})
    for (const auto& entry : fs::directory_iterator(kRoot / folder))
      if (entry.path().extension() == ".md")
        all[entry.path().filename().string()].merge(headings(read(entry.path())));
  return all;
}

// The text as one line, without comment marks at the lines' beginnings and without seams of string literals.
std::string joined(const std::string& text) {
  static const std::regex seam("\"[ ]*\n[ ]*\""), line_end(R"([ ]*\n[ ]*(?:///?|#)?[ ]*)");
  return std::regex_replace(std::regex_replace(text, seam, ""), line_end, " ");
}

struct Findings {
  int citations = 0;
  std::vector<std::string> unresolved;
};

// A citation without a file is one of `own`, the document that the text is; "": it has to name one.
Findings check(const std::string& text, const Documents& documents, const std::string& own = "") {
  static const std::regex citation(
      R"((?:([\w-]+\.md), )?\b(?:section (\d+(?:\.\d+)*)|sections (\d+(?:\.\d+)*(?:(?:, | and | to )\d+(?:\.\d+)*)*)))"
      R"((?: \((C\d+(?:, C\d+)*)\))?)");
  static const std::regex number(R"(C?\d+(?:\.\d+)*)");
  Findings found;
  const std::string line = joined(text);
  for (auto match = std::sregex_iterator(line.begin(), line.end(), citation); match != std::sregex_iterator(); ++match) {
    ++found.citations;
    const auto document = documents.find((*match)[1].matched ? (*match)[1].str() : own);
    bool resolves = document != documents.end();
    const std::string numbers = (*match)[2].str() + (*match)[3].str() + " " + (*match)[4].str();
    for (auto one = std::sregex_iterator(numbers.begin(), numbers.end(), number); one != std::sregex_iterator(); ++one)
      resolves = resolves && document->second.contains(one->str());
    if (!resolves) found.unresolved.push_back(match->str());
  }
  return found;
}

TEST(Citations, OfThisRepositoryResolve) {
  const Documents all = documents();
  int citations = 0;
  const auto check_file = [&](const fs::path& file) {
    const bool theory = file.parent_path().filename() == "theory" && file.extension() == ".md";
    const Findings found = check(read(file), all, theory ? file.filename().string() : "");
    EXPECT_THAT(found.unresolved, testing::IsEmpty()) << file;
    if (!theory) citations += found.citations;
  };
  check_file(kRoot / "README.md");
  for (const char* folder : {"src", "tests", "docs", "bench", "examples"})
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      const std::string extension = entry.path().extension().string();
      if (std::set<std::string>{".h", ".cpp", ".py", ".md", ".toml"}.contains(extension) &&
          entry.path().filename() != "citations_test.cpp")
        check_file(entry.path());
    }
  EXPECT_GE(citations, 148);
}

TEST(Citations, ThatDoNotResolveAreFound) {
  const Documents all{{"a.md", headings("# A page\n## 2. Models\n### 2.1 The MLP\n### C8. A claim\nsection 9\n")}};
  EXPECT_THAT(all.at("a.md"), testing::ElementsAre("2", "2.1", "C8"));
  const auto unresolved = [&](const std::string& text, const std::string& own = "") {
    return check(text, all, own).unresolved;
  };
  EXPECT_THAT(unresolved("a.md, section 2; a.md, sections 2 and 2.1. a.md, section 2.1 (C8)"), testing::IsEmpty());
  EXPECT_THAT(unresolved("section 2.1", "a.md"), testing::IsEmpty());
  EXPECT_THAT(unresolved("a.md, section 3"), testing::ElementsAre("a.md, section 3"));
  EXPECT_THAT(unresolved("a.md, sections 2, 2.1 and 2.2"), testing::SizeIs(1));
  EXPECT_THAT(unresolved("a.md, sections 2 to 4"), testing::SizeIs(1));
  EXPECT_THAT(unresolved("a.md, section 2 (C9)"), testing::SizeIs(1));
  EXPECT_THAT(unresolved("b.md, section 2"), testing::ElementsAre("b.md, section 2"));
  EXPECT_THAT(unresolved("as section 2 says"), testing::ElementsAre("section 2"));
  EXPECT_THAT(unresolved("/// (a.md, section\n  /// 4)"), testing::ElementsAre("a.md, section 4"));
  EXPECT_THAT(unresolved("\"closed form of a.md, \"\n    \"section 4\""), testing::ElementsAre("a.md, section 4"));
  EXPECT_EQ(check("a.md, section 2, b.md, section 2", all).citations, 2);
}

}  // namespace
