#include "report/page.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "report/assets.h"
#include "report/card.h"
#include "report/html.h"
#include "report/palette.h"
#include "report/vega_lite.h"

namespace iclab::report {
namespace {

using Places = std::vector<std::pair<std::string, std::string>>;

// The figures in the order in which the page shows them: the headline first.
std::vector<const Figure*> figures_of(const PaperReport& report) {
  std::vector<const Figure*> figures;
  for (const bool headline : {true, false})
    for (const Claim& claim : report.claims)
      for (const Figure& figure : claim.figures) {
        const bool first = claim.id == report.headline && &figure == &claim.figures.front();
        if (first == headline) figures.push_back(&figure);
      }
  std::set<std::string> names;
  for (const Figure* figure : figures)
    if (!names.insert(figure->name()).second)
      throw Error(
          fmt::format("report '{}': two figures are named '{}'", report.paper, figure->name()));
  return figures;
}

// What a browser may load: nothing from anywhere. Vega compiles its expressions, hence
// 'unsafe-eval'.
constexpr const char* kPagePolicy =
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:";
constexpr const char* kIndexPolicy = "default-src 'none'; style-src 'unsafe-inline'";

std::string head(const std::string& title_html, const char* policy) {
  const Places places = {
      {"policy", policy}, {"title", title_html}, {"css", std::string(page_css())}};
  return fill(head_html(), places);
}

std::string arxiv_link(const std::string& id) {
  return fmt::format("<a href=\"https://arxiv.org/abs/{0}\">arXiv:{0}</a>", escape(id));
}

// The page of a study that belongs to no paper judges nothing.
bool is_study(const PaperReport& report) { return report.mode == "study"; }

// "9 reproduced, 1 inconclusive, 2 not built yet".
std::string tally(const PaperReport& report) {
  if (is_study(report)) return "";
  std::map<Verdict, int> counts;
  for (const Claim& claim : report.claims) ++counts[claim.verdict];
  std::vector<std::string> parts;
  for (const auto& [verdict, count] : counts)
    parts.push_back(fmt::format("{} {}", count, verdict_name(verdict)));
  return join(parts);
}

std::string strip(const PaperReport& report, const std::string& page) {
  std::string cells;
  for (const Claim& claim : report.claims)
    cells += "<li>" + verdict_cell(claim, page + "#" + claim.id) + "</li>";
  return cells;
}

std::string fact(const std::string& name, const std::string& html) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", name, html);
}

std::string facts(const PaperReport& report) {
  const std::string hash =
      report.store_sha256.empty()
          ? "–"
          : fmt::format("<code title=\"{}\">{}…</code>", escape(report.store_sha256),
                        escape(report.store_sha256.substr(0, 12)));
  return fact("mode", escape(report.mode)) +
         fact("runs", number(static_cast<double>(report.runs))) +
         fact("seeds", number(static_cast<double>(report.seeds))) +
         fact("optimiser steps", number(static_cast<double>(report.optimizer_steps))) +
         fact("wall time", escape(human_seconds(report.seconds))) + fact("store", hash);
}

std::string colophon(const PaperReport& report) {
  return fact("ICLab", escape(report.version)) +
         fact("numerics version", fmt::format("{}", report.numerics)) +
         fact("machine", escape(report.machine)) +
         (report.threads > 0 ? fact("threads", fmt::format("{}", report.threads)) : "") +
         fact("store SHA-256", fmt::format("<code>{}</code>", escape(report.store_sha256)));
}

// The first figure of the headline claim, large; nothing if there is none.
std::string headline(const PaperReport& report, const Palette& palette) {
  for (const Claim& claim : report.claims) {
    if (claim.id != report.headline || claim.figures.empty()) continue;
    const std::string checks = claim.checks.empty() ? "" : "checks-" + claim.id;
    return fmt::format(
        "<section class=\"headline\" aria-label=\"Headline figure\">\n"
        "<p class=\"see\">{}</p>\n{}</section>\n",
        escape(report.headline_sentence), figure_html(claim.figures.front(), palette, checks));
  }
  return "";
}

std::string section(const std::string& id, const std::string& title, const std::string& inside) {
  if (inside.empty()) return "";
  return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", id, title, inside);
}

std::string notes(const PaperReport& report) {
  std::string text;
  for (const std::string& paragraph : report.note)
    text += fmt::format("<p>{}</p>\n", escape(paragraph));
  return text;
}

std::string unchecked(const PaperReport& report) {
  std::string items;
  for (const Unchecked& entry : report.unchecked)
    items +=
        fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(entry.what), escape(entry.why));
  return items.empty() ? "" : "<dl class=\"unchecked\">\n" + items + "</dl>\n";
}

std::string references(const PaperReport& report) {
  std::string items;
  for (const Reference& reference : report.references)
    items += fmt::format("<li>{}{}</li>\n", escape(reference.text),
                         reference.arxiv.empty() ? "" : ". " + arxiv_link(reference.arxiv));
  return items.empty() ? "" : "<ol class=\"references\">\n" + items + "</ol>\n";
}

std::string page_text(const PaperReport& report, const Palette& palette) {
  std::string above;
  for (const Claim& claim : report.claims)
    if (claim.id == report.headline && !claim.figures.empty()) above = claim.figures.front().name();
  std::string cards;
  for (const Claim& claim : report.claims) cards += card_html(claim, palette, above);
  const bool study = is_study(report);
  const Places places = {
      {"head", head(escape(report.title) + " · ICLab", kPagePolicy)},
      {"title", escape(report.title)},
      {"kind", study ? "study" : "reproduction"},
      {"paper", escape(report.paper)},
      {"authors", escape(report.authors)},
      {"arxiv", report.arxiv.empty() ? "" : arxiv_link(report.arxiv)},
      {"summary", escape(report.summary)},
      {"tally", tally(report)},
      {"strip", strip(report, "")},
      {"facts", facts(report)},
      {"headline", headline(report, palette)},
      {"note",
       section("note", study ? "Runs" : "What is the paper’s and what is ours", notes(report))},
      {"claims", section("claims", study ? "Series" : "Claims", cards)},
      {"unchecked", section("unchecked", study ? "What is not drawn" : "What could not be checked",
                            unchecked(report))},
      {"references", section("references", "References", references(report))},
      {"letters", std::string(letters_html())},
      {"colophon", colophon(report)},
      {"vega", script_text(vega_js())},
      {"vega-lite", script_text(vega_lite_js())},
      {"vega-embed", script_text(vega_embed_js())},
      {"js", script_text(page_js())}};
  return fill(page_html(), places);
}

}  // namespace

std::filesystem::path write_page(const PaperReport& report, const std::filesystem::path& out) {
  const std::vector<const Figure*> figures = figures_of(report);
  const Palette palette(figures);
  const std::filesystem::path folder = out / report.paper;
  make_folder(folder / "figures");
  for (const Figure* figure : figures) {
    const Json spec = vega_lite_with_data(*figure, palette);
    write_whole(folder / "figures" / (figure->name() + ".vl.json"),
                spec.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
    write_whole(folder / "figures" / (figure->name() + ".csv"), figure->csv());
  }
  write_whole(folder / "claims.json",
              to_json(report).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  write_whole(folder / "index.html", page_text(report, palette));
  return folder / "index.html";
}

std::filesystem::path write_index(std::span<const PaperReport> reports,
                                  const std::filesystem::path& out) {
  std::string rows;
  double seconds = 0;
  std::set<std::string> versions, numerics, machines;
  for (const PaperReport& report : reports) {
    const std::string page = report.paper + "/index.html";
    rows += fmt::format(
        "<article class=\"paper\">\n<h2><a href=\"{}\">{}</a></h2>\n"
        "<p class=\"authors\">{}</p>\n<ol class=\"strip\">{}</ol>\n"
        "<p class=\"tally\">{} · {} run of {}</p></article>\n",
        escape(page), escape(report.title), escape(report.authors), strip(report, page),
        tally(report), escape(report.mode), escape(human_seconds(report.seconds)));
    seconds += report.seconds;
    versions.insert(report.version);
    numerics.insert(std::to_string(report.numerics));
    machines.insert(report.machine);
  }
  const auto all = [](const std::set<std::string>& values) {
    return escape(join(std::vector<std::string>(values.begin(), values.end())));
  };
  const Places places = {
      {"head", head("ICLab reproductions", kIndexPolicy)},
      {"letters", std::string(letters_html())},
      {"rows", rows},
      {"facts", fact("papers", std::to_string(reports.size())) +
                    fact("total time", escape(human_seconds(seconds))) +
                    fact("ICLab", all(versions)) + fact("numerics version", all(numerics)) +
                    fact("machine", all(machines))}};
  make_folder(out);
  write_whole(out / "index.html", fill(index_html(), places));
  return out / "index.html";
}

}  // namespace iclab::report
