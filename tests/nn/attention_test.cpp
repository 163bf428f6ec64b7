#include "nn/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/evaluate.h"
#include "tests/nn/scene.h"

namespace iclab::nn {
namespace {

using iclab::testing::Numbers;
using Kind = AttentionOptions::Kind;
using Positions = AttentionOptions::Positions;

constexpr std::int64_t T = 5, D = 6, kBatch = 3;
// Terms of a score, a pattern and an output, each of magnitude below 8.
constexpr double kTolerance = 8 * (3 * D + T) * 0x1p-52;

// Every combination of the options that change the formula.
std::vector<AttentionOptions> forms() {
  std::vector<AttentionOptions> all;
  for (const Kind kind : {Kind::kSoftmax, Kind::kLinear})
    for (const bool causal : {false, true})
      for (const std::int64_t heads : {1, 2})
        for (const Positions positions : {Positions::kNone, Positions::kRotary})
          for (const bool biases : {false, true}) {
            AttentionOptions options{.kind = kind,
                                     .heads = heads,
                                     .key_width = 4,
                                     .value_width = 3,
                                     .output_width = 7,
                                     .biases = biases};
            options.causal = causal;
            options.positions = positions;
            all.push_back(options);
          }
  return all;
}

Numbers attend(Scene& s, const AttentionOptions& options, const Numbers& tokens,
               std::int64_t t = T) {
  const Value x = s.b.input("tokens", {t, D}, program::Rate::kPrompt);
  const Value out = attention(s.b, s.weights, "attn", x, options);
  s.give_weights(3);
  s.inputs["tokens"] = tokens;
  return s.evaluate({out}, kBatch)[0];
}

TEST(Attention, QueryOnlyIsTheLastRow) {
  const Numbers tokens = iclab::testing::some_numbers(kBatch * T * D, 1);
  for (AttentionOptions options : forms()) {
    Scene full, last;
    const Numbers all = attend(full, options, tokens);
    options.query_only = true;
    const Numbers row = attend(last, options, tokens);
    ASSERT_EQ(row.size(), static_cast<size_t>(kBatch * 7));
    for (size_t p = 0; p < kBatch; ++p)
      for (size_t j = 0; j < 7; ++j)
        EXPECT_NEAR(row[p * 7 + j], all[(p * T + T - 1) * 7 + j], kTolerance);
  }
}

TEST(Attention, ALaterTokenChangesNothingBeforeItWhenCausal) {
  Numbers tokens = iclab::testing::some_numbers(kBatch * T * D, 1), changed = tokens;
  for (size_t p = 0; p < kBatch; ++p)
    for (size_t j = 0; j < D; ++j) changed[(p * T + 3) * D + j] += 1;
  for (const AttentionOptions& options : forms()) {
    Scene one, other;
    const Numbers a = attend(one, options, tokens), b = attend(other, options, changed);
    bool before = false, after = false;
    for (size_t p = 0; p < kBatch; ++p)
      for (size_t i = 0; i < T * 7; ++i)
        (i < 3 * 7 ? before : after) |= a[p * T * 7 + i] != b[p * T * 7 + i];
    EXPECT_EQ(before, !options.causal);
    EXPECT_TRUE(after);
  }
}

// W_QK = W_Q W_K^T and W_VO = W_V W_O of each head (H, D, k) give the same.
TEST(Attention, FoldedMatricesAreProducts) {
  const Numbers tokens = iclab::testing::some_numbers(kBatch * T * D, 1);
  for (AttentionOptions options : forms()) {
    if (options.positions == Positions::kRotary || options.biases) continue;
    const auto heads = static_cast<size_t>(options.heads);
    Scene plain;
    const Numbers want = attend(plain, options, tokens);

    options.folded_query_key = options.folded_value_output = true;
    Scene folded;
    const Value x = folded.b.input("tokens", {T, D}, program::Rate::kPrompt);
    const Value out = attention(folded.b, folded.weights, "attn", x, options);
    folded.inputs["tokens"] = tokens;
    Numbers &qk = folded.inputs["attn.W_QK"], &vo = folded.inputs["attn.W_VO"];
    const auto &q = plain.inputs["attn.W_Q"], &k = plain.inputs["attn.W_K"];
    const auto &v = plain.inputs["attn.W_V"], &o = plain.inputs["attn.W_O"];
    for (size_t h = 0; h < heads; ++h)
      for (size_t i = 0; i < D; ++i) {
        for (size_t j = 0; j < D; ++j) {
          double sum = 0;
          for (size_t m = 0; m < 4; ++m) sum += q[(h * D + i) * 4 + m] * k[(h * D + j) * 4 + m];
          qk.push_back(sum);
        }
        for (size_t j = 0; j < 7; ++j) {
          double sum = 0;
          for (size_t m = 0; m < 3; ++m) sum += v[(h * D + i) * 3 + m] * o[(h * 3 + m) * 7 + j];
          vo.push_back(sum);
        }
      }
    const Numbers got = folded.evaluate({out}, kBatch)[0];
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], kTolerance);
  }
}

// A last token nobody sees: the others' rows are what they are without it.
TEST(Attention, NobodySeesTheQueryIfSaid) {
  const Numbers tokens = iclab::testing::some_numbers(kBatch * T * D, 1);
  Numbers context;
  for (size_t p = 0; p < kBatch; ++p)
    context.insert(context.end(), tokens.begin() + p * T * D, tokens.begin() + (p * T + T - 1) * D);
  for (AttentionOptions options : forms()) {
    if (options.causal) continue;
    Scene without, with;
    const Numbers want = attend(without, options, context, T - 1);
    options.query_is_key = false;
    const Numbers got = attend(with, options, tokens);
    for (size_t p = 0; p < kBatch; ++p)
      for (size_t i = 0; i < (T - 1) * 7; ++i)
        EXPECT_NEAR(got[p * T * 7 + i], want[p * (T - 1) * 7 + i], kTolerance);
  }
}

TEST(Attention, WithoutOutputTheHeadsStandSideBySide) {
  const Numbers tokens = iclab::testing::some_numbers(kBatch * T * D, 1);
  AttentionOptions options{.heads = 2, .output = false};
  Scene s;
  const Numbers got = attend(s, options, tokens);
  const Numbers z = s.evaluate({s.b.named("attn.z")}, kBatch)[0];  // (H, T, v)
  ASSERT_EQ(got.size(), z.size());
  for (size_t p = 0; p < kBatch; ++p)
    for (size_t h = 0; h < 2; ++h)
      for (size_t t = 0; t < T; ++t)
        for (size_t j = 0; j < 3; ++j)
          EXPECT_EQ(got[(p * T + t) * 6 + h * 3 + j], z[((p * 2 + h) * T + t) * 3 + j]);
  for (const auto& weight : s.weights.all()) EXPECT_EQ(weight.name.find("_O"), std::string::npos);
}

TEST(Attention, RefusesContradictions) {
  const auto refused = [](const AttentionOptions& options, const program::Shape& shape = {T, D}) {
    Scene s;
    const Value x = s.b.input("tokens", shape, program::Rate::kPrompt);
    EXPECT_THROW((void)attention(s.b, s.weights, "attn", x, options), Error);
  };
  refused({.heads = 4});  // 4 does not divide 6
  refused({.heads = 0});
  refused({.heads = 2, .positions = Positions::kRotary});  // key width 3
  refused({.causal = true, .query_is_key = false});
  refused({.positions = Positions::kRotary, .folded_query_key = true});
  refused({.folded_value_output = true, .output = false});
  refused({}, {D});
}

TEST(Initial, UniformAndNormal) {
  Builder b;
  const program::Shape shape{20, 20};
  const Value uniform = uniform_initial()(b, "W_in", shape, 25);
  const Value normal = normal_initial(0.02)(b, "a.W_in", shape, 25);
  const Value bias = normal_initial(0.02)(b, "a.b_in", shape, 25);
  const auto values = iclab::testing::evaluate(b, {uniform, normal, bias}, 1);
  double square_uniform = 0, square_normal = 0;
  for (size_t i = 0; i < 400; ++i) {
    EXPECT_LT(std::fabs(values[0][i]), 0.2);
    square_uniform += values[0][i] * values[0][i] / 400;
    square_normal += values[1][i] * values[1][i] / 400;
    EXPECT_EQ(values[2][i], 0);
  }
  // x^2 has variance 4/45 a^4 for x uniform in +-a, and 2 s^4 for a Gaussian of variance s^2.
  EXPECT_NEAR(square_uniform, 0.04 / 3, 5 * 0.04 * std::sqrt(4 / 45.0 / 400));
  EXPECT_NEAR(square_normal, 4e-4, 5 * 4e-4 * std::sqrt(2.0 / 400));
}

}  // namespace
}  // namespace iclab::nn
