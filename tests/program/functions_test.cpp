#include "program/functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"
#include "tests/evaluate.h"

namespace iclab::program {
namespace {

using iclab::testing::evaluate;
using iclab::testing::Numbers;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;
using ::testing::ThrowsMessage;

constexpr double kRounding = 16 * 0x1p-52;  // a few roundings of numbers of size 1

Numbers value_of(const Builder& b, Value value) { return evaluate(b, {value}, 1)[0]; }

TEST(Functions, MaskedSoftmaxSeesOnlyTheMask) {
  Builder b;
  const Value x = b.constant({2, 3}, {1, 2, 3, 4, 5, 6});
  const Value mask = b.constant({2, 3}, {0, 1, 1, 1, 0, 0}) <= b.constant(0.5);
  const double e = std::exp(1.0);
  EXPECT_THAT(value_of(b, softmax(x, mask)),
              Pointwise(DoubleNear(kRounding), {1.0, 0.0, 0.0, 0.0, 1 / (1 + e), e / (1 + e)}));
}

TEST(Functions, LogSoftmaxSurvivesLargeNumbers) {
  Builder b;
  const Value x = b.constant({2, 2}, {1000, 1000, -3000, 0});
  EXPECT_THAT(value_of(b, log_softmax(x)),
              Pointwise(DoubleNear(3000 * 0x1p-52), {-std::log(2.0), -std::log(2.0), -3000.0, 0.0}));
}

TEST(Functions, OneHotSortAndTopK) {
  Builder b;
  EXPECT_THAT(value_of(b, one_hot(b.integer_constant({2}, {2, 0}), 3)), ElementsAre(0, 0, 1, 1, 0, 0));
  EXPECT_THAT(value_of(b, one_hot(b.integer_constant({}, {1}), 3)), ElementsAre(0, 1, 0));
  const Value x = b.constant({2, 4}, {3, -1, 3, 2, 0, 0, -5, 7});
  EXPECT_THAT(value_of(b, sort(x)), ElementsAre(-1, 2, 3, 3, -5, 0, 0, 7));
  EXPECT_THAT(value_of(b, to_real(top_k(x, 1))), ElementsAre(0, 0, 1, 0, 0, 0, 0, 1)) << "of equals the later";
  EXPECT_THAT(value_of(b, to_real(top_k(x, 3))), ElementsAre(1, 0, 1, 1, 1, 1, 0, 1));
  EXPECT_THAT(value_of(b, to_real(top_k(x, 4))), ElementsAre(1, 1, 1, 1, 1, 1, 1, 1));
}

TEST(Functions, RemainderOfEveryIntegerInItsRange) {
  for (const std::int64_t n : {1, 2, 3, 5, 7, 64, 100}) {
    std::vector<std::int64_t> integers;
    for (std::int64_t a = 0; a < 3 * n + 2; ++a) integers.push_back(a);
    const std::int64_t last = (std::int64_t{1} << 31) / n - 1;
    for (std::int64_t a = last - 2 * n; a <= last; ++a) integers.push_back(a);
    Builder b;
    const Value a = b.integer_constant({static_cast<std::int64_t>(integers.size())}, integers);
    const Numbers got = value_of(b, to_real(remainder(a, n)));
    for (size_t i = 0; i < integers.size(); ++i)
      EXPECT_EQ(got[i], static_cast<double>(integers[i] % n)) << integers[i] << " mod " << n;
  }
  Builder b;
  const Value a = b.integer_constant({}, {3});
  EXPECT_THAT([&] { remainder(a, 0); }, ThrowsMessage<Error>(HasSubstr("[remainder] expected n from 1")));
}

TEST(Functions, TopKRefusesImpossibleCounts) {
  Builder b;
  const Value x = b.constant({2, 4}, {0.0}), scalar = b.constant(1.0);
  EXPECT_THAT([&] { top_k(x, 0); }, ThrowsMessage<Error>(HasSubstr("[top_k] expected k from 1 to 4, received 0")));
  EXPECT_THAT([&] { top_k(x, 5); }, ThrowsMessage<Error>(HasSubstr("[top_k] expected k from 1 to 4, received 5")));
  EXPECT_THAT([&] { top_k(scalar, 1); }, ThrowsMessage<Error>(HasSubstr("[top_k]")));
}

TEST(Functions, SortAndLogSoftmaxRefuseScalars) {
  Builder b;
  const Value scalar = b.constant(1.0);
  EXPECT_THAT([&] { sort(scalar); }, ThrowsMessage<Error>(HasSubstr("[rank] expected at least one dimension")));
  EXPECT_THAT([&] { log_softmax(scalar); },
              ThrowsMessage<Error>(HasSubstr("[log_sum_exp] expected at least one dimension")));
}

TEST(Functions, Losses) {
  Builder b;
  const Value y = b.constant({4}, {1, -1, 1, -1}), f = b.constant({4}, {0.5, 0.5, -800, 800});
  EXPECT_THAT(value_of(b, logistic_loss(y, f)),
              Pointwise(DoubleNear(800 * 0x1p-52),
                        {std::log1p(std::exp(-0.5)), std::log1p(std::exp(0.5)), 800.0, 800.0}));
  EXPECT_THAT(value_of(b, hinge_loss(y, b.constant({4}, {0.5, 0.5, 2, -1}))), ElementsAre(0.5, 1.5, 0, 0));
  const Value logits = b.constant({2, 3}, {0, 0, 0, 1, 2, 3});
  const double z = std::exp(1.0) + std::exp(2.0) + std::exp(3.0);
  EXPECT_THAT(value_of(b, cross_entropy(logits, b.integer_constant({2}, {2, 0}))),
              Pointwise(DoubleNear(4 * kRounding), {std::log(3.0), std::log(z) - 1}));
}

// ---- distributions: moments of many prompts within 5 standard errors ----

constexpr std::int64_t kPrompts = 20000;

// Means of x and of x^2 against their expectations; variance of the estimates from the sample itself.
void expect_moments(const Numbers& x, size_t width, size_t at, double mean, double square, const std::string& what) {
  double sum1 = 0, sum2 = 0, sum4 = 0;
  const double n = static_cast<double>(x.size() / width);
  for (size_t i = at; i < x.size(); i += width) {
    sum1 += x[i];
    sum2 += x[i] * x[i];
    sum4 += std::pow(x[i], 4);
  }
  EXPECT_NEAR(sum1 / n, mean, 5 * std::sqrt((square - mean * mean) / n)) << what;
  EXPECT_NEAR(sum2 / n, square, 5 * std::sqrt((sum4 / n - square * square) / n)) << what;
}

TEST(Distributions, BetaChiSquareAndDirichletHaveTheirMoments) {
  Builder b;
  const double p = 0.7, q = 2.5;
  const auto drawn = evaluate(b, {beta(b, Stream::kPrompt, {2}, p, q), chi_square(b, Stream::kPrompt, {}, 3),
                                  dirichlet(b, Stream::kPrompt, {0.5, 1, 2.5})}, kPrompts);
  const double mean = p / (p + q), variance = p * q / ((p + q) * (p + q) * (p + q + 1));
  for (const size_t i : {0, 1}) expect_moments(drawn[0], 2, i, mean, variance + mean * mean, "beta");
  expect_moments(drawn[1], 1, 0, 3, 2 * 3 + 9, "chi-square");
  // Dirichlet's element i is Beta(a_i, a - a_i).
  const double shapes[] = {0.5, 1, 2.5}, total = 4;
  for (size_t i = 0; i < 3; ++i) {
    const double m = shapes[i] / total;
    expect_moments(drawn[2], 3, i, m, m * (1 - m) / (total + 1) + m * m, "dirichlet");
  }
  for (size_t i = 0; i < drawn[2].size(); i += 3)
    ASSERT_NEAR(drawn[2][i] + drawn[2][i + 1] + drawn[2][i + 2], 1, kRounding);
}

TEST(Distributions, WishartHasItsMoments) {
  Builder b;
  constexpr std::int64_t d = 3;
  constexpr double degrees = 4.5;
  const Value w = wishart(b, Stream::kPrompt, d, degrees);
  EXPECT_EQ(w.shape(), (Shape{d, d}));
  const Numbers x = evaluate(b, {w}, kPrompts)[0];
  // E W = degrees I, Var W_ij = degrees (1 + [i = j]).
  for (size_t i = 0; i < d; ++i)
    for (size_t j = 0; j < d; ++j) {
      const double mean = i == j ? degrees : 0, variance = degrees * (i == j ? 2 : 1);
      expect_moments(x, d * d, i * d + j, mean, variance + mean * mean, "wishart");
    }
  for (size_t i = 0; i < x.size(); i += d * d) ASSERT_EQ(x[i + 1], x[i + 3]) << "symmetric";
}

TEST(Distributions, ZipfFollowsItsLaw) {
  for (const std::int64_t n : {5, 100}) {  // by thresholds, by alias table
    Builder b;
    const Numbers x = evaluate(b, {to_real(zipf(b, Stream::kPrompt, {}, n, 1.5))}, kPrompts)[0];
    double total = 0;
    for (std::int64_t i = 1; i <= n; ++i) total += std::pow(static_cast<double>(i), -1.5);
    for (const std::int64_t i : {0, 1, 4}) {
      const double p = std::pow(static_cast<double>(i + 1), -1.5) / total;
      const double share = static_cast<double>(std::ranges::count(x, static_cast<double>(i))) / kPrompts;
      EXPECT_NEAR(share, p, 5 * std::sqrt(p * (1 - p) / kPrompts)) << n << ", " << i;
    }
    EXPECT_LT(*std::ranges::max_element(x), static_cast<double>(n));
  }
}

TEST(Distributions, ErrorsNameFunctionExpectedAndReceived) {
  Builder b;
  const auto refuses = [](const std::function<void()>& f, const std::string& what) {
    EXPECT_THAT(f, ThrowsMessage<Error>(HasSubstr(what)));
  };
  refuses([&] { zipf(b, Stream::kPrompt, {}, 0, 1); }, "[zipf] expected n >= 1, received 0");
  refuses([&] { zipf(b, Stream::kPrompt, {}, 9, std::nan("")); }, "[zipf] expected a finite exponent, received nan");
  refuses([&] { beta(b, Stream::kPrompt, {}, 0, 1); }, "[beta] expected a1 and a2 above 0, received 0 and 1");
  refuses([&] { chi_square(b, Stream::kPrompt, {}, -2); }, "[chi_square] expected degrees above 0, received -2");
  refuses([&] { dirichlet(b, Stream::kPrompt, {}); }, "[dirichlet] expected at least one concentration, received none");
  refuses([&] { dirichlet(b, Stream::kPrompt, {1, -1}); }, "expected finite shapes above 0, received -1");
  refuses([&] { wishart(b, Stream::kPrompt, 3, 2); }, "[wishart] expected degrees > d - 1, received 2 for d = 3");
  refuses([&] { one_hot(b.integer_constant({}, {1}), 0); }, "[one_hot] expected n >= 1, received 0");
  refuses([&] { cross_entropy(b.constant({3}, {0.0}), b.integer_constant({2}, {0, 1})); },
          "[cross_entropy] expected classes (), received (2) for logits (3)");
}

}  // namespace
}  // namespace iclab::program
