// Writes what a run has to save into the tables of a store, within the caller's transaction.
#pragma once

#include "study/rows.h"
#include "study/sqlite.h"
#include "study/store.h"

namespace iclab::study {

/// Statements are prepared once for all that one transaction saves.
class Saver {
 public:
  explicit Saver(Database& database) : database_(database) {}

  /// Throws Error if the store has no such run or measured the same step with other values, Damaged if an ended run is
  /// not as its checksum says.
  void save(const Progress& progress);

  /// Notes the checksum of an ended run as its rows are now.
  void note_checksum(const std::string& run);

  /// Seals a run's row as it is now: the last thing to do of a run.
  void seal(const std::string& run);

 private:
  std::int64_t update_run(const Progress& progress);
  void save_results(std::int64_t run, const Progress& progress);
  void save_outputs(std::int64_t run, const std::vector<StoredOutput>& outputs);
  void save_state(std::int64_t run, const std::vector<std::byte>& state);
  void save_weights(std::int64_t run, const std::vector<train::Tensor>& weights);
  void save_measurements(std::int64_t run, const Progress& progress);
  std::int64_t series_number(std::int64_t run, const std::string& probe, const std::string& name);
  void save_value(std::int64_t series, const train::Measurement& measurement, std::span<const std::byte> bytes);

  Database& database_;
  Statement update_{database_,
                    "UPDATE runs SET status = ?, step = ?, seconds = ?, error = '', plan = ?, cause = ? "
                    "WHERE number = ?"};
  Statement fail_{database_, "UPDATE runs SET status = 'failed', error = ? WHERE number = ?"};
  Statement checksum_{database_, "UPDATE runs SET checksum = ? WHERE number = ?"};
  Statement seal_{database_, "UPDATE runs SET seal = ? WHERE number = ?"};
  Statement output_{database_,
                    "INSERT INTO series (run, probe, name, elements) VALUES (?1, ?2, ?3, ?4) "
                    "ON CONFLICT (run, probe, name) DO UPDATE SET elements = ?4"};
  Statement checkpoint_{database_, "REPLACE INTO checkpoints (run, state, checksum) VALUES (?, ?, ?)"};
  Statement clear_weights_{database_, "DELETE FROM weights WHERE run = ?"};
  Statement weight_{database_,
                    "INSERT INTO weights (run, position, name, shape, precision, data) "
                    "VALUES (?, ?, ?, ?, ?, ?)"};
  Statement add_series_{database_, "INSERT OR IGNORE INTO series (run, probe, name) VALUES (?, ?, ?)"};
  Statement find_series_{database_, "SELECT number FROM series WHERE run = ? AND probe = ? AND name = ?"};
  Statement find_value_{database_, "SELECT value FROM measurements WHERE series = ? AND step = ?"};
  Statement value_{database_, "INSERT INTO measurements (series, step, value) VALUES (?, ?, ?)"};
  Statement blank_{database_, "INSERT OR IGNORE INTO blanks (run, probe, step) VALUES (?, ?, ?)"};
};

/// The series of a run. Throws Damaged, which names the run, if it has ended and is not as its checksum says.
std::vector<Series> checked_series(Database& database, const StoredRun& run, std::int64_t number);

}  // namespace iclab::study
