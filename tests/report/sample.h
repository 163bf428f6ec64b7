// A report with invented numbers in the shape of real ones: it exercises the page, it measures
// nothing.
#pragma once

#include "report/claim.h"

namespace iclab::report {

/// Every verdict, outcome and kind of figure; texts with characters that HTML, CSV and scripts
/// escape.
PaperReport sample_report();

}  // namespace iclab::report
