// The functions of functions.h through their kernels: accuracy against long double, special values,
// and the same bits for ever.
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "base/sha256.h"
#include "tests/lanes/values.h"

namespace iclab::lanes {
namespace {

template <class T>
std::vector<T> apply(Target target, Unary f, const std::vector<T>& x) {
  std::vector<T> y(x.size());
  ElementwiseArgs args;
  args.dims[3] = static_cast<std::int64_t>(x.size());
  args.out.strides[3] = args.in[0].strides[3] = 1;
  args.out.data = y.data();
  args.in[0].data = const_cast<T*>(x.data());
  kernels<T>(target).unary[static_cast<size_t>(f)](args);
  return y;
}

template <class T>
std::vector<T> apply_power(Target target, const std::vector<T>& a, const std::vector<T>& b) {
  std::vector<T> y(a.size());
  ElementwiseArgs args;
  args.dims[3] = static_cast<std::int64_t>(a.size());
  args.out.strides[3] = args.in[0].strides[3] = args.in[1].strides[3] = 1;
  args.out.data = y.data();
  args.in[0].data = const_cast<T*>(a.data());
  args.in[1].data = const_cast<T*>(b.data());
  kernels<T>(target).binary[static_cast<size_t>(Binary::kPower)](args);
  return y;
}

template <class T>
T value(Unary f, T x) {
  return apply<T>(Target::kAvx2, f, {x})[0];
}
template <class T>
T power(T a, T b) {
  return apply_power<T>(Target::kAvx2, {a}, {b})[0];
}

// |y - exact| in units in the last place of a normal number near `exact`.
template <class T>
double ulps(T y, long double exact) {
  int exponent = 0;
  std::frexp(exact, &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent);
  const long double unit = std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(std::fabs(static_cast<long double>(y) - exact) / unit);
}

// ---- accuracy ----

long double sin_turns(long double x) {
  const long double t = x - std::round(x), u = std::fabs(t);
  return std::copysign(std::sin(2 * std::numbers::pi_v<long double> * std::min(u, 0.5L - u)), t);
}
long double cos_turns(long double x) {
  const long double t = std::fabs(x - std::round(x));
  return std::sin(2 * std::numbers::pi_v<long double> * (0.25L - t));
}

long double softplus(long double x) {
  return std::max(x, 0.0L) + std::log1p(std::exp(-std::fabs(x)));
}
// The normal distribution and density, and GELU's approximation of the former by tanh.
long double normal(long double x) { return std::erfc(-x / std::numbers::sqrt2_v<long double>) / 2; }
long double density(long double x) {
  return std::exp(-x * x / 2) * std::numbers::inv_sqrtpi_v<long double> /
         std::numbers::sqrt2_v<long double>;
}
constexpr long double kGeluScale =
    std::numbers::sqrt2_v<long double> * std::numbers::inv_sqrtpi_v<long double>;
long double tanh_normal(long double x) {
  return (1 + std::tanh(kGeluScale * (x + 0.044715L * x * x * x))) / 2;
}
long double tanh_slope(long double x) {
  const long double p = tanh_normal(x);
  return p + x * 2 * p * (1 - p) * kGeluScale * (1 + 3 * 0.044715L * x * x);
}

struct Accuracy {
  Unary f;
  long double (*exact)(long double);
  double float_ulps, double_ulps;  // the bounds
  double from, to;                 // beside this range, [-1, 1] and sizes from 1e-9 to 1
};

const Accuracy kAccuracies[] = {
    {Unary::kExp, [](long double x) { return std::exp(x); }, 1.1, 1.1, -87, 88.7},
    {Unary::kExpm1, [](long double x) { return std::expm1(x); }, 4, 4, -87, 88.7},
    {Unary::kLog, [](long double x) { return std::log(x); }, 1, 1, 0, 1000},
    {Unary::kLog1p, [](long double x) { return std::log1p(x); }, 3, 3, -1, 1000},
    {Unary::kTanh, [](long double x) { return std::tanh(x); }, 3, 3.5, -20, 20},
    {Unary::kErf, [](long double x) { return std::erf(x); }, 2, 2, -7, 7},
    {Unary::kSinTurns, sin_turns, 3, 3, -1000, 1000},
    {Unary::kCosTurns, cos_turns, 3, 3, -1000, 1000},
    {Unary::kSigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }, 3, 3, -87, 100},
    {Unary::kSoftplus, softplus, 4, 4, -87, 1000}};

// Functions whose error is bounded beside a number of size 1, or of x's size.
struct AbsoluteAccuracy {
  Unary f;
  long double (*exact)(long double);
  double epsilons;  // times |x| if of_x
  bool of_x;
};

const AbsoluteAccuracy kAbsoluteAccuracies[] = {
    {Unary::kGelu, [](long double x) { return x * normal(x); }, 2, true},
    {Unary::kGeluTanh, [](long double x) { return x * tanh_normal(x); }, 2, true},
    {Unary::kGeluSlope, [](long double x) { return normal(x) + x * density(x); }, 4, false},
    {Unary::kGeluTanhSlope, tanh_slope, 4, false}};

template <class T>
std::vector<T> arguments(const Accuracy& a, size_t count) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<T> range(T(a.from), T(a.to)), near(T(-1), T(1)), size(-20, 0);
  std::vector<T> x;
  while (x.size() < count) {
    x.push_back(range(random));
    x.push_back(std::copysign(std::exp(size(random)), near(random)));
    x.push_back(near(random));
  }
  std::erase_if(x, [&](T v) { return !std::isfinite(a.exact(v)); });
  return x;
}

template <class T>
class FunctionsTest : public testing::Test {};
TYPED_TEST_SUITE(FunctionsTest, Scalars);

TYPED_TEST(FunctionsTest, AreAccurate) {
  using T = TypeParam;
  for (const Accuracy& a : kAccuracies) {
    const std::vector<T> x = arguments<T>(a, 60000), y = apply(Target::kAvx2, a.f, x);
    double worst = 0;
    T at = 0;
    for (size_t i = 0; i < x.size(); ++i)
      if (const double error = ulps(y[i], a.exact(x[i])); !(error <= worst))
        worst = error, at = x[i];
    EXPECT_LE(worst, sizeof(T) == 4 ? a.float_ulps : a.double_ulps)
        << "function " << static_cast<int>(a.f) << " at " << at;
  }
}

TYPED_TEST(FunctionsTest, GelusAreAccurate) {
  using T = TypeParam;
  for (const AbsoluteAccuracy& a : kAbsoluteAccuracies) {
    const std::vector<T> x = arguments<T>({a.f, a.exact, 0, 0, -40, 40}, 60000);
    const std::vector<T> y = apply(Target::kAvx2, a.f, x);
    double worst = 0;
    T at = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const long double unit = std::numeric_limits<T>::epsilon() * (a.of_x ? std::fabs(x[i]) : T(1));
      const auto error = static_cast<double>(std::fabs(y[i] - a.exact(x[i])) / unit);
      if (!(error <= worst)) worst = error, at = x[i];
    }
    EXPECT_LE(worst, a.epsilons) << "function " << static_cast<int>(a.f) << " at " << at;
  }
}

// The whole range of the exponential and the logarithm in double.
TEST(FunctionsOfDoubleTest, AreAccurateAtAllSizes) {
  const Accuracy exponential{Unary::kExp, nullptr, 0, 0, -708, 709.7};
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> range(exponential.from, exponential.to);
  std::vector<double> x(30000);
  for (double& v : x) v = range(random);
  const std::vector<double> y = apply(Target::kAvx2, Unary::kExp, x);
  const std::vector<double> back = apply(Target::kAvx2, Unary::kLog, y);
  for (size_t i = 0; i < x.size(); ++i) {
    ASSERT_LE(ulps(y[i], std::exp(static_cast<long double>(x[i]))), 1.1) << x[i];
    ASSERT_LE(ulps(back[i], std::log(static_cast<long double>(y[i]))), 1.0) << y[i];
  }
}

// The error of log a is magnified by b log a, up to 700 times.
TYPED_TEST(FunctionsTest, PowerIsAccurate) {
  using T = TypeParam;
  const T largest_log = sizeof(T) == 4 ? T(80) : T(700);
  std::mt19937_64 random(3);
  std::uniform_real_distribution<T> log_power(-largest_log, largest_log), near(-1, 1);
  std::vector<T> a, b;
  for (int i = 0; i < 30000; ++i) {
    const T log_a = near(random) * (i % 3 == 0 ? largest_log : i % 3 == 1 ? T(1) : T(1e-3));
    a.push_back(std::exp(log_a));
    b.push_back(log_power(random) / std::max(std::fabs(log_a), T(1e-2)) * T(0.99));
  }
  const std::vector<T> y = apply_power(Target::kAvx2, a, b);
  for (size_t i = 0; i < a.size(); ++i)
    ASSERT_LE(ulps(y[i], std::pow(static_cast<long double>(a[i]), static_cast<long double>(b[i]))),
              sizeof(T) == 4 ? 0.51 : 2)
        << a[i] << " to the " << b[i];
}

TYPED_TEST(FunctionsTest, SinesStayWithinOne) {
  using T = TypeParam;
  std::vector<T> x(100000);
  for (T at = T(0.25); T & v : x) v = std::exchange(at, std::nextafter(at, T(0)));
  for (const T y : apply(Target::kAvx2, Unary::kSinTurns, x)) ASSERT_LE(y, 1);
}

// ---- special values ----

TYPED_TEST(FunctionsTest, HaveTheSpecialValues) {
  using T = TypeParam;
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const T largest = std::numeric_limits<T>::max(), smallest = std::numeric_limits<T>::min();
  const struct {
    Unary f;
    T x, y;
  } kValues[] = {{Unary::kExp, 0, 1},
                 {Unary::kExp, -T(0), 1},
                 {Unary::kExp, inf, inf},
                 {Unary::kExp, -inf, 0},
                 {Unary::kExp, 1000, inf},
                 {Unary::kExp, -1000, 0},
                 {Unary::kExp, largest, inf},
                 {Unary::kExp, -largest, 0},
                 {Unary::kExp, smallest, 1},
                 {Unary::kExpm1, 0, 0},
                 {Unary::kExpm1, -T(0), -T(0)},
                 {Unary::kExpm1, inf, inf},
                 {Unary::kExpm1, -inf, -1},
                 {Unary::kExpm1, 1000, inf},
                 {Unary::kExpm1, -1000, -1},
                 {Unary::kExpm1, largest, inf},
                 {Unary::kExpm1, smallest, smallest},
                 {Unary::kLog, 0, -inf},
                 {Unary::kLog, -T(0), -inf},
                 {Unary::kLog, 1, 0},
                 {Unary::kLog, inf, inf},
                 {Unary::kLog, -1, nan},
                 {Unary::kLog, -inf, nan},
                 {Unary::kLog, -smallest, nan},
                 {Unary::kLog1p, -1, -inf},
                 {Unary::kLog1p, 0, 0},
                 {Unary::kLog1p, -T(0), -T(0)},
                 {Unary::kLog1p, inf, inf},
                 {Unary::kLog1p, -2, nan},
                 {Unary::kLog1p, -inf, nan},
                 {Unary::kLog1p, smallest, smallest},
                 {Unary::kTanh, inf, 1},
                 {Unary::kTanh, -inf, -1},
                 {Unary::kTanh, largest, 1},
                 {Unary::kTanh, 0, 0},
                 {Unary::kTanh, -T(0), -T(0)},
                 {Unary::kTanh, smallest, smallest},
                 {Unary::kErf, inf, 1},
                 {Unary::kErf, -inf, -1},
                 {Unary::kErf, largest, 1},
                 {Unary::kErf, 0, 0},
                 {Unary::kErf, -T(0), -T(0)},
                 {Unary::kSinTurns, inf, nan},
                 {Unary::kSinTurns, -inf, nan},
                 {Unary::kSinTurns, largest, 0},
                 {Unary::kSinTurns, 0, 0},
                 {Unary::kSinTurns, -T(0), -T(0)},
                 {Unary::kSinTurns, T(0.25), 1},
                 {Unary::kSinTurns, T(-0.25), -1},
                 {Unary::kSinTurns, T(0.5), 0},
                 {Unary::kSinTurns, 7, 0},
                 {Unary::kSinTurns, T(1000.75), -1},
                 {Unary::kCosTurns, inf, nan},
                 {Unary::kCosTurns, -inf, nan},
                 {Unary::kCosTurns, largest, 1},
                 {Unary::kCosTurns, 0, 1},
                 {Unary::kCosTurns, T(0.25), 0},
                 {Unary::kCosTurns, T(0.5), -1},
                 {Unary::kCosTurns, T(-1000.5), -1},
                 {Unary::kRelu, -T(0), -T(0)},
                 {Unary::kRelu, -inf, 0},
                 {Unary::kRelu, inf, inf},
                 {Unary::kSigmoid, 0, T(0.5)},
                 {Unary::kSigmoid, inf, 1},
                 {Unary::kSigmoid, -inf, 0},
                 {Unary::kSigmoid, -largest, 0},
                 {Unary::kSoftplus, inf, inf},
                 {Unary::kSoftplus, -inf, 0},
                 {Unary::kSoftplus, largest, largest},
                 {Unary::kSoftplus, -largest, 0},
                 {Unary::kGelu, 0, 0},
                 {Unary::kGelu, inf, inf},
                 {Unary::kGelu, largest, largest},
                 {Unary::kGelu, -largest, -T(0)},
                 {Unary::kGeluTanh, inf, inf},
                 {Unary::kGeluTanh, largest, largest},
                 {Unary::kGeluTanh, -largest, -T(0)},
                 {Unary::kGeluSlope, 0, T(0.5)},
                 {Unary::kGeluSlope, largest, 1},
                 {Unary::kGeluSlope, -largest, 0},
                 {Unary::kGeluTanhSlope, 0, T(0.5)},
                 {Unary::kGeluTanhSlope, largest, 1},
                 {Unary::kGeluTanhSlope, -largest, 0},
                 {Unary::kSqrt, -1, nan},
                 {Unary::kReciprocal, 0, inf},
                 {Unary::kReciprocal, -T(0), -inf}};
  for (const auto& [f, x, y] : kValues)
    EXPECT_TRUE(same(value(f, x), y))
        << "function " << static_cast<int>(f) << " at " << x << ": " << value(f, x);
  for (int f = 0; f < static_cast<int>(Unary::kCount); ++f)
    EXPECT_TRUE(std::isnan(value(static_cast<Unary>(f), nan))) << "function " << f;
}

TYPED_TEST(FunctionsTest, PowerHasCsSpecialValues) {
  using T = TypeParam;
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const T values[] = {0,
                      -T(0),
                      1,
                      -1,
                      2,
                      -2,
                      T(0.5),
                      T(-0.5),
                      inf,
                      -inf,
                      3,
                      -3,
                      T(2.5),
                      100,
                      T(1e9),
                      T(-1e9),
                      T(1e9 + 64),
                      nan,
                      std::numeric_limits<T>::max(),
                      T(0.999)};
  for (const T a : values)
    for (const T b : values) {
      const bool undefined = std::isnan(a) || std::isnan(b) || (a < 0 && std::round(b) != b);
      const T expected = undefined ? nan : std::pow(a, b);
      if (!undefined && std::isfinite(expected) && expected != 0 && expected != 1)
        EXPECT_LE(
            ulps(power(a, b), std::pow(static_cast<long double>(a), static_cast<long double>(b))),
            2)
            << a << " to the " << b;
      else
        EXPECT_TRUE(same(power(a, b), expected)) << a << " to the " << b << ": " << power(a, b);
    }
}

// ---- the same bits, everywhere and for ever ----

// Half of the arguments are any bits, half are around 0; no floating-point function makes them.
template <class T>
std::vector<T> golden_arguments(std::uint64_t seed) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::mt19937_64 random(seed);
  std::vector<T> x(1000000);
  for (size_t i = 0; i < x.size(); ++i) {
    const std::uint64_t word = random();
    x[i] = i % 2 ? std::bit_cast<T>(static_cast<Bits>(word))
                 : static_cast<T>(static_cast<std::int64_t>(word) >> 36) * T(0x1p-24);
  }
  return x;
}

template <class T>
std::string hash(std::vector<T> y) {
  for (T& v : y)
    if (std::isnan(v)) v = std::numeric_limits<T>::quiet_NaN();
  return to_hex(Sha256().update(std::as_bytes(std::span(y))).digest()).substr(0, 16);
}

struct Golden {
  Unary f;
  const char *for_float, *for_double;
};
constexpr Golden kGolden[] = {{Unary::kExp, "91705dd53aa61ad2", "4ea96b5873c75e1a"},
                              {Unary::kExpm1, "d95ce83bf8054fb5", "07c9e6656a6012dc"},
                              {Unary::kLog, "8818c6d3dd2a7508", "e6510dbc7c35c67b"},
                              {Unary::kLog1p, "f00e3024adebedaf", "581c8903f50aea07"},
                              {Unary::kTanh, "4acfa7d783dcc7d2", "b3689679da186599"},
                              {Unary::kErf, "992801469ed4da84", "a383012a91f7787a"},
                              {Unary::kSinTurns, "9b35245d9e4eac4e", "b53841b619c6db64"},
                              {Unary::kCosTurns, "829ed9dc81ec2fe5", "3f9eb316afe66f81"},
                              {Unary::kSigmoid, "226ed3e1de5a17ef", "98e2f55ecd798ece"},
                              {Unary::kSoftplus, "9e910c91028ba56d", "38e0ed66a3fb1d56"},
                              {Unary::kGelu, "90cb43209c8b7fbe", "697f65684b892be3"},
                              {Unary::kGeluTanh, "a0ec8b04650e5158", "45730091a6842d53"},
                              {Unary::kGeluSlope, "3c87f2c65863d00c", "c745ab96451b091f"},
                              {Unary::kGeluTanhSlope, "9b61a3abf1e3b041", "a06bc30a8517b1ab"}};

TYPED_TEST(FunctionsTest, KeepTheirBits) {
  using T = TypeParam;
  const std::vector<T> x = golden_arguments<T>(1), b = golden_arguments<T>(2);
  for (const Target target : targets()) {
    for (const Golden& golden : kGolden)
      EXPECT_EQ(hash(apply(target, golden.f, x)),
                sizeof(T) == 4 ? golden.for_float : golden.for_double)
          << "function " << static_cast<int>(golden.f) << " target " << static_cast<int>(target);
    EXPECT_EQ(hash(apply_power(target, x, b)),
              sizeof(T) == 4 ? "d4646c5f787e1769" : "d29d01cd0d86496a")
        << "power, target " << static_cast<int>(target);
  }
}

}  // namespace
}  // namespace iclab::lanes
