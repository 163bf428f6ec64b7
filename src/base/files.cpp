#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace iclab {
namespace {

constexpr size_t kBufferBytes = 1 << 16;

// A name beside `path` for this file of this process.
std::string temporary_beside(const std::string& path) {
  static std::atomic<int> count{0};
  return fmt::format("{}.{}.{}.tmp", path, ::getpid(), count++);
}

}  // namespace

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && !std::filesystem::is_directory(folder, error) && !error)
    error = std::make_error_code(std::errc::not_a_directory);
  if (error)
    throw Error(fmt::format("{}: cannot create the folder ({})", folder.string(), error.message()));
}

WholeFile::WholeFile(const std::filesystem::path& path)
    : path_(path.string()) {
  // A process that was killed, or one in another container, may have used the same number.
  do {
    temporary_ = temporary_beside(path_);
    file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (file_ < 0 && errno == EEXIST);
  if (file_ < 0) fail(errno);
}

WholeFile::~WholeFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void WholeFile::write(std::string_view content) {
  buffer_ += content;
  if (buffer_.size() >= kBufferBytes) flush();
}

void WholeFile::flush() {
  for (std::string_view left = buffer_; !left.empty();) {
    const ssize_t written = ::write(file_, left.data(), left.size());
    if (written >= 0)
      left.remove_prefix(static_cast<size_t>(written));
    else if (errno != EINTR)
      fail(errno);
  }
  buffer_.clear();
}

void WholeFile::finish() {
  flush();
  if (::fsync(file_) != 0) fail(errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
  ::close(file_);  // the disk has all of it: nothing can be lost any more
  file_ = -1;
}

void WholeFile::fail(int error) const {
  throw Error(fmt::format("{}: cannot be written ({})", path_, std::strerror(error)));
}

void write_whole(const std::filesystem::path& path, std::string_view content) {
  WholeFile file(path);
  file.write(content);
  file.finish();
}

}  // namespace iclab
