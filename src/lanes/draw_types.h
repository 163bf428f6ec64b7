// What the sources of random words share: blocks of words, counters, round keys.
#pragma once

#include <array>
#include <cstdint>

#include "lanes/kernels.h"

namespace iclab::lanes {

/// A block of four words for each of 16 counters.
struct alignas(64) WordBlock {
  std::uint32_t words[4][kLanes];
};

/// Counters of 16 blocks: (step, prompt, draw, attempt).
struct alignas(64) Counters {
  void set(std::uint32_t lane, std::uint32_t step, std::uint32_t prompt, std::uint32_t draw) {
    words[lane][0] = step;
    words[lane][1] = prompt;
    words[lane][2] = draw;
    words[lane][3] = 0;
  }

  std::uint32_t words[kLanes][4];
};

/// The round keys of ARS4x32-7: the key, then a Weyl sequence from it.
struct RoundKeys {
  static constexpr int kRounds = 7;

  explicit RoundKeys(std::array<std::uint64_t, 2> key) {
    // Golden ratio and sqrt(3) - 1, in units of 2^-64: ars.h of Random123.
    constexpr std::array<std::uint64_t, 2> kWeyl{0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B};
    for (auto& round_key : keys) {
      round_key = key;
      for (size_t i = 0; i < 2; ++i) key[i] += kWeyl[i];
    }
  }

  alignas(16) std::array<std::array<std::uint64_t, 2>, kRounds + 1> keys;
};

/// out[i] = the blocks at counters whose draw numbers are i*draw_step further, on processors with
/// VAES.
void fill_words_vaes(WordBlock* out, int count, const RoundKeys& keys, const Counters& counters,
                     std::uint32_t draw_step);
bool has_vaes();

}  // namespace iclab::lanes
