// What a page says: claims with their checks, verdicts and figures, and the facts of the runs
// behind them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/figure.h"

namespace iclab::report {

enum class Verdict {
  kReproduced,
  kNotReproduced,
  kInconclusive,
  kNotBuilt,  // this version cannot run it: listed, not judged
  kNone,      // a smoke run judges nothing
};

/// "reproduced", "not reproduced", "inconclusive", "not built yet", "not judged".
const char* verdict_name(Verdict verdict);

enum class Outcome {
  kOk,      // the whole interval satisfies the tolerance
  kFailed,  // none of it does
  kOpen,    // it straddles the threshold, or seeds are missing
  kShown,   // for orientation: decides nothing
};

/// "ok", "failed", "open", "shown".
const char* outcome_name(Outcome outcome);

/// One comparison. Numbers: kAbsent where there is none, +infinity for "never".
struct Check {
  std::string what;  // "risk at 30 degrees, J/r"
  double predicted = kAbsent, measured = kAbsent;
  double lo = kAbsent, hi = kAbsent;  // interval of the measurement (base/seeds.h says which)
  std::int64_t seeds = 0;             // all that were asked for; 0: exact, no seeds enter
  std::int64_t valued = -1;           // how many of them have a finite value; -1: not known
  std::string missing{};              // why the others have none: "6 diverged"
  std::string infinite = "never";     // what an infinite number is called
  std::string tolerance{};            // as accepted: "within 5 %", "longer than the single class"
  Outcome outcome = Outcome::kOpen;
};

/// Where a statement comes from.
struct Provenance {
  std::string what;  // "prediction", "protocol", "acceptance"
  std::string mark;  // "paper", "derived", "source", "own choice"
  std::string text;  // "closed form of task-diversity.md, section 5"; for a source: which
};

struct StudyText {
  std::string name;  // "mean-loss.toml"
  std::string text;
};

struct Claim {
  std::string id;           // "C8"; letters, digits, '-'
  std::string title;        // a few words
  std::string statement{};  // in words, as the paper or we claim it
  Verdict verdict = Verdict::kNone;
  Verdict expected = Verdict::kReproduced;  // by what was measured when the claim was written
  std::string cause{};                      // why it departs; for kNotBuilt: what is missing
  std::vector<Provenance> provenance{};
  std::vector<Check> checks{};
  std::vector<Figure> figures{};
  std::vector<StudyText> studies{};
  std::string command{};  // reproduces just this claim
};

/// Something the page does not answer, and why.
struct Unchecked {
  std::string what, why;
};

struct Reference {
  std::string text;     // authors, title, year
  std::string arxiv{};  // "2410.05448"; may be empty
};

struct PaperReport {
  std::string paper;  // id, also the folder: "task-diversity"
  std::string title, authors, arxiv;
  std::string summary;            // one sentence in plain words
  std::vector<std::string> note;  // paragraphs: what is the paper's and what is ours

  std::string headline;           // id of the claim whose first figure opens the page; may be empty
  std::string headline_sentence;  // what to see in it
  std::vector<Claim> claims;
  std::vector<Unchecked> unchecked;
  std::vector<Reference> references;

  std::string mode;    // "smoke", "quick", "full"
  double seconds = 0;  // wall time, all calls together
  std::int64_t runs = 0;
  std::int64_t seeds = 0;            // largest number of seeds of a sweep point
  std::int64_t optimizer_steps = 0;  // of all runs together
  std::string store_sha256;          // over all finished runs, as `iclab status` prints it
  std::string version;
  int numerics = 0;
  std::string machine;  // processor and instruction set
  int threads = 0;         // 0: not known
};

/// The schema of claims.json (docs/formats.md). "verdict" is null for kNone, "ok" is null unless ok
/// or failed, NaN and infinity are null; "figures" are paths relative to the file.
Json to_json(const PaperReport& report);

}  // namespace iclab::report
