// The page of a study that belongs to no paper: its runs, its series against the step, its file.
#pragma once

#include <filesystem>

#include "report/claim.h"
#include "study/store.h"

namespace iclab::cli {

/// What the page of the studies in a store says: a card a scalar series, with the figure of its
/// medians over seeds and their 95 % intervals. `name` is the folder's.
report::PaperReport study_report(const study::Store& store, const std::string& name);

/// Adds to the wall time that the page tells.
void add_wall_seconds(study::Store& store, double seconds);

}  // namespace iclab::cli
