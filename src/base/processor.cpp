#include "base/processor.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>
#include <vector>

#include "base/text.h"

namespace iclab {
namespace {

namespace fs = std::filesystem;

constexpr double kNoQuota = std::numeric_limits<double>::infinity();

// Of the calling thread, as programs start with it; the standard library counts what is online.
int processors_of_affinity() {
  constexpr size_t kMostMasks = 1024;  // of 1024 processors each
  for (size_t masks = 1; masks <= kMostMasks; masks *= 2) {
    std::vector<cpu_set_t> set(masks);
    const size_t bytes = masks * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, set.data()) == 0) return CPU_COUNT_S(bytes, set.data());
    if (errno != EINVAL) break;  // EINVAL: the machine has more processors than the masks
  }
  return static_cast<int>(std::thread::hardware_concurrency());
}

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// A hierarchy of control groups that limits processors.
struct Hierarchy {
  fs::path mount;       // where it is mounted
  std::string subtree;  // the part of it that is mounted there: "/", or a container's own group
  bool is_version_2;
};

bool has_word(const std::string& list, const char* word) {
  const std::vector<std::string> words = split(list, ',');
  return std::ranges::find(words, word) != words.end();
}

// A line of mountinfo: ID PARENT DEVICE SUBTREE MOUNT OPTIONS [TAGS...] - TYPE SOURCE OPTIONS.
std::vector<Hierarchy> hierarchies(const fs::path& root) {
  std::vector<Hierarchy> found;
  for (const std::string& line : lines_of(root / "proc/self/mountinfo")) {
    std::istringstream words(line);
    std::string skipped, subtree, mount, type, options;
    words >> skipped >> skipped >> skipped >> subtree >> mount;
    while (words >> skipped && skipped != "-") continue;
    words >> type >> skipped >> options;
    if (type == "cgroup2" || (type == "cgroup" && has_word(options, "cpu")))
      found.push_back({root / fs::path(mount).relative_path(), subtree, type == "cgroup2"});
  }
  return found;
}

// The process's group in that hierarchy, from lines "0::GROUP" (version 2) or "4:cpu,cpuacct:GROUP",
// relative to where the hierarchy is mounted. A group outside of what is mounted ("/../x" in a
// container) is held for the whole of it.
fs::path group_in(const Hierarchy& hierarchy, const std::vector<std::string>& groups) {
  for (const std::string& line : groups) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (hierarchy.is_version_2 ? !controllers.empty() : !has_word(controllers, "cpu")) continue;
    const fs::path group = fs::path(line.substr(second + 1)).lexically_relative(hierarchy.subtree);
    return group.empty() || *group.begin() == ".." ? "." : group;
  }
  return ".";
}

double number_in(const fs::path& file) {
  double number = -1;
  std::ifstream(file) >> number;
  return number;
}

// cpu.max holds "QUOTA PERIOD", or "max PERIOD" where there is no quota; version 1 has a file each,
// -1 for none.
double quota_of_group(const fs::path& group, bool is_version_2) {
  double quota = -1, period = -1;
  if (is_version_2) {
    std::ifstream(group / "cpu.max") >> quota >> period;
  } else {
    quota = number_in(group / "cpu.cfs_quota_us");
    period = number_in(group / "cpu.cfs_period_us");
  }
  return quota > 0 && period > 0 ? quota / period : kNoQuota;
}

}  // namespace

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return std::string(trim(line.substr(line.find(':') + 1)));
  return "unknown processor";
}

double cpu_quota(const fs::path& root) {
  const std::vector<std::string> groups = lines_of(root / "proc/self/cgroup");
  double least = kNoQuota;
  for (const Hierarchy& hierarchy : hierarchies(root)) {
    fs::path group = hierarchy.mount;
    least = std::min(least, quota_of_group(group, hierarchy.is_version_2));
    for (const fs::path& part : group_in(hierarchy, groups)) {
      group /= part;
      least = std::min(least, quota_of_group(group, hierarchy.is_version_2));
    }
  }
  return least;
}

int processor_count() {
  const double most = std::max(1, processors_of_affinity());
  return static_cast<int>(std::min(most, std::ceil(cpu_quota())));
}

}  // namespace iclab
