// What an interval over seeds is, and what it is called: the same in every table and figure.
#pragma once

#include <cstdint>
#include <string>

namespace iclab {

/// With this many seeds or more an interval is a bootstrap's; with fewer it is the range of the single seeds.
inline constexpr std::int64_t kFewSeeds = 5;

/// "95 % interval", "range of 3 seeds", "one seed", or "exact" for 0 seeds.
std::string interval_name(std::int64_t seeds);

}  // namespace iclab
