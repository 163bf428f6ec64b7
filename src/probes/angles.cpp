#include "probes/angles.h"

#include <fmt/format.h>

#include "base/error.h"

namespace iclab::probes {
namespace {

const std::vector<double> kDefault{0, 15, 30, 45, 60, 75, 90};

}  // namespace

bool has_angles(const std::string& test) { return test == "span" || test == "outside"; }

Parameter test_angles() {
  Parameter angles{.name = "angles", .kind = Kind::kReals, .help = "angles in degrees, for tests span and outside"};
  angles.fallback = kDefault;
  return angles;
}

void check_angles(const std::string& probe, const std::string& test, const std::vector<double>& angles) {
  if (angles.empty()) throw UsageError(fmt::format("probe '{}': angles is empty; accepted is at least one", probe));
  if (!has_angles(test) && angles != kDefault)
    throw UsageError(fmt::format("probe '{}': found angles with test '{}', accepted are angles with the tests 'span' and "
                                 "'outside'", probe, test));
}

}  // namespace iclab::probes
