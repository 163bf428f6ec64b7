// The studies of a store: their files as they were run into it, and which part of their runs it is for.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "study/store.h"
#include "study/study.h"

namespace iclab::study {

/// The studies that were run into a store, in alphabetical order of their names, with their overrides. Throws Error that
/// names the store and the study if its file is damaged, or not accepted by this build.
std::vector<Study> stored_studies(const Store& store);

/// Writes a study's file and overrides into the store, and what its probes are.
void store_study(const Study& study, Store& store);

/// Whether a document of a store is a study; two of them say the same study, wherever their files lay.
bool is_study(const std::string& key);
bool same_study(const std::string& document, const std::string& other);

/// Which runs of a study a store is for: all, or some shards. Run number i (points in order, each with its seeds in order,
/// points with the same runs once) belongs to shard i mod N.
class Portion {
 public:
  Portion() = default;
  explicit Portion(std::vector<std::pair<std::int64_t, std::int64_t>> shards) : shards_(std::move(shards)) {}

  bool is_all() const { return shards_.empty(); }
  bool has(std::int64_t index) const;
  /// (shard from 0, shards).
  const std::vector<std::pair<std::int64_t, std::int64_t>>& shards() const { return shards_; }

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> shards_;  // none: all
};

/// The number of each point's first run.
std::vector<std::int64_t> run_numbers(const Study& study);

Portion portion_of(const Store& store, const std::string& study);

/// Notes that a shard of a study is run into the store, or the whole of it (shards = 1).
void add_portion(Store& store, const std::string& study, std::int64_t shard, std::int64_t shards);

/// Whether a document of a store says which part of a study it is for.
bool is_portion(const std::string& key);

}  // namespace iclab::study
