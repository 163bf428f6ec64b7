// The parameter `angles` of probes on test tasks.
#pragma once

#include <string>
#include <vector>

#include "base/settings.h"

namespace iclab::probes {

/// True if the tests of that name lie at angles: "span" and "outside".
bool has_angles(const std::string& test);

Parameter test_angles();

/// Throws UsageError if there are no angles, or others than by default for a test that has none.
void check_angles(const std::string& probe, const std::string& test, const std::vector<double>& angles);

}  // namespace iclab::probes
