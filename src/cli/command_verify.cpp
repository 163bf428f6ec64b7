#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/command.h"
#include "cli/output.h"
#include "papers/verify.h"

namespace iclab::cli {
namespace {

std::string difference_text(const papers::Difference& d) {
  return fmt::format("  {}: got {}, want {}, error {:.3g}, tolerance {:.3g}\n", d.path, d.got,
                     d.want, d.error, d.tolerance);
}

std::string verification_text(const papers::Verification& v) {
  std::string text = fmt::format("{} ({}): {} passed, {} failed, {} unknown\n", v.file, v.paper,
                                 v.comparison.passed(), v.comparison.failed(), v.unknown.size());
  for (const papers::Difference& d : v.comparison.differences()) text += difference_text(d);
  if (!v.unknown.empty()) text += fmt::format("  unknown sections: {}\n", join(v.unknown));
  if (v.ok() && !v.comparison.worst().path.empty())
    text += "  nearest to its tolerance:\n" + difference_text(v.comparison.worst());
  return text;
}

Result verify(const std::vector<std::string>& files, bool as_json) {
  std::string text;
  Json all = Json::array();
  bool ok = true;
  for (const std::string& file : files) {
    const papers::Verification verification = papers::verify_file(file);
    ok = ok && verification.ok();
    text += verification_text(verification);
    all.push_back(papers::to_json(verification));
  }
  if (as_json) text = json_line(files.size() == 1 ? all.front() : all);
  return {text, ok ? 0 : 1};
}

}  // namespace

Action add_verify(CLI::App& parser) {
  const auto files = std::make_shared<std::vector<std::string>>();
  parser.add_option("FILE", *files, "Files of test vectors, in the layout of tests/golden/")
      ->required()
      ->type_name("");
  parser.footer("Example:\n  iclab verify tests/golden/task-diversity.json");
  return [files](bool as_json) { return verify(*files, as_json); };
}

}  // namespace iclab::cli
