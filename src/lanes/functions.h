// Functions of vectors: Highway's contrib/math with special values put right, and our own erf,
// power, sine and cosine in turns. Compiled once per target, in iclab::lanes::HWY_NAMESPACE; the
// bits are the same on every target, since only exactly rounded operations are used. Never libm.
//
// Greatest errors seen in 10^6 arguments a range, in units in the last place (functions_test.cpp
// bounds them), and ns a scalar on one AMD Zen core with AVX2, out of L3:
//            exp        expm1      log        log1p      tanh       erf        power      in turns
//   float    1.0, 1.2   3.5, 1.3   0.9, 0.8   2.4, 0.8   2.8, 1.2   1.4, 1.6   0.5, 7     2.4, 0.4
//   double   1.0, 2.1   3.9, 2.3   0.9, 2.0   2.4, 2.1   3.1, 2.9   1.6, 5.5   1.5, 8     2.4, 1.2
//
// NaN gives NaN. Results below the smallest normal number lose accuracy, or are 0 under
// FlushDenormals.
#if defined(ICLAB_LANES_FUNCTIONS_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ICLAB_LANES_FUNCTIONS_H_
#undef ICLAB_LANES_FUNCTIONS_H_
#else
#define ICLAB_LANES_FUNCTIONS_H_
#endif

#include <cstdint>
#include <limits>

#include "hwy/contrib/math/math-inl.h"
#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

template <class D>
HWY_INLINE hn::Vec<D> infinity(D d) {
  return hn::Set(d, std::numeric_limits<Scalar<D>>::infinity());
}
template <class D>
HWY_INLINE hn::Vec<D> not_a_number(D d) {
  return hn::Set(d, std::numeric_limits<Scalar<D>>::quiet_NaN());
}

// c0 + c1 x + c2 x^2 + ... by Horner's rule.
template <class D>
HWY_INLINE hn::Vec<D> polynomial(D d, hn::Vec<D> /*x*/, Scalar<D> c0) {
  return hn::Set(d, c0);
}
template <class D, class... More>
HWY_INLINE hn::Vec<D> polynomial(D d, hn::Vec<D> x, Scalar<D> c0, More... more) {
  return hn::MulAdd(polynomial(d, x, static_cast<Scalar<D>>(more)...), x, hn::Set(d, c0));
}

// The number in D's precision.
template <class D>
constexpr Scalar<D> pick(D /*d*/, float for_float, double for_double) {
  if constexpr (sizeof(Scalar<D>) == 4)
    return for_float;
  else
    return for_double;
}

// ---- exp, expm1 ----

// The largest x whose exponential is finite.
template <class D>
HWY_INLINE hn::Vec<D> exp_limit(D d) {
  return hn::Set(d, pick(d, 88.72283935546875f, 709.782712893384));
}

/// e^x; inf above the range, 0 below.
template <class D>
HWY_INLINE hn::Vec<D> exp(D d, hn::Vec<D> x) {
  // Beyond the limit and for NaN, x + inf is the answer.
  return hn::IfThenElse(hn::Le(x, exp_limit(d)), hn::Exp(d, x), hn::Add(x, infinity(d)));
}

/// e^x - 1; keeps the sign of zero, expm1(-inf) = -1.
template <class D>
HWY_INLINE hn::Vec<D> expm1(D d, hn::Vec<D> x) {
  const auto finite = hn::Le(x, exp_limit(d));
  const auto y = hn::IfThenElse(finite, hn::Expm1(d, x), hn::Add(x, infinity(d)));
  return hn::CopySign(y, x);
}

// ---- log, log1p ----

// y where 0 < x < inf; else log x: -inf at 0, NaN below, inf at inf.
template <class D>
HWY_INLINE hn::Vec<D> log_specials(D d, hn::Vec<D> x, hn::Vec<D> y) {
  const auto zero = hn::Zero(d);
  const auto below = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinity(d)), not_a_number(d));
  const auto special = hn::IfThenElse(hn::Le(x, zero), below, x);
  return hn::IfThenElse(hn::And(hn::Gt(x, zero), hn::Lt(x, infinity(d))), y, special);
}

/// log x; log 0 = -inf, NaN below.
template <class D>
HWY_INLINE hn::Vec<D> log(D d, hn::Vec<D> x) {
  return log_specials(d, x, hn::Log(d, x));
}

/// log(1 + x); log1p(-1) = -inf, NaN below; keeps the sign of zero.
template <class D>
HWY_INLINE hn::Vec<D> log1p(D d, hn::Vec<D> x) {
  return log_specials(d, hn::Add(x, hn::Set(d, 1)), hn::Log1p(d, x));
}

// ---- tanh, erf ----

/// tanh x; +-1 at +-inf.
template <class D>
HWY_INLINE hn::Vec<D> tanh(D d, hn::Vec<D> x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Tanh(d, x));
}

/// erf x; +-1 at +-inf.
/// |x| < 1: (2/sqrt(pi)) x + x^3 P(x^2). Above: 1 - exp(-R(|x| - 2)), R a polynomial for -log erfc.
template <class D>
HWY_INLINE hn::Vec<D> erf(D d, hn::Vec<D> x) {
  const auto one = hn::Set(d, 1);
  const auto a = hn::Min(hn::Abs(x), hn::Set(d, pick(d, 4.0f, 6.0)));  // erf = 1 from here on
  const auto s = hn::Mul(a, a), t = hn::Sub(a, hn::Set(d, 2));
  hn::Vec<D> p, r;
  if constexpr (sizeof(Scalar<D>) == 4) {
    p = polynomial(d, s, -0.37612629892010097f, 0.11283618031652208f, -0.02685494332162605f,
                   0.005190218123354945f, -0.0008025356062761388f, 7.900641146089329e-05f);
    r = polynomial(d, t, 5.364941045752888f, 4.418159381280575f, 0.9237534842226924f,
                   0.0164880392632702f, -0.0035438926144421897f, 0.0007114398274701024f,
                   -0.00018626083726605368f);
  } else {
    p = polynomial(d, s, -0.3761263890318375, 0.11283791670954908, -0.026866170645080078,
                   0.005223977624838268, -0.0008548326981573122, 0.0001205533112802931,
                   -1.4925595477889456e-05, 1.6461001685816977e-06, -1.6350307725726555e-07,
                   1.4659648811730421e-08, -1.1372075194418958e-09, 5.955481162384701e-11);
    r = polynomial(d, t, 5.364941264616636, 4.418160805994414, 0.9237508418239496,
                   0.016465118137378436, -0.0035707563479415194, 0.0007323993779765228,
                   -0.00013530933006012633, 2.0706470864656315e-05, -1.952188848346245e-06,
                   -2.0372813388825964e-07, 1.7317453985834283e-07, -5.769499439161728e-08,
                   1.3987668865825564e-08, -2.6101903258840445e-09, 2.579452827107671e-10,
                   7.157725162520558e-11, -3.683969994261146e-11, 4.909446917349163e-12);
  }
  // 2/sqrt(pi), whose rest p takes along.
  const auto c = hn::Set(d, pick(d, 1.1283792f, 1.1283791670955126));
  const auto rest = hn::Set(d, pick(d, -5.8635383e-08f, 1.533545961316588e-17));
  const auto small = hn::MulAdd(a, c, hn::Mul(a, hn::MulAdd(s, p, rest)));
  const auto large = hn::Sub(one, hn::Exp(d, hn::Neg(r)));
  const auto y = hn::CopySign(hn::IfThenElse(hn::Lt(a, one), small, large), x);
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

// ---- sine and cosine in turns ----

// sin(2 pi u) for |u| <= 1/4: 2 pi u + u^3 P(u^2). May be above 1 by a unit in the last place.
template <class D>
HWY_INLINE hn::Vec<D> sine_of_quarter(D d, hn::Vec<D> u) {
  const auto s = hn::Mul(u, u);
  hn::Vec<D> p;
  if constexpr (sizeof(Scalar<D>) == 4)
    // Minimax has 39.7722 at the end; so the sine of a quarter is 1.
    p = polynomial(d, s, -41.341684639300716f, 81.60264009953849f, -76.58364823492764f, 39.7757f);
  else
    p = polynomial(d, s, -41.341702240399755, 81.60524927607369, -76.70585975282748,
                   42.058693925314834, -15.094641666274843, 3.8199278305315567, -0.7177306402607776,
                   0.10088266639612313);
  // 2 pi, whose rest p takes along.
  const auto c = hn::Set(d, pick(d, 6.2831855f, 6.283185307179586));
  const auto rest = hn::Set(d, pick(d, -1.7484556e-07f, 2.4492935982947064e-16));
  return hn::MulAdd(u, c, hn::Mul(u, hn::MulAdd(s, p, rest)));
}

// |x| less its nearest whole number: in [-1/2, 1/2], exact.
template <class D>
HWY_INLINE hn::Vec<D> fraction_of_turn(D /*d*/, hn::Vec<D> x) {
  const auto a = hn::Abs(x);
  return hn::Sub(a, hn::Round(a));
}

// Keeps NaN, as hn::Min does not.
template <class D>
HWY_INLINE hn::Vec<D> at_most_one(D d, hn::Vec<D> y) {
  const auto one = hn::Set(d, 1);
  return hn::IfThenElse(hn::Gt(y, one), one, y);
}

/// sin(2 pi x), odd to the bit, in [-1, 1]; NaN at +-inf.
template <class D>
HWY_INLINE hn::Vec<D> sin_turns(D d, hn::Vec<D> x) {
  const auto t = fraction_of_turn(d, x);
  const auto a = hn::Abs(t);
  const auto y = sine_of_quarter(d, hn::Min(a, hn::Sub(hn::Set(d, 0.5f), a)));
  const auto sign = hn::And(hn::Xor(t, x), hn::SignBit(d));
  return hn::Xor(at_most_one(d, y), sign);
}

/// cos(2 pi x), even to the bit, in [-1, 1]; NaN at +-inf.
template <class D>
HWY_INLINE hn::Vec<D> cos_turns(D d, hn::Vec<D> x) {
  const auto t = hn::Abs(fraction_of_turn(d, x));
  return at_most_one(d, sine_of_quarter(d, hn::Sub(hn::Set(d, 0.25f), t)));
}

// ---- power ----

// log a = hi + lo to about 2^-65, for 0 < a < inf; a = m 2^e with sqrt(1/2) <= m < sqrt(2) and
// log m = 2 atanh z, z = (m-1)/(m+1). For doubles.
template <class D>
HWY_INLINE void log_in_two_parts(D d, hn::Vec<D> a, hn::Vec<D>& hi, hn::Vec<D>& lo) {
  const hn::RebindToSigned<D> di;
  const hn::RebindToUnsigned<D> du;
  const auto one = hn::Set(d, 1.0);

  const auto subnormal = hn::Lt(a, hn::Set(d, 0x1p-1022));
  a = hn::IfThenElse(subnormal, hn::Mul(a, hn::Set(d, 0x1p54)), a);

  constexpr std::int64_t kRootHalf = 0x3FE6A09E667F3BCD, kAboveMantissa = -0x10000000000000;
  const auto bits = hn::BitCast(di, a);
  const auto shifted = hn::Sub(bits, hn::Set(di, kRootHalf));
  const auto m = hn::BitCast(d, hn::Sub(bits, hn::And(shifted, hn::Set(di, kAboveMantissa))));
  const auto biased = hn::Add(shifted, hn::Set(di, 0x3FF0000000000000));
  const auto whole =
      hn::Sub(hn::BitCast(di, hn::ShiftRight<52>(hn::BitCast(du, biased))), hn::Set(di, 0x3FF));
  const auto e = hn::Sub(hn::ConvertTo(d, whole), hn::IfThenElseZero(subnormal, hn::Set(d, 54.0)));

  // z + z_lo = f / (g + g_lo), exact to twice the precision; likewise z^2 and z^3.
  const auto f = hn::Sub(m, one), g = hn::Add(m, one), g_lo = hn::Sub(m, hn::Sub(g, one));
  const auto z = hn::Div(f, g);
  const auto z_lo = hn::Div(hn::NegMulAdd(z, g_lo, hn::NegMulAdd(z, g, f)), g);
  const auto z2 = hn::Mul(z, z);
  const auto z2_lo = hn::MulAdd(hn::Add(z, z), z_lo, hn::MulSub(z, z, z2));
  const auto z3 = hn::Mul(z, z2);
  const auto z3_lo = hn::MulAdd(z, z2_lo, hn::MulAdd(z_lo, z2, hn::MulSub(z, z2, z3)));

  // 2 z + 2/3 z^3 + z^5 P(z^2)
  const auto third = hn::Set(d, 2.0 / 3), third_lo = hn::Set(d, 3.700743415417188e-17);
  const auto cube = hn::Mul(third, z3);
  const auto cube_lo =
      hn::MulAdd(third, z3_lo, hn::MulAdd(third_lo, z3, hn::MulSub(third, z3, cube)));
  const auto p = polynomial(d, z2, 0.3999999999999998, 0.2857142857144512, 0.2222222221753517,
                            0.18181818870472494, 0.15384556860325663, 0.13336317847542528,
                            0.11674808927276686, 0.11989104202736023);
  const auto z_twice = hn::Add(z, z);
  const auto sum = hn::Add(z_twice, cube);
  const auto sum_lo =
      hn::Add(hn::Sub(cube, hn::Sub(sum, z_twice)),
              hn::MulAdd(hn::Mul(z3, z2), p, hn::MulAdd(hn::Set(d, 2.0), z_lo, cube_lo)));

  // + e log 2; e times the first part is exact.
  const auto whole_part = hn::Mul(e, hn::Set(d, 0.6931471805598903));
  const auto first = hn::Add(whole_part, sum);
  const auto second = hn::Add(hn::Sub(sum, hn::Sub(first, whole_part)),
                              hn::MulAdd(e, hn::Set(d, 5.497923018708371e-14), sum_lo));
  hi = hn::Add(first, second);
  lo = hn::Sub(second, hn::Sub(hi, first));
}

// a^b for a >= 0, by exp(b log a); a = 1 and b = 0 are left to power.
template <class D, hwy::EnableIf<sizeof(hn::TFromD<D>) == 8>* = nullptr>
HWY_INLINE hn::Vec<D> power_of_positive(D d, hn::Vec<D> a, hn::Vec<D> b) {
  hn::Vec<D> hi, lo;
  log_in_two_parts(d, a, hi, lo);
  hi = log_specials(d, a, hi);
  const auto product = hn::Mul(b, hi);
  auto product_lo = hn::MulAdd(b, lo, hn::MulSub(b, hi, product));
  product_lo = hn::IfThenElseZero(hn::Lt(hn::Abs(product), hn::Set(d, 800.0)), product_lo);
  // e^product (1 + product_lo), where e^product is not yet infinite
  const auto y = exp(d, product);
  return hn::IfThenElse(hn::Lt(y, infinity(d)), hn::MulAdd(y, product_lo, y), y);
}

// In double inside.
template <class D, hwy::EnableIf<sizeof(hn::TFromD<D>) == 4>* = nullptr>
HWY_INLINE hn::Vec<D> power_of_positive(D d, hn::Vec<D> a, hn::Vec<D> b) {
  const hn::Half<D> half;
  const hn::Rebind<double, decltype(half)> wide;
  const auto part = [&](auto a_part, auto b_part) HWY_ATTR {
    const auto log_a = log(wide, hn::PromoteTo(wide, a_part));
    return hn::DemoteTo(half, exp(wide, hn::Mul(hn::PromoteTo(wide, b_part), log_a)));
  };
  return hn::Combine(d, part(hn::UpperHalf(half, a), hn::UpperHalf(half, b)),
                     part(hn::LowerHalf(half, a), hn::LowerHalf(half, b)));
}

/// a^b with C's special values (a^0 = 1^b = 1, 0^-1 = inf, (-2)^3 = -8, ...), but NaN if either
/// operand is NaN, or a < 0 (-inf included) and b is not whole.
template <class D>
HWY_INLINE hn::Vec<D> power(D d, hn::Vec<D> a, hn::Vec<D> b) {
  const auto one = hn::Set(d, 1), zero = hn::Zero(d);
  const auto size = hn::Abs(a);
  auto y = power_of_positive(d, size, b);
  y = hn::IfThenElse(hn::Or(hn::Eq(b, zero), hn::Eq(size, one)), one, y);

  // The sign of a, if b is odd.
  const auto b_half = hn::Mul(b, hn::Set(d, 0.5f));
  const auto whole = hn::Eq(hn::Round(b), b);
  const auto odd = hn::AndNot(hn::Eq(hn::Round(b_half), b_half), whole);
  y = hn::Xor(y, hn::IfThenElseZero(odd, hn::And(a, hn::SignBit(d))));

  const auto undefined = hn::AndNot(whole, hn::Lt(a, zero));
  const auto unknown = hn::Or(hn::IsNaN(a), hn::IsNaN(b));
  return hn::IfThenElse(hn::Or(undefined, unknown), not_a_number(d), y);
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
