// Files that appear whole or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace iclab {

/// Creates the folder and those above it. Throws Error: "PATH: cannot create the folder (reason)".
void make_folder(const std::filesystem::path& folder);

/// A file that is written piece by piece under a temporary name of its own beside `path`, so that
/// several may write the same file at once, and that appears as `path` when it is finished. Without
/// finish(), or after an error, nothing is left behind and an older file stays as it was. Throws
/// Error: "PATH: cannot be written (reason)".
class WholeFile {
 public:
  explicit WholeFile(const std::filesystem::path& path);
  ~WholeFile();
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;

  void write(std::string_view content);

  /// Waits until the disk has all of it, then gives it its name.
  void finish();

 private:
  void flush();
  [[noreturn]] void fail(int error) const;

  std::string path_, temporary_;
  std::string buffer_;
  int file_ = -1;
};

/// The same for content that is there at once.
void write_whole(const std::filesystem::path& path, std::string_view content);

}  // namespace iclab
