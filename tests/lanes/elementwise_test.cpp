// Every element-wise kernel against a scalar twin, in all layouts, on every target. The functions
// of functions.h have themselves as twin, one plain scalar at a time: their values are
// functions_test's.
#include <functional>
#include <sstream>
#include <tuple>

#include "tests/lanes/values.h"

namespace iclab::lanes {
namespace {

// What a kernel is given. Operand 0 is out.
struct Case {
  std::int64_t groups = 1;
  Dims dims{1, 1, 1, 1};
  std::array<bool, 4> lanes{};
  std::array<Layout, 4> layout{};
  int in_place = -1;  // the input that is out's own view

  std::string text() const {
    std::ostringstream s;
    s << "groups " << groups << " dims " << testing::PrintToString(dims);
    for (size_t k = 0; k < 4; ++k)
      s << (lanes[k] ? " lanes" : " plain") << static_cast<int>(layout[k]);
    s << " in place " << in_place;
    return s.str();
  }
};

template <class T>
using Pick = std::function<typename Kernels<T>::Elementwise(const Kernels<T>&)>;

template <class T, class Out, class... In>
class Twin {
 public:
  Twin(Pick<T> pick, std::function<Out(In...)> f) : pick_(std::move(pick)), f_(std::move(f)) {}

  // All of out's memory, gaps included, as if f had been applied scalar by scalar.
  void check(const Case& c) const {
    const std::vector<Out> expected = run(c, [&](ElementwiseArgs&, auto& out, auto&... in) {
      out.each(
          [&](auto g, const Dims& i, int lane) { out.at(g, i, lane) = f_(in.at(g, i, lane)...); });
    });
    for (const Target target : targets()) {
      const std::vector<Out> found =
          run(c, [&](ElementwiseArgs& args, auto&, auto&...) { pick_(kernels<T>(target))(args); });
      const std::int64_t at = first_difference(found, expected);
      ASSERT_EQ(at, -1) << c.text() << " target " << static_cast<int>(target) << ": found "
                        << found[static_cast<size_t>(at)] << " expected "
                        << expected[static_cast<size_t>(at)];
    }
  }

  static constexpr size_t kIn = sizeof...(In);

 private:
  template <class Apply>
  std::vector<Out> run(const Case& c, Apply apply) const {
    return run(c, apply, std::index_sequence_for<In...>());
  }

  template <class Apply, size_t... I>
  std::vector<Out> run(const Case& c, Apply apply, std::index_sequence<I...>) const {
    std::mt19937 random(11);
    Value<Out> out(c.groups, c.dims, c.lanes[0], c.layout[0]);
    std::tuple<Value<In>...> in{Value<In>(c.groups, c.dims, c.lanes[I + 1], c.layout[I + 1])...};
    fill(random, out.data);
    (fill(random, std::get<I>(in).data), ...);

    ElementwiseArgs args;
    args.groups = c.groups;
    args.dims = c.dims;
    args.out = out.operand;
    ((args.in[I] = std::get<I>(in).operand), ...);
    if (c.in_place >= 0) args.in[static_cast<size_t>(c.in_place)] = args.out;
    apply(args, out, input<I>(c, out, in)...);
    return out.data;
  }

  template <size_t kI, class Inputs>
  static auto& input(const Case& c, Value<Out>& out, Inputs& in) {
    if constexpr (std::is_same_v<std::tuple_element_t<kI, Inputs>, Value<Out>>)
      if (c.in_place == static_cast<int>(kI)) return out;
    return std::get<kI>(in);
  }

  Pick<T> pick_;
  std::function<Out(In...)> f_;
};

// ---- cases ----

// Around the lengths of vectors and lanes, primes, several dimensions, and beyond L1.
constexpr Dims kShapes[] = {{1, 1, 1, 1}, {1, 1, 1, 2},  {1, 1, 1, 3},   {1, 1, 1, 7},
                            {1, 1, 1, 8}, {1, 1, 1, 9},  {1, 1, 1, 16},  {1, 1, 1, 17},
                            {1, 1, 3, 5}, {2, 1, 3, 11}, {2, 3, 2, 4},   {1, 4, 1, 31},
                            {1, 1, 5, 1}, {3, 1, 1, 1},  {1, 1, 1, 1031}};
constexpr Dims kFewShapes[] = {
    {1, 1, 1, 1}, {1, 1, 1, 9}, {1, 1, 3, 5}, {2, 3, 2, 4}, {1, 1, 5, 1}};
constexpr Dims kBeyondL1{1, 1, 37, 67};
// out must not share elements.
constexpr Layout kOutLayouts[] = {Layout::kRows, Layout::kReversed, Layout::kGaps};

Layout any_layout(std::mt19937& random) {
  return static_cast<Layout>(random() % static_cast<unsigned>(Layout::kCount));
}

Case random_case(std::mt19937& random) {
  Case c;
  c.groups = 1 + static_cast<std::int64_t>(random() % 3);
  c.dims = random() % 24 ? kShapes[random() % std::size(kShapes)] : kBeyondL1;
  const bool lanes = random() % 3 != 0;
  if (!lanes) c.groups = 1;
  for (size_t k = 0; k < 4; ++k) {
    c.lanes[k] = k == 0 ? lanes : lanes && random() % 2;
    c.layout[k] = k == 0 ? kOutLayouts[random() % 3] : any_layout(random);
  }
  return c;
}

template <class T, class Out, class... In>
void check_random_cases(const Pick<T>& pick, std::function<Out(In...)> f, int count = 30) {
  const Twin<T, Out, In...> twin(pick, f);
  std::mt19937 random(5);
  for (int i = 0; i < count && !testing::Test::HasFatalFailure(); ++i)
    twin.check(random_case(random));
}

template <class T>
class ElementwiseTest : public testing::Test {
 protected:
  using Int = std::int32_t;

  // f of one plain scalar, by the kernel itself.
  static T function(Unary f, T x) {
    ElementwiseArgs args;
    args.out.data = args.in[0].data = &x;
    kernels<T>(Target::kAvx2).unary[static_cast<size_t>(f)](args);
    return x;
  }
  static T power(T x, T y) {
    ElementwiseArgs args;
    args.out.data = args.in[0].data = &x;
    args.in[1].data = &y;
    kernels<T>(Target::kAvx2).binary[static_cast<size_t>(Binary::kPower)](args);
    return x;
  }

  static Pick<T> of(Unary f) {
    return [f](const Kernels<T>& k) { return k.unary[static_cast<size_t>(f)]; };
  }
  static Pick<T> of(Binary f) {
    return [f](const Kernels<T>& k) { return k.binary[static_cast<size_t>(f)]; };
  }
  static Pick<T> of(Compare f) {
    return [f](const Kernels<T>& k) { return k.compare[static_cast<size_t>(f)]; };
  }
  static Pick<T> of_integers(Compare f) {
    return [f](const Kernels<T>& k) { return k.compare_integer[static_cast<size_t>(f)]; };
  }
  static Pick<T> of(Logic f) {
    return [f](const Kernels<T>& k) { return k.logic[static_cast<size_t>(f)]; };
  }
  static Pick<T> of(Integer f) {
    return [f](const Kernels<T>& k) { return k.integer[static_cast<size_t>(f)]; };
  }

  static void check(Unary f, std::function<T(T)> twin) { check_random_cases<T>(of(f), twin); }
  static void check(Binary f, std::function<T(T, T)> twin) { check_random_cases<T>(of(f), twin); }
  static void check(Compare f, std::function<Int(T, T)> twin,
                    std::function<Int(Int, Int)> integers) {
    check_random_cases<T>(of(f), twin);
    check_random_cases<T>(of_integers(f), integers);
  }
  static void check(Integer f, std::function<Int(Int, Int)> twin) {
    check_random_cases<T>(of(f), twin);
  }
};
TYPED_TEST_SUITE(ElementwiseTest, Scalars);

// ---- every operation ----

TYPED_TEST(ElementwiseTest, UnaryHasTheTwinsBits) {
  using T = TypeParam;
  this->check(Unary::kCopy, [](T x) { return x; });
  this->check(Unary::kNegate, [](T x) { return -x; });
  this->check(Unary::kAbs, [](T x) { return std::fabs(x); });
  this->check(Unary::kSquare, [](T x) { return x * x; });
  this->check(Unary::kSqrt, [](T x) { return std::sqrt(x); });
  this->check(Unary::kReciprocal, [](T x) { return 1 / x; });
  this->check(Unary::kRelu, [](T x) { return x < 0 ? T(0) : x; });
  for (const Unary f : {Unary::kExp, Unary::kExpm1, Unary::kLog, Unary::kLog1p, Unary::kTanh,
                        Unary::kErf, Unary::kSinTurns, Unary::kCosTurns, Unary::kSigmoid,
                        Unary::kSoftplus, Unary::kGelu, Unary::kGeluTanh, Unary::kGeluSlope,
                        Unary::kGeluTanhSlope})
    this->check(f, [f](T x) { return TestFixture::function(f, x); });
}

TYPED_TEST(ElementwiseTest, BinaryHasTheTwinsBits) {
  using T = TypeParam;
  const auto nan_or = [](T a, T b, T y) { return std::isnan(a) || std::isnan(b) ? T(NAN) : y; };
  this->check(Binary::kAdd, [](T a, T b) { return a + b; });
  this->check(Binary::kSubtract, [](T a, T b) { return a - b; });
  this->check(Binary::kMultiply, [](T a, T b) { return a * b; });
  this->check(Binary::kDivide, [](T a, T b) { return a / b; });
  this->check(Binary::kMinimum, [=](T a, T b) { return nan_or(a, b, b < a ? b : a); });
  this->check(Binary::kMaximum, [=](T a, T b) { return nan_or(a, b, b > a ? b : a); });
  this->check(Binary::kGate, [](T a, T b) { return b > 0 ? a : T(0); });
  this->check(Binary::kPower, [](T a, T b) { return TestFixture::power(a, b); });
}

TYPED_TEST(ElementwiseTest, CompareHasTheTwinsBits) {
  const auto check = [this](Compare f, auto twin) { this->check(f, twin, twin); };
  check(Compare::kLess, [](auto a, auto b) { return a < b; });
  check(Compare::kLessEqual, [](auto a, auto b) { return a <= b; });
  check(Compare::kEqual, [](auto a, auto b) { return a == b; });
  check(Compare::kNotEqual, [](auto a, auto b) { return a != b; });
}

TYPED_TEST(ElementwiseTest, IntegersHaveTheTwinsBits) {
  using I = std::int32_t;
  using U = std::uint32_t;
  this->check(Integer::kAdd, [](I a, I b) { return static_cast<I>(U(a) + U(b)); });
  this->check(Integer::kSubtract, [](I a, I b) { return static_cast<I>(U(a) - U(b)); });
  this->check(Integer::kMultiply, [](I a, I b) { return static_cast<I>(U(a) * U(b)); });
}

TYPED_TEST(ElementwiseTest, TheRestHasTheTwinsBits) {
  using T = TypeParam;
  using I = std::int32_t;
  check_random_cases<T>(this->of(Logic::kAnd), std::function([](I a, I b) { return a & b; }));
  check_random_cases<T>(this->of(Logic::kOr), std::function([](I a, I b) { return a | b; }));
  check_random_cases<T>(this->of(Logic::kNot), std::function([](I a) { return a ^ 1; }));
  check_random_cases<T>([](const Kernels<T>& k) { return k.copy_integer; },
                        std::function([](I a) { return a; }));
  check_random_cases<T>([](const Kernels<T>& k) { return k.to_real; },
                        std::function([](I a) { return static_cast<T>(a); }));
  check_random_cases<T>([](const Kernels<T>& k) { return k.select; },
                        std::function([](I c, T a, T b) { return c ? a : b; }), 200);
}

// ---- every layout, for one of each kind of loop ----

TYPED_TEST(ElementwiseTest, AllPairsOfLayouts) {
  using T = TypeParam;
  const Twin<T, T, T, T> subtract(this->of(Binary::kSubtract), [](T a, T b) { return a - b; });
  for (const Dims& dims : kFewShapes)
    for (const auto& lanes : {std::array<bool, 4>{true, true, true},
                              {true, true, false},
                              {true, false, true},
                              {true, false, false},
                              {false, false, false}})
      for (int layouts = 0; layouts < 3 * 6 * 6; ++layouts) {
        Case c{lanes[0] ? 2 : 1, dims, lanes};
        c.layout = {kOutLayouts[layouts % 3], static_cast<Layout>(layouts / 3 % 6),
                    static_cast<Layout>(layouts / 18)};
        ASSERT_NO_FATAL_FAILURE(subtract.check(c));
      }
}

TYPED_TEST(ElementwiseTest, OutMayBeAnInput) {
  using T = TypeParam;
  const Twin<T, T, T, T> subtract(this->of(Binary::kSubtract), [](T a, T b) { return a - b; });
  const Twin<T, T, T> exponential(this->of(Unary::kExp),
                                  [](T x) { return TestFixture::function(Unary::kExp, x); });
  for (const Dims& dims : kShapes)
    for (const Layout layout : kOutLayouts)
      for (const bool lanes : {false, true}) {
        Case c{lanes ? 3 : 1, dims, {lanes, lanes, lanes}, {layout, layout, layout}};
        for (c.in_place = 0; c.in_place < 2; ++c.in_place)
          ASSERT_NO_FATAL_FAILURE(subtract.check(c));
        c.in_place = 0;
        ASSERT_NO_FATAL_FAILURE(exponential.check(c));
      }
}

}  // namespace
}  // namespace iclab::lanes
