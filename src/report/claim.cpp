#include "report/claim.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/seeds.h"

namespace iclab::report {
namespace {

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json to_json(const Check& check) {
  Json ok;
  if (check.outcome == Outcome::kOk) ok = true;
  if (check.outcome == Outcome::kFailed) ok = false;
  const bool is_point = check.seeds == 1;
  return {{"what", check.what},
          {"predicted", finite(check.predicted)},
          {"measured", finite(check.measured)},
          {"interval", {finite(is_point ? kAbsent : check.lo), finite(is_point ? kAbsent : check.hi)}},
          {"interval_of", interval_name(check.seeds)},
          {"seeds", check.seeds},
          {"valued", check.valued < 0 ? Json() : Json(check.valued)},
          {"missing", check.valued < 0 ? Json() : Json(check.missing)},
          {"tolerance", check.tolerance},
          {"ok", ok},
          {"outcome", outcome_name(check.outcome)}};
}

Json to_json(const Claim& claim) {
  Json checks = Json::array(), figures = Json::array();
  for (const Check& check : claim.checks) checks.push_back(to_json(check));
  for (const Figure& figure : claim.figures)
    figures.push_back("figures/" + figure.name() + ".vl.json");
  Json verdict;
  if (claim.verdict != Verdict::kNone) verdict = verdict_name(claim.verdict);
  return {{"id", claim.id},       {"title", claim.title},
          {"verdict", verdict},   {"expected", verdict_name(claim.expected)},
          {"cause", claim.cause}, {"checks", checks},
          {"figures", figures},   {"command", claim.command}};
}

}  // namespace

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kReproduced:
      return "reproduced";
    case Verdict::kNotReproduced:
      return "not reproduced";
    case Verdict::kInconclusive:
      return "inconclusive";
    case Verdict::kNotBuilt:
      return "not built yet";
    case Verdict::kNone:
      return "not judged";
  }
  return "";
}

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kOpen:
      return "open";
    case Outcome::kShown:
      return "shown";
  }
  return "";
}

Json to_json(const PaperReport& report) {
  Json claims = Json::array();
  for (const Claim& claim : report.claims) claims.push_back(to_json(claim));
  return {{"paper", report.paper},
          {"mode", report.mode},
          {"seconds", report.seconds},
          {"claims", claims},
          {"runs", report.runs},
          {"optimizer_steps", report.optimizer_steps},
          {"store_sha256", report.store_sha256},
          {"version", report.version},
          {"numerics", report.numerics},
          {"machine", report.machine},
          {"threads", report.threads}};
}

}  // namespace iclab::report
