// Binding: a plan's nodes as kernel calls on memory. Private to the program floor.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <string>
#include <variant>
#include <vector>

#include "program/plan.h"

namespace iclab::program {

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

// A kernel call of a node; if it sums over prompts, where the strand's part and the total lie.
struct Call {
  Kernel kernel;
  std::byte* total = nullptr;
  std::byte* part = nullptr;
  std::int64_t count = 0;
  int node = -1;
  std::array<std::int64_t, 4> group_bytes{};  // from a group to the next, of each operand
  bool is_known = false;                      // where the same prompts were run before
};

/// The operands of a kernel, the result first.
inline std::array<lanes::Operand*, 4> operands(lanes::ElementwiseArgs& a) { return {&a.out, &a.in[0], &a.in[1], &a.in[2]}; }
inline std::array<lanes::Operand*, 4> operands(lanes::ProductArgs& a) { return {&a.c, &a.a, &a.b, &a.addend}; }
inline std::array<lanes::Operand*, 4> operands(lanes::SumArgs& a) { return {&a.out, &a.in}; }
inline std::array<lanes::Operand*, 4> operands(lanes::GatherArgs& a) { return {&a.out, &a.table, &a.index}; }
inline std::array<lanes::Operand*, 4> operands(lanes::DrawArgs& a) { return {&a.out}; }
inline std::array<lanes::Operand*, 4> operands(lanes::RowArgs& a) { return {&a.out, &a.in[0], &a.in[1]}; }

// A value of each prompt that the executor itself writes before its strands.
struct PromptBuffer {
  std::byte* data;
  std::int64_t elements;
};

// The kernel calls that compute the plan's nodes, in the order of execution.
struct Calls {
  struct PromptInput {
    std::string name;
    PromptBuffer buffer;
  };

  std::vector<Call> list;
  std::vector<PromptInput> prompt_inputs;
  std::vector<PromptBuffer> prompt_weights, prompt_indices;
  std::vector<std::int32_t*> steps;
  std::deque<std::vector<std::int32_t>> alias_others;  // what alias draws point to
};

// Where values lie: one block for what changes at most once a step, an arena for so many groups of prompts, the
// block of stretches' own values, and a strand's sums over prompts.
struct Memory {
  std::byte* plain;
  std::byte* arena = nullptr;
  std::byte* local = nullptr;
  std::byte* parts = nullptr;
  std::int64_t arena_groups = 0;
};

/// Binds nodes one by one, in order, and appends to `calls` what computes them.
template <class T>
class Binder {
 public:
  Binder(const Plan& plan, const lanes::Kernels<T>& kernels, Memory memory, Calls& calls)
      : plan_(plan), kernels_(kernels), memory_(memory), calls_(calls) {}

  void bind(int id) {
    const size_t first = calls_.list.size();
    bind_node(id);
    for (size_t i = first; i < calls_.list.size(); ++i) complete(calls_.list[i], id);
  }
  void bind_copy(lanes::Operand out, lanes::Operand in, const lanes::Dims& dims, DType dtype);

  lanes::Operand operand(int id) const;
  std::byte* buffer(int id) const;

 private:
  const Node& node(int id) const { return plan_.program[id]; }
  bool of_prompts(int id) const { return node(id).rate == Rate::kPrompt; }

  void bind_node(int id);
  void complete(Call& call, int id) const;
  bool is_local(const void* data) const;
  void write_constant(int id);
  void bind_elementwise(int id, void (*kernel)(const lanes::ElementwiseArgs&));
  void bind_fill(int id);
  void bind_moved(int id);
  void bind_concat(int id);
  void bind_pad(int id);
  void bind_draw(int id);
  void bind_prompt_sum(int id, Kernel kernel);
  lanes::Operand part_of(int id, std::int64_t axis, std::int64_t begin) const;
  lanes::ProductArgs product_args(int id) const;
  lanes::SumArgs sum_args(int id) const;
  lanes::GatherArgs gather_args(int id, int out, int table) const;
  lanes::RowArgs row_args(int id) const;

  const Plan& plan_;
  const lanes::Kernels<T>& kernels_;
  Memory memory_;
  Calls& calls_;
  std::int64_t part_offset_ = 0;
};

/// Bytes that a strand's sums over prompts take.
std::int64_t part_bytes(const Plan& plan);

extern template class Binder<float>;
extern template class Binder<double>;

}  // namespace iclab::program
