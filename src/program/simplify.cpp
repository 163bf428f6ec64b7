#include "program/simplify.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace iclab::program {
namespace {

using lanes::Binary;
using lanes::Unary;

// The single number a real constant is filled with, if it is one.
std::optional<double> filled_with(const Node& node) {
  if (node.op != Op::kConstant || node.dtype != DType::kReal) return {};
  const bool uniform = std::all_of(node.data.begin(), node.data.end(),
                                   [&](double x) { return x == node.data.front(); });
  return uniform ? std::optional(node.data.front()) : std::nullopt;
}

std::optional<double> evaluate(Binary function, double a, double b) {
  switch (function) {
    case Binary::kAdd: return a + b;
    case Binary::kSubtract: return a - b;
    case Binary::kMultiply: return a * b;
    case Binary::kDivide: return a / b;
    default: return {};  // computed once, at study rate, by the kernel itself
  }
}

std::optional<double> evaluate(Unary function, double a) {
  switch (function) {
    case Unary::kCopy: return a;
    case Unary::kNegate: return -a;
    case Unary::kAbs: return std::fabs(a);
    case Unary::kSquare: return a * a;
    case Unary::kSqrt: return std::sqrt(a);
    case Unary::kReciprocal: return 1.0 / a;
    default: return {};
  }
}

Value filled(Builder& builder, const Shape& shape, double number) {
  return builder.constant(shape, {number});
}

int simplify_binary(Builder& builder, const Node& node) {
  const Program& program = builder.program();
  const int left = node.in[0], right = node.in[1];
  const auto function = static_cast<Binary>(node.code);
  const std::optional<double> a = filled_with(program[left]), b = filled_with(program[right]);

  if (a && b)
    if (const auto number = evaluate(function, *a, *b))
      return filled(builder, node.shape, *number).id();

  // x + 0, x - 0, x * 1, x / 1 (and their mirrors), stretched if the constant was the larger.
  const auto stretched = [&](int id) {
    return broadcast_to(Value(&builder, id), node.shape).id();
  };
  const bool adds = function == Binary::kAdd, subtracts = function == Binary::kSubtract;
  const bool multiplies = function == Binary::kMultiply, divides = function == Binary::kDivide;
  if (b == 0.0 && (adds || subtracts)) return stretched(left);
  if (a == 0.0 && adds) return stretched(right);
  if (b == 1.0 && (multiplies || divides)) return stretched(left);
  if (a == 1.0 && multiplies) return stretched(right);
  if (multiplies && (a == 0.0 || b == 0.0)) return filled(builder, node.shape, 0).id();

  // c1 * (c2 * x) = (c1 c2) * x for scalars c1, c2; constants stand on the left.
  if (multiplies && b && !a) return (Value(&builder, right) * Value(&builder, left)).id();
  if (multiplies && a) {
    const Node inner = program[right];
    if (inner.op == Op::kBinary && static_cast<Binary>(inner.code) == Binary::kMultiply) {
      const std::optional<double> c = filled_with(program[inner.in[0]]);
      if (c && elements(program[inner.in[0]].shape) == 1 && elements(program[left].shape) == 1)
        return (filled(builder, program[left].shape, *a * *c) * Value(&builder, inner.in[1])).id();
    }
  }
  return -1;
}

int simplify_unary(Builder& builder, const Node& node) {
  const Program& program = builder.program();
  const Node& in = program[node.in[0]];
  const auto function = static_cast<Unary>(node.code);
  if (const auto a = filled_with(in))
    if (const auto number = evaluate(function, *a)) return filled(builder, node.shape, *number).id();
  if (function == Unary::kNegate && in.op == Op::kUnary && in.code == node.code) return in.in[0];
  return -1;
}

// A slice that lies within one part of a concat is a slice of that part; of a pad, of what was padded, or
// zeros.
int simplify_slice(Builder& builder, const Node& node) {
  const Program& program = builder.program();
  const Node in = program[node.in[0]];  // a copy: new nodes move the old ones
  if ((in.op != Op::kConcat && in.op != Op::kPad) || in.ints[0] != node.ints[0]) return -1;
  const auto axis = static_cast<size_t>(node.ints[0]);
  const std::int64_t length = node.shape[axis], step = node.ints[2];
  const std::int64_t begin = node.ints[1], end = begin + (length - 1) * step + 1;
  const auto part = [&](int id, std::int64_t at) {
    return slice(Value(&builder, id), static_cast<int>(axis), begin - at, length, step).id();
  };
  if (in.op == Op::kPad) {
    if (in.ints[2] != 1) return -1;
    const std::int64_t from = in.ints[1], to = from + program[in.in[0]].shape[axis];
    if (end <= from || begin >= to) return filled(builder, node.shape, 0).id();
    return begin >= from && end <= to ? part(in.in[0], from) : -1;
  }
  std::int64_t at = 0;
  for (const int id : in.in) {
    const std::int64_t size = program[id].shape[axis];
    if (begin >= at && end <= at + size) return part(id, at);
    at += size;
  }
  return -1;
}

int simplify_view(Builder& builder, const Node& node) {
  const Program& program = builder.program();
  const Node in = program[node.in[0]];
  const Value inner = in.in.empty() ? Value() : Value(&builder, in.in[0]);

  if (const auto number = filled_with(in)) return filled(builder, node.shape, *number).id();
  switch (node.op) {
    case Op::kReshape:
      if (node.shape == in.shape) return node.in[0];
      if (in.op == Op::kReshape) return reshape(inner, node.shape).id();
      break;
    case Op::kBroadcast:
      if (node.shape == in.shape) return node.in[0];
      if (in.op == Op::kBroadcast) return broadcast_to(inner, node.shape).id();
      break;
    case Op::kSlice:
      if (node.shape == in.shape) return node.in[0];
      if (in.op == Op::kSlice && in.ints[0] == node.ints[0]) {
        const auto axis = static_cast<int>(node.ints[0]);
        return slice(inner, axis, in.ints[1] + in.ints[2] * node.ints[1],
                     node.shape[static_cast<size_t>(axis)], in.ints[2] * node.ints[2]).id();
      }
      return simplify_slice(builder, node);
    case Op::kTranspose: {
      const bool trivial = std::is_sorted(node.ints.begin(), node.ints.end());
      if (trivial) return node.in[0];
      if (in.op == Op::kTranspose) {
        std::vector<int> order;
        for (const std::int64_t axis : node.ints)
          order.push_back(static_cast<int>(in.ints[static_cast<size_t>(axis)]));
        return permute(inner, order).id();
      }
      break;
    }
    default:
      break;
  }
  return -1;
}

// A causal row that sees all its columns is an ordinary one.
int simplify_row(Builder& builder, const Node& node) {
  const std::int64_t columns = node.shape.back();
  if (node.ints[0] == 0 || node.ints[1] + 1 < columns) return -1;
  Node whole = node;
  whole.ints = {0, 0};
  return builder.emit(std::move(whole)).id();
}

}  // namespace

bool is_constant(const Program& program, int id, double number) {
  return filled_with(program[id]) == number;
}

int simplify_node(Builder& builder, const Node& node) {
  const Program& program = builder.program();
  switch (node.op) {
    case Op::kBinary: return simplify_binary(builder, node);
    case Op::kUnary: return simplify_unary(builder, node);
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kSlice:
    case Op::kBroadcast: return simplify_view(builder, node);
    case Op::kProduct:
    case Op::kPromptProduct:
      if (is_fused(node)) return -1;
      if (is_constant(program, node.in[0], 0) || is_constant(program, node.in[1], 0))
        return filled(builder, node.shape, 0).id();
      return -1;
    case Op::kRow: return simplify_row(builder, node);
    case Op::kPad:
      if (program[node.in[0]].shape == node.shape) return node.in[0];
      [[fallthrough]];
    case Op::kSum:
    case Op::kPromptSum:
      if (is_constant(program, node.in[0], 0)) return filled(builder, node.shape, 0).id();
      // Over axes of one element nothing is summed.
      if (node.op == Op::kSum && elements(program[node.in[0]].shape) == elements(node.shape))
        return reshape(Value(&builder, node.in[0]), node.shape).id();
      return -1;
    default: return -1;
  }
}

}  // namespace iclab::program
