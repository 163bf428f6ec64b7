// The study files of the papers, as they stand in papers/PAPER/MODE/NAME.toml, inside the program.
#pragma once

#include <span>
#include <string_view>

namespace iclab::papers {

struct StudyFile {
  std::string_view paper, mode, name;  // "task-diversity", "quick", "mean-loss"
  std::string_view text;
};

std::span<const StudyFile> study_files();

}  // namespace iclab::papers
