#include "report/card.h"

#include <fmt/format.h>

#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/seeds.h"
#include "base/text.h"
#include "report/html.h"
#include "report/vega_lite.h"

namespace iclab::report {
namespace {

constexpr size_t kOpenRows =
    10;  // so many checks are shown, further ones that are ok are folded away

const char* outcome_mark(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "✓";
    case Outcome::kFailed:
      return "✗";
    case Outcome::kOpen:
      return "~";
    case Outcome::kShown:
      return "·";
  }
  return "";
}

// "[0.1, 0.2]", with what it is where it is no 95 % interval.
std::string interval_cell(const Check& check) {
  if (check.seeds == 1) return interval_name(1);
  const std::string text = interval(check.lo, check.hi, check.infinite);
  const bool is_range = check.seeds > 0 && check.seeds < kFewSeeds && !std::isnan(check.lo);
  return is_range ? text + " (range)" : text;
}

std::string seeds_cell(const Check& check) {
  if (check.seeds <= 0) return interval_name(0);
  const std::string all = number(static_cast<double>(check.seeds));
  if (check.valued < 0 || check.valued == check.seeds) return all;
  const std::string why = check.missing.empty() ? "" : "; " + escape(check.missing);
  return fmt::format("{} of {}{}", number(static_cast<double>(check.valued)), all, why);
}

std::string check_row(const Check& check) {
  const auto cell = [](const char* name, const std::string& html) {
    return fmt::format("<td data-name=\"{}\">{}</td>", name, html);
  };
  const std::string outcome = outcome_name(check.outcome);
  return fmt::format(
      "<tr class=\"{}\"><th scope=\"row\">{}</th>{}{}{}{}{}{}</tr>\n", outcome, escape(check.what),
      cell("predicted", number(check.predicted, check.infinite)),
      cell("measured", number(check.measured, check.infinite)), cell("interval", interval_cell(check)),
      cell("seeds", seeds_cell(check)),
      cell("accepted", check.tolerance.empty() ? "–" : escape(check.tolerance)),
      cell("outcome", fmt::format("<span class=\"outcome\"><b aria-hidden=\"true\">{}</b>"
                                  " {}</span>",
                                  outcome_mark(check.outcome), outcome)));
}

std::string check_table(const std::string& id, const std::string& caption,
                        const std::string& rows) {
  return fmt::format(
      "<div class=\"table\"><table class=\"checks\" id=\"{}\"><caption "
      "class=\"unseen\">{}</caption><thead><tr>"
      "<th scope=\"col\">check</th><th scope=\"col\">predicted</th><th scope=\"col\">measured</th>"
      "<th scope=\"col\">interval</th><th scope=\"col\">seeds</th><th scope=\"col\">accepted</th>"
      "<th scope=\"col\">outcome</th></tr></thead><tbody>\n{}</tbody></table></div>\n",
      id, caption, rows);
}

// What failed or is open is always in sight; of many that are ok, some are folded away.
std::string checks_html(const Claim& claim) {
  if (claim.checks.empty()) return "";
  std::string shown, folded;
  size_t open = 0, hidden = 0;
  for (const Check& check : claim.checks) {
    const bool fold = open >= kOpenRows && claim.checks.size() > kOpenRows + 2 &&
                      (check.outcome == Outcome::kOk || check.outcome == Outcome::kShown);
    (fold ? folded : shown) += check_row(check);
    ++(fold ? hidden : open);
  }
  const std::string id = escape(claim.id);
  std::string html = check_table("checks-" + id, "Checks of claim " + id, shown);
  if (hidden > 0)
    html += fmt::format(
        "<details class=\"more-checks\"><summary>{} more checks, none failed or open"
        "</summary>{}</details>\n",
        hidden, check_table("checks-" + id + "-more", "Further checks", folded));
  return html;
}

// What line, point and dash mean, for the kinds of rows that the figure has.
std::string key_html(const std::vector<Row>& rows, const std::string& infinite) {
  std::set<RowKind> kinds;
  bool interval = false, range = false, never = false;
  for (const Row& row : rows) {
    kinds.insert(row.kind);
    const bool has_interval = row.kind == RowKind::kMeasured && !std::isnan(row.lo);
    const bool few = row.seeds > 0 && row.seeds < kFewSeeds;
    interval = interval || (has_interval && !few);
    range = range || (has_interval && few);
    never = never || std::isinf(row.y);
  }
  std::string html;
  const auto add = [&](const char* look, const std::string& words) {
    html += fmt::format("<li class=\"reads-{}\">{}</li>", look, words);
  };
  if (kinds.contains(RowKind::kTheory)) add("theory", "theory");
  if (kinds.contains(RowKind::kMeasured))
    add("measured", interval && range ? "measured, with its 95 % interval (few seeds: their range)"
                    : interval        ? "measured, with its 95 % interval"
                    : range           ? "measured, with the range of its seeds"
                                      : "measured");
  if (kinds.contains(RowKind::kSeed)) add("seed", "a single run");
  if (kinds.contains(RowKind::kBar)) add("bar", "measured, count");
  if (kinds.contains(RowKind::kReference)) add("reference", "reference");
  if (never) add("never", "upper edge: " + (infinite == "never" ? "never happened" : infinite));
  return "<ul class=\"reads\">" + html + "</ul>";
}

std::string departure_html(const Claim& claim) {
  if (claim.verdict == Verdict::kNotBuilt || claim.verdict == Verdict::kNone)
    return claim.cause.empty() ? ""
                               : fmt::format("<p class=\"cause\">{}</p>\n", escape(claim.cause));
  const bool departs = claim.verdict != claim.expected;
  if (!departs && claim.cause.empty()) return "";
  const std::string expected =
      departs ? fmt::format("<strong>Departs from the expected verdict, {}.</strong> ",
                            verdict_name(claim.expected))
              : "";
  const std::string cause = claim.cause.empty() ? "No cause is known." : escape(claim.cause);
  return fmt::format("<p class=\"cause departs\">{}{}</p>\n", expected, cause);
}

std::string provenance_html(const Claim& claim) {
  std::string items;
  for (const Provenance& entry : claim.provenance)
    items += fmt::format("<div><dt>{}</dt><dd><span class=\"mark\">{}</span> {}</dd></div>",
                         escape(entry.what), escape(entry.mark), escape(entry.text));
  return items.empty()
             ? ""
             : "<h4>Where it comes from</h4><dl class=\"provenance\">" + items + "</dl>\n";
}

std::string folded_html(const Claim& claim) {
  std::vector<std::string> names;
  if (!claim.provenance.empty()) names.push_back("provenance");
  if (!claim.command.empty()) names.push_back("command");
  if (!claim.studies.empty())
    names.push_back(claim.studies.size() == 1 ? "study file" : "study files");
  if (names.empty()) return "";
  std::string inside = provenance_html(claim);
  if (!claim.command.empty())
    inside += fmt::format("<h4>Just this claim</h4><pre tabindex=\"0\"><code>{}</code></pre>\n",
                          escape(claim.command));
  for (const StudyText& study : claim.studies)
    inside += fmt::format("<h4>Study file {}</h4><pre tabindex=\"0\"><code>{}</code></pre>\n",
                          escape(study.name), escape(study.text));
  std::string summary = join(names);
  summary[0] = static_cast<char>(std::toupper(summary[0]));
  return fmt::format("<details class=\"origin\"><summary>{}</summary>\n{}</details>\n", summary,
                     inside);
}

}  // namespace

const char* verdict_letter(Verdict verdict) {
  switch (verdict) {
    case Verdict::kReproduced:
      return "R";
    case Verdict::kNotReproduced:
      return "N";
    case Verdict::kInconclusive:
      return "I";
    case Verdict::kNotBuilt:
      return "…";
    case Verdict::kNone:
      return "–";
  }
  return "";
}

const char* verdict_class(Verdict verdict) {
  switch (verdict) {
    case Verdict::kReproduced:
      return "reproduced";
    case Verdict::kNotReproduced:
      return "not-reproduced";
    case Verdict::kInconclusive:
      return "inconclusive";
    case Verdict::kNotBuilt:
      return "not-built";
    case Verdict::kNone:
      return "not-judged";
  }
  return "";
}

std::string verdict_cell(const Claim& claim, const std::string& link) {
  const std::string title =
      fmt::format("{} {}: {}", escape(claim.id), escape(claim.title), verdict_name(claim.verdict));
  return fmt::format(
      "<a class=\"cell {}\" href=\"{}\" title=\"{}\" aria-label=\"{}\"><b>{}</b>"
      "<span>{}</span></a>",
      verdict_class(claim.verdict), escape(link), title, title, verdict_letter(claim.verdict),
      escape(claim.id));
}

std::string figure_html(const Figure& figure, const Palette& palette, const std::string& checks) {
  const std::vector<Row> rows = figure.rows();
  const Json data = {
      {"name", figure.name()}, {"spec", vega_lite(figure, palette)}, {"csv", figure.csv()}};
  const std::string described =
      checks.empty() ? "" : fmt::format(" aria-describedby=\"{}\"", escape(checks));
  return fmt::format(
      "<figure class=\"figure\" id=\"figure-{0}\">\n<h4>{1}</h4>\n"
      "<div class=\"plot\" role=\"img\" aria-label=\"{1}. {2}\"{3}></div>\n"
      "<figcaption><p>{2}</p>{4}</figcaption>\n"
      "<div class=\"files\"><details class=\"data\"><summary>Data, {5} rows</summary></details>"
      "<a href=\"figures/{0}.vl.json\" download=\"{0}.vl.json\">.vl.json</a>"
      "<a href=\"figures/{0}.csv\" download=\"{0}.csv\">.csv</a></div>\n"
      "<script type=\"application/json\">{6}</script>\n</figure>\n",
      figure.name(), escape(figure.title()), escape(figure.caption()), described, key_html(rows, figure.y_axis().infinite),
      rows.size(), script_json(data));
}

std::string card_html(const Claim& claim, const Palette& palette, const std::string& shown_above) {
  const std::string id = escape(claim.id);
  const std::string checks = claim.checks.empty() ? "" : "checks-" + claim.id;
  std::string figures;
  for (const Figure& figure : claim.figures)
    figures += figure.name() == shown_above
                   ? fmt::format(
                         "<p class=\"above\"><a href=\"#figure-{}\">Its figure opens the page"
                         "</a></p>\n",
                         figure.name())
                   : figure_html(figure, palette, checks);
  return fmt::format(
      "<article class=\"claim {0}\" id=\"{1}\" aria-labelledby=\"title-{1}\">\n<header>"
      "<a class=\"id\" href=\"#{1}\">{1}</a><h3 id=\"title-{1}\">{2}</h3>"
      "<span class=\"badge {0}\"><b aria-hidden=\"true\">{3}</b>{4}</span></header>\n"
      "<p class=\"statement\">{5}</p>\n{6}{7}{8}{9}</article>\n",
      verdict_class(claim.verdict), id, escape(claim.title), verdict_letter(claim.verdict),
      verdict_name(claim.verdict), escape(claim.statement), departure_html(claim), figures,
      checks_html(claim), folded_html(claim));
}

}  // namespace iclab::report
