#include "program/fuse.h"

#include <algorithm>
#include <optional>

namespace iclab::program {
namespace {

Shape without_leading_ones(Shape shape) {
  shape.erase(shape.begin(), std::ranges::find_if(shape, [](std::int64_t n) { return n != 1; }));
  return shape;
}

class Fusion {
 public:
  Fusion(const Program& from, std::span<const int> outputs, Builder& to)
      : from_(from), to_(to), live_(live_nodes(from, outputs)), readers_(from.nodes.size(), 0),
        map_(from.nodes.size(), -1) {
    for (const int id : outputs) ++readers_[static_cast<size_t>(id)];
    for (size_t id = 0; id < live_.size(); ++id)
      if (live_[id])
        for (const int in : from.nodes[id].in) ++readers_[static_cast<size_t>(in)];
  }

  std::vector<int> run(std::span<const int> outputs) {
    std::vector<bool> absorbed(live_.size(), false);
    std::vector<int> product_of(live_.size(), -1);
    for (size_t id = 0; id < live_.size(); ++id) {
      const int in = live_[id] ? summand(static_cast<int>(id)) : -1;
      if (in < 0) continue;
      product_of[id] = product_behind(in);
      absorbed[static_cast<size_t>(in)] = absorbed[static_cast<size_t>(product_of[id])] = true;
    }
    for (size_t id = 0; id < live_.size(); ++id) {
      if (!live_[id] || absorbed[id]) continue;
      const int product = product_of[id];
      map_[id] = product < 0 ? copy(static_cast<int>(id)) : fused(static_cast<int>(id), product);
    }
    for (const auto& [name, id] : from_.names)
      if (map_[static_cast<size_t>(id)] >= 0) to_.name(mapped(id), name);
    std::vector<int> result;
    for (const int id : outputs) result.push_back(map_[static_cast<size_t>(id)]);
    return result;
  }

 private:
  Value mapped(int id) const { return {&to_, map_[static_cast<size_t>(id)]}; }
  bool read_once(int id) const { return readers_[static_cast<size_t>(id)] == 1; }

  // The product behind a value that only its sum reads, perhaps seen in another shape; or -1.
  int product_behind(int id) const {
    if (!read_once(id)) return -1;
    if (from_[id].op == Op::kReshape) id = from_[id].in[0];
    return from_[id].op == Op::kProduct && read_once(id) ? id : -1;
  }

  // The shape in which the addend meets the product, or nothing.
  static std::optional<Shape> addend_shape(const Shape& addend, const Shape& sum,
                                           const Shape& product) {
    if (without_leading_ones(sum) == without_leading_ones(product))
      return without_leading_ones(addend);
    if (addend == sum) return product;
    if (elements(addend) == 1) return Shape{};
    return {};
  }

  // Which operand of a sum the product is: it has the sum's shape and changes as often.
  int summand(int id) const {
    const Node& node = from_[id];
    if (node.op != Op::kBinary || static_cast<lanes::Binary>(node.code) != lanes::Binary::kAdd)
      return -1;
    for (const size_t i : {1, 0}) {
      const int in = node.in[i], other = node.in[1 - i], product = product_behind(in);
      if (product >= 0 && from_[in].shape == node.shape && from_[in].rate == node.rate &&
          addend_shape(from_[other].shape, node.shape, from_[product].shape))
        return in;
    }
    return -1;
  }

  int copy(int id) {
    Node node = from_[id];
    for (int& in : node.in) in = map_[static_cast<size_t>(in)];
    return to_.emit(std::move(node)).id();
  }

  int fused(int id, int product) {
    const Node& sum = from_[id];
    const int other = sum.in[0] == summand(id) ? sum.in[1] : sum.in[0];
    Node node = from_[product];
    for (int& in : node.in) in = map_[static_cast<size_t>(in)];
    const Value addend = mapped(other);
    node.in.push_back(
        reshape(addend, *addend_shape(addend.shape(), sum.shape, node.shape)).id());
    return reshape(to_.emit(std::move(node)), sum.shape).id();
  }

  const Program& from_;
  Builder& to_;
  std::vector<bool> live_;
  std::vector<int> readers_;
  std::vector<int> map_;
};

}  // namespace

Rewritten fuse(const Program& program, std::span<const int> outputs) {
  Rewritten result{std::make_unique<Builder>(), {}};
  result.outputs = Fusion(program, outputs, *result.builder).run(outputs);
  return result;
}

}  // namespace iclab::program
