// Joins stores: the shards of a study, or what a process could not write into its own store at its end.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "study/store.h"

namespace iclab::study {

/// What became of the runs of a store that was merged into another.
struct Merged {
  std::int64_t added = 0;     // were not there
  std::int64_t advanced = 0;  // were there at an earlier step
  std::int64_t known = 0;     // were there as far, or farther
};

/// Puts the runs of `from` into `into`, with their states, weights, series, probes and documents. What both have must
/// agree bit for bit; of two states of a run the later one is kept, of two files of a study the wider one. Merging again
/// changes nothing, and a merge that was interrupted is completed by another. Throws Error: studies of one name that do not
/// go together, weights or a measurement that differ; Damaged.
Merged merge(Store& into, const Store& from, const std::function<void(std::int64_t, std::int64_t)>& done = {});

/// Throws the Error that merging one of these stores after another would throw of their studies, before anything is
/// written.
void check_studies(const Store& into, std::span<const Store* const> from);

}  // namespace iclab::study
