// A paper: study files, claims and figures. Only here do a prediction (theory/) and a measurement
// (a store) meet.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "papers/verify.h"
#include "report/claim.h"

namespace iclab::papers {

/// smoke: the plumbing in under 20 s, no verdicts; quick: minutes; full: the paper's scale.
enum class Mode { kSmoke, kQuick, kFull };

/// "smoke", "quick", "full".
const char* mode_name(Mode mode);

/// The stop token ended a reproduction; what the store holds is kept, the same call goes on from
/// there.
class Interrupted : public Error {
 public:
  using Error::Error;
};

/// How far a reproduction is, for a progress bar.
struct ReproduceProgress {
  std::string stage;                             // "study mean-loss (11 of 25)", "judging"
  std::int64_t steps_done = 0, steps_total = 0;  // optimiser steps of the whole reproduction
  double steps_per_second = 0, seconds_left = 0;
};

struct ReproduceOptions {
  Mode mode = Mode::kQuick;
  std::vector<std::string> claims;  // ids; empty: all
  bool headline = false;            // only the claim that the page opens with
  std::filesystem::path out;        // store and page go to out / paper id
  int threads = 0;
  std::vector<std::string>
      overrides;  // "key=value" for every study file: what tests break models with
  std::int64_t seed_limit =
      64;                // an undecided or departing claim draws more seeds, up to this many
  std::stop_token stop;  // asks to save and return; what is there can be resumed
  std::function<void()> tell_waiting;  // called once if another program keeps the store from being written
  std::function<void(const ReproduceProgress&)> progress;
};

struct Paper {
  std::string id, title, authors, arxiv, summary;
  std::vector<std::string> claims;  // ids in order
  std::string headline;             // id of the claim that the page opens with
  /// Runs (or resumes) the studies that the claims need and judges them. The report's figures and
  /// verdicts come from runs in the store alone. Throws Interrupted if `stop` was requested.
  std::function<report::PaperReport(const ReproduceOptions&)> reproduce;
  /// Judges again what the last reproduction into the folder asked for, from its store alone.
  /// Throws Error if it holds no reproduction of this paper, or an unfinished one.
  std::function<report::PaperReport(const std::filesystem::path& folder)> judge_again;
  /// Recomputes one section of a file of test vectors (layout of tests/golden/); false: unknown
  /// section.
  std::function<bool(const std::string& section, const Json& content, Comparison&)> verify;
};

std::span<const Paper> paper_registry();

/// The id of the paper whose reproduction a store's folder holds; nothing if it holds none.
std::optional<std::string> paper_in(const std::filesystem::path& folder);

/// Throws UsageError with the nearest name.
const Paper& find_paper(const std::string& id);

}  // namespace iclab::papers
