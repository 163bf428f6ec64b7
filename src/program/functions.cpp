#include "program/functions.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace iclab::program {
namespace {

Value with_last_axis(Value a) {
  Shape shape = a.shape();
  shape.push_back(1);
  return reshape(a, shape);
}

Value positions(Builder& b, std::int64_t n) {
  std::vector<std::int64_t> numbers(static_cast<size_t>(n));
  std::iota(numbers.begin(), numbers.end(), 0);
  return b.integer_constant({n}, std::move(numbers));
}

}  // namespace

// ---- along the last axis ----

Value softmax(Value a, Value mask) {
  const Value never = a.builder().constant(-std::numeric_limits<double>::infinity());
  return softmax(select(mask, a, never));
}

Value log_softmax(Value a) { return a - with_last_axis(log_sum_exp(a)); }

Value one_hot(Value index, std::int64_t n) {
  if (n < 1) throw Error(fmt::format("[one_hot] expected n >= 1, received {}", n));
  return to_real(equal(with_last_axis(index), positions(index.builder(), n)));
}

Value sort(Value a) {
  const Value order = rank(a);
  const std::int64_t n = a.shape().back(), rows = elements(a.shape()) / n;
  const Value place = one_hot(reshape(order, {rows, n}), n);  // (rows, from, to)
  return reshape(matmul(reshape(a, {rows, 1, n}), place), Shape(a.shape()));
}

Value top_k(Value a, std::int64_t k) {
  const std::int64_t n = a.shape().empty() ? 0 : a.shape().back();
  if (k < 1 || k > n)
    throw Error(fmt::format("[top_k] expected k from 1 to {}, received {}", n, k));
  return a.builder().integer_constant({}, {n - k}) <= rank(a);
}

// ---- integers ----

// With c = ceil(2^32 / n), a = q n + k and e = c n - 2^32 < n, the product c a wraps to k c + q e, which lies
// in [k c, (k + 1) c) as q e <= a < c. Shifted by 2^31, the order of wrapped products is that of int32.
Value remainder(Value a, std::int64_t n) {
  if (n < 1 || n > 32768)
    throw Error(fmt::format("[remainder] expected n from 1 to 32768, received {}", n));
  Builder& b = a.builder();
  if (n == 1) return b.integer_constant(Shape(a.shape()), {0});
  constexpr std::int64_t kHalf = std::int64_t{1} << 31;
  const std::int64_t c = (2 * kHalf + n - 1) / n;
  const auto shifted = [&](std::int64_t x) {
    return b.integer_constant({}, {static_cast<std::int32_t>(x - kHalf)});
  };
  const Value factor = b.integer_constant({}, {static_cast<std::int32_t>(c)});
  const Value part = a * factor + shifted(0);
  Value k = to_integer(shifted(c) <= part);
  for (std::int64_t j = 2; j < n; ++j) k = k + to_integer(shifted(j * c) <= part);
  return k;
}

// ---- losses ----

Value logistic_loss(Value y, Value f) { return softplus(-(y * f)); }
Value hinge_loss(Value y, Value f) { return relu(1.0 - y * f); }

Value cross_entropy(Value logits, Value classes) {
  Shape expected = logits.shape();
  if (!expected.empty()) expected.pop_back();
  if (classes.shape() != expected)
    throw Error(fmt::format("[cross_entropy] expected classes {}, received {} for logits {}",
                            to_string(expected), to_string(classes.shape()),
                            to_string(logits.shape())));
  const Value chosen = sum(logits * one_hot(classes, logits.shape().back()), {-1});
  return log_sum_exp(logits) - chosen;
}

// ---- distributions ----

Value zipf(Builder& b, Stream stream, const Shape& shape, std::int64_t n, double exponent) {
  if (n < 1) throw Error(fmt::format("[zipf] expected n >= 1, received {}", n));
  if (!std::isfinite(exponent))
    throw Error(fmt::format("[zipf] expected a finite exponent, received {}", exponent));
  std::vector<double> probabilities;
  for (std::int64_t i = 1; i <= n; ++i)
    probabilities.push_back(lanes::host_binary(lanes::Binary::kPower, static_cast<double>(i), -exponent));
  return b.categorical(stream, shape, probabilities);
}

Value beta(Builder& b, Stream stream, const Shape& shape, double a1, double a2) {
  if (!(a1 > 0) || !(a2 > 0))
    throw Error(fmt::format("[beta] expected a1 and a2 above 0, received {} and {}", a1, a2));
  const Value first = b.gamma(stream, shape, {a1});
  const Value second = b.gamma(stream, shape, {a2});
  return first / (first + second);
}

Value chi_square(Builder& b, Stream stream, const Shape& shape, double degrees) {
  if (!(degrees > 0))
    throw Error(fmt::format("[chi_square] expected degrees above 0, received {}", degrees));
  return 2.0 * b.gamma(stream, shape, {degrees / 2});
}

Value dirichlet(Builder& b, Stream stream, const std::vector<double>& concentrations) {
  if (concentrations.empty())
    throw Error("[dirichlet] expected at least one concentration, received none");
  const Value draws = b.gamma(stream, {static_cast<std::int64_t>(concentrations.size())},
                              concentrations);
  return draws / sum(draws);
}

Value wishart(Builder& b, Stream stream, std::int64_t d, double degrees) {
  if (d < 1 || !(degrees > static_cast<double>(d - 1)))
    throw Error(fmt::format("[wishart] expected degrees > d - 1, received {} for d = {}", degrees, d));
  std::vector<double> shapes, below;
  for (std::int64_t i = 0; i < d; ++i) {
    shapes.push_back((degrees - static_cast<double>(i)) / 2);
    for (std::int64_t j = 0; j < d; ++j) below.push_back(j < i ? 1.0 : 0.0);
  }
  const Value diagonal = sqrt(2.0 * b.gamma(stream, {d}, std::move(shapes)));
  const Value normals = b.normal(stream, {d, d});
  const Value a = normals * b.constant({d, d}, std::move(below)) +
                  b.identity(d) * reshape(diagonal, {d, 1});
  return matmul(a, transpose(a));
}

}  // namespace iclab::program
