// The pages: one self-contained HTML file a paper, and an index over papers.
#pragma once

#include <filesystem>
#include <span>

#include "report/claim.h"

namespace iclab::report {

/// Writes OUT/PAPER/index.html, OUT/PAPER/claims.json and OUT/PAPER/figures/NAME.vl.json, NAME.csv.
/// Every file is written under a temporary name and renamed: a reader never sees half a page.
/// Returns the page's path. Throws Error (unwritable folder, full disk; two figures of one name).
std::filesystem::path write_page(const PaperReport& report, const std::filesystem::path& out);

/// Writes OUT/index.html: a row a paper, a cell a claim. Returns its path. Throws Error.
std::filesystem::path write_index(std::span<const PaperReport> reports,
                                  const std::filesystem::path& out);

}  // namespace iclab::report
