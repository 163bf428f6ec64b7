#include "study/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>


namespace iclab::study {
namespace {

constexpr std::chrono::milliseconds kPatience{60'000};

}  // namespace

Database::Database(const std::filesystem::path& file, Access access) : file_(file) {
  // Readers may have to roll back what a killed writer left, hence read-write; SQLite falls back to
  // reading alone where the file allows no more.
  const int create = access == Access::kWrite ? SQLITE_OPEN_CREATE : 0;
  const int code = sqlite3_open_v2(file.c_str(), &handle_, SQLITE_OPEN_READWRITE | create, nullptr);
  if (code != SQLITE_OK) {
    const std::string message = handle_ ? sqlite3_errmsg(handle_) : "out of memory";
    sqlite3_close(handle_);
    throw Error(fmt::format("{}: cannot be opened: {}", file.string(), message));
  }
  sqlite3_extended_result_codes(handle_, 1);
  wait_at_most(kPatience);
}

void Database::wait_at_most(std::chrono::milliseconds patience) {
  sqlite3_busy_timeout(handle_, static_cast<int>(patience.count()));
}

Database::~Database() {
  prepared_.clear();
  sqlite3_close(handle_);
}

void Database::fail(int code) const {
  const std::string name = file_.string();
  switch (code & 0xff) {
    case SQLITE_NOTADB:
      throw Error(fmt::format("{}: is not an ICLab store (not an SQLite file)", name));
    case SQLITE_FULL:
      throw Error(
          fmt::format("{}: the disk is full; what was saved before is safe: make room and run the "
                      "same command again",
                      name));
    case SQLITE_IOERR:
      throw Error(fmt::format("{}: cannot be read or written ({}): is the disk full, or a limit on the size of files "
                              "(ulimit -f) reached? What was saved before is safe",
                              name, sqlite3_errmsg(handle_)));
    case SQLITE_CORRUPT:
      throw Error(fmt::format("{}: the file is damaged ({})", name, sqlite3_errmsg(handle_)));
    case SQLITE_READONLY:
      throw Error(fmt::format("{}: cannot be written ({})", name, sqlite3_errmsg(handle_)));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Busy(fmt::format(
          "{}: another program reads it and does not end; close what has it open and run the same command again", name));
    default:
      throw Error(fmt::format("{}: {} (SQLite {}); what was saved before is safe", name,
                              sqlite3_errmsg(handle_), code));
  }
}

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

std::int64_t Database::integer(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

Statement& Database::prepared(std::string_view sql) {
  const auto known = prepared_.find(sql);
  if (known != prepared_.end()) return *known->second;
  std::string text(sql);
  auto statement = std::make_unique<Statement>(*this, text.c_str());
  return *prepared_.emplace(std::move(text), std::move(statement)).first->second;
}

Statement::Statement(Database& database, const char* sql) : database_(database) {
  const int code = sqlite3_prepare_v2(database.handle(), sql, -1, &handle_, nullptr);
  if (code != SQLITE_OK) database.fail(code);
}

Statement::~Statement() { sqlite3_finalize(handle_); }

Statement& Statement::checked(int code) {
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  return checked(sqlite3_bind_int64(handle_, parameter, value));
}

Statement& Statement::bind(int parameter, double value) {
  return checked(sqlite3_bind_double(handle_, parameter, value));
}

Statement& Statement::bind(int parameter, std::string_view text) {
  const char* data = text.empty() ? "" : text.data();  // a null pointer would bind NULL
  return checked(
      sqlite3_bind_text64(handle_, parameter, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Statement& Statement::bind(int parameter, std::span<const std::byte> blob) {
  const void* data = blob.empty() ? static_cast<const void*>("") : blob.data();
  return checked(sqlite3_bind_blob64(handle_, parameter, data, blob.size(), SQLITE_TRANSIENT));
}

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3_reset(handle_);
  database_.fail(code);
}

void Statement::run() {
  while (step()) {
  }
  reset();
}

void Statement::reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }

double Statement::real(int column) const { return sqlite3_column_double(handle_, column); }

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return data ? std::string(data, static_cast<size_t>(sqlite3_column_bytes(handle_, column))) : "";
}

std::span<const std::byte> Statement::blob_view(int column) const {
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(handle_, column));
  return {data, static_cast<size_t>(sqlite3_column_bytes(handle_, column))};
}

std::vector<std::byte> Statement::blob(int column) const {
  const auto view = blob_view(column);
  return {view.begin(), view.end()};
}

Transaction::Transaction(Database& database, Purpose purpose) : database_(database) {
  database.execute(purpose == Purpose::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  if (open_) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

}  // namespace iclab::study
