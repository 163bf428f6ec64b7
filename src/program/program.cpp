#include "program/program.h"

#include <algorithm>
#include <fmt/format.h>

namespace iclab::program {

const char* name(Op op) {
  switch (op) {
    case Op::kConstant: return "constant";
    case Op::kInput: return "input";
    case Op::kStep: return "step";
    case Op::kPromptIndex: return "prompt_index";
    case Op::kPromptWeight: return "prompt_weight";
    case Op::kDraw: return "draw";
    case Op::kUnary: return "unary";
    case Op::kBinary: return "binary";
    case Op::kCompare: return "compare";
    case Op::kLogic: return "logic";
    case Op::kIntegerBinary: return "integer";
    case Op::kToReal: return "to_real";
    case Op::kSelect: return "select";
    case Op::kReshape: return "reshape";
    case Op::kTranspose: return "transpose";
    case Op::kSlice: return "slice";
    case Op::kBroadcast: return "broadcast";
    case Op::kConcat: return "concat";
    case Op::kPad: return "pad";
    case Op::kProduct: return "product";
    case Op::kSum: return "sum";
    case Op::kGather: return "gather";
    case Op::kScatterAdd: return "scatter_add";
    case Op::kPromptSum: return "prompt_sum";
    case Op::kPromptProduct: return "prompt_product";
    case Op::kPromptScatterAdd: return "prompt_scatter_add";
    case Op::kRow: return "row";
  }
  return "";
}

const char* name(Rate rate) {
  switch (rate) {
    case Rate::kStudy: return "study";
    case Rate::kReplica: return "replica";
    case Rate::kStep: return "step";
    case Rate::kPrompt: return "prompt";
  }
  return "";
}

const char* name(DType dtype) {
  switch (dtype) {
    case DType::kReal: return "real";
    case DType::kInteger: return "integer";
    case DType::kBoolean: return "boolean";
  }
  return "";
}

std::string to_text(const Program& program) {
  std::string text;
  for (size_t id = 0; id < program.nodes.size(); ++id) {
    const Node& node = program.nodes[id];
    std::vector<std::string> operands;
    for (const int in : node.in) operands.push_back(fmt::format("%{}", in));
    if (!node.name.empty()) operands.push_back(node.name);
    text += fmt::format("%{} = {}({}) : {} {} {}\n", id, name(node.op), fmt::join(operands, ", "),
                        name(node.rate), name(node.dtype), to_string(node.shape));
  }
  return text;
}

std::vector<bool> live_nodes(const Program& program, std::span<const int> outputs) {
  std::vector<bool> live(program.nodes.size(), false);
  for (const int id : outputs) live[static_cast<size_t>(id)] = true;
  for (size_t id = live.size(); id-- > 0;)
    if (live[id])
      for (const int in : program.nodes[id].in) live[static_cast<size_t>(in)] = true;
  return live;
}

namespace {

// Operations an element of the row: passes that compute, each function of a number as one.
double row_operations(lanes::RowFunction function, std::int64_t length) {
  using lanes::RowFunction;
  switch (function) {
    case RowFunction::kSoftmax: return 5;            // maximum, difference, exponential, sum, quotient
    case RowFunction::kSoftmaxGradient: return 4;    // p g and its sum, difference, product
    case RowFunction::kLogSumExp: return 4;
    case RowFunction::kLayerNorm: return 5;          // sum, difference, square and its sum, quotient
    case RowFunction::kLayerNormGradient: return 12;
    case RowFunction::kRmsNorm: return 3;
    case RowFunction::kRmsNormGradient: return 8;
    case RowFunction::kRank: return std::min(2.0 * static_cast<double>(length), 2048.0);  // each with each, or sorted
    default: return 1;
  }
}

}  // namespace

double flops(const Program& program, int id) {
  const Node& node = program[id];
  const auto count = static_cast<double>(elements(node.shape));
  const auto read = [&] { return static_cast<double>(elements(program[node.in[0]].shape)); };
  switch (node.op) {
    case Op::kProduct:
    case Op::kPromptProduct:
      return 2.0 * count * static_cast<double>(program[node.in[0]].shape.back()) +
             (is_fused(node) ? count : 0);
    case Op::kSum:
    case Op::kPromptSum:
    case Op::kScatterAdd:
    case Op::kPromptScatterAdd:
      return read();
    case Op::kRow: {
      const auto function = static_cast<lanes::RowFunction>(node.code);
      return read() * row_operations(function, program[node.in[0]].shape.back());
    }
    case Op::kUnary:
    case Op::kBinary:
    case Op::kCompare:
    case Op::kLogic:
    case Op::kIntegerBinary:
    case Op::kToReal:
    case Op::kSelect:
      return count;
    case Op::kConstant:
    case Op::kInput:
    case Op::kStep:
    case Op::kPromptIndex:
    case Op::kPromptWeight:
    case Op::kDraw:
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kSlice:
    case Op::kBroadcast:
    case Op::kConcat:
    case Op::kPad:
    case Op::kGather:
      return 0;
  }
  return 0;
}

double step_weight(Rate rate, std::int64_t batch) {
  constexpr double kStepsOfARun = 1e4;
  switch (rate) {
    case Rate::kStudy:
    case Rate::kReplica: return 1 / kStepsOfARun;
    case Rate::kStep: return 1;
    case Rate::kPrompt: return static_cast<double>(batch);
  }
  return 0;
}

double step_flops(const Program& program, int id, std::int64_t batch) {
  const Node& node = program[id];
  const Rate rate = sums_prompts(node.op) ? Rate::kPrompt : node.rate;
  return flops(program, id) * step_weight(rate, batch);
}

double step_flops(const Program& program, std::span<const int> outputs, std::int64_t batch) {
  const std::vector<bool> live = live_nodes(program, outputs);
  double total = 0;
  for (size_t id = 0; id < live.size(); ++id)
    if (live[id]) total += step_flops(program, static_cast<int>(id), batch);
  return total;
}

}  // namespace iclab::program
