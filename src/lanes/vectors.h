// What the kernels' files share for each target. Highway compiles this header once per target, in
// iclab::lanes::HWY_NAMESPACE (N_AVX2, N_AVX3); a kernel's file is laid out as sum.cpp shows.
//
// D is a tag of native vectors of T, or of half their length; a kernel takes it as template
// parameter and never assumes how many scalars it holds, only that they divide kLanes.
#if defined(ICLAB_LANES_VECTORS_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ICLAB_LANES_VECTORS_H_
#undef ICLAB_LANES_VECTORS_H_
#else
#define ICLAB_LANES_VECTORS_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "lanes/tables.h"

// Defines add_NAME<T>(table, set), which calls fill_NAME<D>(table) of the instruction set's namespace.
// Used once a file, under HWY_ONCE, in namespace iclab::lanes.
#undef ICLAB_LANES_TABLE
#ifdef ICLAB_LANES_HALF_WIDTH
#define ICLAB_LANES_TABLE(NAME)                                                 \
  template <class T>                                                            \
  void add_half_width_##NAME(Kernels<T>& table) {                               \
    N_AVX2::fill_##NAME<hwy::N_AVX2::Half<hwy::N_AVX2::ScalableTag<T>>>(table); \
  }                                                                             \
  template void add_half_width_##NAME(Kernels<float>&);                         \
  template void add_half_width_##NAME(Kernels<double>&)
#elif !(HWY_TARGETS & HWY_AVX3)
#define ICLAB_LANES_TABLE(NAME)                                    \
  template <class T>                                               \
  void add_##NAME(Kernels<T>& table, InstructionSet) {             \
    N_AVX2::fill_##NAME<hwy::N_AVX2::ScalableTag<T>>(table);       \
  }                                                                \
  template void add_##NAME(Kernels<float>&, InstructionSet);       \
  template void add_##NAME(Kernels<double>&, InstructionSet)
#else
#define ICLAB_LANES_TABLE(NAME)                                         \
  template <class T>                                                    \
  void add_##NAME(Kernels<T>& table, InstructionSet set) {              \
    if (set == InstructionSet::kAvx2)                                   \
      return N_AVX2::fill_##NAME<hwy::N_AVX2::ScalableTag<T>>(table);   \
    return N_AVX3::fill_##NAME<hwy::N_AVX3::ScalableTag<T>>(table);     \
  }                                                                     \
  template void add_##NAME(Kernels<float>&, InstructionSet);            \
  template void add_##NAME(Kernels<double>&, InstructionSet)
#endif

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Scalar = hn::TFromD<D>;

// int32 vectors of as many elements as D's.
template <class D>
using Int32 = hn::Rebind<std::int32_t, D>;

// Vectors that hold one value of 16 lanes.
template <class D>
constexpr int vectors(D d) {
  return kLanes / static_cast<int>(hn::MaxLanes(d));
}

// l + (l+h) for halves h of the vector, until one lane is left.
template <class D>
HWY_INLINE Scalar<D> fold_vector(D /*d*/, hn::Vec<D> x) {
  if constexpr (hn::MaxLanes(D()) == 1) {
    return hn::GetLane(x);
  } else {
    const hn::Half<D> half;
    return fold_vector(half, hn::Add(hn::LowerHalf(half, x), hn::UpperHalf(half, x)));
  }
}

// The 16 lanes at x folded by halves: l + (l+8), then +4, +2, +1.
template <class D>
HWY_INLINE Scalar<D> fold_lanes(D d, const Scalar<D>* x) {
  constexpr int kVectors = vectors(D());
  constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  hn::Vec<D> v[kVectors];
  for (int i = 0; i < kVectors; ++i) v[i] = hn::LoadU(d, x + i * kStep);
  for (int h = kVectors / 2; h >= 1; h /= 2)
    for (int i = 0; i < h; ++i) v[i] = hn::Add(v[i], v[i + h]);
  return fold_vector(d, v[0]);
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
