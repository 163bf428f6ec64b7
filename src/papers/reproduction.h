// How every paper is reproduced: run its studies into one store, judge its claims, draw more seeds
// where a claim is undecided or departs, judge again.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "papers/measurements.h"
#include "papers/paper.h"
#include "report/claim.h"

namespace iclab::papers {

/// One claim: which studies it needs and how it is judged. Studies are named as their files, "A|B" is
/// A where the mode has it, else B; a mode may lack some of them, but not all that are judged.
struct ClaimRecipe {
  std::string id;
  std::vector<std::string>
      judged;                      // the checks rest on these: drawn with more seeds when undecided
  std::vector<std::string> shown;  // in figures only
  /// The claim with its words, checks and figures. Verdict, cause, study files and command are
  /// filled in by reproduce().
  std::function<report::Claim(const Measurements&)> judge;
  /// Why checks departed, as far as it can be computed from the runs; may be empty.
  std::function<std::string(const Measurements&)> cause;
  /// Of a claim that departs, the studies in `judged` that its open and failed checks rest on: they
  /// are drawn with more seeds. All of them if it is not given.
  std::function<std::vector<std::string>(const report::Claim&)> undecided{};
};

struct PaperRecipe {
  std::string id;                   // also the folder of its study files
  std::vector<ClaimRecipe> claims;  // in order
  std::string headline;             // id of a claim
  /// Title, texts, references, claims that are listed but not built.
  std::function<void(report::PaperReport&)> describe;
};

/// The registry's entry of a paper: title, authors, arXiv number and summary are those that `describe` writes. The
/// recipe must outlive it.
Paper paper_of(const PaperRecipe& recipe,
               std::function<bool(const std::string&, const Json&, Comparison&)> verify);

/// Throws UsageError for an unknown claim or a study that `overrides` don't fit, Interrupted if
/// `options.stop` was requested.
report::PaperReport reproduce(const PaperRecipe& recipe, const ReproduceOptions& options);

/// Judges what the last reproduction into the folder asked for, from its store alone. Throws Error.
report::PaperReport judge_again(const PaperRecipe& recipe, const std::filesystem::path& folder);

}  // namespace iclab::papers
