#include "nn/attention.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "lanes/kernels.h"

namespace iclab::nn {
namespace {

using program::Shape;
using Kind = AttentionOptions::Kind;
using Positions = AttentionOptions::Positions;

// One head is computed without the axis of heads, so that rewriting sees plain chains of products.
Value one_head(Value a) { return reshape(a, {a.shape()[1], a.shape()[2]}); }
Value with_head(Value a) { return reshape(a, {1, a.shape()[0], a.shape()[1]}); }

// (H, m, k) x (H, k, n), head by head.
Value by_head(Value a, Value b) {
  return a.shape()[0] == 1 ? with_head(matmul(one_head(a), one_head(b))) : matmul(a, b);
}

// x (T, D) by the heads' matrices w (H, D, k): (H, T, k), as one wide product.
Value project(Value x, Value w, Value bias) {
  const std::int64_t t = x.shape()[0], heads = w.shape()[0], d = w.shape()[1], k = w.shape()[2];
  const Value wide = heads == 1 ? one_head(w) : reshape(permute(w, {1, 0, 2}), {d, heads * k});
  Value y = matmul(x, wide);
  if (bias.valid()) y = y + reshape(bias, {heads * k});
  return heads == 1 ? with_head(y) : permute(reshape(y, {t, heads, k}), {1, 0, 2});
}

// Each pair (2i, 2i+1) of x (H, T, k) turned by position * 10000^(-2i/k); rows begin at position
// `first`.
Value turned(Builder& b, Value x, std::int64_t first) {
  const std::int64_t heads = x.shape()[0], t = x.shape()[1], pairs = x.shape()[2] / 2;
  constexpr double kTurn = 6.283185307179586477;
  std::vector<double> cosines, sines;
  for (std::int64_t position = first; position < first + t; ++position)
    for (std::int64_t i = 0; i < pairs; ++i) {
      const double exponent = -static_cast<double>(i) / static_cast<double>(pairs);
      const double rate = lanes::host_binary(lanes::Binary::kPower, 10000, exponent);
      const double turns = static_cast<double>(position) * rate / kTurn;
      cosines.push_back(lanes::host_unary(lanes::Unary::kCosTurns, turns));
      sines.push_back(lanes::host_unary(lanes::Unary::kSinTurns, turns));
    }
  const Value c = b.constant({t, pairs}, std::move(cosines));
  const Value s = b.constant({t, pairs}, std::move(sines));
  const Value split = reshape(x, {heads, t, pairs, 2});
  const Value even = index(split, 3, 0), odd = index(split, 3, 1);
  const Shape column{heads, t, pairs, 1};
  const Value new_even = reshape(even * c - odd * s, column);
  const Value new_odd = reshape(even * s + odd * c, column);
  return reshape(program::concat({new_even, new_odd}, 3), Shape(x.shape()));
}

// scores / keys, 0 where a query may not look: query i is the token i + offset.
Value linear_pattern(Builder& b, Value scores, bool causal) {
  const std::int64_t queries = scores.shape()[1], keys = scores.shape()[2], offset = keys - queries;
  const double share = 1 / static_cast<double>(keys);
  if (!causal) return scores * share;
  std::vector<double> shares;
  for (std::int64_t i = 0; i < queries; ++i)
    for (std::int64_t j = 0; j < keys; ++j) shares.push_back(j <= i + offset ? share : 0.0);
  return scores * b.constant({queries, keys}, std::move(shares));
}

class Attention {
 public:
  Attention(Builder& b, Weights& weights, const std::string& prefix, Value tokens,
            const AttentionOptions& options)
      : b_(b), weights_(weights), prefix_(prefix), o_(options), tokens_(tokens) {
    check();
    t_ = tokens.shape()[0];
    d_ = tokens.shape()[1];
    key_width_ = o_.key_width > 0 ? o_.key_width : d_ / o_.heads;
    value_width_ = o_.value_width > 0 ? o_.value_width : d_ / o_.heads;
    output_width_ = o_.output_width > 0 ? o_.output_width : d_;
    if (o_.positions == Positions::kRotary && key_width_ % 2 != 0)
      fail(fmt::format("rotary positions turn pairs: expected an even key width, received {}",
                       key_width_));
    asking_ = o_.query_only ? slice(tokens, 0, t_ - 1, 1) : tokens;
    seen_ = o_.query_is_key ? tokens : slice(tokens, 0, 0, t_ - 1);
  }

  Value build() {
    const Value scores = name(this->scores(), ".scores");
    const bool full = o_.kind == Kind::kSoftmax && !o_.causal;
    const std::int64_t before = scores.shape()[2] - scores.shape()[1];
    const Value pattern = name(full                        ? softmax(scores)
                               : o_.kind == Kind::kSoftmax ? causal_softmax(scores, before)
                                                           : linear_pattern(b_, scores, o_.causal),
                               ".pattern");
    const Value v = o_.folded_value_output ? project(seen_, matrix("W_VO", d_, output_width_), {})
                                           : projected("V", seen_, value_width_);
    const Value z = name(by_head(pattern, name(v, ".v")), ".z");
    return name(output(z), ".out");
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(fmt::format("[attention] {}: {}", prefix_, what));
  }

  void check() const {
    const Shape& shape = tokens_.shape();
    if (shape.size() != 2)
      fail(fmt::format("expected tokens (T, D), received {}", program::to_string(shape)));
    if (o_.heads < 1) fail(fmt::format("expected at least 1 head, received {}", o_.heads));
    if ((o_.key_width == 0 || o_.value_width == 0) && shape[1] % o_.heads != 0)
      fail(fmt::format("expected a width that {} heads divide, received {}", o_.heads, shape[1]));
    if (!o_.query_is_key && (o_.causal || shape[0] < 2))
      fail("a last token that nobody sees goes with other tokens and without a causal mask");
    if (o_.folded_query_key && o_.positions == Positions::kRotary)
      fail("rotary positions need W_Q and W_K, not W_QK");
    if (o_.folded_value_output && !o_.output) fail("W_VO holds the output projection");
  }

  Value name(Value value, const std::string& inner) { return b_.name(value, prefix_ + inner); }

  Value matrix(const std::string& letter, std::int64_t from, std::int64_t to) {
    return declare(b_, weights_, prefix_ + "." + letter, {o_.heads, from, to}, from, o_.initial);
  }

  // x W + b for the letter Q, K or V: (H, T, width).
  Value projected(const std::string& letter, Value x, std::int64_t width) {
    const Value w = matrix("W_" + letter, d_, width);
    const Value bias = o_.biases ? declare(b_, weights_, prefix_ + ".b_" + letter,
                                           {o_.heads, width}, d_, o_.initial)
                                 : Value();
    return project(x, w, bias);
  }

  Value scores() {
    const double scale = o_.scale.value_or(1 / std::sqrt(static_cast<double>(key_width_)));
    if (o_.folded_query_key) {
      const Value q = name(project(asking_, matrix("W_QK", d_, d_), {}), ".q");
      const Value keys = transpose(seen_);
      return o_.heads == 1 ? with_head(matmul(scale * one_head(q), keys)) : matmul(scale * q, keys);
    }
    const bool rotary = o_.positions == Positions::kRotary;
    Value q = projected("Q", asking_, key_width_);
    if (rotary) q = turned(b_, q, t_ - asking_.shape()[0]);
    q = name(q, ".q");
    Value k = projected("K", seen_, key_width_);
    if (rotary) k = turned(b_, k, 0);
    k = name(k, ".k");
    return by_head(scale * q, transpose(k));
  }

  // z (H, T, v) -> (T, output).
  Value output(Value z) {
    const bool one = o_.heads == 1;
    if (o_.folded_value_output) return with_bias(one ? one_head(z) : sum(z, {0}), d_);
    const std::int64_t width = o_.heads * value_width_;
    const Value side = one ? one_head(z) : reshape(permute(z, {1, 0, 2}), {z.shape()[1], width});
    if (!o_.output) return side;
    const Value w = declare(b_, weights_, prefix_ + ".W_O", {o_.heads, value_width_, output_width_},
                            width, o_.initial);
    return with_bias(matmul(side, reshape(w, {width, output_width_})), width);
  }

  Value with_bias(Value out, std::int64_t fan_in) {
    if (!o_.biases) return out;
    return out + declare(b_, weights_, prefix_ + ".b_O", {output_width_}, fan_in, o_.initial);
  }

  Builder& b_;
  Weights& weights_;
  const std::string& prefix_;
  const AttentionOptions& o_;
  Value tokens_, asking_, seen_;  // queries are made from asking_, keys and values from seen_
  std::int64_t t_ = 0, d_ = 0, key_width_ = 0, value_width_ = 0, output_width_ = 0;
};

}  // namespace

Value attention(Builder& b, Weights& weights, const std::string& prefix, Value tokens,
                const AttentionOptions& options) {
  return Attention(b, weights, prefix, tokens, options).build();
}

}  // namespace iclab::nn
