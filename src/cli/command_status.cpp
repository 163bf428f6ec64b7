#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/processor.h"
#include "base/text.h"
#include "cli/axis_labels.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "study/results.h"
#include "study/runner.h"
#include "study/shards.h"

namespace iclab::cli {
namespace {

// A run that a person may want to know about.
struct Problem {
  std::string study, settings;
  study::RunView run;
  std::int64_t seed = 0;
};

struct FolderStatus {
  study::StudyStatus runs;
  std::vector<Problem> problems;
  std::optional<double> seconds_left;  // none: nothing has been measured yet
  std::string sha256;
  bool set_aside = false;             // states of its runs wait beside it
  std::vector<std::string> damages;  // of what it read; with --verify of everything
  bool verified = false;
};

// Thread-seconds trained and steps left to do.
struct Work {
  double seconds = 0, steps_done = 0, steps_left = 0;
};

void look_at(const study::RunView& run, std::int64_t steps, Work& work) {
  if (run.state == study::RunState::kElsewhere) return;
  work.seconds += run.seconds;
  work.steps_done += static_cast<double>(run.step);
  if (!run.has_ended()) work.steps_left += static_cast<double>(steps - run.step);
}

void look_at(const study::Study& study, const study::Store& store, Work& work, std::vector<Problem>& problems) {
  const study::StudyRuns runs(study, store);
  const AxisLabels labels(study);
  for (size_t p = 0; p < study.points.size(); ++p) {
    const study::Point& point = study.points[p];
    const std::vector<study::RunView> views = runs.of(p);
    for (size_t seed = 0; seed < views.size(); ++seed) {
      look_at(views[seed], point.steps, work);
      if (views[seed].state == study::RunState::kFailed || views[seed].state == study::RunState::kDiverged)
        problems.push_back({study.name, labels.point(point), views[seed], static_cast<std::int64_t>(seed)});
    }
  }
}

FolderStatus look(const study::Store& store) {
  FolderStatus result;
  Work work;
  for (const study::Study& study : study::stored_studies(store)) {
    const study::StudyStatus s = study::status(study, store);
    result.runs.done += s.done;
    result.runs.running += s.running;
    result.runs.waiting += s.waiting;
    result.runs.diverged += s.diverged;
    result.runs.failed += s.failed;
    result.runs.elsewhere += s.elsewhere;
    look_at(study, store, work, result.problems);
  }
  if (work.steps_left == 0)
    result.seconds_left = 0;
  else if (work.steps_done > 0)
    result.seconds_left = work.steps_left * work.seconds / work.steps_done / processor_count();
  result.sha256 = store.sha256(&result.damages);
  result.set_aside = std::filesystem::exists(study::set_aside_folder(store.folder()));
  return result;
}

// Every checksum of the store, and what SQLite says of the file.
std::vector<std::string> verify(const study::Store& store) {
  Progress progress(stderr_is_terminal());
  return store.damages([&](std::int64_t done, std::int64_t all) {
    progress.update({fmt::format("{} of {} runs verified", done, all), done, all, 0, 0});
  });
}

Json status_json(const FolderStatus& s) {
  Json problems = Json::array();
  for (const Problem& p : s.problems)
    problems.push_back({{"run", p.run.id},
                        {"study", p.study},
                        {"settings", p.settings},
                        {"seed", p.seed},
                        {"step", p.run.step},
                        {"what", study::state_name(p.run.state)},
                        {"error", p.run.why}});
  Json json{{"runs",
             {{"done", s.runs.done},
              {"running", s.runs.running},
              {"waiting", s.runs.waiting},
              {"diverged", s.runs.diverged},
              {"failed", s.runs.failed}}},
            {"elsewhere", s.runs.elsewhere},
            {"seconds_left", s.seconds_left ? Json(*s.seconds_left) : Json()},
            {"sha256", s.sha256},
            {"set_aside", s.set_aside},
            {"problems", problems}};
  json["damages"] = s.damages;
  return json;
}

std::string status_text(const FolderStatus& s, const std::string& folder) {
  std::string text =
      fmt::format("{} runs done, {} running, {} waiting, {} diverged, {} failed\n", s.runs.done,
                  s.runs.running, s.runs.waiting, s.runs.diverged, s.runs.failed);
  if (s.runs.elsewhere > 0) text += fmt::format("{} more runs belong to other shards\n", s.runs.elsewhere);
  if (s.runs.running + s.runs.waiting > 0)
    text += fmt::format("time left  {}, on all processors that this process may use\n",
                        s.seconds_left ? human_seconds(*s.seconds_left) : "unknown");
  text += fmt::format("sha256     {}\n", s.sha256);
  if (s.set_aside)
    text += fmt::format("states of running runs wait beside the store; iclab run or iclab merge {} takes them in\n", folder);
  for (const Problem& p : s.problems)
    text += fmt::format("{}: {}, seed {}{}{}, at step {}{}{}\n", study::state_name(p.run.state), p.study, p.seed,
                        p.settings.empty() ? "" : ", ", p.settings, p.run.step,
                        p.run.why.empty() ? "" : ": ", p.run.why);
  for (const std::string& damage : s.damages) text += damage + "\n";
  if (!s.damages.empty()) text += fmt::format("damages found: {}\n", s.damages.size());
  if (s.damages.empty() && s.verified) text += "verified   every checksum holds\n";
  return text;
}

struct StatusOptions {
  std::string folder;
  bool verify = false;
};

Result status(const StatusOptions& options, bool as_json) {
  const study::Store store(options.folder, study::Store::Access::kRead);
  // Verified first: of a damaged store nothing else may be readable.
  std::vector<std::string> damages;
  if (options.verify) damages = verify(store);
  FolderStatus s;
  try {
    s = look(store);
  } catch (const Error&) {
    if (damages.empty()) throw;
  }
  s.verified = options.verify;
  if (options.verify) s.damages = std::move(damages);
  return {as_json ? json_line(status_json(s)) : status_text(s, options.folder), s.damages.empty() ? 0 : 1};
}

}  // namespace

Action add_status(CLI::App& parser) {
  const auto options = std::make_shared<StatusOptions>();
  parser.add_option("DIR", options->folder, "A folder that run or reproduce wrote")
      ->required()
      ->type_name("");
  parser.add_flag("--verify", options->verify, "Recompute every checksum and name what is damaged");
  parser.footer("Example:\n  iclab status iclab-out/components --verify");
  return [options](bool as_json) { return status(*options, as_json); };
}

}  // namespace iclab::cli
