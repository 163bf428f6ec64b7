#include "papers/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace iclab::papers {
namespace {

using analysis::Estimate;
using analysis::exact;
using report::Outcome;
using report::Verdict;
using testing::HasSubstr;

constexpr double kNever = std::numeric_limits<double>::infinity();

TEST(Judge, TheWholeIntervalDecides) {
  const Accepted accepted = within(10, 0.1);
  EXPECT_EQ(outcome_of({10, 9.5, 10.5, 16}, accepted), Outcome::kOk);
  EXPECT_EQ(outcome_of({10, 9, 11, 16}, accepted), Outcome::kOk);
  EXPECT_EQ(outcome_of({10, 8.9, 10.5, 16}, accepted), Outcome::kOpen);
  EXPECT_EQ(outcome_of({12, 11.5, 12.5, 16}, accepted), Outcome::kFailed);
}

TEST(Judge, NeverIsAFailureAndAMissingNumberIsOpen) {
  EXPECT_EQ(outcome_of(exact(kNever), within(10, 0.1)), Outcome::kFailed);
  EXPECT_EQ(outcome_of({20, 10, kNever, 16}, within(10, 0.1)), Outcome::kOpen);
  EXPECT_EQ(outcome_of(exact(std::nan("")), within(10, 0.1)), Outcome::kOpen);
}

TEST(Judge, AboveAndBelowLeaveOutTheirEnd) {
  EXPECT_EQ(outcome_of(exact(1), above(1)), Outcome::kFailed);
  EXPECT_EQ(outcome_of(exact(1.001), above(1)), Outcome::kOk);
  EXPECT_EQ(outcome_of(exact(1), below(1)), Outcome::kFailed);
  EXPECT_EQ(outcome_of(exact(0.999), below(1)), Outcome::kOk);
}

TEST(Judge, WithinAddsAnAbsolutePart) {
  EXPECT_EQ(outcome_of(exact(12.5), within(10, 0.2, 1)), Outcome::kOk);
  EXPECT_EQ(outcome_of(exact(13.5), within(10, 0.2, 1)), Outcome::kFailed);
}

std::vector<report::Check> checks_of(std::initializer_list<double> measured) {
  Checks checks;
  for (const double value : measured)
    checks.add(value < 0 ? "negative" : "positive", 1, exact(value), within(1, 0.1), "within 10 %");
  return checks.take();
}

TEST(Judge, AVerdictNeedsEveryCheck) {
  EXPECT_EQ(verdict_of(checks_of({1, 1.05})), Verdict::kReproduced);
  EXPECT_EQ(verdict_of(checks_of({1, 2})), Verdict::kNotReproduced);
  EXPECT_EQ(verdict_of(checks_of({1, std::nan("")})), Verdict::kInconclusive);
  EXPECT_EQ(verdict_of(checks_of({2, std::nan("")})), Verdict::kNotReproduced);
  EXPECT_EQ(verdict_of({}), Verdict::kInconclusive);
}

TEST(Judge, ShownChecksDecideNothing) {
  Checks checks;
  checks.add("judged", 1, exact(1), within(1, 0.1), "within 10 %");
  checks.show("shown", 1, exact(5));
  EXPECT_EQ(verdict_of(checks.take()), Verdict::kReproduced);
  checks.show("shown", 1, exact(1));
  EXPECT_EQ(verdict_of(checks.take()), Verdict::kInconclusive);
}

TEST(Judge, CondensingKeepsTheWorst) {
  Checks checks;
  checks.add("before", 1, exact(1), within(1, 0.1), "");
  const size_t mark = checks.size();
  for (const double value : {1.0, 1.02, 1.5, 1.3, 0.95})
    checks.add(value == 1.5 ? "far" : "near", 1, exact(value), within(1, 0.1), "");
  checks.condense(mark, 5);
  EXPECT_EQ(checks.size(), 6U);
  checks.condense(mark, 4);
  const std::vector<report::Check> rows = checks.take();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].what, "far (the worst of 5)");
  EXPECT_EQ(rows[1].outcome, Outcome::kFailed);
}

TEST(Judge, DeparturesNameFailuresFirst) {
  const std::string text = departures(checks_of({1, 2, -1, 3, 4, std::nan("")}));
  EXPECT_THAT(text, HasSubstr("4 of 6 checks failed: positive: predicted 1, measured 2"));
  EXPECT_THAT(text, HasSubstr("accepted is within 10 %; "));
  EXPECT_THAT(text, HasSubstr("; ..."));
  EXPECT_THAT(departures(checks_of({1, std::nan("")})), HasSubstr("1 of 2 checks are open"));
  EXPECT_EQ(departures(checks_of({1})), "");
}

}  // namespace
}  // namespace iclab::papers
