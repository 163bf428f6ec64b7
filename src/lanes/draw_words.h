// Random words: ARS4x32-7 of Random123 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as
// easy as 1, 2, 3", SC 2011): seven rounds of AES, whose round keys are a Weyl sequence. Why:
// docs/random.md. Compiled once per target, in iclab::lanes::HWY_NAMESPACE.
#if defined(ICLAB_LANES_DRAW_WORDS_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ICLAB_LANES_DRAW_WORDS_H_
#undef ICLAB_LANES_DRAW_WORDS_H_
#else
#define ICLAB_LANES_DRAW_WORDS_H_
#endif

#include <array>

#include "lanes/draw_types.h"
#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

/// out[i] = the blocks at counters whose draw numbers are i*draw_step further.
inline void fill_words(WordBlock* out, int count, const RoundKeys& keys, const Counters& counters,
                       std::uint32_t draw_step) {
  const hn::Full128<std::uint32_t> du;
  const hn::Full128<std::uint64_t> du64;
  const hn::Full128<std::uint8_t> bytes;
  using State = hn::Vec<decltype(bytes)>;

  State key[RoundKeys::kRounds + 1];
  for (int i = 0; i <= RoundKeys::kRounds; ++i)
    key[i] = hn::BitCast(bytes, hn::Load(du64, keys.keys[i].data()));

  auto further = hn::Zero(du);
  alignas(16) const std::uint32_t step_words[4] = {0, 0, draw_step, 0};
  const auto step = hn::Load(du, step_words);
  constexpr int kAtOnce = 8;  // as many states as hide the latency of a round
  for (int block = 0; block < count; ++block) {
    for (int lane = 0; lane < kLanes; lane += kAtOnce) {
      State s[kAtOnce];
#pragma GCC unroll 8
      for (int i = 0; i < kAtOnce; ++i) {
        const auto counter = hn::Add(hn::Load(du, counters.words[lane + i]), further);
        s[i] = hn::Xor(hn::BitCast(bytes, counter), key[0]);
      }
#pragma GCC unroll 8
      for (int round = 1; round < RoundKeys::kRounds; ++round)
#pragma GCC unroll 8
        for (int i = 0; i < kAtOnce; ++i) s[i] = hn::AESRound(s[i], key[round]);
#pragma GCC unroll 8
      for (int i = 0; i < kAtOnce; ++i) s[i] = hn::AESLastRound(s[i], key[RoundKeys::kRounds]);

        // Four lanes of four words become four words of four lanes.
#pragma GCC unroll 8
      for (int i = 0; i < kAtOnce; i += 4) {
        const auto a = hn::BitCast(du, s[i]), b = hn::BitCast(du, s[i + 1]),
                   c = hn::BitCast(du, s[i + 2]), d = hn::BitCast(du, s[i + 3]);
        const auto low_ab = hn::BitCast(du64, hn::InterleaveLower(du, a, b));
        const auto low_cd = hn::BitCast(du64, hn::InterleaveLower(du, c, d));
        const auto high_ab = hn::BitCast(du64, hn::InterleaveUpper(du, a, b));
        const auto high_cd = hn::BitCast(du64, hn::InterleaveUpper(du, c, d));
        auto* words = &out[block].words;
        const auto store = [&](int word, auto x) HWY_ATTR {
          hn::Store(hn::BitCast(du, x), du, (*words)[word] + lane + i);
        };
        store(0, hn::InterleaveLower(du64, low_ab, low_cd));
        store(1, hn::InterleaveUpper(du64, low_ab, low_cd));
        store(2, hn::InterleaveLower(du64, high_ab, high_cd));
        store(3, hn::InterleaveUpper(du64, high_ab, high_cd));
      }
    }
    further = hn::Add(further, step);
  }
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
