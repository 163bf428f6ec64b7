#include "program/binder.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <type_traits>

#include "base/error.h"

namespace iclab::program {
namespace {

using lanes::Dims;
using lanes::kLanes;
using lanes::kMaxRank;
using lanes::Operand;

// Parts begin on cache lines.
std::int64_t bytes_of_part(const Plan& plan, int id) {
  const std::int64_t bytes =
      elements(plan.program[id].shape) * scalar_bytes(DType::kReal, plan.options.is_double);
  return (bytes + 63) / 64 * 64;
}

// Operations that are copies, of their node's type.
bool moves(Op op) { return op == Op::kReshape || op == Op::kConcat || op == Op::kPad; }

}  // namespace

template <class T>
std::byte* Binder<T>::buffer(int id) const {
  const std::int64_t local = plan_.local_bytes[static_cast<size_t>(id)];
  if (local >= 0) return memory_.local + local;
  const std::int64_t at = plan_.buffer_bytes[static_cast<size_t>(id)];
  return of_prompts(id) ? memory_.arena + at * memory_.arena_groups : memory_.plain + at;
}

template <class T>
Operand Binder<T>::operand(int id) const {
  const Place& place = plan_.places[static_cast<size_t>(id)];
  Operand result;
  result.lanes = of_prompts(id) && plan_.layout == Layout::kLanes;
  result.strides = place.strides;
  result.group_stride = of_prompts(id) ? elements(node(place.base).shape) : 0;
  const std::int64_t scalar = scalar_bytes(node(id).dtype, sizeof(T) == 8);
  result.data = buffer(place.base) + place.offset * scalar * (result.lanes ? kLanes : 1);
  return result;
}

template <class T>
void Binder<T>::bind_node(int id) {
  const Node& n = node(id);
  switch (n.op) {
    case Op::kConstant: return write_constant(id);
    case Op::kInput:
      if (of_prompts(id) && n.dtype != DType::kReal)
        throw Error(fmt::format("[executor] input '{}': prompt-rate inputs are real", n.name));
      if (of_prompts(id))
        calls_.prompt_inputs.push_back({n.name, {buffer(id), elements(n.shape)}});
      return;
    case Op::kStep: return calls_.steps.push_back(reinterpret_cast<std::int32_t*>(buffer(id)));
    case Op::kPromptIndex: return calls_.prompt_indices.push_back({buffer(id), 1});
    case Op::kPromptWeight: return calls_.prompt_weights.push_back({buffer(id), 1});
    case Op::kDraw: return bind_draw(id);
    case Op::kUnary: return bind_elementwise(id, kernels_.unary[static_cast<size_t>(n.code)]);
    case Op::kBinary:
      return bind_elementwise(id, kernels_.binary[static_cast<size_t>(n.code)]);
    case Op::kCompare: {
      const bool integers = node(n.in[0]).dtype == DType::kInteger;
      const auto& table = integers ? kernels_.compare_integer : kernels_.compare;
      return bind_elementwise(id, table[static_cast<size_t>(n.code)]);
    }
    case Op::kLogic: return bind_elementwise(id, kernels_.logic[static_cast<size_t>(n.code)]);
    case Op::kIntegerBinary:
      return bind_elementwise(id, kernels_.integer[static_cast<size_t>(n.code)]);
    case Op::kToReal: return bind_elementwise(id, kernels_.to_real);
    case Op::kSelect: return bind_elementwise(id, kernels_.select);
    case Op::kReshape: return bind_moved(id);
    case Op::kConcat: return bind_concat(id);
    case Op::kPad: return bind_pad(id);
    case Op::kProduct: return calls_.list.push_back({ProductCall{kernels_.product, product_args(id)}});
    case Op::kPromptProduct: {
      return bind_prompt_sum(id, ProductCall{kernels_.product_over_prompts, product_args(id)});
    }
    case Op::kSum: return calls_.list.push_back({SumCall{kernels_.sum, sum_args(id)}});
    case Op::kPromptSum: {
      return bind_prompt_sum(id, SumCall{kernels_.sum_over_prompts, sum_args(id)});
    }
    case Op::kGather: {
      const bool real = n.dtype == DType::kReal;
      const lanes::GatherArgs args = gather_args(id, id, n.in[0]);
      return calls_.list.push_back({GatherCall{real ? kernels_.gather : kernels_.gather_integer, args}});
    }
    case Op::kScatterAdd:
      bind_fill(id);
      return calls_.list.push_back({GatherCall{kernels_.scatter_add, gather_args(id, n.in[0], id)}});
    case Op::kPromptScatterAdd: {
      return bind_prompt_sum(id, GatherCall{kernels_.scatter_add_over_prompts, gather_args(id, n.in[0], id)});
    }
    case Op::kRow:
      return calls_.list.push_back({RowCall{kernels_.row[static_cast<size_t>(n.code)], row_args(id)}});
    case Op::kTranspose:
    case Op::kSlice:
    case Op::kBroadcast:
      break;  // always views
  }
  throw Error(fmt::format("[executor] no kernel for '{}'", name(n.op)));
}

template <class T>
bool Binder<T>::is_local(const void* data) const {
  const auto* at = static_cast<const std::byte*>(data);
  return memory_.local && std::less_equal<>()(memory_.local, at) &&
         std::less<>()(at, memory_.local + plan_.local_block_bytes);
}

// Which node the call is of, and how far its operands go from group to group.
template <class T>
void Binder<T>::complete(Call& call, int id) const {
  call.node = id;
  call.is_known = of_prompts(id) && plan_.kept.is_known[static_cast<size_t>(id)];
  const Node& n = node(id);
  const bool scatters = n.op == Op::kScatterAdd || n.op == Op::kPromptScatterAdd;
  std::visit(
      [&](auto& kernel) {
        const auto all = operands(kernel.args);
        for (size_t i = 0; i < all.size(); ++i) {
          if (!all[i]) continue;
          // Copies have their node's type; of others the operands follow the result.
          const bool is_real = (i == 0 || i > n.in.size() || moves(n.op) || scatters ? n : node(n.in[i - 1])).dtype == DType::kReal;
          const bool is_index = std::is_same_v<decltype(kernel.args), lanes::GatherArgs> && i == 2;
          const std::int64_t scalar = is_real && !is_index ? std::int64_t{sizeof(T)} : 4;
          if (is_local(all[i]->data)) continue;  // written and read from the start again
          call.group_bytes[i] = all[i]->group_stride * scalar * (all[i]->lanes ? kLanes : 1);
        }
      },
      call.kernel);
}

template <class T>
void Binder<T>::write_constant(int id) {
  const Node& n = node(id);
  const std::int64_t count = elements(n.shape);
  const auto number = [&](std::int64_t i) { return n.data[n.data.size() == 1 ? 0 : static_cast<size_t>(i)]; };
  for (std::int64_t i = 0; i < count; ++i) {
    if (n.dtype == DType::kReal)
      reinterpret_cast<T*>(buffer(id))[i] = static_cast<T>(number(i));
    else
      reinterpret_cast<std::int32_t*>(buffer(id))[i] = static_cast<std::int32_t>(number(i));
  }
}

template <class T>
void Binder<T>::bind_elementwise(int id, void (*kernel)(const lanes::ElementwiseArgs&)) {
  const Node& n = node(id);
  lanes::ElementwiseArgs args;
  args.dims = padded_dims(n.shape);
  args.out = operand(id);
  for (size_t i = 0; i < n.in.size(); ++i) args.in[i] = operand(n.in[i]);
  calls_.list.push_back({ElementwiseCall{kernel, args}});
}

template <class T>
void Binder<T>::bind_copy(Operand out, Operand in, const Dims& dims, DType dtype) {
  lanes::ElementwiseArgs args;
  args.dims = dims;
  args.out = out;
  args.in[0] = in;
  const auto copy = kernels_.unary[static_cast<size_t>(lanes::Unary::kCopy)];
  calls_.list.push_back({ElementwiseCall{dtype == DType::kReal ? copy : kernels_.copy_integer, args}});
}

template <class T>
void Binder<T>::bind_fill(int id) {
  static T zero = 0;  // read alone
  Operand zeros;
  zeros.data = &zero;
  bind_copy(operand(id), zeros, padded_dims(node(id).shape), DType::kReal);
}

// A reshape whose elements have to move: copied in the order of the operand's own dims.
template <class T>
void Binder<T>::bind_moved(int id) {
  const Shape& from = node(node(id).in[0]).shape;
  Operand out = operand(id);
  out.strides = Dims{};
  const Shape row_major = row_major_strides(from);
  std::copy(row_major.begin(), row_major.end(),
            out.strides.end() - static_cast<std::ptrdiff_t>(row_major.size()));
  const Operand in = operand(node(id).in[0]);
  if (in.data != out.data) bind_copy(out, in, padded_dims(from), node(id).dtype);  // else computed there
}

// The part of value `id` that begins at `begin` along an axis.
template <class T>
Operand Binder<T>::part_of(int id, std::int64_t axis, std::int64_t begin) const {
  Operand part = operand(id);
  const std::int64_t stride = part.strides[kMaxRank - node(id).shape.size() + static_cast<size_t>(axis)];
  const std::int64_t scalar = scalar_bytes(node(id).dtype, sizeof(T) == 8);
  part.data = static_cast<std::byte*>(part.data) + begin * stride * scalar * (part.lanes ? kLanes : 1);
  return part;
}

template <class T>
void Binder<T>::bind_concat(int id) {
  std::int64_t begin = 0;
  for (const int in : node(id).in) {
    const Dims dims = padded_dims(node(in).shape);
    const Operand part = part_of(id, node(id).ints[0], begin), from = operand(in);
    if (from.data != part.data) bind_copy(part, from, dims, node(id).dtype);  // else it was computed there
    begin += node(in).shape[static_cast<size_t>(node(id).ints[0])];
  }
}

template <class T>
void Binder<T>::bind_pad(int id) {
  const Node& n = node(id);
  bind_fill(id);
  Operand part = part_of(id, n.ints[0], n.ints[1]);
  part.strides[kMaxRank - n.shape.size() + static_cast<size_t>(n.ints[0])] *= n.ints[2];
  bind_copy(part, operand(n.in[0]), padded_dims(node(n.in[0]).shape), n.dtype);
}

template <class T>
lanes::ProductArgs Binder<T>::product_args(int id) const {
  const Node& n = node(id);
  const Dims dims = padded_dims(n.shape);
  lanes::ProductArgs args;
  args.batch0 = dims[0];
  args.batch1 = dims[1];
  args.m = dims[2];
  args.n = dims[3];
  args.k = node(n.in[0]).shape.back();
  args.c = operand(id);
  args.a = operand(n.in[0]);
  args.b = operand(n.in[1]);
  if (is_fused(n)) args.addend = operand(n.in[2]);
  return args;
}

template <class T>
lanes::SumArgs Binder<T>::sum_args(int id) const {
  const Node& n = node(id);
  const Shape& from = node(n.in[0]).shape;
  lanes::SumArgs args;
  args.dims = padded_dims(from);
  args.in = operand(n.in[0]);
  args.out = operand(id);
  args.out.strides = Dims{};
  const size_t lead = kMaxRank - from.size();
  if (n.op == Op::kSum)
    for (const std::int64_t axis : n.ints) args.reduced[lead + static_cast<size_t>(axis)] = true;
  const Shape row_major = row_major_strides(n.shape);
  for (size_t axis = 0, kept = 0; axis < from.size(); ++axis)
    if (!args.reduced[lead + axis]) args.out.strides[lead + axis] = row_major[kept++];
  return args;
}

template <class T>
lanes::GatherArgs Binder<T>::gather_args(int id, int out, int table) const {
  lanes::GatherArgs args;
  args.outer = node(out).shape[0];
  args.inner = node(out).shape[1];
  args.rows = node(table).shape[0];
  args.out = operand(out);
  args.table = operand(table);
  args.index = operand(node(id).in[1]);
  return args;
}

template <class T>
lanes::RowArgs Binder<T>::row_args(int id) const {
  const Node& n = node(id);
  lanes::RowArgs args;
  args.dims = padded_dims(node(n.in[0]).shape);
  args.out = operand(id);
  for (size_t i = 0; i < n.in.size(); ++i) args.in[i] = operand(n.in[i]);
  args.causal = n.ints[0];
  args.offset = n.ints[1];
  args.epsilon = n.data[0];
  return args;
}

template <class T>
void Binder<T>::bind_draw(int id) {
  const Node& n = node(id);
  DrawCall call{kernels_.draw[static_cast<size_t>(n.code)], {}, n.fixed_step,
                static_cast<int>(n.purpose)};
  call.args.count = elements(n.shape);
  call.args.dims = padded_dims(n.shape);
  call.args.draw = n.draw;
  call.args.out = operand(id);
  call.args.thresholds = call.args.alias_keep = call.args.gamma_shapes = n.data.data();
  if (n.code == static_cast<int>(lanes::Draw::kAlias)) {
    const auto cells = static_cast<std::ptrdiff_t>(n.data.size() / 2);
    calls_.alias_others.emplace_back(n.data.begin() + cells, n.data.end());
    call.args.alias_other = calls_.alias_others.back().data();
  }
  if (!n.ints.empty()) call.args.bound = call.args.categories = static_cast<std::int32_t>(n.ints[0]);
  calls_.list.push_back({std::move(call)});
}

template <class T>
void Binder<T>::bind_prompt_sum(int id, Kernel kernel) {
  Call call{std::move(kernel)};
  call.total = buffer(id);
  call.part = memory_.parts + part_offset_;
  call.count = elements(node(id).shape);
  part_offset_ += bytes_of_part(plan_, id);
  calls_.list.push_back(std::move(call));
}

std::int64_t part_bytes(const Plan& plan) {
  std::int64_t bytes = 0;
  for (const int id : plan.order[static_cast<int>(Phase::kPrompt)])
    if (sums_prompts(plan.program[id].op)) bytes += bytes_of_part(plan, id);
  return bytes;
}

template class Binder<float>;
template class Binder<double>;

}  // namespace iclab::program
