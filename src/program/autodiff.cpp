#include "program/autodiff.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <optional>

#include "base/error.h"

namespace iclab::program {
namespace {

using lanes::Binary;
using lanes::Unary;

// Sums g over the axes along which `shape` was stretched: the adjoint of broadcasting.
Value unbroadcast(Value g, const Shape& shape) {
  if (g.shape() == shape) return g;
  const size_t lead = g.shape().size() - shape.size();
  std::vector<int> axes;
  for (size_t i = 0; i < g.shape().size(); ++i)
    if (i < lead || (shape[i - lead] == 1 && g.shape()[i] != 1)) axes.push_back(static_cast<int>(i));
  return reshape(sum(g, axes), shape);
}

Value sum_over_prompts(Value g) {
  return g.builder().emit({.op = Op::kPromptSum, .shape = g.shape(), .in = {g.id()}});
}

class Differentiation {
 public:
  Differentiation(Builder& builder, int loss) : builder_(builder), adjoint_(static_cast<size_t>(loss) + 1) {}

  // Values on some path from a weight to the loss.
  void mark(std::span<const Value> weights) {
    active_.assign(adjoint_.size(), false);
    for (const Value& w : weights)
      if (static_cast<size_t>(w.id()) < active_.size()) active_[static_cast<size_t>(w.id())] = true;
    for (size_t id = 0; id < active_.size(); ++id)
      for (const int in : builder_.program().nodes[id].in)
        if (active_[static_cast<size_t>(in)] && carries_gradient(builder_.program().nodes[id]))
          active_[id] = true;
  }

  void run() {
    const int loss = static_cast<int>(adjoint_.size()) - 1;
    adjoint_.back() = builder_.constant(1.0);
    for (int id = loss; id >= 0; --id)
      if (adjoint_[static_cast<size_t>(id)] && active_[static_cast<size_t>(id)])
        propagate(id, *adjoint_[static_cast<size_t>(id)]);
  }

  Value of(Value weight) const {
    const auto id = static_cast<size_t>(weight.id());
    if (id < adjoint_.size() && adjoint_[id]) return *adjoint_[id];
    return builder_.constant(weight.shape(), {0.0});
  }

 private:
  static bool carries_gradient(const Node& node) {
    return node.dtype == DType::kReal && node.op != Op::kToReal;
  }

  // adjoint(operand) += g, brought to the operand's shape and rate.
  void add(int operand, Value g) {
    const auto at = static_cast<size_t>(operand);
    if (!active_[at]) return;
    const Node node = builder_.program()[operand];
    g = unbroadcast(g, node.shape);
    if (g.rate() == Rate::kPrompt && node.rate != Rate::kPrompt) g = sum_over_prompts(g);
    adjoint_[at] = adjoint_[at] ? *adjoint_[at] + g : g;
  }

  Value value(int id) const { return {&builder_, id}; }

  void propagate(int id, Value g);
  void propagate_unary(const Node& node, Value y, Value g);
  void propagate_binary(const Node& node, Value y, Value g);
  void propagate_row(const Node& node, Value y, Value g);

  Builder& builder_;
  std::vector<std::optional<Value>> adjoint_;
  std::vector<bool> active_;
};

void Differentiation::propagate_unary(const Node& node, Value y, Value g) {
  const Value x = value(node.in[0]);
  constexpr double kTurn = 2 * std::numbers::pi;
  const auto slope = [&]() -> Value {
    switch (static_cast<Unary>(node.code)) {
      case Unary::kCopy: return builder_.constant(1.0);
      case Unary::kNegate: return builder_.constant(-1.0);
      case Unary::kAbs: {
        const Value zero = builder_.constant(0.0), one = builder_.constant(1.0);
        return select(zero < x, one, select(x < zero, -one, zero));
      }
      case Unary::kSquare: return 2.0 * x;
      case Unary::kSqrt: return 0.5 / y;
      case Unary::kReciprocal: return -square(y);
      case Unary::kExp: return y;
      case Unary::kExpm1: return y + 1.0;
      case Unary::kLog: return 1.0 / x;
      case Unary::kLog1p: return 1.0 / (x + 1.0);
      case Unary::kTanh: return 1.0 - square(y);
      case Unary::kErf: return 2.0 * std::numbers::inv_sqrtpi * exp(-square(x));
      case Unary::kSinTurns: return kTurn * cos_turns(x);
      case Unary::kCosTurns: return -kTurn * sin_turns(x);
      case Unary::kSigmoid: return y * (1.0 - y);
      case Unary::kSoftplus: return sigmoid(x);
      case Unary::kGelu: return unary(Unary::kGeluSlope, x);
      case Unary::kGeluTanh: return unary(Unary::kGeluTanhSlope, x);
      case Unary::kGeluSlope:  // 2 phi(x) - x^2 phi(x), phi the normal density
        return (2.0 - square(x)) * exp(-0.5 * square(x)) *
               (0.5 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
      case Unary::kRelu:
      case Unary::kGeluTanhSlope:
      case Unary::kCount: break;
    }
    throw Error("[gradients] a function without a derivative");
  };
  if (static_cast<Unary>(node.code) == Unary::kRelu) return add(node.in[0], gate(g, y));
  add(node.in[0], g * slope());
}

void Differentiation::propagate_binary(const Node& node, Value y, Value g) {
  const Value a = value(node.in[0]), b = value(node.in[1]);
  const Value zero = builder_.constant(0.0);
  switch (static_cast<Binary>(node.code)) {
    case Binary::kAdd:
      add(node.in[0], g);
      add(node.in[1], g);
      return;
    case Binary::kSubtract:
      add(node.in[0], g);
      add(node.in[1], -g);
      return;
    case Binary::kMultiply:
      add(node.in[0], g * b);
      add(node.in[1], g * a);
      return;
    case Binary::kDivide:
      add(node.in[0], g / b);
      add(node.in[1], -(g * y / b));
      return;
    case Binary::kMinimum:  // ties go to a
      add(node.in[0], select(a <= b, g, zero));
      add(node.in[1], select(a <= b, zero, g));
      return;
    case Binary::kMaximum:
      add(node.in[0], select(b <= a, g, zero));
      add(node.in[1], select(b <= a, zero, g));
      return;
    case Binary::kPower:
      add(node.in[0], g * b * pow(a, b - 1.0));
      add(node.in[1], g * y * log(a));
      return;
    case Binary::kGate: return add(node.in[0], gate(g, b));
    case Binary::kCount: break;
  }
  throw Error("[gradients] unknown function of two values");
}

void Differentiation::propagate_row(const Node& node, Value y, Value g) {
  using lanes::RowFunction;
  const Value x = value(node.in[0]);
  const auto row = [&](RowFunction function, Value of, Value adjoint) {
    Node backward = node;  // causal, offset and epsilon stay
    backward.code = static_cast<int>(function);
    backward.shape = of.shape();
    backward.in = {of.id()};
    if (adjoint.valid()) backward.in.push_back(adjoint.id());
    return builder_.emit(std::move(backward));
  };
  switch (static_cast<RowFunction>(node.code)) {
    case RowFunction::kSoftmax: return add(node.in[0], row(RowFunction::kSoftmaxGradient, y, g));
    case RowFunction::kLogSumExp: return add(node.in[0], g * softmax(x));
    case RowFunction::kLayerNorm: return add(node.in[0], row(RowFunction::kLayerNormGradient, x, g));
    case RowFunction::kRmsNorm: return add(node.in[0], row(RowFunction::kRmsNormGradient, x, g));
    case RowFunction::kCumulativeSum: return add(node.in[0], row(RowFunction::kCumulativeSumBack, g, {}));
    case RowFunction::kCumulativeSumBack: return add(node.in[0], row(RowFunction::kCumulativeSum, g, {}));
    case RowFunction::kCumulativeProduct:
      return add(node.in[0], row(RowFunction::kCumulativeSumBack, g * y, {}) / x);
    default: break;
  }
  throw Error("[gradients] a function of a row without a derivative");
}

void Differentiation::propagate(int id, Value g) {
  const Node node = builder_.program()[id];
  // An adjoint may be smaller than its value (a scalar times ones): stretch where shapes matter.
  if (g.shape() != node.shape) g = broadcast_to(g, node.shape);
  const int x = node.in.empty() ? -1 : node.in[0];

  switch (node.op) {
    case Op::kUnary: return propagate_unary(node, value(id), g);
    case Op::kBinary: return propagate_binary(node, value(id), g);
    case Op::kSelect: {
      const Value zero = builder_.constant(0.0);
      add(node.in[1], select(value(x), g, zero));
      add(node.in[2], select(value(x), zero, g));
      return;
    }
    case Op::kReshape: return add(x, reshape(g, Shape(value(x).shape())));
    case Op::kBroadcast: return add(x, g);
    case Op::kTranspose: {
      std::vector<int> inverse(node.ints.size());
      for (size_t i = 0; i < node.ints.size(); ++i)
        inverse[static_cast<size_t>(node.ints[i])] = static_cast<int>(i);
      return add(x, permute(g, inverse));
    }
    case Op::kSlice: {
      const auto axis = static_cast<int>(node.ints[0]);
      return add(x, pad(g, axis, node.ints[1], value(x).shape()[static_cast<size_t>(axis)], node.ints[2]));
    }
    case Op::kPad: {
      const auto axis = static_cast<int>(node.ints[0]);
      return add(x, slice(g, axis, node.ints[1], value(x).shape()[static_cast<size_t>(axis)], node.ints[2]));
    }
    case Op::kConcat: {
      const auto axis = static_cast<int>(node.ints[0]);
      std::int64_t begin = 0;
      for (const int part : node.in) {
        const std::int64_t length = value(part).shape()[static_cast<size_t>(axis)];
        add(part, slice(g, axis, begin, length));
        begin += length;
      }
      return;
    }
    case Op::kProduct:  // c = a b: da = g b^T, db = a^T g
    case Op::kPromptProduct:
      if (is_fused(node)) throw Error("[gradients] a fused program; gradients are taken before");
      if (active_[static_cast<size_t>(node.in[0])])
        add(node.in[0], matmul(g, transpose(value(node.in[1]))));
      if (active_[static_cast<size_t>(node.in[1])])
        add(node.in[1], matmul(transpose(value(node.in[0])), g));
      return;
    case Op::kSum: {
      const Shape from = value(x).shape();  // a copy: new nodes move the old ones
      Shape kept = from;
      for (const std::int64_t axis : node.ints) kept[static_cast<size_t>(axis)] = 1;
      return add(x, broadcast_to(reshape(g, kept), from));
    }
    case Op::kRow: return propagate_row(node, value(id), g);
    case Op::kGather: return add(x, scatter_add(g, value(node.in[1]), value(x).shape()[0]));
    case Op::kScatterAdd: return add(x, gather(g, value(node.in[1])));
    case Op::kPromptSum: return add(x, g);
    case Op::kPromptScatterAdd: return add(x, gather(g, value(node.in[1])));
    case Op::kInput: return;
    default:
      throw Error(fmt::format("[gradients] operation '{}' has no derivative", name(node.op)));
  }
}

}  // namespace

std::vector<Value> gradients(Value loss, std::span<const Value> weights) {
  if (!loss.shape().empty() || loss.dtype() != DType::kReal)
    throw Error(fmt::format("[gradients] expected a real scalar as loss, received {} {}",
                            name(loss.dtype()), to_string(loss.shape())));
  if (loss.rate() == Rate::kPrompt)
    throw Error("[gradients] expected a loss below prompt rate, received a value of one prompt; "
                "take its prompt_mean");
  Differentiation differentiation(loss.builder(), loss.id());
  differentiation.mark(weights);
  differentiation.run();
  std::vector<Value> result;
  for (const Value& weight : weights) result.push_back(differentiation.of(weight));
  return result;
}

}  // namespace iclab::program
