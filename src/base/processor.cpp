#include "base/processor.h"

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/text.h"

namespace iclab {

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return std::string(trim(line.substr(line.find(':') + 1)));
  return "unknown processor";
}

int processor_count() { return static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

}  // namespace iclab
