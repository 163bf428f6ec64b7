#include "report/card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iclab::report {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string card_of(const Claim& claim, const std::string& shown_above = "") {
  std::vector<const Figure*> figures;
  for (const Figure& figure : claim.figures) figures.push_back(&figure);
  return card_html(claim, Palette(figures), shown_above);
}

Claim claim_with(Verdict verdict, const std::string& cause = "") {
  Claim claim{.id = "C1", .title = "T & U"};
  claim.statement = "a < b";
  claim.verdict = verdict;
  claim.cause = cause;
  return claim;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
  return found;
}

TEST(Card, SaysVerdictInLetterAndWord) {
  const std::string html = card_of(claim_with(Verdict::kReproduced));
  EXPECT_THAT(html, HasSubstr("<b aria-hidden=\"true\">R</b>reproduced"));
  EXPECT_THAT(html, HasSubstr("T &amp; U"));
  EXPECT_THAT(html, HasSubstr("a &lt; b"));
  EXPECT_THAT(html, Not(HasSubstr("Departs")));
}

TEST(Card, ADepartureHasItsCause) {
  EXPECT_THAT(card_of(claim_with(Verdict::kNotReproduced, "noise")),
              HasSubstr("Departs from the expected verdict, reproduced.</strong> noise"));
  EXPECT_THAT(card_of(claim_with(Verdict::kInconclusive)), HasSubstr("No cause is known."));
  const std::string missing = card_of(claim_with(Verdict::kNotBuilt, "needs transformers"));
  EXPECT_THAT(missing, HasSubstr("needs transformers"));
  EXPECT_THAT(missing, Not(HasSubstr("Departs")));
}

TEST(Card, FoldsManyChecksThatAreOkAndNoOther) {
  Claim claim = claim_with(Verdict::kNotReproduced);
  for (int i = 0; i < 40; ++i)
    claim.checks.push_back({.what = "check",
                            .outcome = i == 35   ? Outcome::kFailed
                                       : i == 36 ? Outcome::kOpen
                                                 : Outcome::kOk});
  const std::string html = card_of(claim);
  EXPECT_EQ(count(html, "<tr class="), 40u);
  EXPECT_THAT(html, HasSubstr("28 more checks, none failed or open"));
  const size_t fold = html.find("more-checks");
  EXPECT_LT(html.find("<tr class=\"failed\""), fold);
  EXPECT_LT(html.find("<tr class=\"open\""), fold);
}

TEST(Card, ShowsAFigureOnceAndPointsAtItsTable) {
  Claim claim = claim_with(Verdict::kReproduced);
  claim.checks = {{.what = "check"}};
  claim.figures.emplace_back("one", "One", Axis{.word = "x"}, Axis{.word = "y"});
  claim.figures.emplace_back("two", "Two", Axis{.word = "x"}, Axis{.word = "y"});
  const std::string html = card_of(claim, "one");
  EXPECT_THAT(html, HasSubstr("href=\"#figure-one\""));
  EXPECT_THAT(html, Not(HasSubstr("id=\"figure-one\"")));
  EXPECT_THAT(html, HasSubstr("id=\"figure-two\""));
  EXPECT_THAT(html, HasSubstr("aria-describedby=\"checks-C1\""));
  EXPECT_THAT(html, HasSubstr("id=\"checks-C1\""));
  EXPECT_THAT(html, HasSubstr("href=\"figures/two.vl.json\""));
  EXPECT_THAT(html, HasSubstr("href=\"figures/two.csv\""));
}

TEST(Card, FoldsAwayOrigin) {
  Claim claim = claim_with(Verdict::kReproduced);
  EXPECT_THAT(card_of(claim), Not(HasSubstr("class=\"origin\"")));
  claim.provenance = {{"prediction", "paper", "theorem"}};
  claim.command = "iclab reproduce p --claim C1";
  claim.studies = {{"a.toml", "x = \"<1>\""}};
  const std::string html = card_of(claim);
  EXPECT_THAT(html, HasSubstr("<summary>Provenance, command, study file</summary>"));
  EXPECT_THAT(html, HasSubstr("<span class=\"mark\">paper</span> theorem"));
  EXPECT_THAT(html, HasSubstr("iclab reproduce p --claim C1"));
  EXPECT_THAT(html, HasSubstr("x = &quot;&lt;1&gt;&quot;"));
}

}  // namespace
}  // namespace iclab::report
