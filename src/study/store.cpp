#include "study/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/sha256.h"
#include "study/rows.h"
#include "study/saver.h"
#include "study/schema.h"
#include "study/shards.h"
#include "study/sqlite.h"

namespace iclab::study {
namespace {

using Clock = std::chrono::steady_clock;

// A write that waits for readers lets go of the store in between, so that this process can read it.
constexpr std::chrono::milliseconds kAttempt{250}, kBetweenAttempts{250};
constexpr std::chrono::seconds kTellAfter{2}, kAfterStop{3}, kWithoutStop{60};

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

// Decides whether a write that found the store busy tries again. Several threads may ask.
class Waiting {
 public:
  void set(Patience patience) {
    const std::lock_guard guard(mutex_);
    patience_ = std::move(patience);
    told_ = false;
  }

  /// Waits a little. False: it has waited for long enough.
  bool again(Clock::time_point since) {
    {
      const std::lock_guard guard(mutex_);
      const Clock::time_point now = Clock::now();
      if (patience_.tell && !told_ && now - since >= kTellAfter) {
        told_ = true;
        patience_.tell();
      }
      if (!patience_.stop.stop_possible() && now - since >= kWithoutStop) return false;
      if (patience_.stop.stop_requested()) {
        if (stopped_ == Clock::time_point{}) stopped_ = now;
        if (now - std::max(stopped_, since) >= kAfterStop) return false;
      }
    }
    std::this_thread::sleep_for(kBetweenAttempts);
    return true;
  }

 private:
  std::mutex mutex_;
  Patience patience_;
  bool told_ = false;
  Clock::time_point stopped_{};  // when a stop was first seen
};

std::string checksum_of_text(const std::string& key, const std::string& text) {
  Sha256 hash;
  hash.update(fmt::format("document {} {}\n", key.size(), text.size()));
  return to_hex(hash.update(key).update(text).digest());
}

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

std::size_t bytes_of(const Progress& progress) {
  std::size_t bytes = sizeof progress + progress.state.size() + progress.measured.size() * sizeof(progress.measured[0]);
  for (const train::Tensor& tensor : progress.weights) bytes += sizeof tensor + tensor.bytes.size();
  return bytes;
}

bool same_tensors(const std::vector<train::Tensor>& a, const std::vector<train::Tensor>& b) {
  return std::ranges::equal(a, b, [](const train::Tensor& x, const train::Tensor& y) {
    return x.name == y.name && x.shape == y.shape && x.is_double == y.is_double && x.bytes == y.bytes;
  });
}

struct Store::Impl {
  std::filesystem::path folder;
  std::unique_ptr<WriterLock> lock;
  std::unique_ptr<Database> database;
  mutable std::mutex mutex;
  mutable std::set<std::int64_t> checked;  // runs whose checksum was found right
  mutable Waiting waiting;
  bool is_current = true;  // today's schema: an older one has no checksums

  Impl(const std::filesystem::path& where, Access access) : folder(where) {
    const std::filesystem::path file = folder / "store.sqlite";
    if (access == Access::kRead) {
      require(file);
      database = std::make_unique<Database>(file, Database::Access::kRead);
      is_current = schema_of(*database) == kSchema;
      view_as_current(*database);
      database->execute("PRAGMA query_only = ON");
      return;
    }
    make_folder();
    lock = std::make_unique<WriterLock>(folder);
    database = std::make_unique<Database>(file, Database::Access::kWrite);
    if (database->integer("PRAGMA page_count") == 0) create_tables(*database);
    const bool is_old = schema_of(*database) != kSchema;
    database->execute("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    database->wait_at_most(kAttempt);
    if (is_old) migrate();
  }

  void require(const std::filesystem::path& file) const {
    std::error_code failure;
    if (std::filesystem::exists(file, failure)) return;
    throw Error(fmt::format("{}: no store here (store.sqlite); accepted is a folder that a study was run "
                            "into{}",
                            folder.string(), !shard_folders(folder).empty() ? "; its shards become one store by iclab merge " + folder.string() : ""));
  }

  void make_folder() const {
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure)
      throw Error(fmt::format(
          "{}: the folder cannot be made ({}); accepted is a folder that can be written",
          folder.string(), failure.message()));
  }

  // f, again and again while another program keeps the store from it, as long as patience lasts.
  template <class F>
  auto patiently(F&& f) const {
    const Clock::time_point begin = Clock::now();
    while (true) {
      try {
        const std::lock_guard guard(mutex);
        return f();
      } catch (const Busy&) {
        if (!waiting.again(begin)) throw;
      }
    }
  }

  template <class F>
  void write(F&& f) {
    patiently([&] {
      Transaction transaction(*database);
      f();
      transaction.commit();
    });
  }

  // An older store has no checksums: it gets those of its present content.
  void migrate() {
    write([this] {
      migrate_tables(*database);
      Saver saver(*database);
      for (const StoredRun& run : read_runs(*database)) {
        if (run.has_ended()) note_checksum(saver, run.id);
        saver.seal(run.id);
      }
      for (const auto& [key, text] : all_documents()) set_document(key, text);
    });
  }

  void note_checksum(Saver& saver, const std::string& run) const {
    try {
      saver.note_checksum(run);
    } catch (const Damaged& error) {
      throw Damaged(fmt::format("run {} is damaged: {}; restore the store from a copy", run, error.what()));
    }
  }

  std::vector<std::pair<std::string, std::string>> all_documents() const {
    Query statement(*database, "SELECT key, text FROM documents");
    std::vector<std::pair<std::string, std::string>> found;
    while (statement->step()) found.emplace_back(statement->text(0), statement->text(1));
    return found;
  }

  void set_document(const std::string& key, const std::string& text) const {
    Query statement(*database, "REPLACE INTO documents (key, text, checksum) VALUES (?, ?, ?)");
    statement->bind(1, std::string_view(key))
        .bind(2, std::string_view(text))
        .bind(3, std::string_view(checksum_of_text(key, text)))
        .run();
  }

  // Series of a run, found right where they were not before; none of one that is not there.
  std::vector<Series> series_of(const std::string& id, std::int64_t number) const {
    if (number < 0 || checked.contains(number)) return read_series(*database, number);
    const StoredRun run = *read_run(*database, id);
    std::vector<Series> series = checked_series(*database, run, number);
    if (!run.checksum.empty()) checked.insert(number);
    return series;
  }

  // Reads something of a run whose checksum is found right: all its rows are of one instant.
  template <class F>
  auto read_checked(const std::string& id, F&& read) const {
    return patiently([&] {
      const Transaction instant(*database, Transaction::Purpose::kRead);
      const std::int64_t number = number_of(*database, id);
      if (number >= 0 && !checked.contains(number)) series_of(id, number);
      return read(number);
    });
  }
};

Store::Store(const std::filesystem::path& folder, Access access)
    : impl_(std::make_unique<Impl>(folder, access)) {}

Store::~Store() = default;

void Store::set_patience(Patience patience) { impl_->waiting.set(std::move(patience)); }

const std::filesystem::path& Store::folder() const { return impl_->folder; }

void Store::add_runs(std::span<const StoredRun> runs) {
  impl_->write([&] {
    Query identity(*impl_->database, "INSERT OR IGNORE INTO identities (text) VALUES (?)");
    Query run(*impl_->database,
              "INSERT OR IGNORE INTO runs "
              "(id, identity, study_seed, seed_index, status, step, seconds, error, plan, seal) "
              "VALUES (?, (SELECT number FROM identities WHERE text = ?), ?, ?, 'running', 0, 0, '', '', ?)");
    const std::string* last = nullptr;
    for (const StoredRun& one : runs) {
      if (!last || *last != one.identity) identity->bind(1, std::string_view(one.identity)).run();
      last = &one.identity;
      run->bind(1, std::string_view(one.id))
          .bind(2, std::string_view(one.identity))
          .bind(3, static_cast<std::int64_t>(one.study_seed))
          .bind(4, one.seed_index)
          .bind(5, std::string_view(seal_of(
                       {.id = one.id, .identity = one.identity, .study_seed = one.study_seed, .seed_index = one.seed_index})))
          .run();
    }
  });
}

std::optional<StoredRun> Store::run(const std::string& id) const {
  return impl_->patiently([&] { return read_run(*impl_->database, id); });
}

std::vector<StoredRun> Store::runs() const {
  return impl_->patiently([&] { return read_runs(*impl_->database); });
}

void Store::save(const Progress& progress) { save(std::span(&progress, 1)); }

void Store::save(std::span<const Progress> progress) {
  impl_->write([&] {
    Saver saver(*impl_->database);
    for (const Progress& one : progress) saver.save(one);
  });
}

std::optional<std::vector<std::byte>> Store::checkpoint(const std::string& run) const {
  return impl_->patiently([&]() -> std::optional<std::vector<std::byte>> {
    Query statement(*impl_->database, "SELECT state, checksum FROM checkpoints WHERE run = ?");
    if (!statement->bind(1, number_of(*impl_->database, run)).step()) return {};
    std::vector<std::byte> state = statement->blob(0);
    const std::string checksum = statement->text(1);
    Sha256 hash;
    if (!checksum.empty() && to_hex(hash.update(std::span<const std::byte>(state)).digest()) != checksum)
      throw Damaged(fmt::format("{}: run {} is damaged: its saved state is not what was saved; restore the store from a copy",
                                impl_->database->file().string(), run));
    return state;
  });
}

std::vector<train::Tensor> Store::weights(const std::string& run) const {
  return impl_->read_checked(run, [&](std::int64_t number) { return read_weights(*impl_->database, number); });
}

std::vector<Series> Store::series(const std::string& run) const {
  return impl_->patiently([&] {
    const Transaction instant(*impl_->database, Transaction::Purpose::kRead);
    return impl_->series_of(run, number_of(*impl_->database, run));
  });
}

std::vector<std::pair<std::string, std::int64_t>> Store::blanks(const std::string& run) const {
  return impl_->read_checked(run, [&](std::int64_t number) { return read_blanks(*impl_->database, number); });
}

std::vector<StoredOutput> Store::outputs(const std::string& run) const {
  return impl_->patiently([&] { return read_outputs(*impl_->database, number_of(*impl_->database, run)); });
}

std::map<std::string, std::vector<std::int64_t>> Store::measured_steps(
    const std::string& run) const {
  return impl_->patiently([&] {
    Query statement(*impl_->database,
                    "SELECT probe, step FROM series "
                    "JOIN measurements ON measurements.series = series.number WHERE run = ?1 "
                    "UNION SELECT probe, step FROM blanks WHERE run = ?1 ORDER BY probe, step");
    statement->bind(1, number_of(*impl_->database, run));
    std::map<std::string, std::vector<std::int64_t>> steps;
    while (statement->step()) steps[statement->text(0)].push_back(statement->integer(1));
    return steps;
  });
}

std::optional<Series> Store::series(const std::string& run, const std::string& probe,
                                    const std::string& name) const {
  return impl_->read_checked(run, [&](std::int64_t number) -> std::optional<Series> {
    Query statement(*impl_->database,
                    "SELECT step, value FROM series "
                    "JOIN measurements ON measurements.series = series.number "
                    "WHERE run = ? AND probe = ? AND name = ? ORDER BY step");
    statement->bind(1, number).bind(2, std::string_view(probe)).bind(3, std::string_view(name));
    Series found{probe, name, {}, {}};
    while (statement->step()) {
      found.steps.push_back(statement->integer(0));
      found.values.push_back(doubles(*impl_->database, statement->blob_view(1)));
    }
    if (found.steps.empty()) return {};
    return found;
  });
}

void Store::add_probes(std::span<const StoredProbe> probes) {
  impl_->write([&] {
    Query statement(*impl_->database,
                    "INSERT OR IGNORE INTO probes (id, kind, settings) VALUES (?, ?, ?)");
    for (const StoredProbe& probe : probes)
      statement->bind(1, std::string_view(probe.id))
          .bind(2, std::string_view(probe.kind))
          .bind(3, std::string_view(probe.settings))
          .run();
  });
}

std::vector<Store::StoredProbe> Store::probes() const {
  return impl_->patiently([&] {
    Query statement(*impl_->database, "SELECT id, kind, settings FROM probes ORDER BY id");
    std::vector<StoredProbe> found;
    while (statement->step())
      found.push_back({statement->text(0), statement->text(1), statement->text(2)});
    return found;
  });
}

void Store::set_document(const std::string& key, const std::string& text) {
  impl_->write([&] { impl_->set_document(key, text); });
}

void Store::drop_document(const std::string& key) {
  impl_->write([&] {
    Query statement(*impl_->database, "DELETE FROM documents WHERE key = ?");
    statement->bind(1, std::string_view(key)).run();
  });
}

std::optional<std::string> Store::document(const std::string& key) const {
  return impl_->patiently([&]() -> std::optional<std::string> {
    Query statement(*impl_->database, "SELECT text, checksum FROM documents WHERE key = ?");
    if (!statement->bind(1, std::string_view(key)).step()) return {};
    std::string text = statement->text(0);
    if (const std::string checksum = statement->text(1); !checksum.empty() && checksum != checksum_of_text(key, text))
      throw Damaged(fmt::format("{}: the document '{}' is damaged: it is not what was saved; restore the store from a copy",
                                impl_->database->file().string(), key));
    return text;
  });
}

std::vector<std::string> Store::document_keys() const {
  return impl_->patiently([&] {
    Query statement(*impl_->database, "SELECT key FROM documents ORDER BY key");
    std::vector<std::string> keys;
    while (statement->step()) keys.push_back(statement->text(0));
    return keys;
  });
}

std::string Store::sha256(std::vector<std::string>* damages) const {
  return impl_->patiently([&] {
    const Transaction instant(*impl_->database, Transaction::Purpose::kRead);
    std::vector<StoredRun> ended = read_rows(*impl_->database);
    std::erase_if(ended, [](const StoredRun& run) { return run.status == train::RunStatus::kRunning; });
    std::ranges::sort(ended, {}, &StoredRun::id);
    Sha256 hash;
    for (const StoredRun& run : ended) {
      const std::int64_t number = number_of(*impl_->database, run.id);
      try {
        const std::vector<Series> series = read_series(*impl_->database, number);
        add_to_hash(hash, run, read_weights(*impl_->database, number), series);
        impl_->series_of(run.id, number);
      } catch (const Damaged& error) {
        if (!damages) throw;
        damages->emplace_back(error.what());
      }
    }
    return to_hex(hash.digest());
  });
}

std::vector<std::string> Store::damages(const std::function<void(std::int64_t, std::int64_t)>& done) const {
  std::vector<std::string> found;
  const auto look = [&](auto&& f) {
    try {
      f();
    } catch (const Damaged& error) {
      found.emplace_back(error.what());
    }
  };
  {
    const std::lock_guard guard(impl_->mutex);
    Query statement(*impl_->database, "PRAGMA integrity_check");
    while (statement->step())
      if (const std::string text = statement->text(0); text != "ok")
        found.push_back(fmt::format("{}: the file is damaged: {}", impl_->database->file().string(), text));
  }
  for (const std::string& key : document_keys()) look([&] { (void)document(key); });
  const std::vector<StoredRun> all = impl_->patiently([&] { return read_rows(*impl_->database); });
  for (size_t i = 0; i < all.size(); ++i) {
    if (impl_->is_current && all[i].has_ended() && all[i].checksum.empty())
      found.push_back(fmt::format("{}: run {} is damaged: it has ended and has no checksum",
                                  impl_->database->file().string(), all[i].id));
    look([&] { (void)blanks(all[i].id); });
    look([&] { (void)checkpoint(all[i].id); });
    if (done) done(static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(all.size()));
  }
  return found;
}

}  // namespace iclab::study
