#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/axis_labels.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "study/export.h"
#include "study/stored_studies.h"

namespace iclab::cli {
namespace {

namespace fs = std::filesystem;

struct ExportOptions {
  std::string folder, run, out;
};

constexpr size_t kShortestRun = 4;  // letters of an id that --run accepts

// What --run asks for: every run, or the one whose id begins so.
class RunFilter {
 public:
  RunFilter(const std::string& prefix, const study::Store& store) : prefix_(prefix) {
    if (prefix.empty()) return;
    int count = 0;
    for (const study::StoredRun& run : store.runs()) count += matches(run.id) ? 1 : 0;
    if (count != 1 || prefix.size() < kShortestRun)
      throw UsageError(
          fmt::format("--run: {} runs begin with '{}'; accepted are the first letters ({} or "
                      "more) of one run's id, as in runs.csv",
                      count, prefix, kShortestRun));
  }

  bool is_all() const { return prefix_.empty(); }
  bool matches(const std::string& id) const { return id.starts_with(prefix_); }

 private:
  std::string prefix_;
};

void write_weights(const fs::path& folder, const study::Study& study, const study::Store& store,
                   const RunFilter& filter, std::vector<fs::path>& files) {
  const AxisLabels labels(study);
  for (const study::Point& point : study.points) {
    for (std::int64_t seed = 0; seed < study.seeds; ++seed) {
      const std::string id = study.run_id(point, seed);
      const auto run = store.run(id);
      if (!run || !filter.matches(id)) continue;
      const std::vector<train::Tensor> weights = store.weights(id);
      if (weights.empty()) continue;  // not ended
      require_writable(folder);
      files.push_back(folder / (id + ".safetensors"));
      study::write_safetensors(files.back(), weights,
                               {{"study", study.name},
                                {"run", id},
                                {"settings", labels.point(point)},
                                {"seed", fmt::format("{}", seed)},
                                {"step", fmt::format("{}", run->step)},
                                {"identity", run->identity}});
    }
  }
}

Result export_store(const ExportOptions& options, bool as_json) {
  const study::Store store(options.folder, study::Store::Access::kRead);
  const RunFilter filter(options.run, store);
  const fs::path out =
      options.out.empty() ? fs::path(options.folder) / "export" : fs::path(options.out);
  require_writable(out);
  std::vector<fs::path> files;
  for (const study::Study& study : study::stored_studies(store)) {
    const fs::path folder = out / study.name;
    if (filter.is_all()) {
      require_writable(folder);
      study::write_csv(folder, study, store);
      files.push_back(folder / "runs.csv");
      files.push_back(folder / "series.csv");
    }
    write_weights(folder / "weights", study, store, filter, files);
  }

  std::string text;
  Json json{{"out", out.string()}, {"files", Json::array()}};
  for (const fs::path& file : files) {
    text += file.string() + "\n";
    json["files"].push_back(file.string());
  }
  return {as_json ? json_line(json) : text};
}

}  // namespace

Action add_export(CLI::App& parser) {
  const auto options = std::make_shared<ExportOptions>();
  parser.add_option("DIR", options->folder, "A folder that run or reproduce wrote")
      ->required()
      ->type_name("");
  parser.add_option("--run", options->run, "Only the weights of the run whose id begins so")
      ->type_name("R");
  parser.add_option("--out", options->out, "Where the files go (default: DIR/export)")
      ->type_name("DIR");
  parser.footer("Example:\n  iclab export iclab-out/components --out components-csv");
  return [options](bool as_json) { return export_store(*options, as_json); };
}

}  // namespace iclab::cli
