// Functions of rows: softmax, norms, cumulative sums, ranks.
//
// A row is read in blocks of 16 scalars: in lanes, a block is one element, and every lane has a row of
// its own; a plain row's blocks are 16 neighbouring elements, and its sum over blocks is folded at the
// end. So both are the same code.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/row.cpp"
#include <algorithm>
#include <cstdint>
#include <limits>

#include "hwy/foreach_target.h"
//
#include "lanes/functions.h"
#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// ---- rows as blocks ----

// A block: 16 scalars in vectors.
template <class D>
struct Block {
  static constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));
  static constexpr int kVectors = kLanes / kStep;
  hn::Vec<D> v[kVectors];
};

template <class D, class F>
HWY_INLINE Block<D> make_block(F f) {
  Block<D> block;
  for (int i = 0; i < Block<D>::kVectors; ++i) block.v[i] = f(i);
  return block;
}

// One operand's row of lanes.
template <class D>
struct LanesRow {
  using T = Scalar<D>;
  using Tag = D;
  static constexpr bool kFolds = false;

  T* data;
  std::ptrdiff_t stride;  // elements
  bool lanes;             // else one scalar for all lanes

  static std::int64_t blocks(std::int64_t n) { return n; }
  HWY_INLINE Block<D> load(std::int64_t block, std::int64_t /*n*/, T /*beyond*/) const {
    if (!lanes)
      return make_block<D>([&](int) HWY_ATTR { return hn::Set(D(), data[block * stride]); });
    const T* from = data + block * stride * kLanes;
    return make_block<D>([&](int i) HWY_ATTR { return hn::LoadU(D(), from + i * Block<D>::kStep); });
  }
  HWY_INLINE void store(std::int64_t block, std::int64_t /*n*/, const Block<D>& x) const {
    T* to = data + block * stride * kLanes;
    for (int i = 0; i < Block<D>::kVectors; ++i) hn::StoreU(x.v[i], D(), to + i * Block<D>::kStep);
  }
};

// One operand's plain row. Elements beyond the row count as `beyond`.
template <class D>
struct PlainRow {
  using T = Scalar<D>;
  using Tag = D;
  static constexpr bool kFolds = true;

  T* data;
  std::ptrdiff_t stride;
  bool lanes;  // never

  static std::int64_t blocks(std::int64_t n) { return (n + kLanes - 1) / kLanes; }
  HWY_INLINE Block<D> load(std::int64_t block, std::int64_t n, T beyond) const {
    const std::int64_t begin = block * kLanes, count = std::min<std::int64_t>(kLanes, n - begin);
    const T* from = data + begin * stride;
    HWY_ALIGN T padded[kLanes];
    if (count < kLanes || stride != 1) {
      std::fill(padded, padded + kLanes, beyond);
      for (std::int64_t i = 0; i < count; ++i) padded[i] = from[i * stride];
      from = padded;
    }
    return make_block<D>([&](int i) HWY_ATTR { return hn::LoadU(D(), from + i * Block<D>::kStep); });
  }
  HWY_INLINE void store(std::int64_t block, std::int64_t n, const Block<D>& x) const {
    const std::int64_t begin = block * kLanes, count = std::min<std::int64_t>(kLanes, n - begin);
    T* to = data + begin * stride;
    HWY_ALIGN T padded[kLanes];
    const bool direct = count == kLanes && stride == 1;
    for (int i = 0; i < Block<D>::kVectors; ++i)
      hn::StoreU(x.v[i], D(), (direct ? to : padded) + i * Block<D>::kStep);
    if (!direct)
      for (std::int64_t i = 0; i < count; ++i) to[i * stride] = padded[i];
  }
};

// ---- sums and maxima of a row: the same in every scalar that belongs to it ----

template <class View, class Combine>
HWY_INLINE Block<typename View::Tag> folded(Block<typename View::Tag> x, Combine combine) {
  using D = typename View::Tag;
  if constexpr (View::kFolds) {
    HWY_ALIGN Scalar<D> scalars[kLanes];
    for (int i = 0; i < Block<D>::kVectors; ++i)
      hn::Store(x.v[i], D(), scalars + i * Block<D>::kStep);
    for (int half = kLanes / 2; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) scalars[i] = combine(scalars[i], scalars[i + half]);
    return make_block<D>([&](int) HWY_ATTR { return hn::Set(D(), scalars[0]); });
  } else {
    return x;
  }
}

// sum over blocks of f(block), a row of n elements; 0 beyond it.
template <class View, class F>
HWY_INLINE Block<typename View::Tag> sum_of(std::int64_t n, F f) {
  using D = typename View::Tag;
  Block<D> total = f(0);
  for (std::int64_t b = 1; b < View::blocks(n); ++b) {
    const Block<D> term = f(b);
    for (int i = 0; i < Block<D>::kVectors; ++i) total.v[i] = hn::Add(total.v[i], term.v[i]);
  }
  return folded<View>(total, [](Scalar<D> a, Scalar<D> b) { return a + b; });
}

template <class View>
HWY_INLINE Block<typename View::Tag> maximum_of(const View& x, std::int64_t n) {
  using D = typename View::Tag;
  constexpr Scalar<D> kLeast = -std::numeric_limits<Scalar<D>>::infinity();
  Block<D> most = x.load(0, n, kLeast);
  for (std::int64_t b = 1; b < View::blocks(n); ++b) {
    const Block<D> next = x.load(b, n, kLeast);
    for (int i = 0; i < Block<D>::kVectors; ++i) most.v[i] = hn::Max(most.v[i], next.v[i]);
  }
  return folded<View>(most, [](Scalar<D> a, Scalar<D> b) { return a > b ? a : b; });
}

// out(block) = f(block)
template <class View, class F>
HWY_INLINE void write_row(const View& out, std::int64_t n, F f) {
  for (std::int64_t b = 0; b < View::blocks(n); ++b) out.store(b, n, f(b));
}

template <class D>
HWY_INLINE hn::Vec<D> number(double x) {
  return hn::Set(D(), static_cast<Scalar<D>>(x));
}

// ---- the functions: f(out, in0, in1, n, epsilon) of one row ----

struct Softmax {
  template <class View>
  static HWY_INLINE void row(const View& out, const View& x, const View&, std::int64_t n, double) {
    using D = typename View::Tag;
    constexpr Scalar<D> kLeast = -std::numeric_limits<Scalar<D>>::infinity();
    const D d;
    const Block<D> most = maximum_of(x, n);
    const Block<D> total = sum_of<View>(n, [&](std::int64_t b) HWY_ATTR {
      const Block<D> in = x.load(b, n, kLeast);
      const Block<D> e = make_block<D>(
          [&](int i) HWY_ATTR { return exp(d, hn::Sub(in.v[i], most.v[i])); });
      out.store(b, n, e);
      return e;
    });
    const Block<D> scale =
        make_block<D>([&](int i) HWY_ATTR { return hn::Div(number<D>(1), total.v[i]); });
    write_row(out, n, [&](std::int64_t b) HWY_ATTR {
      const Block<D> e = out.load(b, n, 0);
      return make_block<D>([&](int i) HWY_ATTR { return hn::Mul(e.v[i], scale.v[i]); });
    });
  }
};

struct SoftmaxGradient {
  template <class View>
  static HWY_INLINE void row(const View& out, const View& p, const View& g, std::int64_t n, double) {
    using D = typename View::Tag;
    const Block<D> mean = sum_of<View>(n, [&](std::int64_t b) HWY_ATTR {
      const Block<D> weight = p.load(b, n, 0), value = g.load(b, n, 0);
      return make_block<D>([&](int i) HWY_ATTR { return hn::Mul(weight.v[i], value.v[i]); });
    });
    write_row(out, n, [&](std::int64_t b) HWY_ATTR {
      const Block<D> weight = p.load(b, n, 0), value = g.load(b, n, 0);
      return make_block<D>([&](int i) HWY_ATTR {
        return hn::Mul(weight.v[i], hn::Sub(value.v[i], mean.v[i]));
      });
    });
  }
};

struct LogSumExp {
  template <class View>
  static HWY_INLINE void row(const View& out, const View& x, const View&, std::int64_t n, double) {
    using D = typename View::Tag;
    constexpr Scalar<D> kLeast = -std::numeric_limits<Scalar<D>>::infinity();
    const D d;
    const Block<D> most = maximum_of(x, n);
    const Block<D> total = sum_of<View>(n, [&](std::int64_t b) HWY_ATTR {
      const Block<D> in = x.load(b, n, kLeast);
      return make_block<D>([&](int i) HWY_ATTR { return exp(d, hn::Sub(in.v[i], most.v[i])); });
    });
    out.store(0, 1, make_block<D>([&](int i) HWY_ATTR {
      return hn::Add(most.v[i], log(d, total.v[i]));
    }));
  }
};

// What both norms subtract and divide by.
template <class D>
struct Moments {
  Block<D> mean, scale;  // scale = 1 / sqrt(mean of squares + epsilon)
};

template <bool kCentred, class View>
HWY_INLINE Moments<typename View::Tag> moments_of(const View& x, std::int64_t n, double epsilon) {
  using D = typename View::Tag;
  const auto share = number<D>(1.0 / static_cast<double>(n));
  Moments<D> m;
  m.mean = make_block<D>([&](int) HWY_ATTR { return hn::Zero(D()); });
  if constexpr (kCentred) {
    const Block<D> total =
        sum_of<View>(n, [&](std::int64_t b) HWY_ATTR { return x.load(b, n, 0); });
    m.mean = make_block<D>([&](int i) HWY_ATTR { return hn::Mul(total.v[i], share); });
  }
  HWY_ALIGN Scalar<D> beyond[kLanes];  // so that what lies beyond the row adds nothing
  for (int i = 0; i < Block<D>::kVectors; ++i)
    hn::Store(m.mean.v[i], D(), beyond + i * Block<D>::kStep);
  const Block<D> squares = sum_of<View>(n, [&](std::int64_t b) HWY_ATTR {
    const Block<D> in = x.load(b, n, beyond[0]);
    return make_block<D>([&](int i) HWY_ATTR {
      const auto centred = hn::Sub(in.v[i], m.mean.v[i]);
      return hn::Mul(centred, centred);
    });
  });
  m.scale = make_block<D>([&](int i) HWY_ATTR {
    const auto variance = hn::MulAdd(squares.v[i], share, number<D>(epsilon));
    return hn::Div(number<D>(1), hn::Sqrt(variance));
  });
  return m;
}

template <bool kCentred>
struct Norm {
  template <class View>
  static HWY_INLINE void row(const View& out, const View& x, const View&, std::int64_t n,
                             double epsilon) {
    using D = typename View::Tag;
    const Moments<D> m = moments_of<kCentred>(x, n, epsilon);
    write_row(out, n, [&](std::int64_t b) HWY_ATTR {
      const Block<D> in = x.load(b, n, 0);
      return make_block<D>([&](int i) HWY_ATTR {
        return hn::Mul(hn::Sub(in.v[i], m.mean.v[i]), m.scale.v[i]);
      });
    });
  }
};

template <bool kCentred>
struct NormGradient {
  template <class View>
  static HWY_INLINE void row(const View& out, const View& x, const View& g, std::int64_t n,
                             double epsilon) {
    using D = typename View::Tag;
    const auto share = number<D>(1.0 / static_cast<double>(n));
    const Moments<D> m = moments_of<kCentred>(x, n, epsilon);
    const auto normed = [&](std::int64_t b) HWY_ATTR {
      const Block<D> in = x.load(b, n, 0);
      return make_block<D>([&](int i) HWY_ATTR {
        return hn::Mul(hn::Sub(in.v[i], m.mean.v[i]), m.scale.v[i]);
      });
    };
    Block<D> mean_g = make_block<D>([&](int) HWY_ATTR { return hn::Zero(D()); });
    if constexpr (kCentred)
      mean_g = sum_of<View>(n, [&](std::int64_t b) HWY_ATTR { return g.load(b, n, 0); });
    const Block<D> mean_gy = sum_of<View>(n, [&](std::int64_t b) HWY_ATTR {
      const Block<D> y = normed(b), adjoint = g.load(b, n, 0);
      return make_block<D>([&](int i) HWY_ATTR { return hn::Mul(adjoint.v[i], y.v[i]); });
    });
    write_row(out, n, [&](std::int64_t b) HWY_ATTR {
      const Block<D> y = normed(b), adjoint = g.load(b, n, 0);
      return make_block<D>([&](int i) HWY_ATTR {
        const auto level = hn::Sub(adjoint.v[i], hn::Mul(mean_g.v[i], share));
        const auto along = hn::Mul(y.v[i], hn::Mul(mean_gy.v[i], share));
        return hn::Mul(hn::Sub(level, along), m.scale.v[i]);
      });
    });
  }
};

// ---- all rows of the arguments ----

// The start of row (i0, i1, i2) of a group.
template <class E>
E* row_start(const Operand& x, std::int64_t group, const Dims& at) {
  const std::int64_t elements = group * x.group_stride + at[0] * x.strides[0] +
                                at[1] * x.strides[1] + at[2] * x.strides[2];
  return static_cast<E*>(x.data) + elements * (x.lanes ? kLanes : 1);
}

template <class F>
HWY_INLINE void for_each_line(const RowArgs& args, F f) {
  Dims at{};
  for (std::int64_t group = 0; group < args.groups; ++group)
    for (at[0] = 0; at[0] < args.dims[0]; ++at[0])
      for (at[1] = 0; at[1] < args.dims[1]; ++at[1])
        for (at[2] = 0; at[2] < args.dims[2]; ++at[2]) f(group, at);
}

// Elements that row i of a matrix sees.
HWY_INLINE std::int64_t seen(const RowArgs& args, std::int64_t i) {
  return args.causal == 0 ? args.dims[3] : std::min(args.dims[3], args.causal * i + args.offset + 1);
}

template <class View, class Function>
void run_views(const RowArgs& args) {
  using D = typename View::Tag;
  using T = Scalar<D>;
  for_each_line(args, [&](std::int64_t group, const Dims& at) HWY_ATTR {
    const auto view = [&](const Operand& x) {
      return View{row_start<T>(x, group, at), static_cast<std::ptrdiff_t>(x.strides[3]),
                  x.lanes};
    };
    const View out = view(args.out), a = view(args.in[0]);
    const View b = args.in[1].data ? view(args.in[1]) : a;
    const std::int64_t n = seen(args, at[2]);
    Function::row(out, a, b, n, args.epsilon);
    if (args.causal == 0) return;
    const std::int64_t scalars = args.out.lanes ? kLanes : 1;
    for (std::int64_t j = n; j < args.dims[3]; ++j)
      std::fill_n(out.data + j * out.stride * scalars, scalars, T(0));
  });
}

template <class D, class Function>
void run(const RowArgs& args) {
  if (args.out.lanes)
    run_views<LanesRow<D>, Function>(args);
  else
    run_views<PlainRow<D>, Function>(args);
}

// ---- in order of the row: cumulative sums and products ----

template <class D, bool kBack, class Combine>
void run_cumulative(const RowArgs& args) {
  using T = Scalar<D>;
  const std::int64_t n = args.dims[3], lanes = args.out.lanes ? kLanes : 1;
  for_each_line(args, [&](std::int64_t group, const Dims& at) {
    const T* in = row_start<const T>(args.in[0], group, at);
    T* out = row_start<T>(args.out, group, at);
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      T total = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t j = kBack ? n - 1 - i : i;
        const T x = in[j * args.in[0].strides[3] * lanes + lane];
        total = i == 0 ? x : Combine()(total, x);
        out[j * args.out.strides[3] * lanes + lane] = total;
      }
    }
  });
}

struct Plus {
  template <class T>
  T operator()(T a, T b) const {
    return a + b;
  }
};
struct Times {
  template <class T>
  T operator()(T a, T b) const {
    return a * b;
  }
};

// ---- ranks ----

template <class D>
void run_rank(const RowArgs& args) {
  using T = Scalar<D>;
  const std::int64_t n = args.dims[3], lanes = args.out.lanes ? kLanes : 1;
  const std::int64_t step = args.in[0].strides[3] * lanes;
  for_each_line(args, [&](std::int64_t group, const Dims& at) {
    const T* in = row_start<const T>(args.in[0], group, at);
    std::int32_t* out = row_start<std::int32_t>(args.out, group, at);
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        const T x = in[i * step + lane];
        std::int32_t before = 0;
        for (std::int64_t j = 0; j < n; ++j) {
          const T y = in[j * step + lane];
          before += y < x || (y == x && j < i);
        }
        out[i * args.out.strides[3] * lanes + lane] = before;
      }
  });
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
  set(RowFunction::kCumulativeSum, &run_cumulative<D, false, Plus>);
  set(RowFunction::kCumulativeSumBack, &run_cumulative<D, true, Plus>);
  set(RowFunction::kCumulativeProduct, &run_cumulative<D, false, Times>);
  set(RowFunction::kRank, &run_rank<D>);
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(row);
}  // namespace iclab::lanes
#endif
