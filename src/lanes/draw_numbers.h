// Numbers from random words: uniform and normal. Compiled once per target, in
// iclab::lanes::HWY_NAMESPACE.
#if defined(ICLAB_LANES_DRAW_NUMBERS_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ICLAB_LANES_DRAW_NUMBERS_H_
#undef ICLAB_LANES_DRAW_NUMBERS_H_
#else
#define ICLAB_LANES_DRAW_NUMBERS_H_
#endif

#include "lanes/draw_types.h"
#include "lanes/draw_words.h"
#include "lanes/functions.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// ---- numbers from words; N lanes of D, from lane `lane` on ----

template <class D>
using Words = hn::Rebind<std::uint32_t, D>;

template <class D>
HWY_INLINE hn::Vec<Words<D>> load_words(D, const WordBlock& block, int word, int lane) {
  return hn::Load(Words<D>(), block.words[word] + lane);
}

// Words `word` and `word`+1 as one number of 64 bits, the first its lower half. For doubles.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> load_pair(D d, const WordBlock& block, int word,
                                                      int lane) {
  const hn::RebindToUnsigned<D> wide;
  const auto low = hn::PromoteTo(wide, load_words(d, block, word, lane));
  const auto high = hn::PromoteTo(wide, load_words(d, block, word + 1, lane));
  return hn::Or(low, hn::ShiftLeft<32>(high));
}

// (j + 1/2) 2^-b from the b = 23 or 52 upper bits j of x: in (0,1), symmetric about 1/2, exact.
template <class D, class V>
HWY_INLINE hn::Vec<D> open_uniform(D d, V x) {
  const hn::RebindToUnsigned<D> du;
  if constexpr (sizeof(Scalar<D>) == 4) {
    const auto one_to_two = hn::Or(hn::ShiftRight<9>(x), hn::Set(du, 0x3F800000));
    return hn::Sub(hn::BitCast(d, one_to_two), hn::Set(d, 1 - 0x1p-24f));
  } else {
    const auto one_to_two = hn::Or(hn::ShiftRight<12>(x), hn::Set(du, 0x3FF0000000000000));
    return hn::Sub(hn::BitCast(d, one_to_two), hn::Set(d, 1 - 0x1p-53));
  }
}

// ---- Box and Muller: r = sqrt(-2 log u); (r cos, r sin) of a uniform angle ----

// -2 log u for 2^-32 <= u <= 1, to 2 ulp: u = m 2^e with sqrt(1/2) <= m < sqrt(2), and -2 log m =
// f P(f), f = m - 1; P is minimax, relative error 2.6e-8.
template <class D>
HWY_INLINE hn::Vec<D> minus_two_log(D d, hn::Vec<D> u) {
  const hn::RebindToSigned<D> di;
  const auto root_half = hn::Set(di, 0x3F3504F3);
  const auto above = hn::Sub(hn::BitCast(di, u), root_half);
  const auto e = hn::ConvertTo(d, hn::ShiftRight<23>(above));
  const auto m = hn::Add(hn::And(above, hn::Set(di, 0x7FFFFF)), root_half);
  const auto f = hn::Sub(hn::BitCast(d, m), hn::Set(d, 1));
  const auto p = polynomial(d, f, -1.9999999483946564f, 0.99999975960528558f, -0.66668370990050617f,
                            0.50004145616997041f, -0.39913673746381728f, 0.33124840698367527f,
                            -0.29904521672515032f, 0.28733346488081349f, -0.17444357933432575f);
  return hn::MulAdd(f, p, hn::Mul(e, hn::Set(d, -1.3862943611198906f)));
}

// sin(2 pi x) for |x| <= 1/4, to 2 ulp: minimax, relative error 5.3e-9.
template <class D>
HWY_INLINE hn::Vec<D> quick_sine(D d, hn::Vec<D> x) {
  return hn::Mul(x, polynomial(d, hn::Mul(x, x), 6.2831852737917784f, -41.341677478520033f,
                               81.602231252478345f, -76.574992423866084f, 39.710919937344956f));
}

// The angle is an x in [-1/4, 1/4] turns, plus half a turn if the lowest bit of its word says so.
template <class D>
HWY_INLINE void normal_pair(D d, const WordBlock& block, int pair, int lane, hn::Vec<D>& cosine,
                            hn::Vec<D>& sine) {
  hn::Vec<D> r, x, half_turn;
  if constexpr (sizeof(Scalar<D>) == 4) {
    const hn::RebindToSigned<D> di;
    const auto first = load_words(d, block, 2 * pair, lane);
    const auto second = load_words(d, block, 2 * pair + 1, lane);
    // 31 bits: a far tail, up to 6.66, that 23 bits would cut at 5.8.
    const auto whole = hn::ConvertTo(d, hn::BitCast(di, hn::ShiftRight<1>(first)));
    r = minus_two_log(d, hn::MulAdd(whole, hn::Set(d, 0x1p-31f), hn::Set(d, 0x1p-32f)));
    x = hn::Mul(hn::ConvertTo(d, hn::BitCast(di, second)), hn::Set(d, 0x1p-33f));
    half_turn = hn::BitCast(d, hn::ShiftLeft<31>(second));
    cosine = quick_sine(d, hn::Sub(hn::Set(d, 0.25f), hn::Abs(x)));
    sine = quick_sine(d, x);
  } else {
    const auto second = load_pair(d, block, 2, lane);
    const auto u = open_uniform(d, load_pair(d, block, 0, lane));
    r = hn::Mul(hn::Log(d, u), hn::Set(d, -2.0));
    x = hn::Mul(hn::Sub(open_uniform(d, second), hn::Set(d, 0.5)), hn::Set(d, 0.5));
    half_turn = hn::BitCast(d, hn::ShiftLeft<63>(second));
    cosine = sine_of_quarter(d, hn::Sub(hn::Set(d, 0.25), hn::Abs(x)));
    sine = sine_of_quarter(d, x);
  }
  r = hn::Xor(hn::Sqrt(r), half_turn);
  cosine = hn::Mul(cosine, r);
  sine = hn::Mul(sine, r);
}

// ---- where words come from ----

// The fastest source of words that this processor has; their bits are the same. Vectors of half the
// length keep to 128 bits, so that tests compare both.
template <class D>
auto source_of_words() {
  static const bool use_vaes = has_vaes();
  const bool is_half = hn::MaxLanes(D()) < hn::MaxLanes(hn::ScalableTag<Scalar<D>>());
  return use_vaes && !is_half ? &fill_words_vaes : &fill_words;
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
