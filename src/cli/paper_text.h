// A judged paper in a few lines of text.
#pragma once

#include <filesystem>
#include <string>

#include "report/claim.h"

namespace iclab::cli {

/// Title, a line a claim (verdict, checks, cause), the facts and where the page is.
std::string report_text(const report::PaperReport& report, const std::filesystem::path& page);

}  // namespace iclab::cli
