// ARS4x32-7 with two counters in a vector of 256 bits, for processors with VAES: the words of
// draw_words.h in 0.21 ns each, where 128 bits take 0.34 (Zen 3). Highway 1.0.3 has no such target
// between AVX2 and AVX-512, so these are intrinsics.
#include <cpuid.h>
#include <immintrin.h>

#include "lanes/draw_types.h"

namespace iclab::lanes {

// clang 14's __builtin_cpu_supports does not know "vaes": bit 9 of ecx of leaf 7.
bool has_vaes() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 9 & 1);
}

__attribute__((target("avx2,vaes"))) void fill_words_vaes(WordBlock* out, int count,
                                                          const RoundKeys& keys,
                                                          const Counters& counters,
                                                          std::uint32_t draw_step) {
  constexpr int kRounds = RoundKeys::kRounds;
  constexpr int kStates = kLanes / 2;  // of two counters, lanes i and i + 4: they hide the latency of a round
  __m256i key[kRounds + 1];
  for (size_t i = 0; i <= kRounds; ++i)
    key[i] = _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(keys.keys[i].data())));
  __m256i start[kLanes / 2];
  for (int i = 0; i < kLanes / 2; ++i) {
    const auto* lane = reinterpret_cast<const __m128i*>(counters.words[i / 4 * 8 + i % 4]);
    start[i] = _mm256_set_m128i(_mm_load_si128(lane + 4), _mm_load_si128(lane));
  }

  const auto step_word = static_cast<int>(draw_step);
  const __m256i step = _mm256_setr_epi32(0, 0, step_word, 0, 0, 0, step_word, 0);
  __m256i further = _mm256_setzero_si256();
  for (int block = 0; block < count; ++block) {
    __m256i s[kStates];
#pragma GCC unroll 8
    for (int i = 0; i < kStates; ++i)
      s[i] = _mm256_xor_si256(_mm256_add_epi32(start[i], further), key[0]);
#pragma GCC unroll 8
    for (int round = 1; round < kRounds; ++round)
#pragma GCC unroll 8
      for (int i = 0; i < kStates; ++i) s[i] = _mm256_aesenc_epi128(s[i], key[round]);
#pragma GCC unroll 8
    for (int i = 0; i < kStates; ++i) s[i] = _mm256_aesenclast_epi128(s[i], key[kRounds]);

    // Eight lanes of four words become four words of eight lanes.
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const __m256i* of = s + half * 4;
      const __m256i low_01 = _mm256_unpacklo_epi32(of[0], of[1]);
      const __m256i low_23 = _mm256_unpacklo_epi32(of[2], of[3]);
      const __m256i high_01 = _mm256_unpackhi_epi32(of[0], of[1]);
      const __m256i high_23 = _mm256_unpackhi_epi32(of[2], of[3]);
      const __m256i words[4] = {
          _mm256_unpacklo_epi64(low_01, low_23), _mm256_unpackhi_epi64(low_01, low_23),
          _mm256_unpacklo_epi64(high_01, high_23), _mm256_unpackhi_epi64(high_01, high_23)};
#pragma GCC unroll 4
      for (int word = 0; word < 4; ++word)
        _mm256_store_si256(reinterpret_cast<__m256i*>(out[block].words[word] + half * 8),
                           words[word]);
    }
    further = _mm256_add_epi32(further, step);
  }
}

}  // namespace iclab::lanes
