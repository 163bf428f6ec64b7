#include "random/stream.h"

#include <bit>
#include <cstring>
#include <span>

#include "base/sha256.h"

namespace iclab::random {
namespace {

static_assert(std::endian::native == std::endian::little, "keys are hashes of little-endian words");

}  // namespace

const char* name(Purpose purpose) {
  switch (purpose) {
    case Purpose::kTask:
      return "task";
    case Purpose::kModel:
      return "model";
    case Purpose::kPrompts:
      return "prompts";
    case Purpose::kEvaluation:
      break;
  }
  return "evaluation";
}

Key make_key(std::uint64_t study_seed, std::uint64_t seed_index, Purpose purpose,
             const std::string& salt) {
  const std::array<std::uint64_t, 2> seeds{study_seed, seed_index};
  Sha256 hash;
  hash.update(std::as_bytes(std::span(seeds)));
  hash.update(name(purpose)).update(std::string_view("\0", 1)).update(salt);
  const Digest digest = hash.digest();
  Key key;
  std::memcpy(key.data(), digest.data(), sizeof(key));
  return key;
}

int elements_per_block(lanes::Draw draw, bool is_double) {
  switch (draw) {
    case lanes::Draw::kUniform:
    case lanes::Draw::kNormal:
      return is_double ? 2 : 4;
    case lanes::Draw::kInteger:
    case lanes::Draw::kAlias:
      return 2;
    case lanes::Draw::kGamma:
      return 1;
    case lanes::Draw::kSign:
    case lanes::Draw::kCategorical:
    case lanes::Draw::kCount:
      break;
  }
  return 4;
}

std::uint32_t blocks_for(lanes::Draw draw, std::int64_t count) {
  const int per_block = elements_per_block(draw, true);  // never more than for float
  return static_cast<std::uint32_t>((count + per_block - 1) / per_block);
}

}  // namespace iclab::random
