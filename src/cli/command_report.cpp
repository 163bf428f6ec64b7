#include <fmt/format.h>
#include <spawn.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/paper_text.h"
#include "cli/study_page.h"
#include "papers/paper.h"
#include "report/page.h"

extern char** environ;

namespace iclab::cli {
namespace {

namespace fs = std::filesystem;

struct ReportOptions {
  std::string folder;
  bool open = false;
};

report::PaperReport judge(const fs::path& folder) {
  if (const auto paper = papers::paper_in(folder))
    return papers::find_paper(*paper).judge_again(folder);
  const study::Store store(folder, study::Store::Access::kRead);
  return study_report(store, folder.filename().string());
}

// Hands the page to the desktop's own program and does not wait for it.
void open_page(const fs::path& page) {
  std::string program = "xdg-open", file = page.string();
  char* words[] = {program.data(), file.data(), nullptr};
  pid_t pid = 0;
  const int failure = posix_spawnp(&pid, program.c_str(), nullptr, nullptr, words, environ);
  if (failure != 0)
    say(fmt::format("iclab: cannot open the page ({}: {}); open {} in a browser", program,
                    std::strerror(failure), file));
}

Result rewrite(const ReportOptions& options, bool as_json) {
  // A page lies in the folder of its store; its name is the folder's, also for "." and "dir/".
  const fs::path folder = (fs::absolute(options.folder) / "").lexically_normal().parent_path();
  const report::PaperReport report = judge(folder);
  check_writable(folder, "a page lies beside its store; copy the folder to where you can write");
  const fs::path page = report::write_page(report, folder.parent_path());
  if (options.open) open_page(page);
  if (as_json) return {json_line({{"page", shown(page)}, {"report", report::to_json(report)}})};
  return {report_text(report, page)};
}

}  // namespace

Action add_report(CLI::App& parser) {
  const auto options = std::make_shared<ReportOptions>();
  parser.add_option("DIR", options->folder, "A folder that run or reproduce wrote")
      ->required()
      ->type_name("");
  parser.add_flag("--open", options->open, "Open the page in a browser");
  parser.footer("Example:\n  iclab report iclab-out/components --open");
  return [options](bool as_json) { return rewrite(*options, as_json); };
}

}  // namespace iclab::cli
