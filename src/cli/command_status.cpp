#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/processor.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/study_table.h"
#include "study/runner.h"

namespace iclab::cli {
namespace {

// A run that a person may want to know about.
struct Problem {
  std::string run, study, settings, what, error;
  std::int64_t seed = 0, step = 0;
};

struct FolderStatus {
  study::StudyStatus runs;
  std::vector<Problem> problems;
  std::optional<double> seconds_left;  // none: nothing has been measured yet
  std::string sha256;
};

// Thread-seconds trained and steps left to do.
struct Work {
  double seconds = 0, steps_done = 0, steps_left = 0;
};

void look_at(const study::Study& study, const study::Point& point, std::int64_t seed,
             const study::Store& store, Work& work, std::vector<Problem>& problems) {
  const std::string id = study.run_id(point, seed);
  const auto run = store.run(id);
  const auto steps = static_cast<double>(point.steps);
  if (!run) {
    work.steps_left += steps;
    return;
  }
  const auto done = static_cast<double>(run->step);
  work.seconds += run->seconds;
  work.steps_done += done;
  const bool failed = !run->error.empty(), diverged = run->status == train::RunStatus::kDiverged;
  if (failed || diverged)
    problems.push_back({id, study.name, point_label(point.axes), failed ? "failed" : "diverged",
                        run->error, seed, run->step});
  else if (run->status != train::RunStatus::kStopped)
    work.steps_left += std::max(0.0, steps - done);
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
    for (const study::Point& point : study.points)
      for (std::int64_t seed = 0; seed < study.seeds; ++seed)
        look_at(study, point, seed, store, work, result.problems);
  }
  if (work.steps_left == 0)
    result.seconds_left = 0;
  else if (work.steps_done > 0)
    result.seconds_left = work.steps_left * work.seconds / work.steps_done / processor_count();
  result.sha256 = store.sha256();
  return result;
}

Json status_json(const FolderStatus& s) {
  Json problems = Json::array();
  for (const Problem& p : s.problems)
    problems.push_back({{"run", p.run},
                        {"study", p.study},
                        {"settings", p.settings},
                        {"seed", p.seed},
                        {"step", p.step},
                        {"what", p.what},
                        {"error", p.error}});
  return {{"runs",
           {{"done", s.runs.done},
            {"running", s.runs.running},
            {"waiting", s.runs.waiting},
            {"diverged", s.runs.diverged},
            {"failed", s.runs.failed}}},
          {"seconds_left", s.seconds_left ? Json(*s.seconds_left) : Json()},
          {"sha256", s.sha256},
          {"problems", problems}};
}

std::string status_text(const FolderStatus& s) {
  std::string text =
      fmt::format("{} runs done, {} running, {} waiting, {} diverged, {} failed\n", s.runs.done,
                  s.runs.running, s.runs.waiting, s.runs.diverged, s.runs.failed);
  if (s.runs.running + s.runs.waiting > 0)
    text += fmt::format("time left  {}, on all of this machine's processors\n",
                        s.seconds_left ? human_seconds(*s.seconds_left) : "unknown");
  text += fmt::format("sha256     {}\n", s.sha256);
  for (const Problem& p : s.problems)
    text += fmt::format("{}: {}, seed {}{}{}, at step {}{}{}\n", p.what, p.study, p.seed,
                        p.settings.empty() ? "" : ", ", p.settings, p.step,
                        p.error.empty() ? "" : ": ", p.error);
  return text;
}

Result status(const std::string& folder, bool as_json) {
  const study::Store store(folder, study::Store::Access::kRead);
  const FolderStatus s = look(store);
  return {as_json ? json_line(status_json(s)) : status_text(s)};
}

}  // namespace

Action add_status(CLI::App& parser) {
  const auto folder = std::make_shared<std::string>();
  parser.add_option("DIR", *folder, "A folder that run or reproduce wrote")
      ->required()
      ->type_name("");
  parser.footer("Example:\n  iclab status iclab-out/components");
  return [folder](bool as_json) { return status(*folder, as_json); };
}

}  // namespace iclab::cli
