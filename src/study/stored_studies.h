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

/// Their names, in the same order.
std::vector<std::string> study_names(const Store& store);

/// Writes a study's file and overrides into the store, and what its probes are.
void store_study(const Study& study, Store& store);

/// Whether a document of a store is a study.
bool is_study(const std::string& key);

/// Of two such documents the one whose study has all runs of the other: a study may have been extended by seeds, values,
/// steps or probes in one place before the other. Throws Error, which begins with `where`, if each has runs that the other
/// has not.
const std::string& wider_study(const std::string& ours, const std::string& theirs, const std::string& where);

/// The shard, from 0, of a point's run of a seed, among `points` (those with the same runs are one): (point + a seed) mod
/// shards, where a is the least number from `points` on that has no factor in common with `shards`. So the seeds of a point
/// and the points of a seed are spread over all shards, and seeds that are added leave every run where it is.
std::int64_t shard_of(std::int64_t point, std::int64_t seed, std::int64_t points, std::int64_t shards);

/// Which runs of a study a store is for: all, or some shards.
class Portion {
 public:
  Portion() = default;
  explicit Portion(std::vector<std::pair<std::int64_t, std::int64_t>> shards) : shards_(std::move(shards)) {}

  bool is_all() const { return shards_.empty(); }
  bool has(std::int64_t point, std::int64_t seed, std::int64_t points) const;  // as in shard_of
  /// (shard from 0, shards).
  const std::vector<std::pair<std::int64_t, std::int64_t>>& shards() const { return shards_; }

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> shards_;  // none: all
};

/// The number of each point, from 0: points with the same runs have the same one.
std::vector<std::int64_t> point_numbers(const Study& study);

Portion portion_of(const Store& store, const std::string& study);

/// Notes that a shard of a study is run into the store, or the whole of it (shards = 1).
void add_portion(Store& store, const std::string& study, std::int64_t shard, std::int64_t shards);

/// Whether a document of a store says which part of a study it is for.
bool is_portion(const std::string& key);

}  // namespace iclab::study
