#include <fmt/format.h>

#include "base/text.h"
#include "papers/differential-kinetics/paper.h"
#include "papers/paper.h"
#include "papers/task-diversity/paper.h"

namespace iclab::papers {

const char* mode_name(Mode mode) {
  switch (mode) {
    case Mode::kSmoke:
      return "smoke";
    case Mode::kQuick:
      return "quick";
    case Mode::kFull:
      return "full";
  }
  return "";
}

std::span<const Paper> paper_registry() {
  static const std::vector<Paper> papers = {task_diversity::paper(), differential_kinetics::paper()};
  return papers;
}

const Paper& find_paper(const std::string& id) {
  std::vector<std::string> ids;
  for (const Paper& paper : paper_registry()) {
    if (paper.id == id) return paper;
    ids.push_back(paper.id);
  }
  throw UsageError(
      fmt::format("unknown paper '{}'; accepted are {}{}", id, join(ids), did_you_mean(id, ids)));
}

}  // namespace iclab::papers
