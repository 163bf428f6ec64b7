#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "cli/axis_labels.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "study/merge.h"
#include "study/results.h"
#include "study/runner.h"
#include "study/shards.h"
#include "study/writer.h"

namespace iclab::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostGaps = 20;  // further ones are counted

struct MergeOptions {
  std::vector<std::string> folders;
  std::string out;
};

fs::path tidy(const fs::path& folder) { return (fs::absolute(folder) / "").lexically_normal().parent_path(); }

bool is_shard(const fs::path& folder) { return folder.filename().string().starts_with("shard-"); }

// The stores to read: each folder, or the shards within it, and what their processes set aside.
std::vector<fs::path> sources(const MergeOptions& options, const fs::path& out) {
  std::vector<fs::path> found;
  const auto add = [&found](const fs::path& folder) {
    found.push_back(folder);
    if (const fs::path aside = study::set_aside_folder(folder); fs::exists(aside / "store.sqlite")) found.push_back(aside);
  };
  for (const std::string& name : options.folders) {
    const fs::path folder = tidy(name);
    const std::vector<fs::path> shards = study::shard_folders(folder);
    for (const fs::path& shard : shards) add(shard);
    if (folder != out && (shards.empty() || fs::exists(folder / "store.sqlite"))) add(folder);
  }
  return found;
}

// Without --out: the one folder given, or the one that all given shards lie in.
fs::path out_folder(const MergeOptions& options) {
  if (!options.out.empty()) return tidy(options.out);
  std::set<fs::path> parents;
  for (const std::string& name : options.folders) {
    const fs::path folder = tidy(name);
    parents.insert(is_shard(folder) ? folder.parent_path() : folder);
  }
  if (parents.size() == 1) return *parents.begin();
  throw UsageError("merge: the folders are no shards of one study's folder; accepted is --out DIR, where the joined store goes");
}

// A run that the joined store does not have to its end.
struct Gap {
  std::string study, settings;
  std::int64_t seed;
  study::RunView run;
};

std::vector<Gap> gaps_of(const study::Store& store) {
  std::vector<Gap> gaps;
  for (const study::Study& study : study::stored_studies(store)) {
    const study::StudyRuns runs(study, store);
    const AxisLabels labels(study);
    for (size_t p = 0; p < study.points.size(); ++p) {
      const std::vector<study::RunView> views = runs.of(p);
      for (size_t seed = 0; seed < views.size(); ++seed)
        if (!views[seed].has_ended())
          gaps.push_back({study.name, labels.point(study.points[p]), static_cast<std::int64_t>(seed), views[seed]});
    }
  }
  return gaps;
}

Json gap_json(const Gap& gap) {
  return {{"study", gap.study}, {"settings", gap.settings}, {"seed", gap.seed}, {"run", gap.run.id},
          {"what", study::state_name(gap.run.state)}, {"step", gap.run.step}};
}

study::Merged& operator+=(study::Merged& a, const study::Merged& b) {
  a.added += b.added;
  a.advanced += b.advanced;
  a.known += b.known;
  return a;
}

std::string merge_text(const study::Merged& merged, const std::vector<Gap>& gaps, const fs::path& out, size_t stores,
                       const std::string& sha256) {
  std::string text = fmt::format("stores joined: {}; runs added: {}, advanced: {}, there before: {}\n", stores, merged.added,
                                 merged.advanced, merged.known);
  text += fmt::format("results in {}\nsha256     {}\n", shown(out), sha256);
  if (!gaps.empty()) text += fmt::format("runs missing or not at their end: {}; iclab run computes them:\n", gaps.size());
  for (size_t i = 0; i < std::min(kMostGaps, gaps.size()); ++i) {
    const Gap& gap = gaps[i];
    text += fmt::format("{}: {}, seed {}{}{}, at step {}\n", study::state_name(gap.run.state), gap.study, gap.seed,
                        gap.settings.empty() ? "" : ", ", gap.settings, gap.run.step);
  }
  if (gaps.size() > kMostGaps) text += fmt::format("and {} more\n", gaps.size() - kMostGaps);
  return text;
}

Result merge(const MergeOptions& options, bool as_json) {
  const fs::path out = out_folder(options);
  const std::vector<fs::path> folders = sources(options, out);
  std::vector<std::unique_ptr<study::Store>> stores;  // opened before anything is made
  for (const fs::path& folder : folders)
    stores.push_back(std::make_unique<study::Store>(folder, study::Store::Access::kRead));
  if (folders.empty() && !fs::exists(out / "store.sqlite"))
    throw Error(fmt::format("{}: holds neither a store nor shards; accepted are folders that a study was run into", out.string()));
  require_writable(out);
  study::Store into(out, study::Store::Access::kWrite);
  const bool had_set_aside = study::take_in_set_aside(into);
  std::vector<const study::Store*> all_stores;
  for (const auto& store : stores) all_stores.push_back(store.get());
  study::check_studies(into, all_stores);
  study::Merged merged;
  for (const study::Store* from : all_stores) {
    Progress progress(stderr_is_terminal());
    merged += study::merge(into, *from, [&](std::int64_t done, std::int64_t all) {
      progress.update({fmt::format("{}: {} of {} runs", from->folder().filename().string(), done, all), done, all, 0, 0});
    });
  }
  // A store that others were merged into is for all runs.
  if (!folders.empty())
    for (const study::Study& study : study::stored_studies(into)) study::add_portion(into, study.name, 0, 1);

  const std::vector<Gap> gaps = gaps_of(into);
  const std::string sha256 = into.sha256();
  if (!as_json) return {merge_text(merged, gaps, out, folders.size() + (had_set_aside ? 1 : 0), sha256)};
  Json json{{"out", shown(out)},         {"stores", folders.size()},      {"added", merged.added},
            {"advanced", merged.advanced}, {"known", merged.known},         {"sha256", sha256},
            {"gaps", Json::array()}};
  for (const Gap& gap : gaps) json["gaps"].push_back(gap_json(gap));
  return {json_line(json)};
}

}  // namespace

Action add_merge(CLI::App& parser) {
  const auto options = std::make_shared<MergeOptions>();
  parser.add_option("DIR", options->folders, "Folders of shards, or a study's folder with its shards in it")
      ->required()
      ->type_name("");
  parser.add_option("--out", options->out, "Where the joined store goes (default: the folder that the shards lie in)")
      ->type_name("DIR");
  parser.footer("Example:\n  iclab merge iclab-out/components\n\n"
                "Merging again changes nothing; the shards are left as they are.");
  return [options](bool as_json) { return merge(*options, as_json); };
}

}  // namespace iclab::cli
