// The intermediate representation: a list of values in the order of their computation, with static
// shapes, no control flow, no aliasing.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "lanes/kernels.h"
#include "program/shape.h"
#include "random/stream.h"

namespace iclab::program {

enum class DType { kReal, kInteger, kBoolean };  // real: float or double, as the plan says

/// How often a value changes: never, once a run, once a step, once a prompt.
enum class Rate { kStudy, kReplica, kStep, kPrompt };

enum class Op {
  // Sources.
  kConstant,      // data, row-major; one number fills the shape
  kInput,         // given from outside by name; also the weights
  kStep,          // the step number, integer
  kPromptIndex,   // the prompt's index in the batch, integer
  kPromptWeight,  // 1/B for the B prompts of the batch, 0 for idle lanes
  kDraw,          // code: lanes::Draw
  // Element by element, broadcasting.
  kUnary, kBinary, kCompare, kLogic, kIntegerBinary, kToReal, kSelect,
  // Views: the same elements in another order or shape.
  kReshape, kTranspose, kSlice, kBroadcast,
  // Structure; a product may have an addend, in[2], broadcast to it (program/fuse.h).
  kConcat, kPad, kProduct, kSum, kGather, kScatterAdd,
  // Along the last axis; code: lanes::RowFunction.
  kRow,
  // From prompts to steps.
  kPromptSum, kPromptProduct, kPromptScatterAdd,
};

struct Node {
  Op op = Op::kConstant;
  DType dtype = DType::kReal;
  Rate rate = Rate::kStudy;
  Shape shape{};
  std::vector<int> in{};           // operands, earlier nodes
  int code = 0;                    // which Unary, Binary, Compare, Logic, Integer, Row or Draw
  std::vector<std::int64_t> ints{}; // transpose: permutation; slice: axis, begin, step; sum: axes;
                                   // pad: axis, begin, step; concat: axis; draw: bound;
                                   // row: causal (elements more a row), offset
  std::vector<double> data{};      // constant: numbers; categorical draw: thresholds; alias draw: keep
                                   // probabilities, then others; gamma draw: shapes; row: epsilon
  std::string name{};              // of an input
  random::Purpose purpose = random::Purpose::kPrompts;  // of a draw
  std::uint32_t draw = 0;                               // draw number, assigned when declared
  bool fixed_step = false;                              // a draw whose counter has step 0
};

/// True if the operation sums what prompts contribute.
constexpr bool sums_prompts(Op op) {
  return op == Op::kPromptSum || op == Op::kPromptProduct || op == Op::kPromptScatterAdd;
}

/// True if the operation is a product with an addend, which only programs that are executed have.
inline bool is_fused(const Node& node) { return node.op == Op::kProduct && node.in.size() > 2; }

struct Program {
  std::vector<Node> nodes;
  std::map<std::string, int> names;  // values that can be asked for

  const Node& operator[](int id) const { return nodes[static_cast<size_t>(id)]; }
};

const char* name(Op op);
const char* name(Rate rate);
const char* name(DType dtype);

/// One line a value: "%12 = product(%3, %7) : step (4, 4)".
std::string to_text(const Program& program);

/// Which values `outputs` depend on.
std::vector<bool> live_nodes(const Program& program, std::span<const int> outputs);

/// Floating-point operations of computing the value once: of a prompt, for a value of each prompt or a
/// sum over prompts. A multiply-add counts as two, a function of a number as one; moves and draws as none.
double flops(const Program& program, int id);

/// How often a step computes a value of this rate. Once a run is one step in 10^4, about a run's length.
double step_weight(Rate rate, std::int64_t batch);

/// Floating-point operations of value `id` in a step of `batch` prompts; of all that `outputs` need.
double step_flops(const Program& program, int id, std::int64_t batch);
double step_flops(const Program& program, std::span<const int> outputs, std::int64_t batch);

}  // namespace iclab::program
