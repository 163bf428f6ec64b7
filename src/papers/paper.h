// A paper: study files, claims and figures. Only here do a prediction (theory/) and a measurement (a
// store) meet.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/json.h"
#include "papers/verify.h"
#include "report/claim.h"

namespace iclab::papers {

/// smoke: the plumbing in under 20 s, no verdicts; quick: minutes; full: the paper's scale.
enum class Mode { kSmoke, kQuick, kFull };

/// How far a reproduction is, for a progress bar.
struct ReproduceProgress {
  std::string stage;              // "C8: conventions A to G"
  std::int64_t steps_done = 0, steps_total = 0;  // optimiser steps of the whole reproduction
  double steps_per_second = 0, seconds_left = 0;
};

struct ReproduceOptions {
  Mode mode = Mode::kQuick;
  std::vector<std::string> claims;     // ids; empty: all
  bool headline = false;               // only the claim that the page opens with
  std::filesystem::path out;           // store and page go to out / paper id
  int threads = 0;
  std::vector<std::string> overrides;  // "key=value" for every study file: what tests break models with
  std::stop_token stop;                // asks to save and return; what is there can be resumed
  std::function<void(const ReproduceProgress&)> progress;
};

struct Paper {
  std::string id, title, authors, arxiv, summary;
  std::vector<std::string> claims;     // ids in order
  std::string headline;                // id of the claim that the page opens with
  /// Runs (or resumes) the studies that the claims need and judges them. The report's figures and verdicts
  /// come from runs in the store alone. Throws Interrupted if `stop` was requested.
  std::function<report::PaperReport(const ReproduceOptions&)> reproduce;
  /// Recomputes one section of a file of test vectors (layout of tests/golden/); false: unknown section.
  std::function<bool(const std::string& section, const Json& content, Comparison&)> verify;
};

std::span<const Paper> paper_registry();

/// Throws UsageError with the nearest name.
const Paper& find_paper(const std::string& id);

}  // namespace iclab::papers
