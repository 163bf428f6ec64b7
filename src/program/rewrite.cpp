#include "program/rewrite.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "program/diagonal.h"
#include "program/hoist.h"
#include "program/reassociate.h"

namespace iclab::program {
namespace {

using lanes::Binary;

// One pass over a program: every live node is emitted anew, in cheaper form where a rule applies.
class Pass {
 public:
  Pass(const Program& from, std::span<const int> outputs, Builder& to)
      : from_(from), to_(to), map_(from.nodes.size(), -1), live_(live_nodes(from, outputs)),
        only_sliced_(from.nodes.size(), true) {
    for (const int id : outputs) only_sliced_[static_cast<size_t>(id)] = false;
    std::vector<std::int64_t> read(from.nodes.size(), 0);  // elements that slices read
    for (size_t id = 0; id < from.nodes.size(); ++id) {
      const Node& node = from.nodes[id];
      if (!live_[id]) continue;
      for (const int in : node.in) {
        if (node.op == Op::kSlice) read[static_cast<size_t>(in)] += elements(node.shape);
        else only_sliced_[static_cast<size_t>(in)] = false;
      }
    }
    // Slices that together read as much as there is have no dead rows to save (of a concat: a copy).
    for (size_t id = 0; id < from.nodes.size(); ++id) {
      const std::int64_t there = elements(from.nodes[id].shape);
      const std::int64_t worth = from.nodes[id].op == Op::kConcat ? there : there - 1;
      if (read[id] > worth && !is_free(from.nodes[id].op)) only_sliced_[id] = false;
    }
  }

  std::vector<int> run(std::span<const int> outputs) {
    for (const int id : outputs) emit_with_operands(id);
    for (const auto& [name, id] : from_.names)
      if (map_[static_cast<size_t>(id)] >= 0) to_.name({&to_, map_[static_cast<size_t>(id)]}, name);
    std::vector<int> mapped;
    for (const int id : outputs) mapped.push_back(map_[static_cast<size_t>(id)]);
    return mapped;
  }

 private:
  static bool is_free(Op op) {
    return op == Op::kReshape || op == Op::kTranspose || op == Op::kBroadcast;
  }

  // Operands first, in their order. So the order of the new program follows from the outputs alone, not
  // from the order in which the old one was written (which a compiler may choose among arguments): plans,
  // and sums of adjoints, have the same bits everywhere.
  void emit_with_operands(int output) {
    std::vector<int> waiting{output};
    while (!waiting.empty()) {
      const int id = waiting.back();
      const std::vector<int>& in = from_[id].in;
      const size_t before = waiting.size();
      if (map_[static_cast<size_t>(id)] < 0)
        for (size_t i = in.size(); i-- > 0;)
          if (map_[static_cast<size_t>(in[i])] < 0) waiting.push_back(in[i]);
      if (waiting.size() > before) continue;
      waiting.pop_back();
      if (map_[static_cast<size_t>(id)] < 0) map_[static_cast<size_t>(id)] = emit(id);
    }
  }

  Value mapped(int id) const { return {&to_, map_[static_cast<size_t>(id)]}; }

  int emit(int id) {
    const Node& node = from_[id];
    if (node.op == Op::kSlice && only_sliced_[static_cast<size_t>(node.in[0])]) {
      const auto axis = static_cast<size_t>(node.ints[0]);
      const Value pushed = sliced(node.in[0], axis, {node.ints[1], node.shape[axis], node.ints[2]});
      if (pushed.valid()) return pushed.id();
    }
    if (node.op == Op::kPromptSum) return summed(mapped(node.in[0])).id();
    Node copy = node;
    for (int& in : copy.in) in = map_[static_cast<size_t>(in)];
    if (node.op == Op::kRow && static_cast<lanes::RowFunction>(node.code) == lanes::RowFunction::kSoftmax)
      copy.in[0] = without_shift(mapped(node.in[0])).id();
    return to_.emit(std::move(copy)).id();
  }

  // softmax(x + c) = softmax(x) where c is the same all along a row.
  Value without_shift(Value a) {
    const Node node = a.node();
    if (node.op == Op::kReshape) {
      const Value x(&to_, node.in[0]);
      if (x.shape().empty() || x.shape().back() != node.shape.back()) return a;
      const Value without = without_shift(x);
      return without.id() == x.id() ? a : reshape(without, node.shape);
    }
    if (node.op != Op::kBinary || static_cast<Binary>(node.code) != Binary::kAdd || node.shape.back() == 1) return a;
    for (const size_t i : {1, 0}) {
      const Shape& shift = Value(&to_, node.in[i]).shape();
      const Value x(&to_, node.in[1 - i]);
      if (x.shape() == node.shape && (shift.empty() || shift.back() == 1)) return without_shift(x);
    }
    return a;
  }

  // Which elements of an axis a slice takes.
  struct Range {
    std::int64_t begin, length, step;
  };

  static Value part_of(Value x, int axis, const Range& range) {
    return slice(x, axis, range.begin, range.length, range.step);
  }

  // The part of the old value `id` that a slice along `axis` takes, from parts of its operands; invalid if
  // the slice can't be pushed through.
  Value sliced(int id, size_t axis, const Range& range) {
    const Node& node = from_[id];
    const size_t rank = node.shape.size();
    Node part{.op = node.op, .dtype = node.dtype, .shape = node.shape, .code = node.code};
    part.shape[axis] = range.length;

    // The operand's part along the output's axis, aligned at the right; whole where it is stretched.
    const auto aligned = [&](int operand) {
      const Value x = mapped(operand);
      const size_t lead = rank - x.shape().size();
      if (axis < lead || x.shape()[axis - lead] == 1) return x;
      return part_of(x, static_cast<int>(axis - lead), range);
    };

    switch (node.op) {
      case Op::kUnary:
      case Op::kBinary:
      case Op::kCompare:
      case Op::kLogic:
      case Op::kIntegerBinary:
      case Op::kToReal:
      case Op::kSelect:
        for (const int in : node.in) part.in.push_back(aligned(in).id());
        return to_.emit(std::move(part));
      case Op::kBroadcast:
        return broadcast_to(aligned(node.in[0]), part.shape);
      case Op::kTranspose: {
        const auto source = static_cast<int>(node.ints[axis]);
        std::vector<int> order(node.ints.begin(), node.ints.end());
        return permute(part_of(mapped(node.in[0]), source, range), order);
      }
      case Op::kProduct: {
        const Value a = mapped(node.in[0]), b = mapped(node.in[1]);
        if (axis == rank - 2)
          return matmul(part_of(a, -2, range), b);
        if (axis == rank - 1)
          return matmul(a, part_of(b, -1, range));
        return matmul(aligned(node.in[0]), aligned(node.in[1]));
      }
      case Op::kSum: {
        size_t source = 0, kept = 0;  // the operand's axis that became `axis`
        for (; source < mapped(node.in[0]).shape().size(); ++source) {
          if (std::find(node.ints.begin(), node.ints.end(), source) != node.ints.end()) continue;
          if (kept++ == axis) break;
        }
        const Value x = part_of(mapped(node.in[0]), static_cast<int>(source), range);
        return sum(x, std::vector<int>(node.ints.begin(), node.ints.end()));
      }
      case Op::kConcat: {
        const auto along = static_cast<size_t>(node.ints[0]);
        std::vector<Value> parts;
        std::int64_t at = 0;
        for (const int in : node.in) {
          const Value x = mapped(in);
          const std::int64_t size = x.shape()[along];
          if (along != axis) {
            parts.push_back(part_of(x, static_cast<int>(axis), range));
          } else {
            if (range.step != 1) return {};
            const std::int64_t from = std::max(range.begin - at, std::int64_t{0});
            const std::int64_t to = std::min(range.begin + range.length - at, size);
            if (from < to) parts.push_back(slice(x, static_cast<int>(axis), from, to - from));
          }
          at += size;
        }
        return concat(parts, static_cast<int>(along));
      }
      case Op::kPad: {
        if (static_cast<size_t>(node.ints[0]) == axis) return {};
        const Value x = part_of(mapped(node.in[0]), static_cast<int>(axis), range);
        const auto along = static_cast<size_t>(node.ints[0]);
        return pad(x, static_cast<int>(along), node.ints[1], node.shape[along], node.ints[2]);
      }
      case Op::kRow: {
        if (axis == rank - 1) return {};
        part.ints = node.ints;
        part.data = node.data;
        if (axis + 2 == rank) {  // causal: rows further down and further apart
          part.ints[1] += node.ints[0] * range.begin;
          part.ints[0] *= range.step;
        }
        for (const int in : node.in) part.in.push_back(aligned(in).id());
        return to_.emit(std::move(part));
      }
      case Op::kGather: {
        const Value table = mapped(node.in[0]), index = mapped(node.in[1]);
        if (axis == 0) return gather(table, part_of(index, 0, range));
        return gather(part_of(table, 1, range), index);
      }
      case Op::kReshape: return sliced_reshape(node, axis, range);
      default:
        return {};
    }
  }

  // A reshape that keeps the axis, with as many elements before it (and after), lets slices through.
  Value sliced_reshape(const Node& node, size_t axis, const Range& range) {
    if (node.shape[axis] == 1) return {};
    const Value x = mapped(node.in[0]);
    const Shape& from = x.shape();
    const auto before = [](const Shape& shape, size_t i) {
      return std::accumulate(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(i),
                             std::int64_t{1}, std::multiplies<>());
    };
    size_t source = 0;
    while (source < from.size() && (from[source] != node.shape[axis] ||
                                    before(from, source) != before(node.shape, axis)))
      ++source;
    if (source == from.size()) return {};
    Shape part = node.shape;
    part[axis] = range.length;
    return reshape(part_of(x, static_cast<int>(source), range), part);
  }

  // sum over prompts of x.
  Value summed(Value x) {
    const Node node = x.node();
    const auto operand = [&](size_t i) { return Value(&to_, node.in[i]); };
    const auto below = [&](size_t i) { return operand(i).rate() != Rate::kPrompt; };

    switch (node.op) {
      case Op::kProduct:
        if (below(0)) return matmul(operand(0), summed(operand(1)));
        if (below(1)) return matmul(summed(operand(0)), operand(1));
        return to_.emit({.op = Op::kPromptProduct, .shape = node.shape, .in = node.in});
      case Op::kBinary: {
        const auto function = static_cast<Binary>(node.code);
        if (function == Binary::kMultiply && below(0)) return operand(0) * summed(operand(1));
        if (function == Binary::kMultiply && below(1)) return summed(operand(0)) * operand(1);
        if (function == Binary::kDivide && below(1)) return summed(operand(0)) / operand(1);
        break;
      }
      case Op::kUnary:
        if (static_cast<lanes::Unary>(node.code) == lanes::Unary::kNegate)
          return -summed(operand(0));
        break;
      case Op::kScatterAdd:
        if (below(1)) break;
        return to_.emit({.op = Op::kPromptScatterAdd, .shape = node.shape, .in = node.in});
      case Op::kReshape: return reshape(summed(operand(0)), node.shape);
      case Op::kTranspose:
        return permute(summed(operand(0)), std::vector<int>(node.ints.begin(), node.ints.end()));
      case Op::kPad: {
        const auto axis = static_cast<size_t>(node.ints[0]);
        return pad(summed(operand(0)), static_cast<int>(axis), node.ints[1], node.shape[axis], node.ints[2]);
      }
      default:
        break;
    }
    return to_.emit({.op = Op::kPromptSum, .shape = node.shape, .in = {x.id()}});
  }

  const Program& from_;
  Builder& to_;
  std::vector<int> map_;
  std::vector<bool> live_;
  std::vector<bool> only_sliced_;
};

bool same_nodes(const Program& a, const Program& b) {
  return a.nodes.size() == b.nodes.size() &&
         std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), [](const Node& x, const Node& y) {
           return x.op == y.op && x.code == y.code && x.in == y.in && x.shape == y.shape &&
                  x.ints == y.ints;
         });
}

}  // namespace

namespace {

// Passes until nothing changes: a slice moves through one operation a pass.
Rewritten settle(const Program& program, std::span<const int> outputs) {
  constexpr int kMaxPasses = 64;
  Rewritten result{std::make_unique<Builder>(), {}};
  result.outputs = Pass(program, outputs, *result.builder).run(outputs);
  for (int pass = 1; pass < kMaxPasses; ++pass) {
    Rewritten next{std::make_unique<Builder>(), {}};
    next.outputs = Pass(result.builder->program(), result.outputs, *next.builder).run(result.outputs);
    const bool settled = same_nodes(next.builder->program(), result.builder->program());
    result = std::move(next);
    if (settled) break;
  }
  return result;
}

}  // namespace

Rewritten rewrite(const Program& program, std::span<const int> outputs, std::int64_t batch) {
  if (std::ranges::any_of(program.nodes, is_fused))
    throw Error("[rewrite] a fused program; rewriting comes before");
  constexpr int kMaxRounds = 8;
  const auto cost = [&](const Rewritten& x) {
    return step_flops(x.builder->program(), x.outputs, batch);
  };
  Rewritten result = settle(program, outputs);
  const auto improves = [&](auto form, double worth) {
    const Rewritten other = form(result.builder->program(), result.outputs, batch);
    Rewritten next = settle(other.builder->program(), other.outputs);
    if (!(cost(next) < worth * cost(result))) return false;
    result = std::move(next);
    return true;
  };
  // Bits change only where something is won: of element-wise work a hundredth of all.
  for (int round = 0; round < kMaxRounds; ++round) {
    bool changed = improves(reassociate, 0.9999);
    changed = improves(extract_diagonals, 0.99) || changed;
    changed = improves(hoist, 0.99) || changed;
    if (!changed) break;
  }
  return result;
}

std::int64_t count_live(const Program& program, std::span<const int> outputs) {
  const std::vector<bool> live = live_nodes(program, outputs);
  return std::count(live.begin(), live.end(), true);
}

}  // namespace iclab::program
