#include "cli/shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "cli/output.h"

namespace iclab::cli {

namespace fs = std::filesystem;

std::string shard_folder(std::int64_t shard, std::int64_t shards) {
  return fmt::format("shard-{}-of-{}", shard + 1, shards);
}

std::vector<fs::path> shard_folders(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder, failure))
    if (entry.path().filename().string().starts_with("shard-") && fs::exists(entry.path() / "store.sqlite", failure))
      found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

void say_waiting(const fs::path& folder) {
  say(fmt::format("iclab: another program reads {}; training goes on, and what it saves waits in memory",
                  (folder / "store.sqlite").string()));
}

}  // namespace iclab::cli
