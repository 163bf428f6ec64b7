#include "study/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "study/sqlite.h"

namespace iclab::study {
namespace {

static_assert(std::endian::native == std::endian::little, "blobs are little-endian");

constexpr int kApplication = 0x49434c61;  // "ICLa"
constexpr int kSchema = 1;

// Documented in docs/formats.md.
constexpr const char* kTables = R"(
CREATE TABLE identities (
  number INTEGER PRIMARY KEY,
  text   TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE runs (
  number     INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  identity   INTEGER NOT NULL REFERENCES identities (number),
  study_seed INTEGER NOT NULL,
  seed_index INTEGER NOT NULL,
  status     TEXT NOT NULL
    CHECK (status IN ('running', 'finished', 'stopped', 'diverged', 'failed')),
  step       INTEGER NOT NULL,
  seconds    REAL NOT NULL,
  error      TEXT NOT NULL,
  plan       TEXT NOT NULL
) STRICT;
CREATE TABLE checkpoints (
  run   INTEGER PRIMARY KEY REFERENCES runs (number),
  state BLOB NOT NULL
) STRICT;
CREATE TABLE weights (
  run       INTEGER NOT NULL REFERENCES runs (number),
  position  INTEGER NOT NULL,
  name      TEXT NOT NULL,
  shape     TEXT NOT NULL,
  precision TEXT NOT NULL CHECK (precision IN ('float32', 'float64')),
  data      BLOB NOT NULL,
  PRIMARY KEY (run, position)
) STRICT;
CREATE TABLE probes (
  id       TEXT PRIMARY KEY,
  kind     TEXT NOT NULL,
  settings TEXT NOT NULL
) STRICT;
CREATE TABLE series (
  number INTEGER PRIMARY KEY,
  run    INTEGER NOT NULL REFERENCES runs (number),
  probe  TEXT NOT NULL,
  name   TEXT NOT NULL,
  UNIQUE (run, probe, name)
) STRICT;
CREATE TABLE measurements (
  series INTEGER NOT NULL REFERENCES series (number),
  step   INTEGER NOT NULL,
  value  BLOB NOT NULL,
  PRIMARY KEY (series, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE blanks (
  run   INTEGER NOT NULL REFERENCES runs (number),
  probe TEXT NOT NULL,
  step  INTEGER NOT NULL,
  PRIMARY KEY (run, probe, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE documents (
  key  TEXT PRIMARY KEY,
  text TEXT NOT NULL
) STRICT;
)";

// Held by the one process that writes; the file stays, only its lock counts.
class WriterLock {
 public:
  explicit WriterLock(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "store.lock";
    descriptor_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0)
      throw Error(
          fmt::format("{}: the folder cannot be written ({}); accepted is a folder that can",
                      folder.string(), std::strerror(errno)));
    if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      const int failure = errno;
      close(descriptor_);
      if (failure != EWOULDBLOCK)
        throw Error(
            fmt::format("{}: cannot be locked ({})", file.string(), std::strerror(failure)));
      throw Error(
          fmt::format("{}: another process writes to this store; wait for it, or write to another "
                      "folder",
                      folder.string()));
    }
  }
  ~WriterLock() { close(descriptor_); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  int descriptor_ = -1;
};

train::RunStatus status_of(const std::string& text) {
  if (text == "finished") return train::RunStatus::kFinished;
  if (text == "stopped") return train::RunStatus::kStopped;
  if (text == "diverged") return train::RunStatus::kDiverged;
  return train::RunStatus::kRunning;
}

std::vector<double> doubles(std::span<const std::byte> bytes) {
  std::vector<double> values(bytes.size() / sizeof(double));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
  return values;
}

constexpr const char* kSelectRuns =
    "SELECT runs.id, identities.text, study_seed, seed_index, status, step, seconds, error, plan "
    "FROM runs JOIN identities ON identities.number = runs.identity ORDER BY runs.number";
constexpr const char* kSelectRun =
    "SELECT runs.id, identities.text, study_seed, seed_index, status, step, seconds, error, plan "
    "FROM runs JOIN identities ON identities.number = runs.identity WHERE runs.id = ?";

StoredRun read_run(const Statement& row) {
  StoredRun run;
  run.id = row.text(0);
  run.identity = row.text(1);
  run.study_seed = static_cast<std::uint64_t>(row.integer(2));
  run.seed_index = row.integer(3);
  run.status = status_of(row.text(4));
  run.step = row.integer(5);
  run.seconds = row.real(6);
  run.error = row.text(7);
  run.plan = row.text(8);
  return run;
}

// Saves progress within a transaction, with statements prepared once.
class Saver {
 public:
  explicit Saver(Database& database) : database_(database) {}

  void save(const Progress& progress) {
    const std::int64_t run = update_run(progress);
    if (!progress.error.empty()) return;
    if (!progress.state.empty()) checkpoint_.bind(1, run).bind(2, std::span(progress.state)).run();
    if (!progress.weights.empty()) save_weights(run, progress.weights);
    save_measurements(run, progress);
    for (const auto& [probe, step] : progress.blanks)
      blank_.bind(1, run).bind(2, std::string_view(probe)).bind(3, step).run();
  }

 private:
  std::int64_t update_run(const Progress& progress) {
    number_.bind(1, std::string_view(progress.run));
    if (!number_.step())
      throw Error(fmt::format("{}: no run {}", database_.file().string(), progress.run));
    const std::int64_t run = number_.integer(0);
    number_.reset();
    if (!progress.error.empty()) {  // the latest checkpoint and its step stay
      fail_.bind(1, std::string_view(progress.error)).bind(2, run).run();
      return run;
    }
    update_.bind(1, status_name(progress.status))
        .bind(2, progress.step)
        .bind(3, progress.seconds)
        .bind(4, std::string_view(progress.plan))
        .bind(5, run)
        .run();
    return run;
  }

  void save_weights(std::int64_t run, const std::vector<train::Tensor>& weights) {
    clear_weights_.bind(1, run).run();
    for (size_t i = 0; i < weights.size(); ++i) {
      const train::Tensor& tensor = weights[i];
      weight_.bind(1, run)
          .bind(2, static_cast<std::int64_t>(i))
          .bind(3, std::string_view(tensor.name))
          .bind(4, std::string_view(Json(tensor.shape).dump()))
          .bind(5, std::string_view(tensor.is_double ? "float64" : "float32"))
          .bind(6, std::span(tensor.bytes))
          .run();
    }
  }

  // Elements of one measurement follow each other.
  void save_measurements(std::int64_t run, const Progress& progress) {
    const auto& all = progress.measured;
    std::map<std::pair<std::string, std::string>, std::int64_t> numbers;
    std::vector<double> values;
    for (size_t i = 0; i < all.size(); ++i) {
      const auto& [probe, measurement] = all[i];
      if (measurement.index != static_cast<int>(values.size()))
        throw Error(fmt::format("[store] element {} of series '{}' follows element {}",
                                measurement.index, measurement.series,
                                static_cast<int>(values.size()) - 1));
      // One NaN for all, so that equal runs have equal bits.
      values.push_back(std::isnan(measurement.value) ? std::numeric_limits<double>::quiet_NaN()
                                                     : measurement.value);
      const bool more = i + 1 < all.size() && all[i + 1].first == probe &&
                        all[i + 1].second.series == measurement.series &&
                        all[i + 1].second.step == measurement.step;
      if (more) continue;
      std::int64_t& series = numbers[{probe, measurement.series}];
      if (series == 0) series = series_number(run, probe, measurement.series);
      save_value(series, measurement, std::as_bytes(std::span(values)));
      values.clear();
    }
  }

  std::int64_t series_number(std::int64_t run, const std::string& probe, const std::string& name) {
    add_series_.bind(1, run).bind(2, std::string_view(probe)).bind(3, std::string_view(name)).run();
    find_series_.bind(1, run).bind(2, std::string_view(probe)).bind(3, std::string_view(name));
    find_series_.step();
    const std::int64_t number = find_series_.integer(0);
    find_series_.reset();
    return number;
  }

  // A step measured again must give the same bits.
  void save_value(std::int64_t series, const train::Measurement& measurement,
                  std::span<const std::byte> bytes) {
    find_value_.bind(1, series).bind(2, measurement.step);
    const bool there = find_value_.step();
    const bool equal = there && std::ranges::equal(find_value_.blob_view(0), bytes);
    find_value_.reset();
    if (there && !equal)
      throw Error(
          fmt::format("{}: series '{}' at step {} was measured again with other values; the store "
                      "keeps the first",
                      database_.file().string(), measurement.series, measurement.step));
    if (!there) value_.bind(1, series).bind(2, measurement.step).bind(3, bytes).run();
  }

  Database& database_;
  Statement number_{database_, "SELECT number FROM runs WHERE id = ?"};
  Statement update_{database_,
                    "UPDATE runs SET status = ?, step = ?, seconds = ?, error = '', plan = ? "
                    "WHERE number = ?"};
  Statement fail_{database_, "UPDATE runs SET status = 'failed', error = ? WHERE number = ?"};
  Statement checkpoint_{database_, "REPLACE INTO checkpoints (run, state) VALUES (?, ?)"};
  Statement clear_weights_{database_, "DELETE FROM weights WHERE run = ?"};
  Statement weight_{database_,
                    "INSERT INTO weights (run, position, name, shape, precision, data) "
                    "VALUES (?, ?, ?, ?, ?, ?)"};
  Statement add_series_{database_,
                        "INSERT OR IGNORE INTO series (run, probe, name) VALUES (?, ?, ?)"};
  Statement find_series_{database_,
                         "SELECT number FROM series WHERE run = ? AND probe = ? AND name = ?"};
  Statement find_value_{database_, "SELECT value FROM measurements WHERE series = ? AND step = ?"};
  Statement value_{database_, "INSERT INTO measurements (series, step, value) VALUES (?, ?, ?)"};
  Statement blank_{database_, "INSERT OR IGNORE INTO blanks (run, probe, step) VALUES (?, ?, ?)"};
};

}  // namespace

std::string_view status_name(train::RunStatus status) {
  switch (status) {
    case train::RunStatus::kRunning:
      return "running";
    case train::RunStatus::kFinished:
      return "finished";
    case train::RunStatus::kStopped:
      return "stopped";
    case train::RunStatus::kDiverged:
      return "diverged";
  }
  return "";
}

struct Store::Impl {
  std::filesystem::path folder;
  std::unique_ptr<WriterLock> lock;
  std::unique_ptr<Database> database;
  mutable std::mutex mutex;

  Impl(const std::filesystem::path& where, Access access) : folder(where) {
    const std::filesystem::path file = folder / "store.sqlite";
    if (access == Access::kWrite) {
      make_folder();
      lock = std::make_unique<WriterLock>(folder);
    } else if (std::error_code failure; !std::filesystem::exists(file, failure)) {
      throw Error(
          fmt::format("{}: no store here (store.sqlite); accepted is a folder that a study was run "
                      "into",
                      folder.string()));
    }
    const bool write = access == Access::kWrite;
    database = std::make_unique<Database>(
        file, write ? Database::Access::kWrite : Database::Access::kRead);
    if (write && database->integer("PRAGMA page_count") == 0) create();
    check_schema();
    database->execute(write ? "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; "
                              "PRAGMA foreign_keys = ON"
                            : "PRAGMA query_only = ON");
  }

  void make_folder() const {
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure)
      throw Error(fmt::format(
          "{}: the folder cannot be made ({}); accepted is a folder that can be written",
          folder.string(), failure.message()));
  }

  void create() const {
    Transaction transaction(*database);
    database->execute(kTables);
    database->execute(
        fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplication, kSchema)
            .c_str());
    transaction.commit();
  }

  void check_schema() const {
    const std::string name = database->file().string();
    if (database->integer("PRAGMA application_id") != kApplication)
      throw Error(fmt::format("{}: is not an ICLab store (another program's SQLite file)", name));
    const std::int64_t schema = database->integer("PRAGMA user_version");
    if (schema != kSchema)
      throw Error(fmt::format("{}: found a store of schema {}, accepted is schema {}", name, schema,
                              kSchema));
  }

  std::int64_t number_of(const std::string& run) const {
    Query statement(*database, "SELECT number FROM runs WHERE id = ?");
    return statement->bind(1, std::string_view(run)).step() ? statement->integer(0) : -1;
  }

  std::vector<Series> series(std::int64_t run) const {
    Query statement(*database,
                    "SELECT probe, name, step, value FROM series "
                    "JOIN measurements ON measurements.series = series.number "
                    "WHERE run = ? ORDER BY probe, name, step");
    statement->bind(1, run);
    std::vector<Series> found;
    while (statement->step()) {
      std::string probe = statement->text(0), name = statement->text(1);
      if (found.empty() || found.back().probe != probe || found.back().name != name)
        found.push_back({std::move(probe), std::move(name), {}, {}});
      found.back().steps.push_back(statement->integer(2));
      found.back().values.push_back(doubles(statement->blob_view(3)));
    }
    return found;
  }

  std::vector<train::Tensor> weights(std::int64_t run) const {
    Query statement(
        *database,
        "SELECT name, shape, precision, data FROM weights WHERE run = ? ORDER BY position");
    statement->bind(1, run);
    std::vector<train::Tensor> tensors;
    while (statement->step()) {
      const Json shape = Json::parse(statement->text(1), nullptr, false);
      const auto is_integer = [](const Json& extent) { return extent.is_number_integer(); };
      if (!shape.is_array() || !std::ranges::all_of(shape, is_integer))
        throw Error(fmt::format("{}: the file is damaged (found the shape {})",
                                database->file().string(), statement->text(1)));
      tensors.push_back({statement->text(0), shape.get<std::vector<std::int64_t>>(),
                         statement->text(2) == "float64", statement->blob(3)});
    }
    return tensors;
  }
};

Store::Store(const std::filesystem::path& folder, Access access)
    : impl_(std::make_unique<Impl>(folder, access)) {}

Store::~Store() = default;

void Store::add_runs(std::span<const StoredRun> runs) {
  const std::lock_guard guard(impl_->mutex);
  Transaction transaction(*impl_->database);
  Statement identity(*impl_->database, "INSERT OR IGNORE INTO identities (text) VALUES (?)");
  Statement run(
      *impl_->database,
      "INSERT OR IGNORE INTO runs "
      "(id, identity, study_seed, seed_index, status, step, seconds, error, plan) "
      "VALUES (?, (SELECT number FROM identities WHERE text = ?), ?, ?, 'running', 0, 0, '', '')");
  const std::string* last = nullptr;
  for (const StoredRun& one : runs) {
    if (!last || *last != one.identity) identity.bind(1, std::string_view(one.identity)).run();
    last = &one.identity;
    run.bind(1, std::string_view(one.id))
        .bind(2, std::string_view(one.identity))
        .bind(3, static_cast<std::int64_t>(one.study_seed))
        .bind(4, one.seed_index)
        .run();
  }
  transaction.commit();
}

std::optional<StoredRun> Store::run(const std::string& id) const {
  const std::lock_guard guard(impl_->mutex);
  Query statement(*impl_->database, kSelectRun);
  if (!statement->bind(1, std::string_view(id)).step()) return {};
  return read_run(*statement);
}

std::vector<StoredRun> Store::runs() const {
  const std::lock_guard guard(impl_->mutex);
  Query statement(*impl_->database, kSelectRuns);
  std::vector<StoredRun> found;
  while (statement->step()) found.push_back(read_run(*statement));
  return found;
}

void Store::save(const Progress& progress) { save(std::span(&progress, 1)); }

void Store::save(std::span<const Progress> progress) {
  const std::lock_guard guard(impl_->mutex);
  Transaction transaction(*impl_->database);
  {
    Saver saver(*impl_->database);
    for (const Progress& one : progress) saver.save(one);
  }
  transaction.commit();
}

std::optional<std::vector<std::byte>> Store::checkpoint(const std::string& run) const {
  const std::lock_guard guard(impl_->mutex);
  Query statement(*impl_->database, "SELECT state FROM checkpoints WHERE run = ?");
  if (!statement->bind(1, impl_->number_of(run)).step()) return {};
  return statement->blob(0);
}

std::vector<train::Tensor> Store::weights(const std::string& run) const {
  const std::lock_guard guard(impl_->mutex);
  return impl_->weights(impl_->number_of(run));
}

std::vector<Series> Store::series(const std::string& run) const {
  const std::lock_guard guard(impl_->mutex);
  return impl_->series(impl_->number_of(run));
}

std::map<std::string, std::vector<std::int64_t>> Store::measured_steps(
    const std::string& run) const {
  const std::lock_guard guard(impl_->mutex);
  Query statement(*impl_->database,
                  "SELECT probe, step FROM series "
                  "JOIN measurements ON measurements.series = series.number WHERE run = ?1 "
                  "UNION SELECT probe, step FROM blanks WHERE run = ?1 ORDER BY probe, step");
  statement->bind(1, impl_->number_of(run));
  std::map<std::string, std::vector<std::int64_t>> steps;
  while (statement->step()) steps[statement->text(0)].push_back(statement->integer(1));
  return steps;
}

std::optional<Series> Store::series(const std::string& run, const std::string& probe,
                                    const std::string& name) const {
  const std::lock_guard guard(impl_->mutex);
  Query statement(*impl_->database,
                  "SELECT step, value FROM series "
                  "JOIN measurements ON measurements.series = series.number "
                  "WHERE run = ? AND probe = ? AND name = ? ORDER BY step");
  statement->bind(1, impl_->number_of(run))
      .bind(2, std::string_view(probe))
      .bind(3, std::string_view(name));
  Series found{probe, name, {}, {}};
  while (statement->step()) {
    found.steps.push_back(statement->integer(0));
    found.values.push_back(doubles(statement->blob_view(1)));
  }
  if (found.steps.empty()) return {};
  return found;
}

void Store::add_probes(std::span<const StoredProbe> probes) {
  const std::lock_guard guard(impl_->mutex);
  Transaction transaction(*impl_->database);
  Query statement(*impl_->database,
                  "INSERT OR IGNORE INTO probes (id, kind, settings) VALUES (?, ?, ?)");
  for (const StoredProbe& probe : probes)
    statement->bind(1, std::string_view(probe.id))
        .bind(2, std::string_view(probe.kind))
        .bind(3, std::string_view(probe.settings))
        .run();
  transaction.commit();
}

std::vector<Store::StoredProbe> Store::probes() const {
  const std::lock_guard guard(impl_->mutex);
  Query statement(*impl_->database, "SELECT id, kind, settings FROM probes ORDER BY id");
  std::vector<StoredProbe> found;
  while (statement->step())
    found.push_back({statement->text(0), statement->text(1), statement->text(2)});
  return found;
}

void Store::set_document(const std::string& key, const std::string& text) {
  const std::lock_guard guard(impl_->mutex);
  Transaction transaction(*impl_->database);
  Statement(*impl_->database, "REPLACE INTO documents (key, text) VALUES (?, ?)")
      .bind(1, std::string_view(key))
      .bind(2, std::string_view(text))
      .run();
  transaction.commit();
}

std::optional<std::string> Store::document(const std::string& key) const {
  const std::lock_guard guard(impl_->mutex);
  Query statement(*impl_->database, "SELECT text FROM documents WHERE key = ?");
  if (!statement->bind(1, std::string_view(key)).step()) return {};
  return statement->text(0);
}

std::vector<std::string> Store::document_keys() const {
  const std::lock_guard guard(impl_->mutex);
  Query statement(*impl_->database, "SELECT key FROM documents ORDER BY key");
  std::vector<std::string> keys;
  while (statement->step()) keys.push_back(statement->text(0));
  return keys;
}

std::string Store::sha256() const {
  std::vector<StoredRun> ended;
  for (StoredRun& run : runs())
    if (run.status != train::RunStatus::kRunning) ended.push_back(std::move(run));
  std::ranges::sort(ended, {}, &StoredRun::id);

  // Every part is preceded by its kind, names and sizes: no two stores feed the hash the same
  // bytes.
  Sha256 hash;
  for (const StoredRun& run : ended) {
    hash.update(fmt::format("run {} {} {} {} {} {}\n", run.id, static_cast<int>(run.status),
                            run.step, run.study_seed, run.seed_index, run.identity));
    for (const train::Tensor& tensor : weights(run.id)) {
      hash.update(fmt::format("weight {} {} {} {}\n", tensor.name, Json(tensor.shape).dump(),
                              tensor.is_double ? "float64" : "float32", tensor.bytes.size()));
      hash.update(std::span<const std::byte>(tensor.bytes));
    }
    for (const Series& one : series(run.id)) {
      hash.update(fmt::format("series {} {} {}\n", one.probe, one.name, one.steps.size()));
      for (size_t i = 0; i < one.steps.size(); ++i) {
        hash.update(fmt::format("step {} {}\n", one.steps[i], one.values[i].size()));
        hash.update(std::as_bytes(std::span(one.values[i])));
      }
    }
  }
  return to_hex(hash.digest());
}

}  // namespace iclab::study
