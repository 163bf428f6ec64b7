// Files of test vectors: recompute, compare, report every difference.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace iclab::papers {

/// One number of a file that came out differently.
struct Difference {
  std::string path;   // "batch_cases[0].merged.grad_Gamma[3][1]"
  double got = 0, want = 0, error = 0, tolerance = 0;  // error relative to the value (array: largest entry)
                                                       // infinite where shapes differ or one is no number
};

/// Collects comparisons. A value counts as one; an array as one, at its worst entry.
class Comparison {
 public:
  /// Numbers, arrays of any depth, null; shapes must agree. `tolerance` is relative to the value, or to the
  /// array's largest entry; 0 asks for equality.
  /// Where the value (the whole array) is 0 the error is absolute.
  void compare(const std::string& path, const Json& got, const Json& want, double tolerance);

  /// Every number by itself, also inside arrays and objects: |got - want| <= tolerance * max(|want|, 1e-3).
  /// "inf" and other strings, and null, are met exactly; keys that `want` does not have are not looked at.
  /// The whole counts as one, at its worst number, whose error is |got - want| / max(|want|, 1e-3).
  void compare_each(const std::string& path, const Json& got, const Json& want, double tolerance);

  /// A key that nothing was recomputed for.
  void unknown(const std::string& path) { unknown_.push_back(path); }

  std::int64_t passed() const { return passed_; }
  std::int64_t failed() const { return static_cast<std::int64_t>(differences_.size()); }
  const std::vector<Difference>& differences() const { return differences_; }
  const Difference& worst() const { return worst_; }  // largest error / tolerance, passed or not
  const std::vector<std::string>& unknown() const { return unknown_; }

 private:
  void count(const Difference& worst);

  std::int64_t passed_ = 0;
  std::vector<Difference> differences_;
  std::vector<std::string> unknown_;
  Difference worst_;
  double worst_ratio_ = -1;
};

struct Verification {
  std::string file, paper;
  Comparison comparison;
  std::vector<std::string> unknown;  // sections, and keys within sections, this build does not know
  bool ok() const { return comparison.failed() == 0 && unknown.empty(); }
};

/// Throws Error: unreadable, not JSON, no "paper", unknown paper, a section of another shape.
Verification verify_file(const std::filesystem::path& file);

/// The schema of docs/formats.md.
Json to_json(const Verification& verification);

}  // namespace iclab::papers
