#include "study/shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace iclab::study {

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

fs::path set_aside_folder(const fs::path& folder) { return folder / "set-aside"; }

}  // namespace iclab::study
