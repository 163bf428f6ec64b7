#include "program/program.h"

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

double flops(const Program& program, int id) {
  const Node& node = program[id];
  const auto count = static_cast<double>(elements(node.shape));
  switch (node.op) {
    case Op::kProduct:
    case Op::kPromptProduct:
      return 2.0 * count * static_cast<double>(program[node.in[0]].shape.back());
    case Op::kSum:
    case Op::kPromptSum:
      return static_cast<double>(elements(program[node.in[0]].shape));
    case Op::kUnary:
    case Op::kBinary:
    case Op::kScatterAdd:
      return count;
    default:
      return 0;
  }
}

}  // namespace iclab::program
