// What the tables of a store say of one run, and the checksum over it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "study/sqlite.h"
#include "study/store.h"

namespace iclab::study {

/// Where a run stands in its store: its row's number; -1 if there is no such run.
std::int64_t number_of(Database& database, const std::string& run);

/// A run's row as it is.
std::optional<StoredRun> read_row(Database& database, const std::string& id);
/// These throw Damaged if a row is not what was saved.
std::optional<StoredRun> read_run(Database& database, const std::string& id);
std::vector<StoredRun> read_runs(Database& database);  // in the order in which they were added
std::vector<StoredRun> read_rows(Database& database);  // the same, as they are

/// The hash of a run's row as it is now. Kept beside the row, it tells every reading whether that is what was saved.
std::string seal_of(const StoredRun& run);
std::vector<StoredOutput> read_outputs(Database& database, std::int64_t run);  // by probe, name
std::vector<Series> read_series(Database& database, std::int64_t run);  // by probe, name, step
/// Throws Damaged if a shape is none, or does not fit the bytes.
std::vector<train::Tensor> read_weights(Database& database, std::int64_t run);
/// (ProbeSpec::id, step) that were due and gave no finite number.
std::vector<std::pair<std::string, std::int64_t>> read_blanks(Database& database, std::int64_t run);

/// Numbers of a measurement as they are stored. Throws Damaged if the bytes are no whole numbers of doubles.
std::vector<double> doubles(const Database& database, std::span<const std::byte> bytes);

/// Adds a run's settings, end, weights and series: what of it may not change. Every part is preceded by its kind, names
/// and sizes, so that no two runs feed the hash the same bytes.
void add_to_hash(Sha256& hash, const StoredRun& run, const std::vector<train::Tensor>& weights,
                 const std::vector<Series>& series);

/// The checksum of a run as its rows are now: over everything that add_to_hash takes, and its blanks. `series` are the
/// run's own.
std::string checksum_of(Database& database, const StoredRun& run, std::int64_t number, const std::vector<Series>& series);

}  // namespace iclab::study
