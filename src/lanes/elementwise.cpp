// Element-wise kernels: out(i) = f(in...(i)).
//
// Groups and dimensions that lie one behind the other in every operand are joined; what remains inmost
// is a row. Rows of lanes that are contiguous in all operands are rows of scalars, 16 an element.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/elementwise.cpp"
#include "hwy/foreach_target.h"
// foreach_target comes first.
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "lanes/functions.h"
#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// ---- operations on vectors; kCheap: worth loops of their own ----

template <Unary kF>
struct UnaryOp {
  static constexpr bool kCheap = kF <= Unary::kReciprocal;

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
    if constexpr (kF == Compare::kNotEqual) return bool_of(d, hn::Ne(a, b));
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
  HWY_INLINE hn::Vec<Int32<D>> operator()(D, hn::Vec<Int32<D>> x) const { return x; }
};
struct ToRealOp {
  static constexpr bool kCheap = true;

  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<Int32<D>> x) const { return real_of(d, x); }
};
struct SelectOp {
  static constexpr bool kCheap = true;

  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<Int32<D>> c, hn::Vec<D> a, hn::Vec<D> b) const {
    return hn::IfThenElse(hn::Ne(real_of(d, c), hn::Zero(d)), a, b);
  }
};

// ---- loops ----

// What is left after joining: loop 0 is inmost. Operand 0 is out; strides in elements.
template <size_t kOperands>
struct Loops {
  using Strides = std::array<std::int64_t, kOperands>;
  int rank = 0;
  std::array<std::int64_t, kMaxRank + 1> size{};
  std::array<Strides, kMaxRank + 1> stride{};

  // Adds a loop around the others, or lengthens the outermost.
  void wrap(std::int64_t n, const Strides& s) {
    if (n == 1) return;
    bool joins = rank > 0;
    for (size_t k = 0; joins && k < kOperands; ++k)
      joins = s[k] == stride[rank - 1][k] * size[rank - 1];
    if (joins) {
      size[rank - 1] *= n;
      return;
    }
    size[rank] = n;
    stride[rank++] = s;
  }
};

template <size_t kOperands>
Loops<kOperands> join_loops(const ElementwiseArgs& args) {
  const auto operand = [&](size_t k) -> const Operand& { return k == 0 ? args.out : args.in[k - 1]; };
  typename Loops<kOperands>::Strides strides;
  Loops<kOperands> loops;
  for (size_t axis = kMaxRank; axis-- > 0;) {
    for (size_t k = 0; k < kOperands; ++k) strides[k] = operand(k).strides[axis];
    loops.wrap(args.dims[axis], strides);
  }
  for (size_t k = 0; k < kOperands; ++k) strides[k] = operand(k).group_stride;
  loops.wrap(args.groups, strides);
  if (loops.rank == 0) loops.rank = 1, loops.size[0] = 1;
  return loops;
}

// The kernel for one operation: Out and In... are T or int32.
template <class D, class Op, class Out, class... In>
class Elementwise {
 public:
  static void run(const ElementwiseArgs& args) {
    Elementwise kernel(args);
    kernel.run_loop(kernel.loops_.rank - 1, kernel.start_);
  }

 private:
  static constexpr size_t kIn = sizeof...(In);
  static constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  using Index = std::index_sequence_for<In...>;
  using Offsets = std::array<std::byte*, kIn + 1>;

  explicit Elementwise(const ElementwiseArgs& args) : loops_(join_loops<kIn + 1>(args)) {
    out_lanes_ = args.out.lanes;
    start_[0] = static_cast<std::byte*>(args.out.data);
    for (size_t k = 0; k < kIn; ++k) {
      start_[k + 1] = static_cast<std::byte*>(args.in[k].data);
      if (args.in[k].lanes) lanes_mask_ |= 1 << k;
    }
    constexpr std::array<size_t, kIn + 1> kBytes{sizeof(Out), sizeof(In)...};
    for (size_t k = 0; k <= kIn; ++k) {
      const bool lanes = k == 0 ? out_lanes_ : (lanes_mask_ >> (k - 1) & 1) != 0;
      bytes_[k] = static_cast<std::int64_t>(kBytes[k]) * (lanes ? kLanes : 1);
    }
  }

  void run_loop(int level, const Offsets& at) const {
    if (level == 0) return run_row(at, Index());
    Offsets here = at;
    for (std::int64_t i = 0; i < loops_.size[level]; ++i) {
      run_loop(level - 1, here);
      for (size_t k = 0; k <= kIn; ++k) here[k] += loops_.stride[level][k] * bytes_[k];
    }
  }

  template <size_t... I>
  void run_row(const Offsets& at, std::index_sequence<I...> index) const {
    const auto& stride = loops_.stride[0];
    Out* out = reinterpret_cast<Out*>(at[0]);
    const bool flat = std::all_of(stride.begin(), stride.end(), [](auto s) { return s == 1; });
    constexpr int kAllLanes = (1 << kIn) - 1;
    if (!out_lanes_)
      scalars_row(loops_.size[0], stride, out, reinterpret_cast<const In*>(at[I + 1])..., index);
    else if ((flat || loops_.size[0] == 1) && lanes_mask_ == kAllLanes)
      scalars_row(loops_.size[0] * kLanes, kFlat, out, reinterpret_cast<const In*>(at[I + 1])...,
                  index);
    else
      pick_lanes_row(out, reinterpret_cast<const In*>(at[I + 1])..., index,
                     std::make_index_sequence<Op::kCheap ? kAllLanes + 1 : 0>());
  }

  using Strides = typename Loops<kIn + 1>::Strides;
  static constexpr Strides kFlat = [] {
    Strides ones{};
    for (auto& s : ones) s = 1;
    return ones;
  }();

  // ---- rows of n scalars ----

  template <size_t... I>
  static void scalars_row(std::int64_t n, const Strides& stride, Out* out, const In*... in,
                          std::index_sequence<I...>) {
    const D d;
    std::int64_t i = 0;
    if (Op::kCheap && stride == kFlat)
      for (; i + kStep <= n; i += kStep) hn::StoreU(Op()(d, load(in + i)...), hn::Rebind<Out, D>(), out + i);
    for (; i < n; i += kStep) {
      const std::int64_t count = std::min(kStep, n - i);
      const auto y = Op()(d, load_strided(in + i * stride[I + 1], stride[I + 1], count)...);
      store_strided(y, out + i * stride[0], stride[0], count);
    }
  }

  template <class E>
  static HWY_INLINE hn::Vec<hn::Rebind<E, D>> load(const E* from) {
    return hn::LoadU(hn::Rebind<E, D>(), from);
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
    if (stride == 1 && count == kStep) return hn::StoreU(y, hn::Rebind<Out, D>(), to);
    HWY_ALIGN Out buffer[kStep];
    hn::StoreU(y, hn::Rebind<Out, D>(), buffer);
    for (std::int64_t i = 0; i < count; ++i) to[i * stride] = buffer[i];
  }

  // ---- rows of elements of 16 lanes, where some operands are plain ----

  // Cheap operations have a loop for each combination of lanes and plain operands.
  template <size_t... I, size_t... kMasks>
  void pick_lanes_row(Out* out, const In*... in, std::index_sequence<I...> index,
                      std::index_sequence<kMasks...>) const {
    if constexpr (Op::kCheap)
      ((lanes_mask_ == kMasks ? lanes_row<kMasks>(out, in..., index) : void()), ...);
    else
      lanes_row<kAnyMask>(out, in..., index);
  }

  static constexpr size_t kAnyMask = 1 << kIn;

  template <size_t kMask, size_t... I>
  void lanes_row(Out* out, const In*... in, std::index_sequence<I...>) const {
    const D d;
    const hn::Rebind<Out, D> d_out;
    const size_t mask = kMask == kAnyMask ? lanes_mask_ : kMask;
    const std::array<std::int64_t, kIn + 1> step = {
        loops_.stride[0][0] * kLanes,
        loops_.stride[0][I + 1] * (mask >> I & 1 ? kLanes : 1)...};
    for (std::int64_t i = 0; i < loops_.size[0]; ++i)
      for (std::int64_t lane = 0; lane < kLanes; lane += kStep) {
        const auto y = Op()(d, lanes_of<kMask, I>(in + i * step[I + 1], lane, mask)...);
        hn::StoreU(y, d_out, out + i * step[0] + lane);
      }
  }

  // Operand kOperand's scalars for these lanes.
  template <size_t kMask, size_t kOperand, class E>
  static HWY_INLINE hn::Vec<hn::Rebind<E, D>> lanes_of(const E* from, std::int64_t lane,
                                                       size_t mask) {
    const size_t known_mask = kMask == kAnyMask ? mask : kMask;
    if (known_mask >> kOperand & 1) return load(from + lane);
    return hn::Set(hn::Rebind<E, D>(), *from);
  }

  Loops<kIn + 1> loops_;
  Offsets start_{};
  std::array<std::int64_t, kIn + 1> bytes_{};
  size_t lanes_mask_ = 0;  // bit k: operand k of in is lanes
  bool out_lanes_ = false;
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
void fill_elementwise(Kernels<Scalar<D>>& table) {
  using T = Scalar<D>;
  using I = std::int32_t;
  for_each_code<Unary>([&](auto f) {
    table.unary[static_cast<size_t>(f())] = &Elementwise<D, UnaryOp<f()>, T, T>::run;
  });
  for_each_code<Binary>([&](auto f) {
    table.binary[static_cast<size_t>(f())] = &Elementwise<D, BinaryOp<f()>, T, T, T>::run;
  });
  for_each_code<Compare>([&](auto f) {
    const auto code = static_cast<size_t>(f());
    table.compare[code] = &Elementwise<D, CompareOp<f()>, I, T, T>::run;
    table.compare_integer[code] = &Elementwise<D, CompareIntegerOp<f()>, I, I, I>::run;
  });
  for_each_code<Integer>([&](auto f) {
    table.integer[static_cast<size_t>(f())] = &Elementwise<D, IntegerOp<f()>, I, I, I>::run;
  });
  table.logic[static_cast<size_t>(Logic::kAnd)] =
      &Elementwise<D, LogicOp<Logic::kAnd>, I, I, I>::run;
  table.logic[static_cast<size_t>(Logic::kOr)] = &Elementwise<D, LogicOp<Logic::kOr>, I, I, I>::run;
  table.logic[static_cast<size_t>(Logic::kNot)] = &Elementwise<D, NotOp, I, I>::run;
  table.copy_integer = &Elementwise<D, CopyIntegerOp, I, I>::run;
  table.to_real = &Elementwise<D, ToRealOp, T, I>::run;
  table.select = &Elementwise<D, SelectOp, T, I, T, T>::run;
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(elementwise);
}  // namespace iclab::lanes
#endif
