#include "program/hoist.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace iclab::program {
namespace {

// Consecutive rows of a value: rows gathered from a table, or (index -1) ordinary rows.
struct Segment {
  std::int64_t rows = 0;        // in the value
  int index = -1;               // node of the index; -1: plain rows
  std::int64_t table_rows = 0;  // of a table
  Rate rate = Rate::kStudy;     // of the table or of the plain rows
};

bool match(const Segment& a, const Segment& b) {
  return a.rows == b.rows && a.index == b.index && a.table_rows == b.table_rows;
}

class Hoisting {
 public:
  Hoisting(const Program& from, std::span<const int> outputs, std::int64_t batch, Builder& to)
      : from_(from), to_(to), batch_(batch), live_(live_nodes(from, outputs)), segments_(from.nodes.size()),
        is_read_whole_(from.nodes.size(), false), map_(from.nodes.size(), -1), parts_(from.nodes.size()) {
    for (int id = 0; id < count(); ++id)
      if (live_[at(id)]) segments_[at(id)] = segments_of(id);
    for (const int id : outputs) is_read_whole_[at(id)] = true;
    for (int id = 0; id < count(); ++id)
      if (live_[at(id)])
        for (const int in : from[id].in)
          if (!is_rows(id) || from[id].op == Op::kGather) is_read_whole_[at(in)] = true;
    keep_what_pays();
  }

  std::vector<int> run(std::span<const int> outputs) {
    for (int id = 0; id < count(); ++id) {
      if (!live_[at(id)]) continue;
      if (!is_rows(id)) {
        Node copy = from_[id];
        for (int& in : copy.in) in = map_[at(in)];
        map_[at(id)] = to_.emit(std::move(copy)).id();
        continue;
      }
      for (size_t s = 0; s < segments_[at(id)].size(); ++s) parts_[at(id)].push_back(emit_part(id, s));
      if (is_read_whole_[at(id)]) map_[at(id)] = joined(id).id();
    }
    for (const auto& [name, id] : from_.names)
      if (map_[at(id)] >= 0) to_.name(mapped(id), name);
    std::vector<int> mapped;
    for (const int id : outputs) mapped.push_back(map_[at(id)]);
    return mapped;
  }

 private:
  static size_t at(int id) { return static_cast<size_t>(id); }
  int count() const { return static_cast<int>(from_.nodes.size()); }
  bool is_rows(int id) const { return !segments_[at(id)].empty(); }
  Value mapped(int id) const { return {&to_, map_[at(id)]}; }

  // ---- what can be hoisted ----

  // The segments of which a value consists, if it can be computed row by row; else none.
  std::vector<Segment> segments_of(int id) const {
    const Node& node = from_[id];
    if (node.rate != Rate::kPrompt) return {};
    if (node.op == Op::kGather) {
      const Node& table = from_[node.in[0]];
      if (table.rate == Rate::kPrompt) return {};
      return {{node.shape[0], node.in[1], table.shape[0], table.rate}};
    }
    if (node.op == Op::kConcat && node.ints[0] == 0) return joined_segments(node);
    if (!goes_by_rows(node)) return {};
    std::vector<Segment> result;
    for (const int in : node.in) {
      const std::vector<Segment>& others = segments_[at(in)];
      if (others.empty()) continue;
      if (from_[in].shape.size() != node.shape.size() && is_elementwise(node.op)) return {};
      if (result.empty()) result = others;
      if (!std::ranges::equal(result, others, match)) return {};
    }
    std::int64_t rows = 0;
    for (const Segment& segment : result) {
      rows += segment.rows;
      // A table never comes to change more often: its adjoint would be scattered, as its rows' was not.
      for (const int in : node.in)
        if (!is_rows(in) && (!same_for_all_rows(in, node) || from_[in].rate > segment.rate)) return {};
    }
    if (rows != node.shape[0]) return {};  // stretched
    if (!result.empty() && hoisted_flops(id, result) > step_flops(from_, id, batch_)) return {};
    return result;
  }

  std::vector<Segment> joined_segments(const Node& node) const {
    std::vector<Segment> result;
    bool has_table = false;
    for (const int in : node.in) {
      has_table = has_table || is_rows(in);
      if (is_rows(in)) result.insert(result.end(), segments_[at(in)].begin(), segments_[at(in)].end());
      else result.push_back({from_[in].shape[0], -1, from_[in].shape[0], from_[in].rate});
    }
    return has_table ? result : std::vector<Segment>{};
  }

  static bool is_elementwise(Op op) {
    switch (op) {
      case Op::kUnary:
      case Op::kBinary:
      case Op::kCompare:
      case Op::kLogic:
      case Op::kIntegerBinary:
      case Op::kToReal:
      case Op::kSelect: return true;
      default: return false;
    }
  }

  // True if row i of the result needs row i of the operands alone.
  bool goes_by_rows(const Node& node) const {
    if (node.shape.empty()) return false;
    if (is_elementwise(node.op)) return true;
    const Shape& in = from_[node.in.empty() ? 0 : node.in[0]].shape;
    switch (node.op) {
      case Op::kReshape: return !in.empty() && in[0] == node.shape[0];
      case Op::kBroadcast: return in.size() == node.shape.size() && in[0] == node.shape[0];
      case Op::kTranspose: return node.ints[0] == 0;
      case Op::kSlice:
      case Op::kPad:
      case Op::kConcat: return node.ints[0] > 0;
      case Op::kSum: return node.ints[0] > 0;
      case Op::kRow: return node.shape.size() >= (node.ints[0] != 0 ? 3 : 2);
      default: return false;
    }
  }

  // True if the operand gives each row of the result the same: it has no axis of rows, or one that is stretched,
  // or it is filled with one number.
  bool same_for_all_rows(int in, const Node& node) const {
    const Node& operand = from_[in];
    if (operand.op == Op::kConstant && operand.data.size() == 1) return true;
    if (is_elementwise(node.op) && operand.shape.size() < node.shape.size()) return true;
    return operand.shape.size() == node.shape.size() && operand.shape[0] == 1;
  }

  // ---- what pays ----

  double rows_of(int id) const { return static_cast<double>(from_[id].shape[0]); }

  // Operations a step of a value computed segment by segment.
  double hoisted_flops(int id, const std::vector<Segment>& segments) const {
    double total = 0;
    for (const Segment& segment : segments) {
      const double share = static_cast<double>(segment.table_rows) / rows_of(id);
      total += share * flops(from_, id) * step_weight(segment.rate, batch_);
    }
    return total;
  }

  double moved(int id) const {
    return static_cast<double>(elements(from_[id].shape)) * step_weight(Rate::kPrompt, batch_);
  }

  static bool moves(Op op) { return op == Op::kGather || op == Op::kConcat; }

  // Values that hang together are hoisted together: from the gathered rows to those that others read.
  void keep_what_pays() {
    std::vector<int> group(from_.nodes.size());
    std::iota(group.begin(), group.end(), 0);
    const auto root = [&](int id) {
      while (group[at(id)] != id) id = group[at(id)];
      return id;
    };
    for (int id = 0; id < count(); ++id)
      if (is_rows(id) && from_[id].op != Op::kGather)
        for (const int in : from_[id].in)
          if (is_rows(in)) group[at(root(id))] = root(in);

    std::map<int, double> gain;
    std::set<int> has_work;
    for (int id = 0; id < count(); ++id) {
      if (!is_rows(id)) continue;
      const bool is_join = segments_[at(id)].size() > 1;
      double& won = gain[root(id)];
      won += step_flops(from_, id, batch_) - hoisted_flops(id, segments_[at(id)]);
      if (moves(from_[id].op)) won += moved(id);
      if (is_read_whole_[at(id)]) won -= moved(id) * (is_join ? 2 : 1);
      if (flops(from_, id) > 0) has_work.insert(root(id));
    }
    std::vector<bool> dropped(from_.nodes.size(), false);
    for (int id = 0; id < count(); ++id)
      dropped[at(id)] = is_rows(id) && (!has_work.contains(root(id)) || gain[root(id)] <= 0);
    for (int id = 0; id < count(); ++id)
      if (dropped[at(id)]) segments_[at(id)].clear();
  }

  // ---- emission ----

  // Segment `s` of a value: its rows in the table, or the plain ones.
  Value emit_part(int id, size_t s) {
    const Node& node = from_[id];
    const Segment& segment = segments_[at(id)][s];
    if (node.op == Op::kGather) return mapped(node.in[0]);
    if (node.op == Op::kConcat && node.ints[0] == 0) return part_of_join(node, s);
    Node part = node;
    part.shape[0] = segment.table_rows;
    for (int& in : part.in) in = (is_rows(in) ? parts_[at(in)][s] : row(in, node, segment)).id();
    return to_.emit(std::move(part));
  }

  Value part_of_join(const Node& join, size_t s) {
    for (const int in : join.in) {
      const size_t parts = is_rows(in) ? parts_[at(in)].size() : 1;
      if (s < parts) return is_rows(in) ? parts_[at(in)][s] : mapped(in);
      s -= parts;
    }
    return {};
  }

  // An operand that is the same for all rows, for the segment's rows.
  Value row(int in, const Node& node, const Segment& segment) {
    const Node& operand = from_[in];
    Shape shape = operand.shape;
    const bool has_rows = shape.size() == node.shape.size();
    if (has_rows) shape[0] = is_elementwise(node.op) ? 1 : segment.table_rows;
    if (operand.op == Op::kConstant && operand.data.size() == 1) {
      Node constant = operand;
      constant.shape = shape;
      return to_.emit(std::move(constant));
    }
    return has_rows ? broadcast_to(mapped(in), shape) : mapped(in);
  }

  Value joined(int id) {
    std::vector<Value> rows;
    for (size_t s = 0; s < segments_[at(id)].size(); ++s) {
      const Value part = parts_[at(id)][s];
      const int index = segments_[at(id)][s].index;
      rows.push_back(index < 0 ? part : gather(part, mapped(index)));
    }
    return concat(rows, 0);
  }

  const Program& from_;
  Builder& to_;
  std::int64_t batch_;
  std::vector<bool> live_;
  std::vector<std::vector<Segment>> segments_;  // none: computed as it is written
  std::vector<bool> is_read_whole_;             // by something that does not go by rows, or an output
  std::vector<int> map_;
  std::vector<std::vector<Value>> parts_;  // of segments
};

}  // namespace

Rewritten hoist(const Program& program, std::span<const int> outputs, std::int64_t batch) {
  Rewritten result{std::make_unique<Builder>(), {}};
  result.outputs = Hoisting(program, outputs, batch, *result.builder).run(outputs);
  return result;
}

}  // namespace iclab::program
