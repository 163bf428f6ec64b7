// Where the shards of a study are put, and what a process sets aside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace iclab::study {

/// "shard-1-of-4"; `shard` counts from 0.
std::string shard_folder(std::int64_t shard, std::int64_t shards);

/// The shards' folders within a study's folder that hold a store, in alphabetical order.
std::vector<std::filesystem::path> shard_folders(const std::filesystem::path& folder);

/// Where a store's folder keeps what could not be written into it before its process had to end: a store of its own.
std::filesystem::path set_aside_folder(const std::filesystem::path& folder);

}  // namespace iclab::study
