// Element-wise kernels: out(i) = f(in...(i)), row by row (see loops.h).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/elementwise.cpp"
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "hwy/foreach_target.h"
#include "lanes/functions.h"
#include "lanes/loops.h"
#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// ---- GELU: x Phi(x), and its approximation by tanh: to 2 epsilon |x|, their slopes to 4 epsilon ----

// The normal distribution function Phi(x), and e^(-x^2/2).
template <class D>
struct Normal {
  hn::Vec<D> exponential, distribution;

  HWY_INLINE Normal(D d, hn::Vec<D> x) {
    exponential = hn::Exp(d, hn::Mul(hn::Mul(x, x), hn::Set(d, -0.5)));
    if constexpr (sizeof(Scalar<D>) == 4) {
      // Phi(-a) = e^(-a^2/2) P(a), P minimax: error 2.6e-8. Beyond 6 the exponential is 2e-8 or less.
      const auto a = hn::Min(hn::Abs(x), hn::Set(d, 6));
      const auto p = polynomial(d, a, 0.49999997f, -0.398939878f, 0.249962255f, -0.132749796f,
                                0.0617711954f, -0.025233876f, 0.0087777013f, -0.00245499285f,
                                0.000512895756f, -7.31731998e-05f, 6.24125232e-06f, -2.36923754e-07f);
      const auto below = hn::Mul(exponential, p);
      distribution = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), below, hn::Sub(hn::Set(d, 1), below));
    } else {
      const auto turned = erf(d, hn::Mul(x, hn::Set(d, 0.70710678118654752440)));
      distribution = hn::Mul(hn::Set(d, 0.5), hn::Add(hn::Set(d, 1), turned));
    }
  }
};

// Phi(x) + x phi(x)
template <class D>
HWY_INLINE hn::Vec<D> gelu_slope(D d, hn::Vec<D> x) {
  const Normal<D> normal(d, x);
  const auto density =
      hn::Mul(normal.exponential, hn::Set(d, static_cast<Scalar<D>>(0.39894228040143267794)));
  return hn::MulAdd(x, density, normal.distribution);
}

// x/2 (1 + tanh u), u = c (x + a x^3), as x p with p = 1 / (1 + e^-2u): nothing cancels.
template <class D>
struct GeluTanh {
  hn::Vec<D> x, x_squared, q, p;  // q = e^-2u

  HWY_INLINE GeluTanh(D d, hn::Vec<D> of) : x(of), x_squared(hn::Mul(of, of)) {
    const auto cubic = hn::MulAdd(x_squared, number(kCubic), number(1));
    q = exp(d, hn::Mul(hn::Mul(x, number(-2 * kScale)), cubic));
    p = hn::Div(number(1), hn::Add(number(1), q));
  }
  HWY_INLINE hn::Vec<D> value() const { return hn::Mul(x, p); }
  // p + x p (1 - p) 2 c (1 + 3 a x^2)
  HWY_INLINE hn::Vec<D> slope() const {
    const auto bounded = hn::Min(x_squared, number(1e30));  // else 0 * inf where x^2 overflows
    const auto inner = hn::MulAdd(bounded, number(6 * kScale * kCubic), number(2 * kScale));
    // 1 - p = q p, but q may be infinite below 0.
    const auto rest =
        hn::IfThenElse(hn::Lt(x, number(0)), hn::Sub(number(1), p), hn::Mul(q, p));
    return hn::MulAdd(x, hn::Mul(hn::Mul(p, inner), rest), p);
  }

 private:
  static constexpr double kScale = 0.79788456080286535588, kCubic = 0.044715;  // sqrt(2/pi)
  static HWY_INLINE hn::Vec<D> number(double c) {
    return hn::Set(D(), static_cast<Scalar<D>>(c));
  }
};

// ---- operations on vectors; kCheap: worth loops of their own ----

template <Unary kF>
struct UnaryOp {
  static constexpr bool kCheap = kF <= Unary::kReciprocal || kF == Unary::kRelu;

  template <class D>
  HWY_INLINE hn::Vec<D> operator()([[maybe_unused]] D d, hn::Vec<D> x) const {
    if constexpr (kF == Unary::kCopy) return x;
    if constexpr (kF == Unary::kNegate) return hn::Neg(x);
    if constexpr (kF == Unary::kAbs) return hn::Abs(x);
    if constexpr (kF == Unary::kSquare) return hn::Mul(x, x);
    if constexpr (kF == Unary::kSqrt) return hn::Sqrt(x);
    if constexpr (kF == Unary::kReciprocal) return hn::Div(hn::Set(d, 1), x);
    if constexpr (kF == Unary::kExp) return exp(d, x);
    if constexpr (kF == Unary::kExpm1) return expm1(d, x);
    if constexpr (kF == Unary::kLog) return log(d, x);
    if constexpr (kF == Unary::kLog1p) return log1p(d, x);
    if constexpr (kF == Unary::kTanh) return tanh(d, x);
    if constexpr (kF == Unary::kErf) return erf(d, x);
    if constexpr (kF == Unary::kSinTurns) return sin_turns(d, x);
    if constexpr (kF == Unary::kCosTurns) return cos_turns(d, x);
    // Not hn::Max, which may lose a NaN.
    if constexpr (kF == Unary::kRelu) return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
    if constexpr (kF == Unary::kSigmoid)
      return hn::Div(hn::Set(d, 1), hn::Add(hn::Set(d, 1), exp(d, hn::Neg(x))));
    if constexpr (kF == Unary::kSoftplus)
      return hn::Add(hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), x),
                     log1p(d, exp(d, hn::Neg(hn::Abs(x)))));
    if constexpr (kF == Unary::kGelu) return hn::Mul(x, Normal<D>(d, x).distribution);
    if constexpr (kF == Unary::kGeluTanh) return GeluTanh<D>(d, x).value();
    if constexpr (kF == Unary::kGeluSlope) return gelu_slope(d, x);
    if constexpr (kF == Unary::kGeluTanhSlope) return GeluTanh<D>(d, x).slope();
  }
};

template <Binary kF>
struct BinaryOp {
  static constexpr bool kCheap = kF != Binary::kPower;

  template <class D>
  HWY_INLINE hn::Vec<D> operator()([[maybe_unused]] D d, hn::Vec<D> a, hn::Vec<D> b) const {
    if constexpr (kF == Binary::kAdd) return hn::Add(a, b);
    if constexpr (kF == Binary::kSubtract) return hn::Sub(a, b);
    if constexpr (kF == Binary::kMultiply) return hn::Mul(a, b);
    if constexpr (kF == Binary::kDivide) return hn::Div(a, b);
    // b only if it is beyond a, or NaN: of equals a, and NaN if either is.
    if constexpr (kF == Binary::kMinimum)
      return hn::IfThenElse(hn::Or(hn::Lt(b, a), hn::IsNaN(b)), b, a);
    if constexpr (kF == Binary::kMaximum)
      return hn::IfThenElse(hn::Or(hn::Gt(b, a), hn::IsNaN(b)), b, a);
    if constexpr (kF == Binary::kPower) return power(d, a, b);
    if constexpr (kF == Binary::kGate) return hn::IfThenElseZero(hn::Gt(b, hn::Zero(d)), a);
  }
};

// int32 -> real, exact for double, to nearest for float.
template <class D>
HWY_INLINE hn::Vec<D> real_of(D d, hn::Vec<Int32<D>> x) {
  if constexpr (sizeof(Scalar<D>) == 4)
    return hn::ConvertTo(d, x);
  else
    return hn::PromoteTo(d, x);
}

// A mask of reals as int32, 0 or 1.
template <class D, class M>
HWY_INLINE hn::Vec<Int32<D>> bool_of(D d, M mask) {
  const auto ones = hn::IfThenElseZero(mask, hn::Set(d, 1));
  if constexpr (sizeof(Scalar<D>) == 4)
    return hn::ConvertTo(Int32<D>(), ones);
  else
    return hn::DemoteTo(Int32<D>(), ones);
}

template <Compare kF>
struct CompareOp {
  static constexpr bool kCheap = false;

  template <class D>
  HWY_INLINE hn::Vec<Int32<D>> operator()(D d, hn::Vec<D> a, hn::Vec<D> b) const {
    if constexpr (kF == Compare::kLess) return bool_of(d, hn::Lt(a, b));
    if constexpr (kF == Compare::kLessEqual) return bool_of(d, hn::Le(a, b));
    if constexpr (kF == Compare::kEqual) return bool_of(d, hn::Eq(a, b));
    // Not hn::Ne, which is false for NaN on some targets.
    if constexpr (kF == Compare::kNotEqual) return bool_of(d, hn::Not(hn::Eq(a, b)));
  }
};

template <Compare kF>
struct CompareIntegerOp {
  static constexpr bool kCheap = false;

  template <class D>
  HWY_INLINE hn::Vec<Int32<D>> operator()(D, hn::Vec<Int32<D>> a, hn::Vec<Int32<D>> b) const {
    const Int32<D> d;
    const auto one = hn::Set(d, 1);
    const auto as_bool = [&](auto mask) HWY_ATTR { return hn::And(hn::VecFromMask(d, mask), one); };
    if constexpr (kF == Compare::kLess) return as_bool(hn::Lt(a, b));
    if constexpr (kF == Compare::kLessEqual) return hn::Xor(as_bool(hn::Lt(b, a)), one);
    if constexpr (kF == Compare::kEqual) return as_bool(hn::Eq(a, b));
    if constexpr (kF == Compare::kNotEqual) return hn::Xor(as_bool(hn::Eq(a, b)), one);
  }
};

template <Logic kF>
struct LogicOp {
  static constexpr bool kCheap = false;

  template <class D>
  HWY_INLINE hn::Vec<Int32<D>> operator()(D, hn::Vec<Int32<D>> a, hn::Vec<Int32<D>> b) const {
    if constexpr (kF == Logic::kAnd) return hn::And(a, b);
    if constexpr (kF == Logic::kOr) return hn::Or(a, b);
  }
};
struct NotOp {
  static constexpr bool kCheap = false;

  template <class D>
  HWY_INLINE hn::Vec<Int32<D>> operator()(D, hn::Vec<Int32<D>> a) const {
    return hn::Xor(a, hn::Set(Int32<D>(), 1));
  }
};

template <Integer kF>
struct IntegerOp {
  static constexpr bool kCheap = false;

  template <class D>
  HWY_INLINE hn::Vec<Int32<D>> operator()(D, hn::Vec<Int32<D>> a, hn::Vec<Int32<D>> b) const {
    if constexpr (kF == Integer::kAdd) return hn::Add(a, b);
    if constexpr (kF == Integer::kSubtract) return hn::Sub(a, b);
    if constexpr (kF == Integer::kMultiply) return hn::Mul(a, b);
  }
};
struct CopyIntegerOp {
  static constexpr bool kCheap = true;

  template <class D>
  HWY_INLINE hn::Vec<Int32<D>> operator()(D, hn::Vec<Int32<D>> x) const {
    return x;
  }
};
struct ToRealOp {
  static constexpr bool kCheap = true;

  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<Int32<D>> x) const {
    return real_of(d, x);
  }
};
struct SelectOp {
  static constexpr bool kCheap = true;

  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<Int32<D>> c, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::IfThenElse(hn::Ne(real_of(d, c), hn::Zero(d)), a, b);
  }
};

// ---- rows ----

// The kernel for one operation: Out and In... are T or int32.
template <class D, class Op, class Out, class... In>
struct Elementwise {
  static constexpr size_t kIn = sizeof...(In);
  static constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));

  static void run(const ElementwiseArgs& args) {
    for_each_row(args, kIn + 1, {sizeof(Out), sizeof(In)...},
                 args.out.lanes ? &lanes_or_scalars_row : &scalars_row);
  }

  template <class E>
  static HWY_INLINE hn::Vec<hn::Rebind<E, D>> load(const E* from) {
    return hn::LoadU(hn::Rebind<E, D>(), from);
  }
  static HWY_INLINE void store(hn::Vec<hn::Rebind<Out, D>> y, Out* to) {
    hn::StoreU(y, hn::Rebind<Out, D>(), to);
  }
  template <class E, size_t kOperand>
  static HWY_INLINE E* data(const Row& row) {
    return reinterpret_cast<E*>(row.data[kOperand]);
  }

  // ---- rows of scalars; a row is copied, so that no store of a vector may change it ----

  static void scalars_row(const Row& row) { scalars_row_of(row, std::index_sequence_for<In...>()); }

  template <size_t... I>
  static HWY_INLINE void scalars_row_of(Row row, std::index_sequence<I...>) {
    std::int64_t i = 0;
    if (Op::kCheap && row.stride[0] == 1 && (... && (row.stride[I + 1] == 1))) {
      const auto compute = [&](std::int64_t at) HWY_ATTR {
        store(Op()(D(), load(data<const In, I + 1>(row) + at)...), data<Out, 0>(row) + at);
      };
      for (; i + kStep <= row.n; i += kStep) compute(i);
      // The last vector of short rows overlaps the one before, but where the result replaces an operand.
      const bool replaces = (... || (row.data[I + 1] == row.data[0]));
      if (i < row.n && row.n >= kStep && !replaces) return compute(row.n - kStep);
    }
    for (; i < row.n; i += kStep) {
      const std::int64_t count = std::min(kStep, row.n - i);
      const auto y = Op()(D(), load_strided(data<const In, I + 1>(row) + i * row.stride[I + 1],
                                            row.stride[I + 1], count)...);
      store_strided(y, data<Out, 0>(row) + i * row.stride[0], row.stride[0], count);
    }
  }

  // `count` scalars, and zeros after them.
  template <class E>
  static HWY_INLINE hn::Vec<hn::Rebind<E, D>> load_strided(const E* from, std::int64_t stride,
                                                           std::int64_t count) {
    if (stride == 1 && count == kStep) return load(from);
    if (stride == 0) return hn::Set(hn::Rebind<E, D>(), *from);
    HWY_ALIGN E buffer[kStep] = {};
    for (std::int64_t i = 0; i < count; ++i) buffer[i] = from[i * stride];
    return load(buffer);
  }

  static HWY_INLINE void store_strided(hn::Vec<hn::Rebind<Out, D>> y, Out* to, std::int64_t stride,
                                       std::int64_t count) {
    if (stride == 1 && count == kStep) return store(y, to);
    HWY_ALIGN Out buffer[kStep];
    store(y, buffer);
    for (std::int64_t i = 0; i < count; ++i) to[i * stride] = buffer[i];
  }

  // ---- rows of elements of 16 lanes, where some operands may be plain ----

  static void lanes_or_scalars_row(const Row& row) {
    using Index = std::index_sequence_for<In...>;
    if (row.lanes == 0) return scalars_row(row);
    const unsigned mask = row.lanes >> 1;  // bit k: in[k] is lanes
    if constexpr (Op::kCheap)
      lanes_row_of_mask(row, mask, Index(), std::make_integer_sequence<unsigned, 1u << kIn>());
    else
      lanes_row_by_elements(row, Index());
  }

  // An element is a row of 16 scalars, where plain operands have stride 0.
  template <size_t... I>
  static void lanes_row_by_elements(const Row& row, std::index_sequence<I...>) {
    const std::array<std::int64_t, kIn + 1> step = {
        row.stride[0] * kLanes, row.stride[I + 1] * (row.is_lanes(I + 1) ? kLanes : 1)...};
    Row element;
    element.n = kLanes;
    element.stride = {1, (row.is_lanes(I + 1) ? 1 : 0)...};
    for (std::int64_t i = 0; i < row.n; ++i) {
      element.data = {bytes(data<Out, 0>(row) + i * step[0]),
                      bytes(data<In, I + 1>(row) + i * step[I + 1])...};
      scalars_row(element);
    }
  }

  template <class E>
  static std::byte* bytes(E* p) {
    return reinterpret_cast<std::byte*>(p);
  }

  // With the mask known when compiling.
  template <class Index, unsigned... kMasks>
  static HWY_INLINE void lanes_row_of_mask(const Row& row, unsigned mask, Index index,
                                           std::integer_sequence<unsigned, kMasks...>) {
    (void)(... || (mask == kMasks && (lanes_row(row, kMasks, index), true)));
  }

  template <size_t... I>
  static HWY_INLINE void lanes_row(Row row, unsigned mask, std::index_sequence<I...>) {
    for (std::int64_t i = 0; i < row.n; ++i)
      for (std::int64_t lane = 0; lane < kLanes; lane += kStep)
        store(Op()(D(), lanes_of<In, I>(row, mask, i, lane)...),
              data<Out, 0>(row) + i * row.stride[0] * kLanes + lane);
  }

  // in[kOperand]'s scalars for these lanes of element i.
  template <class E, size_t kOperand>
  static HWY_INLINE hn::Vec<hn::Rebind<E, D>> lanes_of(const Row& row, unsigned mask,
                                                       std::int64_t i, std::int64_t lane) {
    const E* from = data<const E, kOperand + 1>(row);
    const std::int64_t at = i * row.stride[kOperand + 1];
    if (mask >> kOperand & 1) return load(from + at * kLanes + lane);
    return hn::Set(hn::Rebind<E, D>(), from[at]);
  }
};

// ---- the table ----

template <class F, class Fill, size_t... I>
void for_each_code(Fill fill, std::index_sequence<I...>) {
  (fill(std::integral_constant<F, static_cast<F>(I)>()), ...);
}
template <class F, class Fill>
void for_each_code(Fill fill) {
  for_each_code<F>(fill, std::make_index_sequence<static_cast<size_t>(F::kCount)>());
}

template <class D>
void fill_reals(Kernels<Scalar<D>>& table) {
  using T = Scalar<D>;
  using I = std::int32_t;
  for_each_code<Unary>([&](auto f) {
    table.unary[static_cast<size_t>(f())] = &Elementwise<D, UnaryOp<f()>, T, T>::run;
  });
  for_each_code<Binary>([&](auto f) {
    table.binary[static_cast<size_t>(f())] = &Elementwise<D, BinaryOp<f()>, T, T, T>::run;
  });
  for_each_code<Compare>([&](auto f) {
    table.compare[static_cast<size_t>(f())] = &Elementwise<D, CompareOp<f()>, I, T, T>::run;
  });
  table.to_real = &Elementwise<D, ToRealOp, T, I>::run;
  table.select = &Elementwise<D, SelectOp, T, I, T, T>::run;
}

// D: a tag of float for every table, so that float's and double's share these kernels.
template <class D, class T>
void fill_integers(Kernels<T>& table) {
  using I = std::int32_t;
  for_each_code<Compare>([&](auto f) {
    table.compare_integer[static_cast<size_t>(f())] =
        &Elementwise<D, CompareIntegerOp<f()>, I, I, I>::run;
  });
  for_each_code<Integer>([&](auto f) {
    table.integer[static_cast<size_t>(f())] = &Elementwise<D, IntegerOp<f()>, I, I, I>::run;
  });
  table.logic = {&Elementwise<D, LogicOp<Logic::kAnd>, I, I, I>::run,
                 &Elementwise<D, LogicOp<Logic::kOr>, I, I, I>::run,
                 &Elementwise<D, NotOp, I, I>::run};
  table.copy_integer = &Elementwise<D, CopyIntegerOp, I, I>::run;
}

template <class D>
void fill_elementwise(Kernels<Scalar<D>>& table) {
  fill_reals<D>(table);
  fill_integers<hn::Repartition<float, D>>(table);
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(elementwise);
}  // namespace iclab::lanes
#endif
