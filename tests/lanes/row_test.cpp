// Functions of rows against scalar twins in the stated order, bit for bit, on every target.
#include <functional>
#include <numeric>
#include <sstream>

#include "tests/lanes/values.h"

namespace iclab::lanes {
namespace {

// ---- the twins, of one row ----

// f of one scalar, by the kernel itself: its values are functions_test's.
template <class T>
T function(Unary f, T x) {
  ElementwiseArgs args;
  args.out.data = args.in[0].data = &x;
  kernels<T>(Target::kAvx2).unary[static_cast<size_t>(f)](args);
  return x;
}

template <class T>
using Numbers = std::vector<T>;

// In lanes one after the other; plain in 16 parts, folded by halves.
template <class T>
T sum(Numbers<T> x, bool lanes) {
  if (lanes) return std::accumulate(x.begin() + 1, x.end(), x[0]);
  x.resize((x.size() + kLanes - 1) / kLanes * kLanes, T(0));
  for (size_t i = kLanes; i < x.size(); ++i) x[i % kLanes] += x[i];
  for (size_t half = kLanes / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i) x[i] += x[i + half];
  return x[0];
}

template <class T, class F>
Numbers<T> each(const Numbers<T>& x, F f) {
  Numbers<T> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = f(i);
  return y;
}

template <class T>
struct Twin {
  Numbers<T> x, g;
  bool lanes;
  T epsilon;

  Numbers<T> softmax() const {
    const Numbers<T> e = exponentials();
    const T scale = 1 / sum(e, lanes);
    return each(x, [&](size_t i) { return e[i] * scale; });
  }
  Numbers<T> softmax_gradient() const {
    const T mean = sum(each(x, [&](size_t i) { return x[i] * g[i]; }), lanes);
    return each(x, [&](size_t i) { return x[i] * (g[i] - mean); });
  }
  Numbers<T> log_sum_exp() const {
    return {most() + function(Unary::kLog, sum(exponentials(), lanes))};
  }
  Numbers<T> norm(bool centred) const {
    const T mean = centred ? sum(x, lanes) * share() : 0;
    const T squares =
        sum(each(x, [&](size_t i) { return (x[i] - mean) * (x[i] - mean); }), lanes);
    const T scale = 1 / std::sqrt(std::fma(squares, share(), epsilon));
    return each(x, [&](size_t i) { return (x[i] - mean) * scale; });
  }
  Numbers<T> norm_gradient(bool centred) const {
    const T mean = centred ? sum(x, lanes) * share() : 0;
    const T squares =
        sum(each(x, [&](size_t i) { return (x[i] - mean) * (x[i] - mean); }), lanes);
    const T scale = 1 / std::sqrt(std::fma(squares, share(), epsilon));
    const Numbers<T> y = norm(centred);
    const T mean_g = centred ? sum(g, lanes) * share() : 0;
    const T mean_gy = sum(each(x, [&](size_t i) { return g[i] * y[i]; }), lanes) * share();
    return each(x, [&](size_t i) { return (g[i] - mean_g - y[i] * mean_gy) * scale; });
  }
  template <class Combine>
  Numbers<T> cumulative(Combine combine) const {
    Numbers<T> y(x.size());
    std::partial_sum(x.begin(), x.end(), y.begin(), combine);
    return y;
  }
  Numbers<T> cumulative_sum_back() const {
    Numbers<T> y(x.size());
    std::partial_sum(x.rbegin(), x.rend(), y.rbegin());
    return y;
  }
  Numbers<T> rank() const {
    return each(x, [&](size_t i) {
      T before = 0;
      for (size_t j = 0; j < x.size(); ++j) before += x[j] < x[i] || (x[j] == x[i] && j < i);
      return before;
    });
  }

  Numbers<T> operator()(RowFunction f) const {
    switch (f) {
      case RowFunction::kSoftmax: return softmax();
      case RowFunction::kSoftmaxGradient: return softmax_gradient();
      case RowFunction::kLogSumExp: return log_sum_exp();
      case RowFunction::kLayerNorm: return norm(true);
      case RowFunction::kLayerNormGradient: return norm_gradient(true);
      case RowFunction::kRmsNorm: return norm(false);
      case RowFunction::kRmsNormGradient: return norm_gradient(false);
      case RowFunction::kCumulativeSum: return cumulative(std::plus<T>());
      case RowFunction::kCumulativeSumBack: return cumulative_sum_back();
      case RowFunction::kCumulativeProduct: return cumulative(std::multiplies<T>());
      case RowFunction::kRank: return rank();
      case RowFunction::kCount: break;
    }
    return {};
  }

 private:
  T share() const { return static_cast<T>(1.0 / static_cast<double>(x.size())); }
  T most() const { return *std::max_element(x.begin(), x.end()); }
  Numbers<T> exponentials() const {
    return each(x, [&](size_t i) { return function(Unary::kExp, x[i] - most()); });
  }
};

// ---- cases ----

struct Case {
  RowFunction f;
  Dims dims;
  std::array<Place, 3> place;  // out, in[0], in[1]
  std::array<Layout, 3> layout{};
  std::int64_t causal = 0, offset = 0;
  int in_place = -1;  // the input that is out's own view
  bool special = false;

  std::string text() const {
    std::ostringstream s;
    s << "function " << static_cast<int>(f) << " dims " << testing::PrintToString(dims);
    for (size_t k = 0; k < 3; ++k)
      s << " place " << static_cast<int>(place[k]) << " layout " << static_cast<int>(layout[k]);
    s << " causal " << causal << '+' << offset << " in place " << in_place;
    return s.str();
  }
};

bool takes_two(RowFunction f) {
  return f == RowFunction::kSoftmaxGradient || f == RowFunction::kLayerNormGradient ||
         f == RowFunction::kRmsNormGradient;
}

constexpr double kEpsilon = 1e-5;
constexpr std::int64_t kGroups = 3;

template <class T, class Out>
class Check {
 public:
  explicit Check(const Case& the_case) : c_(the_case) {}

  // All of out's memory, gaps included.
  void run() const {
    Values expected(c_);
    expected.out.each([&](auto g, const Dims& i, int lane) {
      if (i[3] == 0) write_row(expected, g, i, lane);
    });
    for (const Target target : targets()) {
      Values found(c_);
      kernels<T>(target).row[static_cast<size_t>(c_.f)](found.args);
      const std::int64_t at = first_difference(found.out.data, expected.out.data);
      ASSERT_EQ(at, -1) << c_.text() << " target " << static_cast<int>(target) << ": found "
                        << found.out.data[static_cast<size_t>(at)] << " expected "
                        << expected.out.data[static_cast<size_t>(at)];
    }
  }

 private:
  struct Values {
    explicit Values(const Case& c)
        : out(kGroups, out_dims(c), c.place[0], c.layout[0]),
          x(kGroups, c.dims, c.place[1], c.layout[1]),
          g(kGroups, c.dims, c.place[2], c.layout[2]) {
      std::mt19937 random(23);
      const auto numbers = [&](auto& value) {
        if constexpr (std::is_same_v<decltype(value), std::int32_t&>)
          fill(random, value.data);
        else if (c.special)
          fill(random, value.data);
        else
          fill_normal(random, value.data);
      };
      fill(random, out.data);
      numbers(x);
      numbers(g);
      args.groups = kGroups;
      args.dims = c.dims;
      args.out = out.operand;
      args.in[0] = x.operand;
      if (takes_two(c.f)) args.in[1] = g.operand;
      if (c.in_place >= 0) {
        args.in[static_cast<size_t>(c.in_place)] = args.out;
        if constexpr (std::is_same_v<T, Out>) (c.in_place == 0 ? x.data : g.data) = out.data;
      }
      args.causal = c.causal, args.offset = c.offset;
      args.epsilon = kEpsilon;
    }

    static Dims out_dims(const Case& c) {
      Dims dims = c.dims;
      if (c.f == RowFunction::kLogSumExp) dims[3] = 1;
      return dims;
    }

    Value<Out> out;
    Value<T> x, g;
    RowArgs args;
  };

  void write_row(Values& values, std::int64_t group, Dims i, int lane) const {
    const std::int64_t n = c_.dims[3];
    const std::int64_t seen =
        c_.causal == 0 ? n : std::min(n, c_.causal * i[2] + c_.offset + 1);
    Twin<T> twin{{}, {}, c_.place[0] == Place::kInLanes, static_cast<T>(kEpsilon)};
    for (i[3] = 0; i[3] < seen; ++i[3]) {
      twin.x.push_back(values.x.at(group, i, lane));
      twin.g.push_back(values.g.at(group, i, lane));
    }
    Numbers<T> y = twin(c_.f);
    if (c_.causal) y.resize(static_cast<size_t>(n), T(0));
    for (i[3] = 0; i[3] < static_cast<std::int64_t>(y.size()); ++i[3])
      values.out.at(group, i, lane) = static_cast<Out>(y[static_cast<size_t>(i[3])]);
  }

  Case c_;
};

template <class T>
void check(const Case& c) {
  if (c.f == RowFunction::kRank)
    Check<T, std::int32_t>(c).run();
  else
    Check<T, T>(c).run();
}

// Around the lengths of vectors and of 16 parts; rows alone, in several dimensions, and more than are
// taken at once.
constexpr std::int64_t kLengths[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 41, 64, 100};
constexpr Dims kOuters[] = {{1, 1, 1, 0}, {2, 1, 3, 0}, {1, 2, 9, 0}, {3, 2, 2, 0}};

constexpr Layout kOutLayouts[] = {Layout::kRows, Layout::kReversed, Layout::kGaps};
constexpr Place kPlain[] = {Place::kPrompts, Place::kShared};

template <class T>
class RowTest : public testing::Test {
 protected:
  template <class F>
  static void for_each_function(F f) {
    for (int code = 0; code < static_cast<int>(RowFunction::kCount); ++code)
      f(static_cast<RowFunction>(code));
  }

  // A case of any layouts and places.
  static Case random_case(RowFunction f, std::mt19937& random) {
    Case c{f, kOuters[random() % std::size(kOuters)], {}};
    c.dims[3] = kLengths[random() % std::size(kLengths)];
    const bool lanes = random() % 2;
    c.place[0] = lanes ? Place::kInLanes : Place::kPrompts;
    for (size_t k = 1; k < 3; ++k)
      c.place[k] = lanes && random() % 2 ? Place::kInLanes : kPlain[random() % 2];
    c.layout[0] = kOutLayouts[random() % 3];
    for (size_t k = 1; k < 3; ++k)
      c.layout[k] = static_cast<Layout>(random() % static_cast<unsigned>(Layout::kCount));
    c.special = random() % 4 == 0;
    return c;
  }
};
TYPED_TEST_SUITE(RowTest, Scalars);

TYPED_TEST(RowTest, HasTheTwinsBitsAtEveryLength) {
  this->for_each_function([](RowFunction f) {
    for (const Place place : {Place::kInLanes, Place::kPrompts})
      for (const std::int64_t n : kLengths) {
        const Case c{f, {1, 1, 5, n}, {place, place, place}};
        ASSERT_NO_FATAL_FAILURE(check<TypeParam>(c));
      }
  });
}

// Beyond a length they are sorted; the twin compares each with each.
TYPED_TEST(RowTest, LongRanksAreThoseOfComparing) {
  for (const Place out : {Place::kInLanes, Place::kPrompts})
    for (const Place in : {Place::kInLanes, Place::kPrompts, Place::kShared}) {
      if (out == Place::kPrompts && in == Place::kInLanes) continue;
      ASSERT_NO_FATAL_FAILURE(check<TypeParam>({RowFunction::kRank, {1, 1, 2, 1500}, {out, in, in}}));
    }
}

TYPED_TEST(RowTest, HasTheTwinsBitsInEveryLayout) {
  std::mt19937 random(5);
  this->for_each_function([&](RowFunction f) {
    for (int i = 0; i < 100; ++i)
      ASSERT_NO_FATAL_FAILURE(check<TypeParam>(TestFixture::random_case(f, random)));
  });
}

TYPED_TEST(RowTest, CausalRowsSeeTheirPart) {
  std::mt19937 random(7);
  for (const RowFunction f : {RowFunction::kSoftmax, RowFunction::kSoftmaxGradient})
    for (const std::int64_t causal : {1, 2, 5})
      for (const std::int64_t offset : {0, 1, 14, 15, 30})
        for (int i = 0; i < 8; ++i) {
          Case c = TestFixture::random_case(f, random);
          c.dims[2] = 11;
          c.causal = causal, c.offset = offset;
          ASSERT_NO_FATAL_FAILURE(check<TypeParam>(c));
        }
}

TYPED_TEST(RowTest, OutMayBeAnInput) {
  std::mt19937 random(9);
  this->for_each_function([&](RowFunction f) {
    if (f == RowFunction::kLogSumExp || f == RowFunction::kRank) return;  // another shape, another type
    for (int in = 0; in < (takes_two(f) ? 2 : 1); ++in)
      for (const std::int64_t causal : {0, 1})
        for (int i = 0; i < 12; ++i) {
          Case c = TestFixture::random_case(f, random);
          if (f <= RowFunction::kSoftmaxGradient) c.causal = causal;
          c.in_place = in;
          c.place[static_cast<size_t>(in) + 1] = c.place[0];
          c.layout[static_cast<size_t>(in) + 1] = c.layout[0];
          ASSERT_NO_FATAL_FAILURE(check<TypeParam>(c));
        }
  });
}

// ---- values ----

template <class T>
Numbers<T> apply(RowFunction f, Numbers<T> x, bool lanes) {
  const auto n = static_cast<std::int64_t>(x.size());
  const size_t scalars = lanes ? kLanes : 1;
  Numbers<T> in(x.size() * scalars), out(in);
  for (size_t i = 0; i < in.size(); ++i) in[i] = x[i / scalars];
  RowArgs args;
  args.dims[3] = n;
  args.out = {out.data(), {0, 0, 0, 1}, n, lanes};
  args.in[0] = {in.data(), {0, 0, 0, 1}, n, lanes};
  args.epsilon = kEpsilon;
  kernels<T>(Target::kAvx2).row[static_cast<size_t>(f)](args);
  for (size_t i = 0; i < x.size(); ++i) x[i] = out[i * scalars];
  return x;
}

TYPED_TEST(RowTest, SpecialRows) {
  using T = TypeParam;
  using Row = Numbers<T>;
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const auto is = [](const Row& found, const Row& expected) {
    return first_difference(found, expected) == -1;
  };
  for (const bool lanes : {false, true}) {
    const auto softmax = [&](const Row& x) { return apply<T>(RowFunction::kSoftmax, x, lanes); };
    EXPECT_TRUE(is(softmax({T(-1e30)}), {1}));
    EXPECT_TRUE(is(softmax({-inf, 7, -inf, 7}), {0, T(0.5), 0, T(0.5)})) << "masked elements";
    EXPECT_TRUE(is(softmax({-inf, -inf, -inf}), {nan, nan, nan})) << "all masked";
    EXPECT_TRUE(is(softmax({0, inf, 0}), {nan, nan, nan}));
    // A NaN at any place reaches every element.
    for (const size_t n : {1, 2, 17, 41})
      for (size_t at = 0; at < n; ++at)
        for (const RowFunction f : {RowFunction::kSoftmax, RowFunction::kLayerNorm,
                                    RowFunction::kRmsNorm}) {
          Row x(n, T(0.5));
          x[at] = nan;
          EXPECT_TRUE(is(apply<T>(f, x, lanes), Row(n, nan))) << "length " << n << " at " << at;
        }
    EXPECT_TRUE(is(apply<T>(RowFunction::kLayerNorm, {5}, lanes), {0}));
    EXPECT_TRUE(is(apply<T>(RowFunction::kLayerNorm, Row(20, 2), lanes), Row(20, 0)));
    EXPECT_TRUE(same(apply<T>(RowFunction::kLogSumExp, {T(-800)}, lanes)[0], T(-800)));
    EXPECT_TRUE(is(apply<T>(RowFunction::kCumulativeProduct, {2, 0, inf, 1}, lanes),
                   {2, 0, nan, nan}));
  }
}

}  // namespace
}  // namespace iclab::lanes
