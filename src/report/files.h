// Files that appear whole or not at all.
#pragma once

#include <filesystem>
#include <string_view>

namespace iclab::report {

/// Creates the folder and those above it. Throws Error: "PATH: cannot create the folder (reason)".
void make_folder(const std::filesystem::path& folder);

/// Writes `content` beside `path` under a temporary name and renames it to `path`; on failure
/// nothing is left behind and an older file stays as it was. Throws Error: "PATH: cannot be written
/// (reason)".
void write_whole(const std::filesystem::path& path, std::string_view content);

}  // namespace iclab::report
