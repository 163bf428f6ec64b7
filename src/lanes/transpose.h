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

// Scalars of a block: Highway's interleaving stays within blocks of 16 bytes.
template <class D>
constexpr int kBlockOf = static_cast<int>(16 / sizeof(Scalar<D>));

// Block b from row(lane + b * kBlockOf).
template <class D, class Row>
HWY_INLINE hn::Vec<D> load_blocks(D d, const Row& row, int lane) {
  constexpr int kBlocks = static_cast<int>(hn::MaxLanes(D())) / kBlockOf<D>;
  if constexpr (kBlocks == 1) {
    return hn::LoadU(d, row(lane));
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, load_blocks(half, row, lane + kBlocks / 2 * kBlockOf<D>),
                       load_blocks(half, row, lane));
  }
}

// Interleaved as integers: two ports of Intel's processors shuffle those of 32 bytes, one shuffles floats.
template <class D>
HWY_INLINE hn::Vec<D> interleave_lower(D d, hn::Vec<D> x, hn::Vec<D> y) {
  const hn::RebindToUnsigned<D> bits;
  return hn::BitCast(d, hn::InterleaveLower(bits, hn::BitCast(bits, x), hn::BitCast(bits, y)));
}
template <class D>
HWY_INLINE hn::Vec<D> interleave_upper(D d, hn::Vec<D> x, hn::Vec<D> y) {
  const hn::RebindToUnsigned<D> bits;
  return hn::BitCast(d, hn::InterleaveUpper(bits, hn::BitCast(bits, x), hn::BitCast(bits, y)));
}

/// out[j](lane) = row(lane)[j], for the lanes of one vector and the j of a block.
template <class D, class Row>
HWY_INLINE void turn_block(D d, const Row& row, hn::Vec<D>* out) {
  const auto a = load_blocks(d, row, 0), b = load_blocks(d, row, 1);
  if constexpr (kBlockOf<D> == 2) {
    out[0] = interleave_lower(d, a, b);
    out[1] = interleave_upper(d, a, b);
  } else {
    const auto c = load_blocks(d, row, 2), e = load_blocks(d, row, 3);
    const auto ac_low = interleave_lower(d, a, c), be_low = interleave_lower(d, b, e);
    const auto ac_high = interleave_upper(d, a, c), be_high = interleave_upper(d, b, e);
    out[0] = interleave_lower(d, ac_low, be_low);
    out[1] = interleave_upper(d, ac_low, be_low);
    out[2] = interleave_lower(d, ac_high, be_high);
    out[3] = interleave_upper(d, ac_high, be_high);
  }
}

/// out(j, lane) = rows[lane][at + j] likewise.
template <class D>
HWY_INLINE void transpose_block(D d, const Scalar<D>* const* rows, std::int64_t at, Scalar<D>* out,
                                std::int64_t out_step) {
  hn::Vec<D> turned[kBlockOf<D>];
  turn_block(d, [&](int lane) { return rows[lane] + at; }, turned);
#pragma GCC unroll 4
  for (int j = 0; j < kBlockOf<D>; ++j) hn::StoreU(turned[j], d, out + j * out_step);
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
