// Rows of memory turned into vectors across them. Compiled once per target, in
// iclab::lanes::HWY_NAMESPACE.
#if defined(ICLAB_LANES_TRANSPOSE_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ICLAB_LANES_TRANSPOSE_H_
#undef ICLAB_LANES_TRANSPOSE_H_
#else
#define ICLAB_LANES_TRANSPOSE_H_
#endif

#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// Blocks of 16 bytes, block b from rows[b * step]: Highway's interleaving stays within such blocks.
template <class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const Scalar<D>* const* rows, std::int64_t at,
                                  std::int64_t step) {
  if constexpr (hn::MaxLanes(D()) * sizeof(Scalar<D>) == 16) {
    return hn::LoadU(d, rows[0] + at);
  } else {
    const hn::Half<D> half;
    constexpr std::int64_t kHalfBlocks = hn::MaxLanes(D()) * sizeof(Scalar<D>) / 32;
    return hn::Combine(d, load_blocks(half, rows + kHalfBlocks * step, at, step),
                       load_blocks(half, rows, at, step));
  }
}

/// out(j, lane) = rows[lane][at + j], for the lanes of one vector and as many j as a block holds.
template <class D>
HWY_INLINE void transpose_block(D d, const Scalar<D>* const* rows, std::int64_t at, Scalar<D>* out,
                                std::int64_t out_step) {
  const auto a = load_blocks(d, rows, at, 16 / sizeof(Scalar<D>));
  const auto b = load_blocks(d, rows + 1, at, 16 / sizeof(Scalar<D>));
  if constexpr (sizeof(Scalar<D>) == 8) {
    hn::StoreU(hn::InterleaveLower(d, a, b), d, out);
    hn::StoreU(hn::InterleaveUpper(d, a, b), d, out + out_step);
  } else {
    const auto c = load_blocks(d, rows + 2, at, 4), e = load_blocks(d, rows + 3, at, 4);
    const auto ac_low = hn::InterleaveLower(d, a, c), be_low = hn::InterleaveLower(d, b, e);
    const auto ac_high = hn::InterleaveUpper(d, a, c), be_high = hn::InterleaveUpper(d, b, e);
    hn::StoreU(hn::InterleaveLower(d, ac_low, be_low), d, out);
    hn::StoreU(hn::InterleaveUpper(d, ac_low, be_low), d, out + out_step);
    hn::StoreU(hn::InterleaveLower(d, ac_high, be_high), d, out + 2 * out_step);
    hn::StoreU(hn::InterleaveUpper(d, ac_high, be_high), d, out + 3 * out_step);
  }
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
