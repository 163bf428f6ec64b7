// Any bytes are a study or a UsageError, as a file and as overrides of one.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "study/study.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> overrides;  // the lines from a form feed on
  if (const size_t feed = text.find('\f'); feed != std::string::npos) {
    std::string line;
    for (const char c : text.substr(feed + 1) + '\n') {
      if (c == '\n' && !line.empty())
        overrides.push_back(std::exchange(line, {}));
      else if (c != '\n')
        line += c;
    }
    text.resize(feed);
  }
  try {
    const iclab::study::Study study = iclab::study::parse_study(text, "fuzz.toml", overrides);
    study.run_id(study.points.back(), study.seeds - 1);
  } catch (const iclab::UsageError&) {
  }
  return 0;
}
