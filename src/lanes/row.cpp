// Functions of rows that sum over them: softmax, norms. order.cpp has the others.
//
// A row is read in blocks of 16 scalars: in lanes, a block is one element, and every lane has a row of
// its own; a plain row's blocks are 16 neighbouring elements, and its sum over blocks is folded at the
// end. So both are the same code. Two plain rows are taken at once, since a sum waits for its last term.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/row.cpp"
#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "hwy/foreach_target.h"
//
#include "lanes/functions.h"
#include "lanes/rows.h"
#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// ---- rows as blocks ----

// A block of each of kRows rows: 16 scalars a row, in vectors.
template <class D, int kRows>
struct Block {
  static constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  static constexpr int kParts = kLanes / kStep;  // vectors a row
  static constexpr int kVectors = kRows * kParts;
  hn::Vec<D> v[kVectors];
};

template <class B, class F, int... i>
HWY_INLINE B make_block(F f, std::integer_sequence<int, i...>) {
  return B{{f(i)...}};
}
template <class B, class F>
HWY_INLINE B make_block(F f) {
  return make_block<B>(f, std::make_integer_sequence<int, B::kVectors>());
}

// Block `index` of a row: all of it, or its first `count` scalars.
struct Whole {
  std::int64_t index;
};
struct Part {
  std::int64_t index;
  std::int64_t count;
};

// One operand's row of lanes. kMixed: it may be plain, one scalar for all lanes.
template <class D, bool kMixed>
struct LanesRows {
  using T = Scalar<D>;
  using Tag = D;
  using B = Block<D, 1>;
  static constexpr bool kFolds = false;
  static constexpr int kRows = 1;

  T* data;
  std::ptrdiff_t stride, row_step;  // elements, scalars
  bool lanes;

  static std::int64_t wholes(std::int64_t n) { return n; }

  HWY_INLINE hn::Vec<D> load(Whole at, int i) const {
    if (kMixed && !lanes) return hn::Set(D(), data[at.index * stride]);
    return hn::LoadU(D(), data + at.index * stride * kLanes + i * B::kStep);
  }
  HWY_INLINE void store(Whole at, int i, hn::Vec<D> x) const {
    hn::StoreU(x, D(), data + at.index * stride * kLanes + i * B::kStep);
  }
};

// The first `count` scalars of x, by halves: stores with a mask are slow on Zen.
template <class D>
HWY_INLINE void store_first(D d, hn::Vec<D> x, std::int64_t count, Scalar<D>* to) {
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  if (count >= kStep) return hn::StoreU(x, d, to);
  if constexpr (kStep > 1) {
    const hn::Half<D> half;
    if (count < kStep / 2) return store_first(half, hn::LowerHalf(half, x), count, to);
    hn::StoreU(hn::LowerHalf(half, x), half, to);
    store_first(half, hn::UpperHalf(half, x), count - kStep / 2, to + kStep / 2);
  }
}

// One operand's plain rows: kCount of them, `row_step` scalars apart. kStrided: the elements of a row
// need not be neighbours.
template <class D, int kCount, bool kStrided>
struct PlainRows {
  using T = Scalar<D>;
  using Tag = D;
  using B = Block<D, kCount>;
  static constexpr bool kFolds = true;
  static constexpr int kRows = kCount;

  T* data;
  std::ptrdiff_t stride, row_step;
  bool lanes;  // never

  static std::int64_t wholes(std::int64_t n) { return n / kLanes; }
  static Part last(std::int64_t n) { return {n / kLanes, n % kLanes}; }

  HWY_INLINE hn::Vec<D> load(Whole at, int i) const {
    if constexpr (kStrided) return load(Part{at.index, kLanes}, i);
    return hn::LoadU(D(), vector(at.index, i));
  }
  HWY_INLINE void store(Whole at, int i, hn::Vec<D> x) const {
    if constexpr (kStrided) return store(Part{at.index, kLanes}, i, x);
    hn::StoreU(x, D(), vector(at.index, i));
  }
  // Zeros beyond the part.
  HWY_INLINE hn::Vec<D> load(Part at, int i) const {
    const T* from = vector(at.index, i);
    if constexpr (!kStrided) return hn::MaskedLoad(mask(at, i), D(), from);
    HWY_ALIGN T buffer[B::kStep] = {};
    for (std::int64_t k = 0; k < here(at, i); ++k) buffer[k] = from[k * stride];
    return hn::Load(D(), buffer);
  }
  HWY_INLINE void store(Part at, int i, hn::Vec<D> x) const {
    T* to = vector(at.index, i);
    if constexpr (!kStrided) return store_first(D(), x, here(at, i), to);
    HWY_ALIGN T buffer[B::kStep];
    hn::Store(x, D(), buffer);
    for (std::int64_t k = 0; k < here(at, i); ++k) to[k * stride] = buffer[k];
  }

  static HWY_INLINE hn::Mask<D> mask(Part at, int i) {
    return hn::FirstN(D(), static_cast<size_t>(here(at, i)));
  }
  // Scalars of the part that vector i holds.
  static HWY_INLINE std::int64_t here(Part at, int i) {
    return std::clamp<std::int64_t>(at.count - i % B::kParts * B::kStep, 0, B::kStep);
  }

 private:
  HWY_INLINE T* vector(std::int64_t block, int i) const {
    const std::int64_t first = block * kLanes + i % B::kParts * B::kStep;
    return data + i / B::kParts * row_step + first * (kStrided ? stride : 1);
  }
};

// ---- sums and maxima of rows: the same in every scalar that belongs to a row ----

template <class D, class Combine>
HWY_INLINE hn::Vec<D> fold_by_halves(D d, hn::Vec<D> x, Combine combine) {
  if constexpr (hn::MaxLanes(D()) == 1) {
    return x;
  } else {
    const hn::Half<D> half;
    const auto y = combine(half, hn::LowerHalf(half, x), hn::UpperHalf(half, x));
    return hn::Set(d, hn::GetLane(fold_by_halves(half, y, combine)));
  }
}

template <class Rows, class Combine>
HWY_INLINE typename Rows::B folded(typename Rows::B x, Combine combine) {
  using B = typename Rows::B;
  const typename Rows::Tag d;
  if constexpr (Rows::kFolds) {
    for (int row = 0; row < B::kVectors; row += B::kParts) {
      for (int half = B::kParts / 2; half >= 1; half /= 2)
        for (int i = row; i < row + half; ++i) x.v[i] = combine(d, x.v[i], x.v[i + half]);
      x.v[row] = fold_by_halves(d, x.v[row], combine);
    }
    return make_block<B>([&](int i) HWY_ATTR { return x.v[i / B::kParts * B::kParts]; });
  } else {
    return x;
  }
}

// f(at, i), vector i of block `at`, combined over blocks; `beyond` after the row's n elements.
template <class Rows, class F, class Combine>
HWY_INLINE typename Rows::B combine_blocks(std::int64_t n, Scalar<typename Rows::Tag> beyond, F f,
                                           Combine combine) {
  using B = typename Rows::B;
  const typename Rows::Tag d;
  const std::int64_t wholes = Rows::wholes(n);
  B total = make_block<B>([&](int) HWY_ATTR { return hn::Set(d, beyond); });
  if (wholes > 0) total = make_block<B>([&](int i) HWY_ATTR { return f(Whole{0}, i); });
  for (std::int64_t b = 1; b < wholes; ++b)
    total = make_block<B>([&](int i) HWY_ATTR { return combine(d, total.v[i], f(Whole{b}, i)); });
  if constexpr (Rows::kFolds) {
    const Part last = Rows::last(n);
    if (last.count > 0)
      total = make_block<B>([&](int i) HWY_ATTR {
        auto x = hn::Set(d, beyond);
        if (Rows::here(last, i) > 0) x = hn::IfThenElse(Rows::mask(last, i), f(last, i), x);
        return combine(d, total.v[i], x);
      });
  }
  return folded<Rows>(total, combine);
}

struct Add {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Add(a, b);
  }
};
struct Max {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Max(a, b);
  }
};

// The sum over blocks of f(block).
template <class Rows, class F>
HWY_INLINE typename Rows::B sum_of(std::int64_t n, F f) {
  return combine_blocks<Rows>(n, 0, f, Add());
}

// May drop a NaN: callers subtract the maximum from every element, where the NaN appears again.
template <class Rows>
HWY_INLINE typename Rows::B maximum_of(const Rows& x, std::int64_t n) {
  constexpr auto kLeast = -std::numeric_limits<Scalar<typename Rows::Tag>>::infinity();
  return combine_blocks<Rows>(
      n, kLeast, [&](auto at, int i) HWY_ATTR { return x.load(at, i); }, Max());
}

// out(at, i) = f(at, i)
template <class Rows, class F>
HWY_INLINE void write_rows(const Rows& out, std::int64_t n, F f) {
  constexpr int kVectors = Rows::B::kVectors;
  for (std::int64_t b = 0; b < Rows::wholes(n); ++b)
    for (int i = 0; i < kVectors; ++i) out.store(Whole{b}, i, f(Whole{b}, i));
  if constexpr (Rows::kFolds) {
    const Part last = Rows::last(n);
    for (int i = 0; i < kVectors; ++i)
      if (Rows::here(last, i) > 0) out.store(last, i, f(last, i));
  }
}

template <class D>
HWY_INLINE hn::Vec<D> number(double x) {
  return hn::Set(D(), static_cast<Scalar<D>>(x));
}

// ---- the functions: rows of n elements ----

// exp(x) is staged in `out`, and the tail in a scratch vector: loading what several narrower stores wrote cannot use
// store forwarding and is slow.
struct Softmax {
  template <class Rows>
  static HWY_INLINE void rows(const Rows& out, const Rows& x, const Rows&, std::int64_t n, double) {
    using B = typename Rows::B;
    using D = typename Rows::Tag;
    const D d;
    HWY_ALIGN Scalar<D> of_part[B::kVectors * B::kStep];
    const auto most = maximum_of(x, n);
    const auto total = sum_of<Rows>(n, [&](auto at, int i) HWY_ATTR {
      const auto e = exp(d, hn::Sub(x.load(at, i), most.v[i]));
      if constexpr (std::is_same_v<decltype(at), Part>)
        hn::Store(e, d, of_part + i * B::kStep);
      else
        out.store(at, i, e);
      return e;
    });
    const auto scale =
        make_block<B>([&](int i) HWY_ATTR { return hn::Div(number<D>(1), total.v[i]); });
    write_rows(out, n, [&](auto at, int i) HWY_ATTR {
      if constexpr (std::is_same_v<decltype(at), Part>)
        return hn::Mul(hn::Load(d, of_part + i * B::kStep), scale.v[i]);
      else
        return hn::Mul(out.load(at, i), scale.v[i]);
    });
  }
};

struct SoftmaxGradient {
  template <class Rows>
  static HWY_INLINE void rows(const Rows& out, const Rows& p, const Rows& g, std::int64_t n,
                              double) {
    const auto mean = sum_of<Rows>(
        n, [&](auto at, int i) HWY_ATTR { return hn::Mul(p.load(at, i), g.load(at, i)); });
    write_rows(out, n, [&](auto at, int i) HWY_ATTR {
      return hn::Mul(p.load(at, i), hn::Sub(g.load(at, i), mean.v[i]));
    });
  }
};

struct LogSumExp {
  template <class Rows>
  static HWY_INLINE void rows(const Rows& out, const Rows& x, const Rows&, std::int64_t n, double) {
    const typename Rows::Tag d;
    const auto most = maximum_of(x, n);
    const auto total = sum_of<Rows>(
        n, [&](auto at, int i) HWY_ATTR { return exp(d, hn::Sub(x.load(at, i), most.v[i])); });
    write_rows(out, 1,
               [&](auto, int i) HWY_ATTR { return hn::Add(most.v[i], log(d, total.v[i])); });
  }
};

// What both norms subtract and multiply by.
template <class Rows, bool kCentred>
struct Moments {
  using B = typename Rows::B;
  using D = typename Rows::Tag;

  HWY_INLINE Moments(const Rows& x, std::int64_t n, double epsilon)
      : share(number<D>(1.0 / static_cast<double>(n))), mean(mean_of(x, n)) {
    const B squares = sum_of<Rows>(n, [&](auto at, int i) HWY_ATTR {
      const auto centred = hn::Sub(x.load(at, i), mean.v[i]);
      return hn::Mul(centred, centred);
    });
    scale = make_block<B>([&](int i) HWY_ATTR {
      const auto variance = hn::MulAdd(squares.v[i], share, number<D>(epsilon));
      return hn::Div(number<D>(1), hn::Sqrt(variance));
    });
  }

  // 0 unless centred.
  HWY_INLINE B mean_of(const Rows& x, std::int64_t n) const {
    if constexpr (!kCentred) return make_block<B>([](int) HWY_ATTR { return hn::Zero(D()); });
    return shared(sum_of<Rows>(n, [&](auto at, int i) HWY_ATTR { return x.load(at, i); }));
  }
  HWY_INLINE B shared(const B& total) const {
    return make_block<B>([&](int i) HWY_ATTR { return hn::Mul(total.v[i], share); });
  }
  HWY_INLINE hn::Vec<D> normed(hn::Vec<D> x, int i) const {
    return hn::Mul(hn::Sub(x, mean.v[i]), scale.v[i]);
  }

  hn::Vec<D> share;
  B mean, scale;  // scale = 1 / sqrt(mean of squares + epsilon)
};

template <bool kCentred>
struct Norm {
  template <class Rows>
  static HWY_INLINE void rows(const Rows& out, const Rows& x, const Rows&, std::int64_t n,
                              double epsilon) {
    const Moments<Rows, kCentred> moments(x, n, epsilon);
    write_rows(out, n,
               [&](auto at, int i) HWY_ATTR { return moments.normed(x.load(at, i), i); });
  }
};

template <bool kCentred>
struct NormGradient {
  template <class Rows>
  static HWY_INLINE void rows(const Rows& out, const Rows& x, const Rows& g, std::int64_t n,
                              double epsilon) {
    const Moments<Rows, kCentred> moments(x, n, epsilon);
    const auto mean_g = moments.mean_of(g, n);
    const auto mean_gy = moments.shared(sum_of<Rows>(n, [&](auto at, int i) HWY_ATTR {
      return hn::Mul(g.load(at, i), moments.normed(x.load(at, i), i));
    }));
    write_rows(out, n, [&](auto at, int i) HWY_ATTR {
      const auto level = hn::Sub(g.load(at, i), mean_g.v[i]);
      const auto along = hn::Mul(moments.normed(x.load(at, i), i), mean_gy.v[i]);
      return hn::Mul(hn::Sub(level, along), moments.scale.v[i]);
    });
  }
};

// ---- all rows of the arguments ----

// Elements that row i of a matrix sees.
HWY_INLINE std::int64_t seen(const RowArgs& args, std::int64_t i) {
  return args.causal == 0 ? args.dims[3] : std::min(args.dims[3], args.causal * i + args.offset + 1);
}

// Rows at.. of a matrix, as many as Rows holds.
template <class Rows, class Function>
HWY_INLINE void run_rows(const RowArgs& args, std::int64_t group, const Dims& at) {
  using T = typename Rows::T;
  const auto rows = [&](const Operand& x) HWY_ATTR {
    return Rows{row_start<T>(x, group, at), static_cast<std::ptrdiff_t>(x.strides[3]),
                static_cast<std::ptrdiff_t>(x.strides[2] * (x.lanes ? kLanes : 1)), x.lanes};
  };
  const Rows out = rows(args.out), a = rows(args.in[0]);
  const Rows b = args.in[1].data ? rows(args.in[1]) : a;
  const std::int64_t n = seen(args, at[2]);
  Function::rows(out, a, b, n, args.epsilon);
  const std::int64_t scalars = args.out.lanes ? kLanes : 1;
  if (args.causal != 0)
    for (std::int64_t j = n; j < args.dims[3]; ++j)
      std::fill_n(out.data + j * out.stride * scalars, scalars, T(0));
}

// Several rows at once while there are, unless each sees another number of elements.
template <class Several, class One, class Function>
void run_all(const RowArgs& args) {
  for_each_matrix(args, [&](std::int64_t group, Dims at) HWY_ATTR {
    if (Several::kRows > 1 && args.causal == 0)
      for (; at[2] + Several::kRows <= args.dims[2]; at[2] += Several::kRows)
        run_rows<Several, Function>(args, group, at);
    for (; at[2] < args.dims[2]; ++at[2]) run_rows<One, Function>(args, group, at);
  });
}

template <class D, class Function>
void run(const RowArgs& args) {
  const auto all = [&](auto is_so) {
    return is_so(args.out) && is_so(args.in[0]) && (!args.in[1].data || is_so(args.in[1]));
  };
  const bool lanes = all([](const Operand& x) { return x.lanes; });
  const bool neighbours = all([](const Operand& x) { return x.strides[3] == 1; });
  if (lanes)
    run_all<LanesRows<D, false>, LanesRows<D, false>, Function>(args);
  else if (args.out.lanes)
    run_all<LanesRows<D, true>, LanesRows<D, true>, Function>(args);
  else if (neighbours)
    run_all<PlainRows<D, 2, false>, PlainRows<D, 1, false>, Function>(args);
  else
    run_all<PlainRows<D, 1, true>, PlainRows<D, 1, true>, Function>(args);
}

template <class D>
void fill_row(Kernels<Scalar<D>>& table) {
  const auto set = [&](RowFunction kind, void (*kernel)(const RowArgs&)) {
    table.row[static_cast<size_t>(kind)] = kernel;
  };
  set(RowFunction::kSoftmax, &run<D, Softmax>);
  set(RowFunction::kSoftmaxGradient, &run<D, SoftmaxGradient>);
  set(RowFunction::kLogSumExp, &run<D, LogSumExp>);
  set(RowFunction::kLayerNorm, &run<D, Norm<true>>);
  set(RowFunction::kLayerNormGradient, &run<D, NormGradient<true>>);
  set(RowFunction::kRmsNorm, &run<D, Norm<false>>);
  set(RowFunction::kRmsNormGradient, &run<D, NormGradient<false>>);
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(row);
}  // namespace iclab::lanes
#endif
