#include "base/seeds.h"

#include <fmt/format.h>

namespace iclab {

std::string interval_name(std::int64_t seeds) {
  if (seeds <= 0) return "exact";
  if (seeds == 1) return "one seed";
  return seeds < kFewSeeds ? fmt::format("range of {} seeds", seeds) : "95 % interval";
}

}  // namespace iclab
