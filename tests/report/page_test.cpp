#include "report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "base/error.h"
#include "tests/report/folder.h"
#include "tests/report/sample.h"

namespace iclab::report {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class Page : public InFolder {};

TEST_F(Page, IsOneFileWithItsFiguresBesideIt) {
  const PaperReport report = sample_report();
  const fs::path page = write_page(report, folder_);
  EXPECT_EQ(page, folder_ / "sample" / "index.html");
  EXPECT_LT(fs::file_size(page), 4'000'000u);
  for (const Claim& claim : report.claims)
    for (const Figure& figure : claim.figures) {
      const fs::path base = folder_ / "sample" / "figures" / figure.name();
      EXPECT_EQ(read(base.string() + ".csv"), figure.csv());
      const Json spec = Json::parse(read(base.string() + ".vl.json"));
      EXPECT_EQ(spec["data"]["values"].size(), figure.rows().size());
    }
  EXPECT_EQ(Json::parse(read(folder_ / "sample" / "claims.json")), to_json(report));
  for (const auto& entry : fs::recursive_directory_iterator(folder_))
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
}

// The page forbids the browser to fetch anything, and asks for nothing.
TEST_F(Page, FetchesNothing) {
  const std::string html = read(write_page(sample_report(), folder_));
  const std::string own = html.substr(0, html.find("<script>"));  // the bundles follow
  EXPECT_THAT(own, HasSubstr("default-src 'none'"));
  EXPECT_FALSE(std::regex_search(own, std::regex("<(link|img|iframe|script [^>]*src)")));
  EXPECT_FALSE(std::regex_search(own, std::regex("@import|url\\(")));
  EXPECT_THAT(own, HasSubstr("</footer>"));
}

TEST_F(Page, EscapesEveryText) {
  PaperReport report = sample_report();
  const std::string evil = "</script><script>bad()</script>";
  report.title = report.authors = report.arxiv = report.summary = report.headline_sentence = evil;
  report.mode = report.store_sha256 = report.version = report.machine = evil;
  report.note = {evil};
  report.unchecked = {{evil, evil}};
  report.references = {{evil, evil}};
  Claim& claim = report.claims[0];
  claim.title = claim.statement = claim.cause = claim.command = evil;
  claim.provenance = {{evil, evil, evil}};
  claim.studies = {{evil, evil}};
  claim.checks[0].what = claim.checks[0].tolerance = evil;
  Figure figure("evil", evil, {.word = evil, .symbol = evil, .unit = evil}, {.word = evil});
  figure.caption(evil).panels(evil);
  figure.measured(evil, {.x = 1, .y = 1, .settings = evil, .panel = evil}).rule_x(1, evil);
  claim.figures = {figure};
  const std::string html = read(write_page(report, folder_));
  EXPECT_THAT(html, Not(HasSubstr("<script>bad()")));
}

TEST_F(Page, RefusesTwoFiguresOfOneName) {
  PaperReport report = sample_report();
  report.claims[0].figures.push_back(report.claims[0].figures[0]);
  try {
    write_page(report, folder_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "report 'sample': two figures are named 'entries'");
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Page, AnUnwritableFolderIsAnError) {
  std::ofstream(folder_ / "file") << "";
  const PaperReport report = sample_report();
  EXPECT_THROW(write_page(report, folder_ / "file"), Error);
  EXPECT_THROW(write_index(std::span(&report, 1), folder_ / "file"), Error);
}

TEST_F(Page, AnEmptyReportIsAPage) {
  PaperReport report;
  report.paper = "empty";
  const std::string html = read(write_page(report, folder_));
  EXPECT_THAT(html, Not(HasSubstr("class=\"headline\"")));
  EXPECT_THAT(html, Not(HasSubstr("{{")));
}

TEST_F(Page, TheIndexLeadsToEveryClaim) {
  const std::vector<PaperReport> reports(2, sample_report());
  const std::string html = read(write_index(reports, folder_));
  for (const Claim& claim : reports[0].claims)
    EXPECT_THAT(html, HasSubstr("href=\"sample/index.html#" + claim.id + "\""));
  EXPECT_THAT(html, HasSubstr("<b>R</b><span>C1</span>"));
  EXPECT_THAT(html, HasSubstr("4 min 55 s"));  // the time of both
  EXPECT_THAT(html, HasSubstr("sample processor, AVX2"));
}

}  // namespace
}  // namespace iclab::report
