// A disk that is full after so many bytes.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstdint>

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
    real_ = file->pMethods;
    methods_ = *real_;
    methods_.xWrite = write;
    file->pMethods = &methods_;
    return code;
  }
  static int write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
    if (left_ < bytes) return SQLITE_FULL;
    left_ -= bytes;
    return real_->xWrite(file, data, bytes, offset);
  }

  static inline std::atomic<std::int64_t> left_;
  static inline sqlite3_vfs* original_;
  static inline const sqlite3_io_methods* real_;
  static inline sqlite3_io_methods methods_;
  sqlite3_vfs vfs_;
};

}  // namespace iclab::study
