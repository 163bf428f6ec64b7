// Evaluation sets are the same prompts at every step: their integers (which items, which copy) are stored rather than
// drawn again.
#pragma once

#include <span>
#include <vector>

#include "program/places.h"

namespace iclab::program {

struct Kept {
  std::vector<int> values;     // integers of each prompt that are stored, each with a buffer of its own
  std::vector<bool> is_known;  // by node: computed only where they are not stored yet
};

/// What does not change while the same prompts are run again: integers that depend on fixed draws and on what is drawn
/// once a run alone. Large ones, of more than 4 kB a prompt or 16 MB a batch, are computed again.
Kept find_kept(const Program& program, const std::vector<bool>& is_live, const std::vector<Place>& places,
               std::span<const int> outputs, std::int64_t batch);

}  // namespace iclab::program
