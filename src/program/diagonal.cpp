#include "program/diagonal.h"

#include <optional>
#include <set>

namespace iclab::program {
namespace {

using lanes::Binary;
using lanes::RowFunction;

// V = X * scale + bias, element by element; scale and bias vary along one axis of the matrix V alone.
struct Affine {
  int x = -1, scale = -1, bias = -1;  // nodes; scale and bias -1: there is none
};

// A product or a slice that reads V or its transpose.
struct Reader {
  int node = -1;
  int side = 0;  // which operand of a product it is
  bool transposed = false;
};

class Extraction {
 public:
  Extraction(const Program& from, std::span<const int> outputs, std::int64_t batch, Builder& to)
      : from_(from), to_(to), batch_(batch), live_(live_nodes(from, outputs)), users_(from.nodes.size()),
        is_output_(from.nodes.size(), false), gone_(from.nodes.size(), false), map_(from.nodes.size(), -1) {
    for (const int id : outputs) is_output_[at(id)] = true;
    for (int id = 0; id < count(); ++id)
      if (live_[at(id)])
        for (const int in : from[id].in) users_[at(in)].push_back(id);
    for (int id = count(); id-- > 0;)
      if (live_[at(id)]) choose(id);
  }

  std::vector<int> run(std::span<const int> outputs) {
    for (int id = 0; id < count(); ++id)
      if (live_[at(id)] && !gone_[at(id)]) map_[at(id)] = emit(id).id();
    for (const auto& [name, id] : from_.names)
      if (map_[at(id)] >= 0) to_.name(mapped(id), name);
    std::vector<int> mapped;
    for (const int id : outputs) mapped.push_back(map_[at(id)]);
    return mapped;
  }

 private:
  static size_t at(int id) { return static_cast<size_t>(id); }
  int count() const { return static_cast<int>(from_.nodes.size()); }
  Value mapped(int id) const { return {&to_, map_[at(id)]}; }

  // ---- what can leave ----

  bool is_binary(int id, Binary function) const {
    return from_[id].op == Op::kBinary && static_cast<Binary>(from_[id].code) == function;
  }

  bool is_thin(int id) const {
    const Shape& shape = from_[id].shape;
    return elements(shape) > 1 && (shape.size() == 1 || (shape.size() == 2 && (shape[0] == 1 || shape[1] == 1)));
  }

  // The operand that varies along one axis alone, if the other is a matrix of the result's shape; or -1.
  int thin_operand(int id) const {
    const Node& node = from_[id];
    for (const size_t i : {1, 0})
      if (from_[node.in[1 - i]].shape == node.shape && is_thin(node.in[i])) return node.in[i];
    return -1;
  }

  int other_operand(int id, int operand) const {
    const std::vector<int>& in = from_[id].in;
    return in[0] == operand ? in[1] : in[0];
  }

  std::optional<Affine> affine(int id) const {
    const Shape& shape = from_[id].shape;
    if (shape.size() != 2 || shape[0] == 1 || shape[1] == 1) return {};
    Affine v{.x = id};
    if (is_binary(id, Binary::kAdd)) {
      v.bias = thin_operand(id);
      if (v.bias < 0) return {};
      v.x = other_operand(id, v.bias);
    }
    const bool read_here_alone = v.x == id || (users_[at(v.x)].size() == 1 && !is_output_[at(v.x)]);
    if (is_binary(v.x, Binary::kMultiply) && read_here_alone) v.scale = thin_operand(v.x);
    if (v.scale >= 0) v.x = other_operand(v.x, v.scale);
    return v.scale >= 0 || v.bias >= 0 ? std::optional(v) : std::nullopt;
  }

  bool is_transpose(int id) const { return from_[id].op == Op::kTranspose && from_[id].shape.size() == 2; }

  // Adds the readers of the value, or of its transpose; false if any reader is neither a product nor a slice.
  bool find_readers(int id, bool transposed, std::vector<Reader>& readers) const {
    if (is_output_[at(id)]) return false;
    for (const int user : users_[at(id)]) {
      const Node& node = from_[user];
      if (is_transpose(user)) {
        if (!find_readers(user, !transposed, readers)) return false;
      } else if (node.op == Op::kSlice || (node.op == Op::kProduct && node.shape.size() == 2)) {
        readers.push_back({user, node.in[0] == id ? 0 : 1, transposed});
      } else {
        return false;
      }
    }
    return true;
  }

  // True if each reads V once, and none reads another such matrix too.
  bool can_all_change(const std::vector<Reader>& readers) const {
    std::set<int> seen;
    for (const Reader& reader : readers)
      if (changes_.contains(reader.node) || !seen.insert(reader.node).second) return false;
    return !readers.empty();
  }

  // ---- what pays ----

  // The axis of what the reader sees along which the value varies.
  int axis_of(int thin, const Reader& reader) const {
    const Shape& shape = from_[thin].shape;
    const int axis = shape.size() == 2 && shape[1] == 1 ? 0 : 1;
    return reader.transposed ? 1 - axis : axis;
  }

  // True if it varies along the axis that the product sums over.
  bool is_summed(int thin, const Reader& reader) const { return axis_of(thin, reader) != reader.side; }

  bool is_softmax(int id) const {
    while (from_[id].op == Op::kReshape && from_[id].shape.back() == from_[from_[id].in[0]].shape.back())
      id = from_[id].in[0];
    return from_[id].op == Op::kRow && static_cast<RowFunction>(from_[id].code) == RowFunction::kSoftmax;
  }

  double weight(int a, int b) const { return step_weight(std::max(from_[a].rate, from_[b].rate), batch_); }
  double count_of(int id) const { return static_cast<double>(elements(from_[id].shape)); }

  // Operations a step that the reader takes more.
  double added(const Affine& v, const Reader& reader) const {
    const Node& node = from_[reader.node];
    const double result = count_of(reader.node) * step_weight(node.rate, batch_);
    if (node.op == Op::kSlice) return result * ((v.scale >= 0) + (v.bias >= 0));
    const int other = node.in[static_cast<size_t>(1 - reader.side)];
    double total = 0;
    if (v.scale >= 0)
      total += is_summed(v.scale, reader) ? count_of(other) * weight(v.scale, other) : result;
    if (v.bias < 0) return total;
    if (is_summed(v.bias, reader)) return total + 2 * count_of(other) * weight(v.bias, other) + result;
    if (reader.side == 1 && is_softmax(other)) return total + result;
    const double outer = count_of(reader.node) * weight(v.bias, other);
    return total + count_of(other) * step_weight(from_[other].rate, batch_) + outer + result;
  }

  void choose(int id) {
    const auto v = affine(id);
    std::vector<Reader> readers;
    if (!v || !find_readers(id, false, readers) || !can_all_change(readers)) return;
    double cost = 0;
    for (const Reader& reader : readers) cost += added(*v, reader);
    const double operations = (v->scale >= 0) + (v->bias >= 0);
    if (!(cost < operations * count_of(id) * step_weight(from_[id].rate, batch_))) return;
    for (const Reader& reader : readers) changes_[reader.node] = {*v, reader};
    mark_gone(id);
  }

  void mark_gone(int id) {
    gone_[at(id)] = true;
    for (const int user : users_[at(id)])
      if (is_transpose(user)) mark_gone(user);
  }

  // ---- emission ----

  Value emit(int id) {
    if (const auto change = changes_.find(id); change != changes_.end()) {
      const auto& [v, reader] = change->second;
      return from_[id].op == Op::kSlice ? changed_slice(v, reader) : changed_product(v, reader);
    }
    Node copy = from_[id];
    for (int& in : copy.in) in = map_[at(in)];
    return to_.emit(std::move(copy));
  }

  Value seen(int x, const Reader& reader) const {
    return reader.transposed ? transpose(mapped(x)) : mapped(x);
  }

  // The thin value as a matrix that stretches to what the reader sees.
  Value thin(int id, const Reader& reader) const {
    const Value flat = reshape(mapped(id), {elements(from_[id].shape)});
    return axis_of(id, reader) == 1 ? reshape(flat, {1, flat.shape()[0]}) : reshape(flat, {flat.shape()[0], 1});
  }

  Value changed_slice(const Affine& v, const Reader& reader) const {
    const Node& node = from_[reader.node];
    const auto axis = static_cast<int>(node.ints[0]);
    const auto part = [&](Value x) {
      const bool varies = x.shape()[static_cast<size_t>(axis)] != 1;
      return varies ? slice(x, axis, node.ints[1], node.shape[static_cast<size_t>(axis)], node.ints[2]) : x;
    };
    Value y = part(seen(v.x, reader));
    if (v.scale >= 0) y = y * part(thin(v.scale, reader));
    if (v.bias >= 0) y = y + part(thin(v.bias, reader));
    return y;
  }

  Value changed_product(const Affine& v, const Reader& reader) const {
    const int other_id = from_[reader.node].in[static_cast<size_t>(1 - reader.side)];
    const Value other = mapped(other_id);
    const auto times = [&](Value x, Value y) { return reader.side == 0 ? matmul(x, y) : matmul(y, x); };
    // What varies along the summed axis stands beside the other operand: turned for the left one.
    const bool is_scale_summed = v.scale >= 0 && is_summed(v.scale, reader);
    const Value scaled = is_scale_summed ? transpose(thin(v.scale, reader)) * other : other;
    Value y = times(seen(v.x, reader), scaled);
    if (v.scale >= 0 && !is_scale_summed) y = y * thin(v.scale, reader);
    if (v.bias < 0) return y;
    const Value bias = thin(v.bias, reader);
    if (is_summed(v.bias, reader)) return y + times(bias, other);
    if (reader.side == 1 && is_softmax(other_id)) return y + bias;
    return y + bias * sum(other, {reader.side == 0 ? 0 : 1}, true);
  }

  struct Change {
    Affine v;
    Reader reader;
  };

  const Program& from_;
  Builder& to_;
  std::int64_t batch_;
  std::vector<bool> live_;
  std::vector<std::vector<int>> users_;
  std::vector<bool> is_output_;
  std::map<int, Change> changes_;  // of products and slices
  std::vector<bool> gone_;         // such matrices and their transposes
  std::vector<int> map_;
};

}  // namespace

Rewritten extract_diagonals(const Program& program, std::span<const int> outputs, std::int64_t batch) {
  Rewritten result{std::make_unique<Builder>(), {}};
  result.outputs = Extraction(program, outputs, batch, *result.builder).run(outputs);
  return result;
}

}  // namespace iclab::program
