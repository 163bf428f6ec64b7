#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/paper_text.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "papers/paper.h"
#include "report/page.h"

namespace iclab::cli {
namespace {

namespace fs = std::filesystem;

struct ReproduceWords {
  std::vector<std::string> papers, claims;
  bool all = false, smoke = false, quick = false, full = false, headline = false;
  TrainingOptions training;
};

std::vector<const papers::Paper*> chosen_papers(const ReproduceWords& words) {
  std::vector<const papers::Paper*> chosen;
  if (words.all)
    for (const papers::Paper& paper : papers::paper_registry()) chosen.push_back(&paper);
  for (const std::string& id : words.papers) chosen.push_back(&papers::find_paper(id));
  if (!chosen.empty()) return chosen;
  std::vector<std::string> ids;
  for (const papers::Paper& paper : papers::paper_registry()) ids.push_back(paper.id);
  throw UsageError(fmt::format("reproduce: no paper named; accepted are {}, or --all", join(ids)));
}

// Checked for every paper before the first one trains.
void check_claims(const std::vector<const papers::Paper*>& chosen,
                  const std::vector<std::string>& claims) {
  for (const papers::Paper* paper : chosen)
    for (const std::string& claim : claims)
      if (std::find(paper->claims.begin(), paper->claims.end(), claim) == paper->claims.end())
        throw UsageError(fmt::format("--claim: {} has no claim '{}'; accepted are {}{}", paper->id,
                                     claim, join(paper->claims),
                                     did_you_mean(claim, paper->claims)));
}

papers::ReproduceOptions reproduce_options(const ReproduceWords& words) {
  papers::ReproduceOptions options;
  options.mode = words.smoke  ? papers::Mode::kSmoke
                 : words.full ? papers::Mode::kFull
                              : papers::Mode::kQuick;
  options.claims = words.claims;
  options.headline = words.headline;
  options.out = words.training.out.empty() ? fs::path("iclab-out") : fs::path(words.training.out);
  options.threads = words.training.thread_count();
  options.overrides = words.training.overrides;
  return options;
}

report::PaperReport reproduce_one(const papers::Paper& paper, papers::ReproduceOptions& options) {
  Progress progress(stderr_is_terminal());
  options.progress = [&](const papers::ReproduceProgress& p) {
    progress.update({fmt::format("{}: {}", paper.id, p.stage), p.steps_done, p.steps_total,
                     p.steps_per_second, p.seconds_left});
  };
  options.tell_waiting = [&] { say_waiting(options.out / paper.id); };
  return paper.reproduce(options);
}

Result reproduce(const ReproduceWords& words, bool as_json) {
  const std::vector<const papers::Paper*> chosen = chosen_papers(words);
  check_claims(chosen, words.claims);
  papers::ReproduceOptions options = reproduce_options(words);
  check_writable(options.out);

  const StopOnSignal signals;
  options.stop = signals.token();
  std::vector<report::PaperReport> reports;
  std::string text;
  Json all = Json::array();
  for (const papers::Paper* paper : chosen) {
    reports.push_back(reproduce_one(*paper, options));
    const fs::path page = report::write_page(reports.back(), options.out);
    text += report_text(reports.back(), page) + "\n";
    all.push_back(report::to_json(reports.back()));
  }
  const fs::path index = report::write_index(reports, options.out);
  if (as_json) return {json_line({{"index", index.string()}, {"papers", all}})};
  return {text + fmt::format("all papers: {}\n", index.string())};
}

}  // namespace

Action add_reproduce(CLI::App& parser) {
  const auto words = std::make_shared<ReproduceWords>();
  CLI::Option* named =
      parser.add_option("PAPER", words->papers, "Papers by id (iclab list papers)")->type_name("");
  parser.add_flag("--all", words->all, "Every paper")->excludes(named);
  CLI::Option* smoke =
      parser.add_flag("--smoke", words->smoke, "Only the plumbing, in seconds; no verdicts");
  CLI::Option* quick = parser.add_flag("--quick", words->quick, "Minutes (the default)");
  CLI::Option* full = parser.add_flag("--full", words->full, "The paper's own scale");
  quick->excludes(smoke);
  full->excludes(smoke)->excludes(quick);
  CLI::Option* claim =
      parser.add_option("--claim", words->claims, "Only this claim; may be given several times")
          ->type_name("ID")
          ->allow_extra_args(false);
  parser.add_flag("--headline", words->headline, "Only the claim that the paper's page opens with")
      ->excludes(claim);
  add_training_options(parser, words->training, "iclab-out");
  parser.footer(
      "Example:\n  iclab reproduce task-diversity --quick --out results\n\n"
      "Writes DIR/PAPER/index.html, claims.json and figures. Ctrl-C saves; the same command goes "
      "on.");
  return [words](bool as_json) { return reproduce(*words, as_json); };
}

}  // namespace iclab::cli
