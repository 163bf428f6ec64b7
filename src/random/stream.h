// Keys and counters of the random streams. The generator itself is a kernel (lanes/), chosen by
// measurement: see docs/random.md.
//
// Key = SHA-256(study seed, seed index, purpose, salt), first 128 bits; counter = (step, prompt,
// draw, attempt). A block is four 32-bit words; elements a block gives:
//   float:  uniform 4, normal 4 (two Box-Muller pairs), sign 4, integer 2, categorical 4, alias 2,
//           gamma 1
//   double: uniform 2, normal 2, sign 4, integer 2, categorical 4, alias 2, gamma 1
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "lanes/kernels.h"

namespace iclab::random {

/// What a stream is for; each purpose counts its draws by itself.
enum class Purpose { kTask, kModel, kPrompts, kEvaluation };
const char* name(Purpose purpose);

using Key = std::array<std::uint64_t, 2>;

/// `salt` is empty, or the hash of the run's settings if the study says `independent = true`.
Key make_key(std::uint64_t study_seed, std::uint64_t seed_index, Purpose purpose,
             const std::string& salt = "");

/// Elements that one block of four words gives.
int elements_per_block(lanes::Draw draw, bool is_double);

/// Blocks that `count` elements take: the amount by which a declaration moves the draw number. The
/// same for float and double (the larger of the two), so that precision never shifts a stream.
std::uint32_t blocks_for(lanes::Draw draw, std::int64_t count);

}  // namespace iclab::random
