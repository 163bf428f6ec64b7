#include "program/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "program/simplify.h"

namespace iclab::program {
namespace {

using lanes::Binary;
using lanes::Unary;

[[noreturn]] void fail(const std::string& operation, const std::string& message) {
  throw Error(fmt::format("[{}] {}", operation, message));
}

Builder& common_builder(const std::string& operation, std::initializer_list<Value> values) {
  Builder* builder = nullptr;
  for (const Value& value : values) {
    if (!value.valid()) fail(operation, "received a value that belongs to no builder");
    if (builder && builder != &value.builder())
      fail(operation, "received values of two builders, expected one");
    builder = &value.builder();
  }
  return *builder;
}

void expect(const std::string& operation, Value value, DType dtype) {
  if (value.dtype() != dtype)
    fail(operation, fmt::format("expected {}, received {} {}", name(dtype),
                                name(value.dtype()), to_string(value.shape())));
}

int axis_of(const std::string& operation, Value a, int axis) {
  const int rank = static_cast<int>(a.shape().size());
  const int positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank)
    fail(operation, fmt::format("expected an axis of {}, received {}", to_string(a.shape()), axis));
  return positive;
}

std::size_t hash(const Node& node) {
  std::size_t h = static_cast<std::size_t>(node.op);
  const auto mix = [&h](std::size_t x) { h = (h ^ x) * 0x9E3779B97F4A7C15u + (h >> 29); };
  mix(static_cast<std::size_t>(node.dtype));
  mix(static_cast<std::size_t>(node.code));
  for (const int in : node.in) mix(static_cast<std::size_t>(in));
  for (const std::int64_t x : node.ints) mix(static_cast<std::size_t>(x));
  for (const std::int64_t x : node.shape) mix(static_cast<std::size_t>(x));
  for (const double x : node.data) mix(std::hash<double>()(x));
  mix(std::hash<std::string>()(node.name));
  mix(node.draw);
  return h;
}

bool same(const Node& a, const Node& b) {
  return a.op == b.op && a.dtype == b.dtype && a.rate == b.rate && a.shape == b.shape &&
         a.in == b.in && a.code == b.code && a.ints == b.ints && a.data == b.data &&
         a.name == b.name && a.purpose == b.purpose && a.draw == b.draw &&
         a.fixed_step == b.fixed_step;
}

Value unary_node(Unary function, Value a) {
  expect("unary", a, DType::kReal);
  Node node{.op = Op::kUnary, .shape = a.shape(), .in = {a.id()}};
  node.code = static_cast<int>(function);
  return a.builder().emit(std::move(node));
}

Value integer_node(const std::string& operation, Binary function, Value a, Value b) {
  Node node{.op = Op::kIntegerBinary, .dtype = DType::kInteger,
            .shape = broadcast(operation, a.shape(), b.shape()), .in = {a.id(), b.id()}};
  switch (function) {
    case Binary::kAdd: node.code = static_cast<int>(lanes::Integer::kAdd); break;
    case Binary::kSubtract: node.code = static_cast<int>(lanes::Integer::kSubtract); break;
    case Binary::kMultiply: node.code = static_cast<int>(lanes::Integer::kMultiply); break;
    default: fail(operation, "expected real values, received integers; use to_real");
  }
  return a.builder().emit(std::move(node));
}

Value binary_node(const char* operation, Binary function, Value a, Value b) {
  Builder& builder = common_builder(operation, {a, b});
  if (a.dtype() == DType::kInteger && b.dtype() == DType::kInteger)
    return integer_node(operation, function, a, b);
  expect(operation, a, DType::kReal);
  expect(operation, b, DType::kReal);
  Node node{.op = Op::kBinary, .shape = broadcast(operation, a.shape(), b.shape()),
            .in = {a.id(), b.id()}};
  node.code = static_cast<int>(function);
  return builder.emit(std::move(node));
}

Value compare_node(const char* operation, lanes::Compare function, Value a, Value b) {
  Builder& builder = common_builder(operation, {a, b});
  if (a.dtype() != b.dtype() || a.dtype() == DType::kBoolean)
    fail(operation, fmt::format("expected two real or two integer values, received {} and {}",
                                name(a.dtype()), name(b.dtype())));
  Node node{.op = Op::kCompare, .dtype = DType::kBoolean,
            .shape = broadcast(operation, a.shape(), b.shape()), .in = {a.id(), b.id()}};
  node.code = static_cast<int>(function);
  return builder.emit(std::move(node));
}

Value logic_node(const char* operation, lanes::Logic function, std::vector<Value> values) {
  Node node{.op = Op::kLogic, .dtype = DType::kBoolean};
  for (const Value& value : values) {
    expect(operation, value, DType::kBoolean);
    node.shape = broadcast(operation, node.shape, value.shape());
    node.in.push_back(value.id());
  }
  node.code = static_cast<int>(function);
  return values[0].builder().emit(std::move(node));
}

// Vose's alias method: n cells of equal probability, each for at most two categories. The
// probabilities that cells keep their own, then the others.
std::vector<double> alias_table(std::span<const double> probabilities, double total) {
  const size_t n = probabilities.size();
  std::vector<double> table(2 * n, 1.0), left(n);
  std::vector<size_t> small, large;
  for (size_t i = 0; i < n; ++i) {
    table[n + i] = static_cast<double>(i);
    left[i] = probabilities[i] / total * static_cast<double>(n);
    (left[i] < 1 ? small : large).push_back(i);
  }
  while (!small.empty() && !large.empty()) {
    const size_t cell = small.back(), giver = large.back();
    small.pop_back();
    table[cell] = left[cell];
    table[n + cell] = static_cast<double>(giver);
    left[giver] -= 1 - left[cell];
    if (left[giver] < 1) {
      large.pop_back();
      small.push_back(giver);
    }
  }
  return table;
}

// The node of a function along the last axis, not yet emitted.
Node row_node(const char* operation, lanes::RowFunction function, Value a) {
  expect(operation, a, DType::kReal);
  if (a.shape().empty()) fail(operation, "expected at least one dimension, received a scalar");
  Node node{.op = Op::kRow, .shape = a.shape(), .in = {a.id()}};
  if (function == lanes::RowFunction::kRank) node.dtype = DType::kInteger;
  if (function == lanes::RowFunction::kLogSumExp) node.shape.back() = 1;
  node.code = static_cast<int>(function);
  node.ints = {0, 0};
  node.data = {0.0};
  return node;
}

Value row(const char* operation, lanes::RowFunction function, Value a) {
  return a.builder().emit(row_node(operation, function, a));
}

Value norm(const char* operation, lanes::RowFunction function, Value a, double epsilon) {
  if (!(epsilon >= 0)) fail(operation, fmt::format("expected epsilon >= 0, received {}", epsilon));
  Node node = row_node(operation, function, a);
  node.data = {epsilon};
  return a.builder().emit(std::move(node));
}

}  // namespace

const Node& Value::node() const { return builder_->program()[id_]; }

// ---- Builder ---------------------------------------------------------------------------------

Value Builder::constant(double number) { return constant({}, {number}); }

Value Builder::constant(const Shape& shape, std::vector<double> numbers) {
  check_shape("constant", shape);
  const std::int64_t expected = elements(shape);
  if (numbers.size() != 1 && static_cast<std::int64_t>(numbers.size()) != expected)
    fail("constant", fmt::format("shape {} expects {} numbers or one, received {}",
                                 to_string(shape), expected, numbers.size()));
  return emit({.op = Op::kConstant, .shape = shape, .data = std::move(numbers)});
}

Value Builder::integer_constant(const Shape& shape, std::vector<std::int64_t> numbers) {
  check_shape("integer_constant", shape);
  if (numbers.size() != 1 && static_cast<std::int64_t>(numbers.size()) != elements(shape))
    fail("integer_constant", fmt::format("shape {} expects {} numbers or one, received {}",
                                         to_string(shape), elements(shape), numbers.size()));
  return emit({.op = Op::kConstant, .dtype = DType::kInteger, .shape = shape,
               .data = std::vector<double>(numbers.begin(), numbers.end())});
}

Value Builder::identity(std::int64_t n) {
  std::vector<double> numbers(static_cast<size_t>(n * n), 0.0);
  for (std::int64_t i = 0; i < n; ++i) numbers[static_cast<size_t>(i * n + i)] = 1.0;
  return constant({n, n}, std::move(numbers));
}

Value Builder::input(const std::string& name, const Shape& shape, Rate rate, DType dtype) {
  check_shape("input " + name, shape);
  if (rate == Rate::kStudy) fail("input " + name, "expected replica, step or prompt rate");
  const Value value =
      emit({.op = Op::kInput, .dtype = dtype, .rate = rate, .shape = shape, .name = name});
  const auto [entry, is_new] = inputs_.emplace(name, value.id());
  if (!is_new && entry->second != value.id())
    fail("input " + name, fmt::format("expected one input of a name, received {} {} {} after {} {} {}",
                                      iclab::program::name(rate), iclab::program::name(dtype),
                                      to_string(shape),
                                      iclab::program::name(program_[entry->second].rate),
                                      iclab::program::name(program_[entry->second].dtype),
                                      to_string(program_[entry->second].shape)));
  return value;
}

Value Builder::step() {
  return emit({.op = Op::kStep, .dtype = DType::kInteger, .rate = Rate::kStep});
}

Value Builder::prompt_index() {
  return emit({.op = Op::kPromptIndex, .dtype = DType::kInteger, .rate = Rate::kPrompt});
}

Value Builder::prompt_weight() { return emit({.op = Op::kPromptWeight, .rate = Rate::kPrompt}); }

Value Builder::draw(lanes::Draw kind, Stream stream, const Shape& shape, Node node) {
  check_shape("draw", shape);
  const bool prompt = stream == Stream::kPrompt;
  node.op = Op::kDraw;
  node.code = static_cast<int>(kind);
  node.shape = shape;
  node.rate = prompt ? Rate::kPrompt : Rate::kReplica;
  node.purpose = prompt ? prompts_
                        : stream == Stream::kTask ? random::Purpose::kTask : random::Purpose::kModel;
  node.fixed_step = !prompt || fixed_prompts_;
  node.draw = next_draw_[node.purpose];
  next_draw_[node.purpose] += random::blocks_for(kind, elements(shape));
  return emit(std::move(node));
}

Value Builder::uniform(Stream stream, const Shape& shape) {
  return draw(lanes::Draw::kUniform, stream, shape, {});
}

Value Builder::normal(Stream stream, const Shape& shape) {
  return draw(lanes::Draw::kNormal, stream, shape, {});
}

Value Builder::sign(Stream stream, const Shape& shape) {
  return draw(lanes::Draw::kSign, stream, shape, {});
}

Value Builder::integers(Stream stream, const Shape& shape, std::int64_t bound) {
  if (bound < 1 || bound > INT32_MAX)
    fail("integers", fmt::format("expected a bound from 1 to 2147483647, received {}", bound));
  return draw(lanes::Draw::kInteger, stream, shape, {.dtype = DType::kInteger, .ints = {bound}});
}

Value Builder::categorical(Stream stream, const Shape& shape,
                           std::span<const double> probabilities) {
  constexpr size_t kCounted = 32;  // up to here the kernel counts thresholds
  double total = 0;
  for (const double p : probabilities) {
    if (!(p >= 0)) fail("categorical", fmt::format("expected probabilities >= 0, received {}", p));
    total += p;
  }
  if (!(total > 0) || !std::isfinite(total))
    fail("categorical", "expected probabilities with a positive, finite sum");
  Node node{.dtype = DType::kInteger};
  node.ints = {static_cast<std::int64_t>(probabilities.size())};
  if (probabilities.size() > kCounted) {
    node.data = alias_table(probabilities, total);
    return draw(lanes::Draw::kAlias, stream, shape, std::move(node));
  }
  double below = 0;
  for (size_t i = 0; i + 1 < probabilities.size(); ++i)
    node.data.push_back((below += probabilities[i]) / total);
  return draw(lanes::Draw::kCategorical, stream, shape, std::move(node));
}

Value Builder::gamma(Stream stream, const Shape& shape, std::vector<double> gamma_shapes) {
  const std::int64_t expected = elements(shape);
  if (gamma_shapes.size() != 1 && static_cast<std::int64_t>(gamma_shapes.size()) != expected)
    fail("gamma", fmt::format("shape {} expects {} numbers or one, received {}", to_string(shape),
                              expected, gamma_shapes.size()));
  for (const double a : gamma_shapes)
    if (!(a > 0) || !std::isfinite(a))
      fail("gamma", fmt::format("expected finite shapes above 0, received {}", a));
  if (gamma_shapes.size() == 1)
    gamma_shapes.assign(static_cast<size_t>(expected), gamma_shapes[0]);
  return draw(lanes::Draw::kGamma, stream, shape, {.data = std::move(gamma_shapes)});
}

Value Builder::name(Value value, const std::string& name) {
  if (interventions_.contains(name))
    value = input(name, Shape(value.shape()), std::max(value.rate(), Rate::kReplica), value.dtype());
  const auto [entry, is_new] = program_.names.emplace(name, value.id());
  if (!is_new && entry->second != value.id())
    fail("name", fmt::format("'{}' already names another value", name));
  return value;
}

Value Builder::named(const std::string& name) {
  const auto found = program_.names.find(name);
  if (found != program_.names.end()) return {this, found->second};
  std::vector<std::string> names;
  for (const auto& [known, id] : program_.names) names.push_back(known);
  fail("named", fmt::format("no value '{}'; there are {}{}", name, join(names),
                            did_you_mean(name, names)));
}

Value Builder::emit(Node node) {
  const bool source = node.in.empty();
  if (!source) {
    const bool from_prompts = sums_prompts(node.op);
    node.rate = Rate::kStudy;
    for (const int in : node.in) node.rate = std::max(node.rate, program_[in].rate);
    if (from_prompts) node.rate = Rate::kStep;
  }
  const int simpler = simplify_node(*this, node);
  if (simpler >= 0) return {this, simpler};

  const std::size_t key = hash(node);
  const auto [begin, end] = by_hash_.equal_range(key);
  for (auto candidate = begin; candidate != end; ++candidate)
    if (same(program_[candidate->second], node)) return {this, candidate->second};

  const int id = static_cast<int>(program_.nodes.size());
  program_.nodes.push_back(std::move(node));
  by_hash_.emplace(key, id);
  return {this, id};
}

// ---- element by element ----------------------------------------------------------------------

Value operator-(Value a) { return unary_node(Unary::kNegate, a); }
Value operator+(Value a, Value b) { return binary_node("add", Binary::kAdd, a, b); }
Value operator-(Value a, Value b) { return binary_node("subtract", Binary::kSubtract, a, b); }
Value operator*(Value a, Value b) { return binary_node("multiply", Binary::kMultiply, a, b); }
Value operator/(Value a, Value b) { return binary_node("divide", Binary::kDivide, a, b); }
Value operator+(Value a, double b) { return a + a.builder().constant(b); }
Value operator-(Value a, double b) { return a - a.builder().constant(b); }
Value operator*(Value a, double b) { return a * a.builder().constant(b); }
Value operator/(Value a, double b) { return a / a.builder().constant(b); }
Value operator+(double a, Value b) { return b.builder().constant(a) + b; }
Value operator-(double a, Value b) { return b.builder().constant(a) - b; }
Value operator*(double a, Value b) { return b.builder().constant(a) * b; }
Value operator/(double a, Value b) { return b.builder().constant(a) / b; }
Value minimum(Value a, Value b) { return binary_node("minimum", Binary::kMinimum, a, b); }
Value maximum(Value a, Value b) { return binary_node("maximum", Binary::kMaximum, a, b); }
Value pow(Value a, Value b) { return binary_node("pow", Binary::kPower, a, b); }

Value unary(Unary function, Value a) { return unary_node(function, a); }
Value abs(Value a) { return unary_node(Unary::kAbs, a); }
Value square(Value a) { return unary_node(Unary::kSquare, a); }
Value sqrt(Value a) { return unary_node(Unary::kSqrt, a); }
Value exp(Value a) { return unary_node(Unary::kExp, a); }
Value expm1(Value a) { return unary_node(Unary::kExpm1, a); }
Value log(Value a) { return unary_node(Unary::kLog, a); }
Value log1p(Value a) { return unary_node(Unary::kLog1p, a); }
Value tanh(Value a) { return unary_node(Unary::kTanh, a); }
Value erf(Value a) { return unary_node(Unary::kErf, a); }
Value sin_turns(Value a) { return unary_node(Unary::kSinTurns, a); }
Value cos_turns(Value a) { return unary_node(Unary::kCosTurns, a); }

Value relu(Value a) { return unary_node(Unary::kRelu, a); }
Value sigmoid(Value a) { return unary_node(Unary::kSigmoid, a); }
Value softplus(Value a) { return unary_node(Unary::kSoftplus, a); }
Value gelu(Value a) { return unary_node(Unary::kGelu, a); }
Value gelu_tanh(Value a) { return unary_node(Unary::kGeluTanh, a); }
Value gate(Value a, Value b) { return binary_node("gate", Binary::kGate, a, b); }

Value operator<(Value a, Value b) { return compare_node("less", lanes::Compare::kLess, a, b); }
Value operator<=(Value a, Value b) {
  return compare_node("less_equal", lanes::Compare::kLessEqual, a, b);
}
Value equal(Value a, Value b) { return compare_node("equal", lanes::Compare::kEqual, a, b); }
Value not_equal(Value a, Value b) {
  return compare_node("not_equal", lanes::Compare::kNotEqual, a, b);
}

Value logical_and(Value a, Value b) {
  common_builder("and", {a, b});
  return logic_node("and", lanes::Logic::kAnd, {a, b});
}
Value logical_or(Value a, Value b) {
  common_builder("or", {a, b});
  return logic_node("or", lanes::Logic::kOr, {a, b});
}
Value logical_not(Value a) { return logic_node("not", lanes::Logic::kNot, {a}); }

Value to_real(Value a) {
  if (a.dtype() == DType::kReal) return a;
  return a.builder().emit({.op = Op::kToReal, .shape = a.shape(), .in = {a.id()}});
}

Value to_integer(Value boolean) {
  expect("to_integer", boolean, DType::kBoolean);
  const Value one = boolean.builder().integer_constant({}, {1});
  return boolean.builder().emit({.op = Op::kIntegerBinary, .dtype = DType::kInteger,
                                 .shape = boolean.shape(), .in = {boolean.id(), one.id()},
                                 .code = static_cast<int>(lanes::Integer::kMultiply)});
}

Value select(Value condition, Value yes, Value no) {
  Builder& builder = common_builder("select", {condition, yes, no});
  expect("select", condition, DType::kBoolean);
  if (yes.dtype() == DType::kInteger && no.dtype() == DType::kInteger)
    return no + to_integer(condition) * (yes - no);
  expect("select", yes, DType::kReal);
  expect("select", no, DType::kReal);
  const Shape shape =
      broadcast("select", condition.shape(), broadcast("select", yes.shape(), no.shape()));
  return builder.emit(
      {.op = Op::kSelect, .shape = shape, .in = {condition.id(), yes.id(), no.id()}});
}

// ---- views -----------------------------------------------------------------------------------

Value reshape(Value a, const Shape& shape) {
  check_shape("reshape", shape);
  if (elements(shape) != elements(a.shape()))
    fail("reshape", fmt::format("expected {} elements, received {} for {}", elements(a.shape()),
                                elements(shape), to_string(shape)));
  return a.builder().emit(
      {.op = Op::kReshape, .dtype = a.dtype(), .shape = shape, .in = {a.id()}});
}

Value permute(Value a, const std::vector<int>& order) {
  Shape shape;
  std::vector<std::int64_t> permutation;
  std::vector<bool> seen(a.shape().size(), false);
  if (order.size() != a.shape().size())
    fail("permute", fmt::format("expected {} axes for {}, received {}", a.shape().size(),
                                to_string(a.shape()), order.size()));
  for (const int axis : order) {
    const int positive = axis_of("permute", a, axis);
    if (seen[static_cast<size_t>(positive)])
      fail("permute", fmt::format("expected each axis once, received {} twice", positive));
    seen[static_cast<size_t>(positive)] = true;
    permutation.push_back(positive);
    shape.push_back(a.shape()[static_cast<size_t>(positive)]);
  }
  return a.builder().emit({.op = Op::kTranspose, .dtype = a.dtype(), .shape = shape,
                           .in = {a.id()}, .ints = permutation});
}

Value transpose(Value a) {
  const int rank = static_cast<int>(a.shape().size());
  if (rank < 2)
    fail("transpose", fmt::format("expected at least 2 dimensions, received {}",
                                  to_string(a.shape())));
  std::vector<int> order(static_cast<size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<size_t>(rank - 1)], order[static_cast<size_t>(rank - 2)]);
  return permute(a, order);
}

Value slice(Value a, int axis, std::int64_t begin, std::int64_t length, std::int64_t step) {
  const auto at = static_cast<size_t>(axis_of("slice", a, axis));
  if (step < 1) fail("slice", fmt::format("expected step >= 1, received {}", step));
  const std::int64_t end = begin + (length - 1) * step + 1;
  if (begin < 0 || length < 1 || end > a.shape()[at])
    fail("slice", fmt::format("expected a range within [0, {}), received [{}, {})", a.shape()[at],
                              begin, end));
  Shape shape = a.shape();
  shape[at] = length;
  return a.builder().emit({.op = Op::kSlice, .dtype = a.dtype(), .shape = shape, .in = {a.id()},
                           .ints = {static_cast<std::int64_t>(at), begin, length == 1 ? 1 : step}});
}

Value index(Value a, int axis, std::int64_t i) {
  const auto at = axis_of("index", a, axis);
  Shape shape = a.shape();
  shape.erase(shape.begin() + at);
  return reshape(slice(a, at, i, 1), shape);
}

Value broadcast_to(Value a, const Shape& shape) {
  check_shape("broadcast_to", shape);
  if (broadcast("broadcast_to", a.shape(), shape) != shape)
    fail("broadcast_to", fmt::format("expected a shape that {} stretches to, received {}",
                                     to_string(a.shape()), to_string(shape)));
  return a.builder().emit(
      {.op = Op::kBroadcast, .dtype = a.dtype(), .shape = shape, .in = {a.id()}});
}

// ---- structure -------------------------------------------------------------------------------

Value concat(const std::vector<Value>& parts, int axis) {
  if (parts.empty()) fail("concat", "expected at least one value, received none");
  const auto at = static_cast<size_t>(axis_of("concat", parts[0], axis));
  Node node{.op = Op::kConcat, .dtype = parts[0].dtype(), .shape = parts[0].shape(),
            .ints = {static_cast<std::int64_t>(at)}};
  node.shape[at] = 0;
  for (const Value& part : parts) {
    common_builder("concat", {parts[0], part});
    Shape expected = parts[0].shape();
    if (part.shape().size() == expected.size()) expected[at] = part.shape()[at];
    if (part.shape() != expected || part.dtype() != parts[0].dtype())
      fail("concat", fmt::format("expected {} {} but for axis {}, received {} {}",
                                 name(parts[0].dtype()), to_string(expected), at,
                                 name(part.dtype()), to_string(part.shape())));
    node.shape[at] += part.shape()[at];
    node.in.push_back(part.id());
  }
  if (parts.size() == 1) return parts[0];
  return parts[0].builder().emit(std::move(node));
}

Value pad(Value a, int axis, std::int64_t begin, std::int64_t length, std::int64_t step) {
  expect("pad", a, DType::kReal);
  const auto at = static_cast<size_t>(axis_of("pad", a, axis));
  const std::int64_t end = begin + (a.shape()[at] - 1) * step + 1;
  if (begin < 0 || step < 1 || end > length)
    fail("pad", fmt::format("expected begin >= 0, step >= 1 and an end within length {}, received begin {}, "
                            "step {} and end {}", length, begin, step, end));
  Shape shape = a.shape();
  shape[at] = length;
  const std::int64_t apart = a.shape()[at] == 1 ? 1 : step;
  return a.builder().emit({.op = Op::kPad, .shape = shape, .in = {a.id()},
                           .ints = {static_cast<std::int64_t>(at), begin, apart}});
}

Value matmul(Value a, Value b) {
  Builder& builder = common_builder("matmul", {a, b});
  expect("matmul", a, DType::kReal);
  expect("matmul", b, DType::kReal);
  if (a.shape().empty() || b.shape().empty())
    fail("matmul", fmt::format("expected (..., m, k) and (..., k, n), received {} and {}",
                               to_string(a.shape()), to_string(b.shape())));
  const bool row = a.shape().size() == 1, column = b.shape().size() == 1;
  const Value left = row ? reshape(a, {1, a.shape()[0]}) : a;
  const Value right = column ? reshape(b, {b.shape()[0], 1}) : b;
  const Shape& l = left.shape();
  const Shape& r = right.shape();
  if (l.back() != r[r.size() - 2])
    fail("matmul", fmt::format("expected (..., m, k) and (..., k, n), received {} and {}",
                               to_string(a.shape()), to_string(b.shape())));
  Shape shape = broadcast("matmul", Shape(l.begin(), l.end() - 2), Shape(r.begin(), r.end() - 2));
  shape.push_back(l[l.size() - 2]);
  shape.push_back(r.back());
  Value c = builder.emit({.op = Op::kProduct, .shape = shape, .in = {left.id(), right.id()}});
  if (column) shape.pop_back();
  if (row) shape.erase(shape.end() - (column ? 1 : 2));
  return row || column ? reshape(c, shape) : c;
}

Value dot(Value a, Value b) {
  if (a.shape().size() != 1 || b.shape().size() != 1)
    fail("dot", fmt::format("expected (k) and (k), received {} and {}", to_string(a.shape()),
                            to_string(b.shape())));
  return matmul(a, b);
}

Value sum(Value a, const std::vector<int>& axes, bool keep) {
  expect("sum", a, DType::kReal);
  Node node{.op = Op::kSum, .in = {a.id()}};
  std::vector<bool> reduced(a.shape().size(), false);
  for (const int axis : axes) reduced[static_cast<size_t>(axis_of("sum", a, axis))] = true;
  Shape kept;
  for (size_t i = 0; i < reduced.size(); ++i) {
    kept.push_back(reduced[i] ? 1 : a.shape()[i]);
    if (reduced[i]) node.ints.push_back(static_cast<std::int64_t>(i));
    else node.shape.push_back(a.shape()[i]);
  }
  if (node.ints.empty()) return a;
  Value total = a.builder().emit(std::move(node));
  return keep ? reshape(total, kept) : total;
}

Value sum(Value a) {
  std::vector<int> axes(a.shape().size());
  std::iota(axes.begin(), axes.end(), 0);
  return sum(a, axes);
}

Value mean(Value a) { return sum(a) * (1.0 / static_cast<double>(elements(a.shape()))); }

Value gather(Value table, Value index) {
  Builder& builder = common_builder("gather", {table, index});
  expect("gather", index, DType::kInteger);
  if (table.shape().empty() || index.shape().size() > 1)
    fail("gather", fmt::format("expected a table (rows, ...) and an index () or (k), received {} "
                               "and {}", to_string(table.shape()), to_string(index.shape())));
  Shape shape = index.shape();
  shape.insert(shape.end(), table.shape().begin() + 1, table.shape().end());
  check_shape("gather", shape);
  const std::int64_t rows = table.shape()[0], inner = elements(table.shape()) / rows;
  const std::int64_t outer = elements(index.shape());
  const Value flat_table = reshape(table, {rows, inner}), flat_index = reshape(index, {outer});
  return reshape(builder.emit({.op = Op::kGather, .dtype = table.dtype(), .shape = {outer, inner},
                               .in = {flat_table.id(), flat_index.id()}}),
                 shape);
}

Value scatter_add(Value source, Value index, std::int64_t rows) {
  Builder& builder = common_builder("scatter_add", {source, index});
  expect("scatter_add", source, DType::kReal);
  expect("scatter_add", index, DType::kInteger);
  const size_t lead = index.shape().size();
  if (lead > 1 || source.shape().size() < lead ||
      !std::equal(index.shape().begin(), index.shape().end(), source.shape().begin()))
    fail("scatter_add", fmt::format("expected index () or (k) and a source (k, ...), received {} "
                                    "and {}", to_string(index.shape()), to_string(source.shape())));
  Shape shape{rows};
  shape.insert(shape.end(), source.shape().begin() + static_cast<std::ptrdiff_t>(lead),
               source.shape().end());
  check_shape("scatter_add", shape);
  const std::int64_t outer = elements(index.shape()), inner = elements(source.shape()) / outer;
  const Value flat_index = reshape(index, {outer});
  Value flat_source = reshape(source, {outer, inner});
  if (index.rate() == Rate::kPrompt && source.rate() != Rate::kPrompt) {
    // The kernel reads one source a prompt: give every prompt its own copy.
    const Value always = reshape(equal(flat_index, flat_index), {outer, 1});
    flat_source = select(always, flat_source, builder.constant(0.0));
  }
  return reshape(builder.emit({.op = Op::kScatterAdd, .shape = {rows, inner},
                               .in = {flat_source.id(), flat_index.id()}}),
                 shape);
}

// ---- along the last axis ---------------------------------------------------------------------

Value softmax(Value a) { return row("softmax", lanes::RowFunction::kSoftmax, a); }

Value causal_softmax(Value a, std::int64_t offset) {
  if (a.shape().size() < 2)
    fail("causal_softmax",
         fmt::format("expected at least 2 dimensions, received {}", to_string(a.shape())));
  if (offset < 0) fail("causal_softmax", fmt::format("expected offset >= 0, received {}", offset));
  Node node = row_node("causal_softmax", lanes::RowFunction::kSoftmax, a);
  node.ints = {1, offset};
  return a.builder().emit(std::move(node));
}

Value log_sum_exp(Value a) {
  Shape shape = a.shape();
  const Value kept = row("log_sum_exp", lanes::RowFunction::kLogSumExp, a);
  shape.pop_back();
  return reshape(kept, shape);
}

Value layer_norm(Value a, double epsilon) {
  return norm("layer_norm", lanes::RowFunction::kLayerNorm, a, epsilon);
}
Value rms_norm(Value a, double epsilon) {
  return norm("rms_norm", lanes::RowFunction::kRmsNorm, a, epsilon);
}
Value cumulative_sum(Value a) { return row("cumulative_sum", lanes::RowFunction::kCumulativeSum, a); }
Value cumulative_product(Value a) {
  return row("cumulative_product", lanes::RowFunction::kCumulativeProduct, a);
}
Value rank(Value a) { return row("rank", lanes::RowFunction::kRank, a); }

// ---- from prompts to steps -------------------------------------------------------------------

namespace {

Value sum_over_prompts(Value a) {
  return a.builder().emit({.op = Op::kPromptSum, .shape = a.shape(), .in = {a.id()}});
}

}  // namespace

Value prompt_mean(Value a) {
  expect("prompt_mean", a, DType::kReal);
  if (a.rate() != Rate::kPrompt) return a;
  return sum_over_prompts(a * a.builder().prompt_weight());
}

Value prompt_sum(Value a) {
  expect("prompt_sum", a, DType::kReal);
  Builder& b = a.builder();
  return sum_over_prompts(a * to_real(b.constant(0.0) < b.prompt_weight()));  // idle lanes count 0
}

}  // namespace iclab::program
