#include "program/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <new>
#include <variant>

#include "base/error.h"
#include "base/text.h"

namespace iclab::program {
namespace {

using lanes::Dims;
using lanes::kLanes;
using lanes::kMaxRank;
using lanes::Operand;

// 64-byte aligned, zeroed memory.
class Block {
 public:
  explicit Block(std::int64_t bytes)
      : bytes_(bytes), data_(static_cast<std::byte*>(::operator new(
                           static_cast<size_t>(std::max<std::int64_t>(bytes, 64)), kAlignment))) {
    std::memset(data_, 0, static_cast<size_t>(std::max<std::int64_t>(bytes, 64)));
  }
  ~Block() { ::operator delete(data_, kAlignment); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  std::byte* at(std::int64_t offset) { return data_ + offset; }
  std::int64_t bytes() const { return bytes_; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  std::int64_t bytes_;
  std::byte* data_;
};

struct ElementwiseCall {
  void (*kernel)(const lanes::ElementwiseArgs&);
  lanes::ElementwiseArgs args;
};
struct ProductCall {
  void (*kernel)(const lanes::ProductArgs&);
  lanes::ProductArgs args;
};
struct SumCall {
  void (*kernel)(const lanes::SumArgs&);
  lanes::SumArgs args;
};
struct GatherCall {
  void (*kernel)(const lanes::GatherArgs&);
  lanes::GatherArgs args;
};
struct DrawCall {
  void (*kernel)(const lanes::DrawArgs&);
  lanes::DrawArgs args;
  bool fixed_step;
  int purpose;
};
struct RowCall {
  void (*kernel)(const lanes::RowArgs&);
  lanes::RowArgs args;
};
using Kernel = std::variant<ElementwiseCall, ProductCall, SumCall, GatherCall, DrawCall, RowCall>;

// A kernel call; if it sums over prompts, where the strand's part and the total lie.
struct Call {
  Kernel kernel;
  std::byte* total = nullptr;
  std::byte* part = nullptr;
  std::int64_t count = 0;
};

// Lane values that the executor itself writes at the start of a strand, or reads at its end.
struct LaneBuffer {
  std::byte* data;
  std::int64_t elements;
};

}  // namespace

Keys make_keys(std::uint64_t study_seed, std::uint64_t seed_index, const std::string& salt) {
  using random::Purpose;
  Keys keys;
  for (const Purpose purpose :
       {Purpose::kTask, Purpose::kModel, Purpose::kPrompts, Purpose::kEvaluation})
    keys[static_cast<size_t>(purpose)] = random::make_key(study_seed, seed_index, purpose, salt);
  return keys;
}

template <class T>
struct Executor<T>::Impl {
  std::shared_ptr<const Plan> plan;
  const lanes::Kernels<T>& kernels;
  Block plain;
  Block arena;
  Block parts;      // a strand's sums over prompts
  T zero = 0;       // what pads and fills read
  std::array<std::vector<Call>, static_cast<int>(Phase::kCount)> calls;
  std::vector<Call> output_copies;
  Keys keys{};
  int groups;  // of a full strand

  struct PromptInput {
    std::string name;
    LaneBuffer buffer;
    const T* values = nullptr;
  };
  struct PromptOutput {
    size_t output;
    Operand view;
    Dims dims;
    std::vector<T> values;  // (batch, elements)
  };
  std::vector<PromptInput> prompt_inputs;
  std::vector<PromptOutput> prompt_outputs;
  std::vector<LaneBuffer> prompt_weights, prompt_indices;
  std::vector<std::int32_t*> steps;
  std::deque<std::vector<std::int32_t>> alias_others;

  Impl(std::shared_ptr<const Plan> the_plan, lanes::InstructionSet set)
      : plan(std::move(the_plan)), kernels(lanes::kernels<T>(set)), plain(plan->plain_bytes),
        arena(plan->arena_bytes_per_group * plan->groups_per_strand), parts(part_bytes()),
        groups(plan->groups_per_strand) {
    if (plan->options.is_double != (sizeof(T) == 8))
      throw Error("[executor] the plan is for another precision");
    std::int64_t part_offset = 0;
    for (size_t phase = 0; phase < calls.size(); ++phase)
      for (const int id : plan->order[phase]) bind(id, calls[phase], part_offset);
    bind_outputs();
    const lanes::FlushDenormals flush;
    for (Call& call : calls[static_cast<int>(Phase::kStudy)]) invoke(call);
  }

  const Node& node(int id) const { return plan->program[id]; }
  bool lanes_node(int id) const { return node(id).rate == Rate::kPrompt; }

  std::int64_t part_bytes() const {
    std::int64_t bytes = 0;
    for (const int id : plan->order[static_cast<int>(Phase::kPrompt)])
      if (sums_prompts(node(id).op)) bytes += (elements(node(id).shape) * sizeof(T) + 63) / 64 * 64;
    return bytes;
  }

  // ---- operands ----

  std::byte* buffer(int id) {
    const std::int64_t at = plan->buffer_bytes[static_cast<size_t>(id)];
    return lanes_node(id) ? arena.at(at * groups) : plain.at(at);
  }

  Operand operand(int id) {
    const Place& place = plan->places[static_cast<size_t>(id)];
    Operand result;
    result.lanes = lanes_node(id);
    result.strides = place.strides;
    result.group_stride = result.lanes ? elements(node(place.base).shape) : 0;
    const std::int64_t scalar = scalar_bytes(node(id).dtype, sizeof(T) == 8);
    result.data = buffer(place.base) + place.offset * scalar * (result.lanes ? kLanes : 1);
    return result;
  }

  Operand zeros() {
    Operand result;
    result.data = &zero;
    return result;
  }

  // ---- binding nodes to kernels ----

  void bind(int id, std::vector<Call>& list, std::int64_t& part_offset) {
    const Node& n = node(id);
    switch (n.op) {
      case Op::kConstant: return write_constant(id);
      case Op::kInput:
        if (lanes_node(id) && n.dtype != DType::kReal)
          throw Error(fmt::format("[executor] input '{}': prompt-rate inputs are real", n.name));
        if (lanes_node(id))
          prompt_inputs.push_back({n.name, {buffer(id), elements(n.shape)}, nullptr});
        return;
      case Op::kStep: return steps.push_back(reinterpret_cast<std::int32_t*>(buffer(id)));
      case Op::kPromptIndex: return prompt_indices.push_back({buffer(id), 1});
      case Op::kPromptWeight: return prompt_weights.push_back({buffer(id), 1});
      case Op::kDraw: return list.push_back({bind_draw(id)});
      case Op::kUnary: return bind_elementwise(id, kernels.unary[static_cast<size_t>(n.code)], list);
      case Op::kBinary:
        return bind_elementwise(id, kernels.binary[static_cast<size_t>(n.code)], list);
      case Op::kCompare: {
        const bool integers = node(n.in[0]).dtype == DType::kInteger;
        const auto& table = integers ? kernels.compare_integer : kernels.compare;
        return bind_elementwise(id, table[static_cast<size_t>(n.code)], list);
      }
      case Op::kLogic: return bind_elementwise(id, kernels.logic[static_cast<size_t>(n.code)], list);
      case Op::kIntegerBinary:
        return bind_elementwise(id, kernels.integer[static_cast<size_t>(n.code)], list);
      case Op::kToReal: return bind_elementwise(id, kernels.to_real, list);
      case Op::kSelect: return bind_elementwise(id, kernels.select, list);
      case Op::kReshape: return bind_moved(id, list);
      case Op::kConcat: return bind_concat(id, list);
      case Op::kPad: return bind_pad(id, list);
      case Op::kProduct: return list.push_back({ProductCall{kernels.product, product_args(id)}});
      case Op::kPromptProduct: {
        Call call{ProductCall{kernels.product_over_prompts, product_args(id)}};
        return bind_prompt_sum(id, std::move(call), list, part_offset);
      }
      case Op::kSum: return list.push_back({SumCall{kernels.sum, sum_args(id)}});
      case Op::kPromptSum: {
        Call call{SumCall{kernels.sum_over_prompts, sum_args(id)}};
        return bind_prompt_sum(id, std::move(call), list, part_offset);
      }
      case Op::kGather: {
        const bool real = n.dtype == DType::kReal;
        const lanes::GatherArgs args = gather_args(id, id, n.in[0]);
        return list.push_back({GatherCall{real ? kernels.gather : kernels.gather_integer, args}});
      }
      case Op::kScatterAdd:
        bind_fill(id, list);
        return list.push_back({GatherCall{kernels.scatter_add, gather_args(id, n.in[0], id)}});
      case Op::kPromptScatterAdd: {
        Call call{GatherCall{kernels.scatter_add_over_prompts, gather_args(id, n.in[0], id)}};
        return bind_prompt_sum(id, std::move(call), list, part_offset);
      }
      case Op::kRow:
        return list.push_back({RowCall{kernels.row[static_cast<size_t>(n.code)], row_args(id)}});
      case Op::kTranspose:
      case Op::kSlice:
      case Op::kBroadcast:
        break;  // always views
    }
    throw Error(fmt::format("[executor] no kernel for '{}'", name(n.op)));
  }

  void write_constant(int id) {
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

  void bind_elementwise(int id, void (*kernel)(const lanes::ElementwiseArgs&),
                        std::vector<Call>& list) {
    const Node& n = node(id);
    lanes::ElementwiseArgs args;
    args.dims = padded_dims(n.shape);
    args.out = operand(id);
    for (size_t i = 0; i < n.in.size(); ++i) args.in[i] = operand(n.in[i]);
    list.push_back({ElementwiseCall{kernel, args}});
  }

  void bind_copy(Operand out, Operand in, const Dims& dims, DType dtype, std::vector<Call>& list) {
    lanes::ElementwiseArgs args;
    args.dims = dims;
    args.out = out;
    args.in[0] = in;
    const auto copy = kernels.unary[static_cast<size_t>(lanes::Unary::kCopy)];
    list.push_back({ElementwiseCall{dtype == DType::kReal ? copy : kernels.copy_integer, args}});
  }

  void bind_fill(int id, std::vector<Call>& list) {
    bind_copy(operand(id), zeros(), padded_dims(node(id).shape), DType::kReal, list);
  }

  // A reshape whose elements have to move: copied in the order of the operand's own dims.
  void bind_moved(int id, std::vector<Call>& list) {
    const Shape& from = node(node(id).in[0]).shape;
    Operand out = operand(id);
    out.strides = Dims{};
    const Shape row_major = row_major_strides(from);
    std::copy(row_major.begin(), row_major.end(),
              out.strides.end() - static_cast<std::ptrdiff_t>(row_major.size()));
    bind_copy(out, operand(node(id).in[0]), padded_dims(from), node(id).dtype, list);
  }

  // The part of value `id` that begins at `begin` along an axis.
  Operand part_of(int id, std::int64_t axis, std::int64_t begin) {
    Operand part = operand(id);
    const Shape strides = row_major_strides(node(id).shape);
    const std::int64_t scalar = scalar_bytes(node(id).dtype, sizeof(T) == 8);
    part.data = static_cast<std::byte*>(part.data) +
                begin * strides[static_cast<size_t>(axis)] * scalar * (part.lanes ? kLanes : 1);
    return part;
  }

  void bind_concat(int id, std::vector<Call>& list) {
    std::int64_t begin = 0;
    for (const int in : node(id).in) {
      const Dims dims = padded_dims(node(in).shape);
      bind_copy(part_of(id, node(id).ints[0], begin), operand(in), dims, node(id).dtype, list);
      begin += node(in).shape[static_cast<size_t>(node(id).ints[0])];
    }
  }

  void bind_pad(int id, std::vector<Call>& list) {
    const Node& n = node(id);
    bind_fill(id, list);
    bind_copy(part_of(id, n.ints[0], n.ints[1]), operand(n.in[0]),
              padded_dims(node(n.in[0]).shape), n.dtype, list);
  }

  lanes::ProductArgs product_args(int id) {
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
    return args;
  }

  lanes::SumArgs sum_args(int id) {
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

  lanes::GatherArgs gather_args(int id, int out, int table) {
    lanes::GatherArgs args;
    args.outer = node(out).shape[0];
    args.inner = node(out).shape[1];
    args.rows = node(table).shape[0];
    args.out = operand(out);
    args.table = operand(table);
    args.index = operand(node(id).in[1]);
    return args;
  }

  lanes::RowArgs row_args(int id) {
    const Node& n = node(id);
    lanes::RowArgs args;
    args.dims = padded_dims(node(n.in[0]).shape);
    args.out = operand(id);
    for (size_t i = 0; i < n.in.size(); ++i) args.in[i] = operand(n.in[i]);
    args.causal = n.ints[0] != 0;
    args.offset = n.ints[1];
    args.epsilon = n.data[0];
    return args;
  }

  DrawCall bind_draw(int id) {
    const Node& n = node(id);
    DrawCall call{kernels.draw[static_cast<size_t>(n.code)], {}, n.fixed_step,
                  static_cast<int>(n.purpose)};
    call.args.count = elements(n.shape);
    call.args.draw = n.draw;
    call.args.out = operand(id);
    call.args.thresholds = call.args.alias_keep = call.args.gamma_shapes = n.data.data();
    if (n.code == static_cast<int>(lanes::Draw::kAlias)) {
      const auto cells = static_cast<std::ptrdiff_t>(n.data.size() / 2);
      alias_others.emplace_back(n.data.begin() + cells, n.data.end());
      call.args.alias_other = alias_others.back().data();
    }
    if (!n.ints.empty()) call.args.bound = call.args.categories = static_cast<std::int32_t>(n.ints[0]);
    return call;
  }

  void bind_prompt_sum(int id, Call call, std::vector<Call>& list, std::int64_t& part_offset) {
    call.total = buffer(id);
    call.part = parts.at(part_offset);
    call.count = elements(node(id).shape);
    part_offset += (call.count * static_cast<std::int64_t>(sizeof(T)) + 63) / 64 * 64;
    list.push_back(std::move(call));
  }

  void bind_outputs() {
    for (size_t i = 0; i < plan->outputs.size(); ++i) {
      const int id = plan->outputs[i];
      const Dims dims = padded_dims(node(id).shape);
      if (lanes_node(id)) {
        const std::int64_t count = plan->options.batch * elements(node(id).shape);
        prompt_outputs.push_back({i, operand(id), dims, std::vector<T>(static_cast<size_t>(count))});
        continue;
      }
      Operand out;
      out.data = output_block() + plan->output_offset[i];
      const Shape row_major = row_major_strides(node(id).shape);
      std::copy(row_major.begin(), row_major.end(),
                out.strides.end() - static_cast<std::ptrdiff_t>(row_major.size()));
      bind_copy(out, operand(id), dims, DType::kReal, output_copies);
    }
  }

  T* output_block() {
    const std::int64_t parameters = plan->parameter_elements * static_cast<std::int64_t>(sizeof(T));
    return reinterpret_cast<T*>(plain.at((parameters + 63) / 64 * 64));
  }

  // ---- running ----

  static void invoke(Call& call) {
    std::visit([](auto& kernel) { kernel.kernel(kernel.args); }, call.kernel);
  }

  void set_draw(DrawCall& draw, std::uint32_t step, std::int64_t first, std::int64_t last) {
    draw.args.key = keys[static_cast<size_t>(draw.purpose)];
    draw.args.step = draw.fixed_step ? 0 : step;
    draw.args.first_prompt = static_cast<std::uint32_t>(first);
    draw.args.last_prompt = static_cast<std::uint32_t>(last);
  }

  void begin_run(const Keys& new_keys) {
    keys = new_keys;
    const lanes::FlushDenormals flush;
    for (Call& call : calls[static_cast<int>(Phase::kReplica)]) {
      if (auto* draw = std::get_if<DrawCall>(&call.kernel)) set_draw(*draw, 0, 0, 0);
      invoke(call);
    }
    copy_outputs(Rate::kReplica);
  }

  void run_step(std::uint32_t step) {
    const lanes::FlushDenormals flush;
    for (std::int32_t* value : steps) *value = static_cast<std::int32_t>(step);
    for (Call& call : calls[static_cast<int>(Phase::kStep)]) invoke(call);
    if (plan->has_prompts())
      for (std::int64_t group = 0; group < plan->groups(); group += groups)
        run_strand(step, group, std::min<std::int64_t>(groups, plan->groups() - group));
    for (Call& call : calls[static_cast<int>(Phase::kAfter)]) invoke(call);
    copy_outputs(Rate::kStep);
  }

  // Outputs that changed at this rate or a lower one.
  void copy_outputs(Rate rate) {
    for (size_t i = 0, copy = 0; i < plan->outputs.size(); ++i) {
      if (lanes_node(plan->outputs[i])) continue;
      if (node(plan->outputs[i]).rate <= rate) invoke(output_copies[copy]);
      ++copy;
    }
  }

  void run_strand(std::uint32_t step, std::int64_t first_group, std::int64_t strand_groups) {
    const std::int64_t first = first_group * kLanes, last = plan->options.batch - 1;
    write_lanes(first, strand_groups);
    for (Call& call : calls[static_cast<int>(Phase::kPrompt)]) {
      if (auto* draw = std::get_if<DrawCall>(&call.kernel)) set_draw(*draw, step, first, last);
      const bool later_sum = call.total && first_group > 0;
      std::visit([&](auto& kernel) { kernel.args.groups = strand_groups; }, call.kernel);
      if (call.total) point_result(call, later_sum ? call.part : call.total);
      invoke(call);
      if (later_sum)
        kernels.accumulate(reinterpret_cast<T*>(call.total), reinterpret_cast<T*>(call.part),
                           call.count);
    }
    read_lanes(first, strand_groups);
  }

  static void point_result(Call& call, std::byte* data) {
    if (auto* product = std::get_if<ProductCall>(&call.kernel)) product->args.c.data = data;
    if (auto* sum = std::get_if<SumCall>(&call.kernel)) sum->args.out.data = data;
    if (auto* scatter = std::get_if<GatherCall>(&call.kernel)) scatter->args.table.data = data;
  }

  // Idle lanes repeat the last prompt, with weight 0.
  std::int64_t prompt_of(std::int64_t first, std::int64_t lane) const {
    return std::min(first + lane, plan->options.batch - 1);
  }

  void write_lanes(std::int64_t first, std::int64_t strand_groups) {
    const std::int64_t lane_count = strand_groups * kLanes;
    const T weight = static_cast<T>(1.0 / static_cast<double>(plan->options.batch));
    for (const LaneBuffer& b : prompt_weights)
      for (std::int64_t lane = 0; lane < lane_count; ++lane)
        reinterpret_cast<T*>(b.data)[lane] = first + lane < plan->options.batch ? weight : T(0);
    for (const LaneBuffer& b : prompt_indices)
      for (std::int64_t lane = 0; lane < lane_count; ++lane)
        reinterpret_cast<std::int32_t*>(b.data)[lane] =
            static_cast<std::int32_t>(prompt_of(first, lane));
    for (const PromptInput& input : prompt_inputs) {
      if (!input.values) throw Error(fmt::format("[executor] input '{}' was not set", input.name));
      const std::int64_t count = input.buffer.elements;
      T* out = reinterpret_cast<T*>(input.buffer.data);
      for (std::int64_t lane = 0; lane < lane_count; ++lane)
        for (std::int64_t e = 0; e < count; ++e)
          out[(lane / kLanes * count + e) * kLanes + lane % kLanes] =
              input.values[prompt_of(first, lane) * count + e];
    }
  }

  void read_lanes(std::int64_t first, std::int64_t strand_groups) {
    for (PromptOutput& output : prompt_outputs) {
      const auto [d0, d1, d2, d3] = output.dims;
      const Dims& s = output.view.strides;
      for (std::int64_t lane = 0; lane < strand_groups * kLanes; ++lane) {
        if (first + lane >= plan->options.batch) break;
        const T* in = static_cast<const T*>(output.view.data) +
                      lane / kLanes * output.view.group_stride * kLanes + lane % kLanes;
        T* out = output.values.data() + (first + lane) * d0 * d1 * d2 * d3;
        for (std::int64_t i0 = 0; i0 < d0; ++i0)
          for (std::int64_t i1 = 0; i1 < d1; ++i1)
            for (std::int64_t i2 = 0; i2 < d2; ++i2)
              for (std::int64_t i3 = 0; i3 < d3; ++i3)
                *out++ = in[(i0 * s[0] + i1 * s[1] + i2 * s[2] + i3 * s[3]) * kLanes];
      }
    }
  }

  // ---- inputs by name ----

  int plain_input(const std::string& input_name, DType dtype) const {
    std::vector<std::string> names;
    for (size_t id = 0; id < plan->program.nodes.size(); ++id) {
      const Node& n = plan->program.nodes[id];
      if (n.op != Op::kInput || n.rate == Rate::kPrompt || n.dtype != dtype) continue;
      if (plan->buffer_bytes[id] < 0) continue;
      if (n.name == input_name) return static_cast<int>(id);
      names.push_back(n.name);
    }
    throw Error(fmt::format("[executor] no {} input '{}'; there are {}{}", name(dtype), input_name,
                            join(names), did_you_mean(input_name, names)));
  }
};

template <class T>
Executor<T>::Executor(std::shared_ptr<const Plan> plan, lanes::InstructionSet set)
    : impl_(std::make_unique<Impl>(std::move(plan), set)) {}

template <class T>
Executor<T>::~Executor() = default;

template <class T>
const Plan& Executor<T>::plan() const {
  return *impl_->plan;
}

template <class T>
std::span<T> Executor<T>::parameters() {
  return {reinterpret_cast<T*>(impl_->plain.at(0)),
          static_cast<size_t>(impl_->plan->parameter_elements)};
}

template <class T>
std::span<const T> Executor<T>::parameters() const {
  return const_cast<Executor*>(this)->parameters();
}

template <class T>
std::span<T> Executor<T>::input(const std::string& name) {
  const int id = impl_->plain_input(name, DType::kReal);
  return {reinterpret_cast<T*>(impl_->buffer(id)),
          static_cast<size_t>(elements(impl_->node(id).shape))};
}

template <class T>
std::span<std::int32_t> Executor<T>::integer_input(const std::string& name) {
  const int id = impl_->plain_input(name, DType::kInteger);
  return {reinterpret_cast<std::int32_t*>(impl_->buffer(id)),
          static_cast<size_t>(elements(impl_->node(id).shape))};
}

template <class T>
void Executor<T>::set_prompt_input(const std::string& name, std::span<const T> values) {
  std::vector<std::string> names;
  for (typename Impl::PromptInput& input : impl_->prompt_inputs) {
    names.push_back(input.name);
    if (input.name != name) continue;
    const std::int64_t expected = impl_->plan->options.batch * input.buffer.elements;
    if (static_cast<std::int64_t>(values.size()) != expected)
      throw Error(fmt::format("[executor] input '{}': expected {} numbers, received {}", name,
                              expected, values.size()));
    input.values = values.data();
    return;
  }
  throw Error(fmt::format("[executor] no prompt input '{}'; there are {}{}", name, join(names),
                          did_you_mean(name, names)));
}

template <class T>
void Executor<T>::begin(const Keys& keys) {
  impl_->begin_run(keys);
}

template <class T>
void Executor<T>::run(std::uint32_t step) {
  impl_->run_step(step);
}

template <class T>
std::span<const T> Executor<T>::output(size_t i) const {
  const Plan& plan = *impl_->plan;
  for (const typename Impl::PromptOutput& output : impl_->prompt_outputs)
    if (output.output == i) return output.values;
  return {impl_->output_block() + plan.output_offset[i],
          static_cast<size_t>(elements(plan.program[plan.outputs[i]].shape))};
}

template <class T>
std::span<const T> Executor<T>::outputs_from(size_t from) const {
  const Plan& plan = *impl_->plan;
  const std::int64_t begin =
      from < plan.output_offset.size() ? plan.output_offset[from] : plan.output_elements;
  return {impl_->output_block() + begin, static_cast<size_t>(plan.output_elements - begin)};
}

template <class T>
std::int64_t Executor<T>::bytes() const {
  return impl_->plain.bytes() + impl_->arena.bytes() + impl_->parts.bytes();
}

template class Executor<float>;
template class Executor<double>;

}  // namespace iclab::program
