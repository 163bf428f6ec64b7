// The tables of kernels that tests compare: those of the instruction sets, and one of half as long vectors.
#pragma once

#include <vector>

#include "lanes/kernels.h"

namespace iclab::lanes {

/// kAvx2Half is AVX2 with vectors of half the width: bits don't depend on the length of a vector, and
/// here every machine can show it.
enum class Target { kAvx2, kAvx512, kAvx2Half };

/// Every target this processor can run.
inline std::vector<Target> targets() {
  std::vector<Target> all{Target::kAvx2, Target::kAvx2Half};
  if (available_instruction_sets().avx512) all.push_back(Target::kAvx512);
  return all;
}

/// Throws iclab::Error if this processor can't run the target.
template <class T>
const Kernels<T>& kernels(Target target);

}  // namespace iclab::lanes
