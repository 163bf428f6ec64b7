// Reading files of test vectors: every access checks kind, shape and range, and says where it was.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "papers/verify.h"

namespace iclab::papers {

/// One object of a section, at a path such as "batch_cases[0]". All readers throw Error
/// "PATH.KEY: found ..., accepted is ...".
class Case {
 public:
  Case(const Json& object, std::string path);

  const std::string& path() const { return path_; }
  bool has(const std::string& key) const;

  std::int64_t integer(const std::string& key, std::int64_t minimum, std::int64_t maximum);
  double number(const std::string& key);
  std::string text(const std::string& key, const std::vector<std::string>& choices);
  /// Numbers of that shape, row-major; a dimension of -1 takes any length.
  std::vector<double> numbers(const std::string& key, const std::vector<std::int64_t>& shape);
  /// The object under a key, or every object of the array under it.
  Case object(const std::string& key);
  std::vector<Case> objects(const std::string& key);

  /// Compares what the file has under `key`, if it has it, with what `got` recomputes.
  void check(Comparison& comparison, const std::string& key, double tolerance,
             const std::function<Json()>& got);

  /// The same number by number (Comparison::compare_each).
  void check_each(Comparison& comparison, const std::string& key, double tolerance,
                  const std::function<Json()>& got);

  /// Keys that are inputs, even where nothing needs them.
  void inputs(const std::vector<std::string>& keys) { seen_.insert(seen_.end(), keys.begin(), keys.end()); }

  /// Reports keys that are no inputs and were neither read nor checked.
  void finish(Comparison& comparison) const;

 private:
  const Json& at(const std::string& key);

  const Json* object_;
  std::string path_;
  std::vector<std::string> seen_;
};

/// The cases of a section. Throws Error if it is not an array of objects.
std::vector<Case> cases_of(const std::string& section, const Json& content);

/// Row-major numbers as nested arrays.
Json nested(const std::vector<double>& numbers, const std::vector<std::int64_t>& shape);

}  // namespace iclab::papers
