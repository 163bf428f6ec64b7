// A disk that is full after so many bytes.
#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>

namespace iclab::study {

// SQLite's own file layer, which reports a full disk once a budget of bytes is written.
class FullDisk {
 public:
  explicit FullDisk(std::int64_t bytes) {
    left_ = bytes;
    original_ = sqlite3_vfs_find(nullptr);
    vfs_ = *original_;
    vfs_.zName = "full-disk";
    vfs_.xOpen = open;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~FullDisk() {
    sqlite3_vfs_register(original_, 1);
    sqlite3_vfs_unregister(&vfs_);
  }
  static void make_room() { left_ = std::int64_t{1} << 40; }

 private:
  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    const int code = original_->xOpen(original_, name, file, flags, out_flags);
    if (code != SQLITE_OK || !file->pMethods) return code;
    // Databases and journals have methods of their own.
    const auto known = methods_.find(file->pMethods);
    if (known == methods_.end()) {
      real_write_ = file->pMethods->xWrite;
      auto copy = std::make_unique<sqlite3_io_methods>(*file->pMethods);
      copy->xWrite = write;
      file->pMethods = (methods_[file->pMethods] = std::move(copy)).get();
    } else {
      file->pMethods = known->second.get();
    }
    return code;
  }
  static int write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
    sqlite3_int64 size = 0;  // only growth takes room
    file->pMethods->xFileSize(file, &size);
    const std::int64_t growth = std::max<std::int64_t>(0, offset + bytes - size);
    if (growth > left_) return SQLITE_FULL;
    left_ -= growth;
    return real_write_(file, data, bytes, offset);
  }

  static inline std::atomic<std::int64_t> left_;
  static inline sqlite3_vfs* original_;
  static inline std::map<const sqlite3_io_methods*, std::unique_ptr<sqlite3_io_methods>> methods_;
  static inline int (*real_write_)(sqlite3_file*, const void*, int, sqlite3_int64);
  sqlite3_vfs vfs_;
};

}  // namespace iclab::study
