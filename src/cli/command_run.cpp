#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/explain_text.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/study_page.h"
#include "cli/study_table.h"
#include "lanes/kernels.h"
#include "study/runner.h"
#include "study/shards.h"

namespace iclab::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kTableRows = 24;  // more sweep points than this are left to `iclab export`

struct RunOptions {
  std::string file, shard;
  TrainingOptions training;
  bool dry_run = false, explain = false;
};

// "I/N", I from 1 to N.
void read_shard(const std::string& text, study::RunnerOptions& options) {
  if (text.empty()) return;
  const std::vector<std::string> parts = split(text, '/');
  if (parts.size() != 2)
    throw UsageError(fmt::format("--shard: found '{}', accepted is I/N with I from 1 to N", text));
  constexpr std::int64_t kMaxShards = 1'000'000;
  const std::int64_t shards = whole_number("--shard, N of I/N", parts[1], 1, kMaxShards);
  options.shard = static_cast<int>(whole_number("--shard, I of I/N", parts[0], 1, shards)) - 1;
  options.shards = static_cast<int>(shards);
}

fs::path out_folder(const RunOptions& options, const study::Study& study,
                    const study::RunnerOptions& runner) {
  if (!options.training.out.empty()) return options.training.out;
  const fs::path folder = fs::path("iclab-out") / study.name;
  // A store has one writer, so a shard has a folder of its own.
  return runner.shards == 1 ? folder : folder / study::shard_folder(runner.shard, runner.shards);
}

// Takes back the store that a refused study would leave: without it the folder is as it was.
class FreshFolder {
 public:
  explicit FreshFolder(fs::path folder) : folder_(std::move(folder)), is_fresh_(!fs::exists(folder_ / "store.sqlite")) {}
  ~FreshFolder() {
    if (!is_fresh_) return;
    std::error_code ignored;
    bool is_empty = false;
    try {
      is_empty = study::Store(folder_, study::Store::Access::kRead).document_keys().empty();
    } catch (const Error&) {  // not a store to be taken back
    }
    if (!is_empty) return;
    for (const char* file : {"store.sqlite", "store.lock"}) fs::remove(folder_ / file, ignored);
    fs::remove(folder_, ignored);  // if nothing else is in it
  }
  FreshFolder(const FreshFolder&) = delete;
  FreshFolder& operator=(const FreshFolder&) = delete;

  void keep() { is_fresh_ = false; }

 private:
  fs::path folder_;
  bool is_fresh_;
};

// A study that is run beside its shards computes their runs a second time.
void point_to_shards(const fs::path& out) {
  const size_t shards = fs::exists(out / "store.sqlite") ? 0 : study::shard_folders(out).size();
  if (shards > 0)
    say(fmt::format("iclab: {} holds {} shards; what they have is not computed again after iclab merge {}", out.string(),
                    shards, out.string()));
}

Result dry_run(const study::Study& study, const study::RunnerOptions& runner, bool as_json) {
  const study::Estimate estimate = study::estimate(study, runner);
  if (as_json)
    return {json_line({{"study", study.name},
                       {"runs", estimate.runs},
                       {"steps", estimate.steps},
                       {"bytes", estimate.bytes},
                       {"seconds", estimate.seconds}})};
  return {fmt::format("{}: {} runs, {} steps at most, {} of memory, about {}\n", study.name,
                      estimate.runs, human_count(static_cast<double>(estimate.steps)),
                      human_bytes(static_cast<double>(estimate.bytes)),
                      human_seconds(estimate.seconds))};
}

study::RunnerSummary train(const study::Study& study, study::Store& store,
                           study::RunnerOptions& runner) {
  Progress progress(stderr_is_terminal());
  runner.progress = [&](const study::RunnerProgress& p) {
    progress.update({fmt::format("{} of {} runs", p.runs_done, p.runs_total), p.steps_done,
                     p.steps_total, p.steps_per_second, p.seconds_left});
  };
  return study::run_study(study, store, runner);
}

std::string summary_text(const study::Study& study, const study::RunnerSummary& summary,
                         const study::Store& store, const fs::path& out) {
  std::string text =
      fmt::format("{}: {} runs computed, {} already there, {} steps in {}\n", study.name,
                  summary.computed, summary.already_there,
                  human_count(static_cast<double>(summary.steps)), human_seconds(summary.seconds));
  if (summary.diverged > 0)
    text +=
        fmt::format("{} runs diverged; they keep their last finite weights\n", summary.diverged);
  if (summary.failed > 0)
    text += fmt::format("{} runs failed; see iclab status {}\n", summary.failed, out.string());
  if (summary.set_aside)
    text += fmt::format("another program reads {}: what was left waits beside it, and is not lost\n",
                        (out / "store.sqlite").string());
  if (summary.stopped) text += "stopped before all was done; the same command goes on\n";
  text += fmt::format("results in {}\n\n", out.string());
  text += to_text(point_rows(study, store, kTableRows));
  if (study.points.size() > kTableRows)
    text += fmt::format("and {} more sweep points; see iclab export {}\n",
                        study.points.size() - kTableRows, out.string());
  return text;
}

Json summary_json(const study::Study& study, const study::RunnerSummary& summary,
                  const study::Store& store, const fs::path& out) {
  return {{"study", study.name},
          {"out", out.string()},
          {"runs",
           {{"computed", summary.computed},
            {"already_there", summary.already_there},
            {"diverged", summary.diverged},
            {"failed", summary.failed}}},
          {"steps", summary.steps},
          {"notes", study::notes_of(store, study.name)},
          {"seconds", summary.seconds},
          {"stopped", summary.stopped},
          {"set_aside", summary.set_aside},
          {"sha256", store.sha256()},
          {"points", to_json(point_rows(study, store, std::numeric_limits<size_t>::max()))}};
}

Result run(const RunOptions& options, bool as_json) {
  study::RunnerOptions runner;
  runner.threads = options.training.thread_count();
  read_shard(options.shard, runner);
  const study::Study study = study::read_study(options.file, options.training.overrides);
  if (options.dry_run) return dry_run(study, runner, as_json);
  if (options.explain) return explain_step(study, as_json);

  (void)lanes::chosen_instruction_set();  // before a folder is made: throws where nothing can be trained
  const fs::path out = out_folder(options, study, runner);
  require_writable(out);
  const StopOnSignal signals;
  runner.stop = signals.token();
  runner.tell_waiting = [&out] { say_waiting(out); };
  if (runner.shards == 1) point_to_shards(out);
  FreshFolder fresh(out);
  study::Store store(out, study::Store::Access::kWrite);
  const study::RunnerSummary summary = train(study, store, runner);
  fresh.keep();
  for (const std::string& note : study::notes_of(store, study.name)) say("iclab: " + note);
  if (!summary.set_aside) add_wall_seconds(store, summary.seconds);
  return {as_json ? json_line(summary_json(study, summary, store, out))
                  : summary_text(study, summary, store, out),
          summary.stopped || summary.failed > 0 ? 1 : 0};
}

}  // namespace

Action add_run(CLI::App& parser) {
  const auto options = std::make_shared<RunOptions>();
  parser.add_option("STUDY.toml", options->file, "The study file")->required()->type_name("");
  add_training_options(parser, options->training, "iclab-out/NAME");
  parser
      .add_option("--shard", options->shard,
                  "Only every N-th run, from the I-th on, into a store of its own; I from 1 to N")
      ->type_name("I/N");
  parser.add_flag(
      "--dry-run", options->dry_run,
      "Only say how many runs, how much memory and how long (measured for about a second)");
  parser
      .add_flag("--explain", options->explain,
                "Only say what a step of the first sweep point computes, as written and as "
                "executed, and what each value costs")
      ->excludes("--dry-run");
  parser.footer(
      "Example:\n  iclab run examples/components.toml --set study.seeds=8 --threads 2\n\n"
      "Ctrl-C saves and returns; the same command goes on from there.");
  return [options](bool as_json) { return run(*options, as_json); };
}

}  // namespace iclab::cli
