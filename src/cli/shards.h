// Where the shards of a study are put, and what a command says while another program keeps its store busy.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace iclab::cli {

/// "shard-1-of-4"; `shard` counts from 0.
std::string shard_folder(std::int64_t shard, std::int64_t shards);

/// The shards' folders within a study's folder that hold a store, in alphabetical order.
std::vector<std::filesystem::path> shard_folders(const std::filesystem::path& folder);

/// Tells on stderr that another program reads the store in the folder.
void say_waiting(const std::filesystem::path& folder);

}  // namespace iclab::cli
