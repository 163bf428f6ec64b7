// What an interval over seeds is, and what it is called: the same in every table and figure.
#pragma once

#include <cstdint>
#include <string>

namespace iclab {

/// From so many seeds on an interval is a bootstrap's; below, it is the range of the single seeds.
inline constexpr std::int64_t kFewSeeds = 5;

/// "95 % interval", "range of 3 seeds", "one seed", or "exact" for 0 seeds.
std::string interval_name(std::int64_t seeds);

}  // namespace iclab
