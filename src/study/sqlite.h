// SQLite's C interface with owners and exceptions. Every failure is an Error that begins with the
// file.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace iclab::study {

class Statement;

/// Another program reads (or writes) the file, so that this one cannot write to it now. Nothing was written.
class Busy : public Error {
 public:
  using Error::Error;
};

class Database {
 public:
  enum class Access { kRead, kWrite };

  /// Opens a file; kWrite creates it. Other connections are waited for, up to a minute (see wait_at_most); then Busy.
  Database(const std::filesystem::path& file, Access access);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void wait_at_most(std::chrono::milliseconds patience);

  void execute(const char* sql);
  std::int64_t integer(const char* sql);  // the first column of the first row

  /// The statement of a text, prepared at its first use and kept.
  Statement& prepared(std::string_view sql);

  const std::filesystem::path& file() const { return file_; }
  sqlite3* handle() const { return handle_; }
  [[noreturn]] void fail(int code) const;

 private:
  std::filesystem::path file_;
  sqlite3* handle_ = nullptr;
  std::map<std::string, std::unique_ptr<Statement>, std::less<>> prepared_;
};

/// A prepared statement; parameters count from 1, columns from 0.
class Statement {
 public:
  Statement(Database& database, const char* sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, double value);
  Statement& bind(int parameter, std::string_view text);
  Statement& bind(int parameter, std::span<const std::byte> blob);

  bool step();  // true: a row is there
  void run();   // to its end, then reset
  void reset();

  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  std::vector<std::byte> blob(int column) const;
  std::span<const std::byte> blob_view(int column) const;  // until the next step

 private:
  Statement& checked(int code);

  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

/// A prepared statement in use, reset at the end: a statement within its rows locks out writers.
class Query {
 public:
  Query(Database& database, std::string_view sql) : statement_(database.prepared(sql)) {}
  ~Query() { statement_.reset(); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Statement* operator->() { return &statement_; }
  Statement& operator*() { return statement_; }

 private:
  Statement& statement_;
};

/// Rolled back unless committed. For writing: no other connection may write meanwhile. For reading: what is read is of one
/// instant, whatever others write.
class Transaction {
 public:
  enum class Purpose { kWrite, kRead };
  explicit Transaction(Database& database, Purpose purpose = Purpose::kWrite);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace iclab::study
