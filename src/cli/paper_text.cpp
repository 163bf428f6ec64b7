#include "cli/paper_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/output.h"

namespace iclab::cli {
namespace {

// "7 of 8 checks ok"; checks that only inform are not counted, a smoke run's mean nothing.
std::string checks_text(const report::Claim& claim) {
  if (claim.verdict == report::Verdict::kNone) return "";
  std::int64_t ok = 0, judged = 0;
  for (const report::Check& check : claim.checks) {
    if (check.outcome == report::Outcome::kShown) continue;
    ++judged;
    ok += check.outcome == report::Outcome::kOk ? 1 : 0;
  }
  return judged == 0 ? "" : fmt::format("{} of {} checks ok", ok, judged);
}

}  // namespace

std::string report_text(const report::PaperReport& report, const std::filesystem::path& page) {
  std::string text = fmt::format("{} ({})\n", report.title, report.mode);
  std::vector<std::vector<std::string>> rows;
  for (const report::Claim& claim : report.claims)
    rows.push_back(
        {claim.id, report::verdict_name(claim.verdict), checks_text(claim), claim.title});
  text += table(rows);
  for (const report::Claim& claim : report.claims)
    if (!claim.cause.empty() && claim.verdict != report::Verdict::kNotBuilt)
      text += fmt::format("{}: {}\n", claim.id, claim.cause);
  return text + fmt::format("{} runs, {} steps, {}\npage: {}\n", report.runs,
                            human_count(static_cast<double>(report.optimizer_steps)),
                            human_seconds(report.seconds), shown(page));
}

}  // namespace iclab::cli
