#include "lanes/peak.h"

#include <algorithm>
#include <chrono>

namespace iclab::lanes {
namespace {

constexpr int kBursts = 200;
constexpr long kSteps = 20000;
constexpr int kChains = 12;  // two fma a cycle of latency four or five, and some to spare

// In assembly, as compilers make one chain of equal ones.
#define ICLAB_FMA(REGISTER, CHAIN) \
  "vfmadd231ps %%" REGISTER "12, %%" REGISTER "13, %%" REGISTER CHAIN "\n"
#define ICLAB_BURST(REGISTER)                                                                       \
  asm volatile(                                                                                     \
      "vzeroall\n1:\n" ICLAB_FMA(REGISTER, "0") ICLAB_FMA(REGISTER, "1") ICLAB_FMA(REGISTER, "2")   \
          ICLAB_FMA(REGISTER, "3") ICLAB_FMA(REGISTER, "4") ICLAB_FMA(REGISTER, "5")                \
              ICLAB_FMA(REGISTER, "6") ICLAB_FMA(REGISTER, "7") ICLAB_FMA(REGISTER, "8")            \
                  ICLAB_FMA(REGISTER, "9") ICLAB_FMA(REGISTER, "10") ICLAB_FMA(REGISTER, "11")      \
      "dec %0\njnz 1b\nvzeroupper\n"                                                                \
      : "+r"(left)                                                                                  \
      :                                                                                             \
      : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",    \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc")

void burst(InstructionSet set) {
  long left = kSteps;
  if (set == InstructionSet::kAvx512)
    ICLAB_BURST("zmm");
  else
    ICLAB_BURST("ymm");
}
#undef ICLAB_BURST
#undef ICLAB_FMA

}  // namespace

double measure_peak(InstructionSet set) {
  const double vector = set == InstructionSet::kAvx512 ? 16 : 8;
  double best = 0;
  for (int i = 0; i < kBursts; ++i) {
    const auto start = std::chrono::steady_clock::now();
    burst(set);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, kChains * 2 * vector * kSteps / seconds.count());
  }
  return best;
}

}  // namespace iclab::lanes
