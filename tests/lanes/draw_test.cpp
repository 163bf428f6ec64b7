#include <gtest/gtest.h>
#include <wmmintrin.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "lanes/kernels.h"
#include "random/stream.h"
#include "tests/lanes/values.h"

namespace iclab::lanes {
namespace {

using Words = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint64_t, 2>;

constexpr Key kKey{0x0123456789ABCDEF, 0xFEDCBA9876543210};

// ---- the scalar twins ----

// ARS4x32-7: seven rounds of AES whose round keys are a Weyl sequence.
__attribute__((target("aes,sse4.1"))) Words ars(const Words& counter, Key key) {
  const auto next_key = [&] {
    const __m128i words =
        _mm_set_epi64x(static_cast<long long>(key[1]), static_cast<long long>(key[0]));
    key[0] += 0x9E3779B97F4A7C15;
    key[1] += 0xBB67AE8584CAA73B;
    return words;
  };
  __m128i state = _mm_loadu_si128(reinterpret_cast<const __m128i*>(counter.data()));
  state = _mm_xor_si128(state, next_key());
  for (int round = 1; round < 7; ++round) state = _mm_aesenc_si128(state, next_key());
  state = _mm_aesenclast_si128(state, next_key());
  Words words;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(words.data()), state);
  return words;
}

std::uint64_t pair_of(const Words& w, int first) {
  return static_cast<std::uint64_t>(w[static_cast<size_t>(first) + 1]) << 32 |
         w[static_cast<size_t>(first)];
}

// Element e of a block. Normals: radius and angle in long double, exact up to its rounding.
template <class T>
long double twin_element(Draw draw, const Words& w, int e, const DrawArgs& args) {
  const bool is_float = sizeof(T) == 4;
  const std::uint32_t word = w[static_cast<size_t>(e)];
  switch (draw) {
    case Draw::kUniform:
      return is_float ? ((word >> 9) + 0.5L) * 0x1p-23L
                      : static_cast<long double>(pair_of(w, 2 * e) >> 12) * 0x1p-52L + 0x1p-53L;
    case Draw::kSign:
      return word >> 31 ? -1 : 1;
    case Draw::kInteger: {
      using Wide = unsigned __int128;
      return static_cast<long double>(static_cast<std::int32_t>(
          static_cast<Wide>(pair_of(w, 2 * e)) * static_cast<Wide>(args.bound) >> 64));
    }
    case Draw::kCategorical: {
      const double u = (word + 0.5) * 0x1p-32;
      const double* end = args.thresholds + args.categories - 1;
      return static_cast<long double>(
          std::count_if(args.thresholds, end, [&](double t) { return t <= u; }));
    }
    case Draw::kNormal: {
      const size_t first = static_cast<size_t>(e) / 2 * 2;
      const long double u =
          is_float ? ((w[first] >> 1) + 0.5L) * 0x1p-31L
                   : static_cast<long double>(pair_of(w, 0) >> 12) * 0x1p-52L + 0x1p-53L;
      long double turns =
          is_float
              ? static_cast<std::int32_t>(w[first + 1]) * 0x1p-33L
              : (static_cast<long double>(pair_of(w, 2) >> 12) * 0x1p-52L + 0x1p-53L - 0.5L) / 2;
      if (w[is_float ? first + 1 : 2] & 1) turns += 0.5L;
      const long double r = std::sqrt(-2 * std::log(u)),
                        angle = 2 * std::numbers::pi_v<long double> * turns;
      return e % 2 == 0 ? r * std::cos(angle) : r * std::sin(angle);
    }
    case Draw::kAlias: {
      const std::uint64_t cell =
          w[2 * static_cast<size_t>(e)] * static_cast<std::uint64_t>(args.categories) >> 32;
      const double u = (w[2 * static_cast<size_t>(e) + 1] + 0.5) * 0x1p-32;
      return u < args.alias_keep[cell] ? static_cast<std::int32_t>(cell) : args.alias_other[cell];
    }
    case Draw::kGamma:  // has attempts: see below
    case Draw::kCount:
      break;
  }
  return 0;
}

// ---- draws ----

constexpr Draw kDraws[] = {Draw::kUniform, Draw::kNormal,      Draw::kSign,
                           Draw::kInteger, Draw::kCategorical, Draw::kAlias};

bool draws_integers(Draw draw) {
  return draw == Draw::kInteger || draw == Draw::kCategorical || draw == Draw::kAlias;
}

const std::vector<double> kThresholds{0.125, 0.25, 0.3, 0.3, 0.999};
// Cells of 1/6 that give a part of theirs to another category.
const std::vector<double> kKeep{0.6, 0.9, 1, 0.6, 1, 1};
const std::vector<std::int32_t> kOther{2, 2, 2, 4, 4, 5};

DrawArgs lane_args(std::int64_t groups, std::int64_t count) {
  DrawArgs args;
  args.groups = groups;
  args.count = count;
  args.key = kKey;
  args.step = 3;
  args.draw = 5;
  args.last_prompt = static_cast<std::uint32_t>(groups * kLanes - 1);
  args.bound = 1000003;
  args.thresholds = kThresholds.data();
  args.categories = static_cast<std::int32_t>(kThresholds.size()) + 1;
  args.alias_keep = kKeep.data();
  args.alias_other = kOther.data();
  args.out.lanes = true;
  args.out.group_stride = count;
  return args;
}

DrawArgs plain_args(std::int64_t count) {
  DrawArgs args = lane_args(1, count);
  args.first_prompt = args.last_prompt = 9;
  args.out.lanes = false;
  args.out.group_stride = 0;
  return args;
}

// What a kernel writes: scalars of T or int32, as they lie.
template <class T, class Out>
std::vector<Out> run(Target target, Draw draw, DrawArgs args) {
  const std::int64_t elements =
      args.out.lanes ? args.groups * args.out.group_stride * kLanes
                     : std::max(args.count, args.groups * args.out.group_stride);
  std::vector<Out> out(static_cast<size_t>(elements), Out(-77));
  args.out.data = out.data();
  kernels<T>(target).draw[static_cast<size_t>(draw)](args);
  return out;
}

template <class T>
std::vector<double> numbers(Target target, Draw draw, const DrawArgs& args) {
  if (draws_integers(draw)) {
    const auto out = run<T, std::int32_t>(target, draw, args);
    return {out.begin(), out.end()};
  }
  const auto out = run<T, T>(target, draw, args);
  return {out.begin(), out.end()};
}

// The block and the place in it of element e, and its prompt.
template <class T>
long double twin(Draw draw, const DrawArgs& args, std::uint32_t prompt, std::int64_t e) {
  const int per_block = random::elements_per_block(draw, sizeof(T) == 8);
  const auto block = args.draw + static_cast<std::uint32_t>(e / per_block);
  return twin_element<T>(draw, ars({args.step, prompt, block, 0}, args.key),
                         static_cast<int>(e % per_block), args);
}

// Bit for bit, but normals. Those: two polynomials of 2 ulp and four roundings; rounding u moves
// r^2 by epsilon at most, so r by epsilon/(2r), but not beyond sqrt(epsilon).
template <class T>
void expect_twin(Draw draw, double x, long double exact, long double norm) {
  if (draw != Draw::kNormal) {
    EXPECT_EQ(x, static_cast<double>(exact));
    return;
  }
  const long double epsilon = std::numeric_limits<T>::epsilon();
  const long double tolerance =
      8 * epsilon * norm + std::min(epsilon / (2 * norm), std::sqrt(epsilon));
  EXPECT_NEAR(x, static_cast<double>(exact), static_cast<double>(tolerance));
}

template <class T>
class DrawTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(DrawTest, Scalars);

// Random123 1.14 (ars.h) on the inputs of its kat_vectors: zeros, ones, the digits of pi.
TEST(Ars, HasTheWordsOfRandom123) {
  EXPECT_EQ(ars({0, 0, 0, 0}, {0, 0}), (Words{0xdacf61ff, 0xc45798f3, 0x113c7eeb, 0x101e27f3}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(ars({kOnes, kOnes, kOnes, kOnes}, {~0ull, ~0ull}),
            (Words{0xfbaaff1f, 0xbb547ef9, 0x13d8cd78, 0x7aaa969b}));
  EXPECT_EQ(ars({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                {0x299f31d0a4093822, 0xec4e6c89082efa98}),
            (Words{0xd1df87af, 0xf67d43ba, 0x4f66afdb, 0x393dcb2d}));
}

TYPED_TEST(DrawTest, LanesAreTheTwins) {
  using T = TypeParam;
  for (const Target target : targets())
    for (const Draw draw : kDraws)
      for (const std::int64_t count : {1, 2, 3, 4, 5, 8, 33, 67}) {
        const DrawArgs args = lane_args(2, count);
        const std::vector<double> out = numbers<T>(target, draw, args);
        for (std::int64_t e = 0; e < count; ++e)
          for (std::uint32_t prompt = 0; prompt < 2 * kLanes; ++prompt) {
            const auto at =
                static_cast<size_t>((prompt / kLanes * count + e) * kLanes + prompt % kLanes);
            const long double x = twin<T>(draw, args, prompt, e),
                              y = twin<T>(draw, args, prompt, e ^ 1);
            expect_twin<T>(draw, out[at], x, std::hypot(x, y));
          }
      }
}

TYPED_TEST(DrawTest, PlainIsOneStream) {
  using T = TypeParam;
  for (const Target target : targets())
    for (const Draw draw : kDraws)
      for (const std::int64_t count : {1, 2, 3, 64, 65, 700}) {
        const DrawArgs args = plain_args(count);
        const std::vector<double> out = numbers<T>(target, draw, args);
        for (std::int64_t e = 0; e < count; ++e) {
          const long double x = twin<T>(draw, args, 9, e), y = twin<T>(draw, args, 9, e ^ 1);
          expect_twin<T>(draw, out[static_cast<size_t>(e)], x, std::hypot(x, y));
        }
      }
}

// In the ordinary layout a group is a prompt.
TYPED_TEST(DrawTest, EveryPromptHasItsOwnStream) {
  using T = TypeParam;
  for (const Target target : targets())
    for (const Draw draw : kDraws)
      for (const std::int64_t count : {1, 3, 20, 63, 64, 700}) {
        DrawArgs args = plain_args(count);
        args.groups = 19;
        args.out.group_stride = count + 2;
        args.last_prompt = 9 + 16;
        const std::vector<double> out = numbers<T>(target, draw, args);
        for (std::int64_t prompt = 0; prompt < args.groups; ++prompt)
          for (std::int64_t e = 0; e < count; ++e) {
            const auto of = static_cast<std::uint32_t>(9 + std::min<std::int64_t>(prompt, 16));
            const long double x = twin<T>(draw, args, of, e), y = twin<T>(draw, args, of, e ^ 1);
            expect_twin<T>(draw, out[static_cast<size_t>(prompt * (count + 2) + e)], x,
                           std::hypot(x, y));
          }
      }
}

TYPED_TEST(DrawTest, TargetsGiveTheSameBits) {
  using T = TypeParam;
  for (const Draw draw : kDraws)
    for (const DrawArgs& args : {lane_args(3, 101), plain_args(5003)}) {
      const auto all = [&](auto zero) {
        for (const Target target : targets())
          EXPECT_EQ((run<T, decltype(zero)>(target, draw, args)),
                    (run<T, decltype(zero)>(Target::kAvx2, draw, args)));
      };
      if (draws_integers(draw))
        all(std::int32_t());
      else
        all(T());
    }
}

// Many categories take another path.
TYPED_TEST(DrawTest, ManyCategoriesAreTheTwins) {
  std::vector<double> thresholds;
  for (int i = 1; i < 1000; ++i) thresholds.push_back(i / 1000.0);
  for (const std::int32_t categories : {1, 2, 32, 33, 1000}) {
    DrawArgs args = lane_args(1, 50);
    args.thresholds = thresholds.data() + (1000 - categories) / 2;
    args.categories = categories;
    for (const Target target : targets()) {
      const std::vector<double> out = numbers<TypeParam>(target, Draw::kCategorical, args);
      for (std::int64_t e = 0; e < 50; ++e)
        for (std::uint32_t prompt = 0; prompt < kLanes; ++prompt)
          EXPECT_EQ(out[static_cast<size_t>(e * kLanes + prompt)],
                    static_cast<double>(twin<TypeParam>(Draw::kCategorical, args, prompt, e)));
    }
  }
}

// ---- which words an element gets ----

TYPED_TEST(DrawTest, ABatchIsAPrefixOfALargerOne) {
  for (const Draw draw : kDraws) {
    const auto large = numbers<TypeParam>(Target::kAvx2, draw, lane_args(4, 20));
    auto small = numbers<TypeParam>(Target::kAvx2, draw, lane_args(2, 20));
    EXPECT_TRUE(std::equal(small.begin(), small.end(), large.begin()));

    // A strand that begins later.
    DrawArgs later = lane_args(2, 20);
    later.first_prompt = 2 * kLanes;
    later.last_prompt = 4 * kLanes - 1;
    small = numbers<TypeParam>(Target::kAvx2, draw, later);
    EXPECT_TRUE(std::equal(small.begin(), small.end(), large.begin() + 2 * kLanes * 20));
  }
}

TYPED_TEST(DrawTest, LanesBeyondTheLastPromptRepeatIt) {
  DrawArgs args = lane_args(2, 20);
  args.last_prompt = 18;
  for (const Draw draw : kDraws) {
    const auto full = numbers<TypeParam>(Target::kAvx2, draw, lane_args(2, 20));
    const auto out = numbers<TypeParam>(Target::kAvx2, draw, args);
    for (size_t e = 0; e < 20; ++e)
      for (size_t lane = 0; lane < kLanes; ++lane)
        EXPECT_EQ(out[(20 + e) * kLanes + lane],
                  full[(20 + e) * kLanes + std::min<size_t>(lane, 2)]);
  }
}

TYPED_TEST(DrawTest, FewerElementsAreAPrefixAndGapsStay) {
  for (const Draw draw : kDraws) {
    const auto many = numbers<TypeParam>(Target::kAvx2, draw, lane_args(1, 50));
    DrawArgs args = lane_args(1, 7);
    args.out.group_stride = 9;
    const auto few = numbers<TypeParam>(Target::kAvx2, draw, args);
    EXPECT_TRUE(std::equal(few.begin(), few.begin() + 7 * kLanes, many.begin()));
    EXPECT_TRUE(
        std::all_of(few.begin() + 7 * kLanes, few.end(), [](double x) { return x == -77; }));
  }
}

// ---- golden words ----

template <class Out>
std::string hash_of(const std::vector<Out>& out) {
  const std::string_view bytes(reinterpret_cast<const char*>(out.data()), out.size() * sizeof(Out));
  return to_hex(sha256(bytes)).substr(0, 16);
}

template <class T>
std::vector<std::string> golden() {
  std::vector<std::string> hashes;
  for (const Draw draw : kDraws)
    hashes.push_back(draws_integers(draw)
                         ? hash_of(run<T, std::int32_t>(Target::kAvx2, draw, lane_args(2, 1000)))
                         : hash_of(run<T, T>(Target::kAvx2, draw, lane_args(2, 1000))));
  return hashes;
}

// A changed hash changes every result: it needs a line in CHANGES.md.
TEST(Draw, HasTheGoldenHashes) {
  EXPECT_EQ(golden<float>(),
            (std::vector<std::string>{"2de3fab6a6451e62", "9d69b6243e32cd48", "2d9ed72b1c49d651",
                                      "d41c0aabc6be5595", "0d584b041d6dd815", "cd0679fbbebd32f4"}));
  EXPECT_EQ(golden<double>(),
            (std::vector<std::string>{"eed7150547d71c97", "e19c26afb77ff9e0", "b91d1314d46155a6",
                                      "d41c0aabc6be5595", "0d584b041d6dd815", "cd0679fbbebd32f4"}));
}

// ---- laws, on 2^20 numbers; seeds are fixed, so a pass stays a pass ----

constexpr std::int64_t kMany = 1 << 20;
constexpr std::int64_t kManyElements = kMany / (16 * kLanes);

template <class T>
std::vector<double> many(Draw draw, DrawArgs args = lane_args(16, kManyElements)) {
  return numbers<T>(Target::kAvx2, draw, args);
}

// Kolmogorov and Smirnov: P(sqrt(n) D > d) ~ 2 exp(-2 d^2), 1e-6 at d = 2.69.
template <class Cdf>
void expect_law(std::vector<double> x, Cdf cdf) {
  std::sort(x.begin(), x.end());
  const double n = static_cast<double>(x.size());
  double distance = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double f = cdf(x[i]), step = static_cast<double>(i);
    distance = std::max({distance, (step + 1) / n - f, f - step / n});
  }
  EXPECT_LT(distance * std::sqrt(n), 2.69);
}

// Means of n numbers of standard deviation sigma lie within five of sigma/sqrt(n).
void expect_mean(const std::vector<double>& x, int power, double mean, double sigma) {
  double sum = 0;
  for (const double value : x) sum += std::pow(value, power);
  const double n = static_cast<double>(x.size());
  EXPECT_NEAR(sum / n, mean, 5 * sigma / std::sqrt(n)) << "power " << power;
}

TYPED_TEST(DrawTest, UniformsAreUniformAndOpen) {
  const auto x = many<TypeParam>(Draw::kUniform);
  expect_law(x, [](double u) { return u; });
  EXPECT_GT(*std::min_element(x.begin(), x.end()), 0);
  EXPECT_LT(*std::max_element(x.begin(), x.end()), 1);
}

TYPED_TEST(DrawTest, NormalsAreNormal) {
  const auto x = many<TypeParam>(Draw::kNormal);
  expect_law(x, [](double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; });
  // E z^2 = 1, E z^4 = 3, E z^6 = 15, E z^8 = 105
  expect_mean(x, 1, 0, 1);
  expect_mean(x, 2, 1, std::sqrt(3 - 1.0));
  expect_mean(x, 3, 0, std::sqrt(15.0));
  expect_mean(x, 4, 3, std::sqrt(105 - 9.0));
  // Of 2^20 pairs' halves the largest is near sqrt(2 log(2^20)) = 5.27; below 4.5 with P < 1e-3.
  const auto largest = *std::max_element(x.begin(), x.end());
  EXPECT_GT(largest, 4.5);
  EXPECT_LT(largest, 6.7);
}

TYPED_TEST(DrawTest, SignsAreFair) {
  const auto x = many<TypeParam>(Draw::kSign);
  EXPECT_TRUE(std::all_of(x.begin(), x.end(), [](double s) { return s == 1 || s == -1; }));
  expect_mean(x, 1, 0, 1);
}

// Chi-square: mean k, standard deviation sqrt(2k) for k degrees of freedom; six of them above is
// P < 1e-5 from k = 5 on.
void expect_frequencies(const std::vector<double>& x, const std::vector<double>& probabilities) {
  std::vector<double> counts(probabilities.size());
  for (const double value : x) counts.at(static_cast<size_t>(value)) += 1;
  double chi_square = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = probabilities[i] * static_cast<double>(x.size());
    if (expected == 0)
      EXPECT_EQ(counts[i], 0);
    else
      chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  const double freedom = static_cast<double>(counts.size()) - 1;
  EXPECT_LE(chi_square, freedom + 6 * std::sqrt(2 * freedom));
}

TYPED_TEST(DrawTest, IntegersAreUniform) {
  DrawArgs args = lane_args(16, kManyElements);
  for (const std::int32_t bound : {1, 7, 1000}) {
    args.bound = bound;
    expect_frequencies(many<TypeParam>(Draw::kInteger, args),
                       std::vector<double>(static_cast<size_t>(bound), 1.0 / bound));
  }
  args.bound = std::numeric_limits<std::int32_t>::max();
  expect_law(many<TypeParam>(Draw::kInteger, args), [&](double i) { return (i + 1) / args.bound; });
}

TYPED_TEST(DrawTest, CategoriesHaveTheirProbabilities) {
  expect_frequencies(many<TypeParam>(Draw::kCategorical), {0.125, 0.125, 0.05, 0, 0.699, 0.001});
}

TYPED_TEST(DrawTest, AliasesHaveTheirProbabilities) {
  DrawArgs args = lane_args(16, kManyElements);
  expect_frequencies(many<TypeParam>(Draw::kAlias, args),
                     {0.6 / 6, 0.9 / 6, (1 + 0.4 + 0.1) / 6, 0.6 / 6, (1 + 0.4) / 6, 1.0 / 6});
}

// ---- gamma ----

DrawArgs gamma_args(DrawArgs args, std::vector<double>& shapes, double shape) {
  shapes.assign(static_cast<size_t>(args.count), shape);
  args.gamma_shapes = shapes.data();
  return args;
}

// Marsaglia and Tsang in double from the same words; with floats a try may be judged otherwise only
// where the two sides nearly meet, which no draw here does.
double gamma_twin(const DrawArgs& args, std::uint32_t prompt, std::int64_t e, bool is_float) {
  const double shape = args.gamma_shapes[e], a = shape < 1 ? shape + 1 : shape;
  const double d = a - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (std::uint32_t attempt = 0;; attempt += 2) {
    const auto block = args.draw + static_cast<std::uint32_t>(e);
    const Words normals = ars({args.step, prompt, block, attempt}, args.key);
    const Words uniforms = ars({args.step, prompt, block, attempt + 1}, args.key);
    const auto uniform = [&](int i) {
      return static_cast<double>(is_float ? twin_element<float>(Draw::kUniform, uniforms, 2 * i, args)
                                          : twin_element<double>(Draw::kUniform, uniforms, i, args));
    };
    const auto x = static_cast<double>(is_float ? twin_element<float>(Draw::kNormal, normals, 0, args)
                                                : twin_element<double>(Draw::kNormal, normals, 0, args));
    const double v = std::pow(1 + c * x, 3);
    if (v <= 0 || std::log(uniform(0)) >= x * x / 2 + d - d * v + d * std::log(v)) continue;
    return d * v * (shape < 1 ? std::pow(uniform(1), 1 / shape) : 1.0);
  }
}

TYPED_TEST(DrawTest, GammasAreTheTwins) {
  using T = TypeParam;
  // v is a cube, U^(1/a) an exponential of up to log(2^-24)/a: relative errors of some 16 and 16/a ulp.
  const double epsilon = std::numeric_limits<T>::epsilon();
  for (const Target target : targets())
    for (const double shape : {0.3, 1.0, 2.5, 40.0}) {
      std::vector<double> shapes;
      const DrawArgs lanes = gamma_args(lane_args(2, 37), shapes, shape);
      const std::vector<double> in_lanes = numbers<T>(target, Draw::kGamma, lanes);
      DrawArgs plain = plain_args(37);
      plain.gamma_shapes = shapes.data();
      plain.groups = 3;
      plain.out.group_stride = 40;
      plain.last_prompt = 20;
      const std::vector<double> in_rows = numbers<T>(target, Draw::kGamma, plain);
      const double tolerance = epsilon * (32 + 32 / shape);
      for (std::int64_t e = 0; e < 37; ++e) {
        for (std::uint32_t p = 0; p < 2 * kLanes; ++p) {
          const double exact = gamma_twin(lanes, p, e, sizeof(T) == 4);
          EXPECT_NEAR(in_lanes[static_cast<size_t>((p / kLanes * 37 + e) * kLanes + p % kLanes)],
                      exact, tolerance * exact);
        }
        for (std::uint32_t p = 0; p < 3; ++p) {
          const double exact = gamma_twin(plain, 9 + p, e, sizeof(T) == 4);
          EXPECT_NEAR(in_rows[static_cast<size_t>(p * 40 + e)], exact, tolerance * exact);
        }
      }
    }
}

TYPED_TEST(DrawTest, GammasHaveTheSameBitsOnEveryTarget) {
  std::vector<double> shapes;
  for (const double shape : {0.1, 1.0, 7.3}) {
    const DrawArgs args = gamma_args(lane_args(3, 101), shapes, shape);
    for (const Target target : targets())
      EXPECT_EQ((run<TypeParam, TypeParam>(target, Draw::kGamma, args)),
                (run<TypeParam, TypeParam>(Target::kAvx2, Draw::kGamma, args)));
  }
}

// A changed hash changes every result: it needs a line in CHANGES.md.
TYPED_TEST(DrawTest, GammasHaveTheGoldenHashes) {
  std::vector<double> shapes;
  std::vector<std::string> hashes;
  for (const double shape : {0.5, 2.5}) {
    const DrawArgs args = gamma_args(lane_args(2, 1000), shapes, shape);
    hashes.push_back(hash_of(run<TypeParam, TypeParam>(Target::kAvx2, Draw::kGamma, args)));
  }
  const std::vector<std::string> of_float{"13d1743920636e04", "b43812e35b58d13a"},
      of_double{"48c4b6bea4212ca0", "ffec6ae3b09a5e3b"};
  EXPECT_EQ(hashes, sizeof(TypeParam) == 4 ? of_float : of_double);
}

// E x = a, E x^2 = a (a + 1), var x = a, var x^2 = a (a + 1) (4 a + 6).
TYPED_TEST(DrawTest, GammasHaveTheirMoments) {
  std::vector<double> shapes;
  for (const double a : {0.1, 0.5, 1.0, 2.5, 40.0}) {
    const auto x = many<TypeParam>(Draw::kGamma, gamma_args(lane_args(16, kManyElements), shapes, a));
    expect_mean(x, 1, a, std::sqrt(a));
    expect_mean(x, 2, a * (a + 1), std::sqrt(a * (a + 1) * (4 * a + 6)));
  }
  const auto exponential =
      many<TypeParam>(Draw::kGamma, gamma_args(lane_args(16, kManyElements), shapes, 1));
  expect_law(exponential, [](double y) { return -std::expm1(-y); });
}

// Elements of lanes may lie with strides: the contiguous draw, spread over memory whose gaps stay as they are.
TYPED_TEST(DrawTest, ElementsOfLanesLieWithStrides) {
  struct Case {
    Dims dims, strides;
  };
  constexpr Case kCases[] = {{{1, 1, 40, 20}, {0, 0, 1, 41}}, {{1, 1, 5, 3}, {0, 0, 4, 1}},
                             {{2, 3, 1, 5}, {1, 2, 0, 7}},    {{1, 1, 1, 9}, {0, 0, 0, 2}},
                             {{3, 1, 4, 1}, {5, 0, 1, 0}}};
  for (const Case& c : kCases)
    for (const Draw draw : {Draw::kUniform, Draw::kNormal, Draw::kSign}) {
      const std::int64_t count = c.dims[0] * c.dims[1] * c.dims[2] * c.dims[3];
      DrawArgs spread = lane_args(2, count);
      spread.dims = c.dims;
      spread.out.strides = c.strides;
      spread.out.group_stride = 900;
      for (const Target target : targets()) {
        const auto packed = run<TypeParam, TypeParam>(target, draw, lane_args(2, count));
        std::vector<TypeParam> expected(2 * 900 * kLanes, TypeParam(-77));
        size_t element = 0;
        for (std::int64_t g = 0; g < 2; ++g)
          for (std::int64_t i = 0; i < c.dims[0]; ++i)
            for (std::int64_t j = 0; j < c.dims[1]; ++j)
              for (std::int64_t k = 0; k < c.dims[2]; ++k)
                for (std::int64_t l = 0; l < c.dims[3]; ++l, ++element) {
                  const std::int64_t at = g * 900 + i * c.strides[0] + j * c.strides[1] + k * c.strides[2] + l * c.strides[3];
                  std::copy_n(packed.begin() + static_cast<std::ptrdiff_t>(element) * kLanes, kLanes,
                              expected.begin() + at * kLanes);
                }
        EXPECT_EQ((run<TypeParam, TypeParam>(target, draw, spread)), expected)
            << "draw " << static_cast<int>(draw) << " target " << static_cast<int>(target);
      }
    }
}

// Neighbours in every direction of the counter, and other keys, are uncorrelated: the mean of n
// products of independent normals lies within five of 1/sqrt(n).
TYPED_TEST(DrawTest, NeighboursAreUncorrelated) {
  const DrawArgs base = lane_args(16, kManyElements);
  const auto x = many<TypeParam>(Draw::kNormal, base);
  const auto expect_uncorrelated = [&](const std::vector<double>& y, size_t shift,
                                       const char* what) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i + shift < x.size(); ++i) {
      sum += x[i] * y[i + shift];
      squares += (x[i] * x[i] - 1) * (y[i + shift] * y[i + shift] - 1);
    }
    const double n = static_cast<double>(x.size() - shift);
    EXPECT_LT(std::abs(sum) / n, 5 / std::sqrt(n)) << what;
    EXPECT_LT(std::abs(squares) / n, 5 * 2 / std::sqrt(n)) << what;
  };
  expect_uncorrelated(x, 1, "next prompt");
  expect_uncorrelated(x, kLanes, "next element");
  expect_uncorrelated(x, 2 * kLanes, "next but one element");
  expect_uncorrelated(x, 4 * kLanes, "next block");
  DrawArgs other = base;
  other.step += 1;
  expect_uncorrelated(many<TypeParam>(Draw::kNormal, other), 0, "next step");
  other = base;
  other.key[0] ^= 1;
  expect_uncorrelated(many<TypeParam>(Draw::kNormal, other), 0, "another key");
}

}  // namespace
}  // namespace iclab::lanes
