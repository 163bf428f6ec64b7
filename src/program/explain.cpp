#include "program/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

namespace iclab::program {
namespace {

const char* name(lanes::Unary function) {
  using lanes::Unary;
  switch (function) {
    case Unary::kCopy: return "copy";
    case Unary::kNegate: return "negate";
    case Unary::kAbs: return "abs";
    case Unary::kSquare: return "square";
    case Unary::kSqrt: return "sqrt";
    case Unary::kReciprocal: return "reciprocal";
    case Unary::kExp: return "exp";
    case Unary::kExpm1: return "expm1";
    case Unary::kLog: return "log";
    case Unary::kLog1p: return "log1p";
    case Unary::kTanh: return "tanh";
    case Unary::kErf: return "erf";
    case Unary::kSinTurns: return "sin_turns";
    case Unary::kCosTurns: return "cos_turns";
    case Unary::kRelu: return "relu";
    case Unary::kSigmoid: return "sigmoid";
    case Unary::kSoftplus: return "softplus";
    case Unary::kGelu: return "gelu";
    case Unary::kGeluTanh: return "gelu_tanh";
    case Unary::kGeluSlope: return "gelu_slope";
    case Unary::kGeluTanhSlope: return "gelu_tanh_slope";
    case Unary::kCount: break;
  }
  return "";
}

const char* name(lanes::Binary function) {
  using lanes::Binary;
  switch (function) {
    case Binary::kAdd: return "add";
    case Binary::kSubtract: return "subtract";
    case Binary::kMultiply: return "multiply";
    case Binary::kDivide: return "divide";
    case Binary::kMinimum: return "minimum";
    case Binary::kMaximum: return "maximum";
    case Binary::kPower: return "pow";
    case Binary::kGate: return "gate";
    case Binary::kCount: break;
  }
  return "";
}

const char* name(lanes::Compare function) {
  using lanes::Compare;
  switch (function) {
    case Compare::kLess: return "less";
    case Compare::kLessEqual: return "less_equal";
    case Compare::kEqual: return "equal";
    case Compare::kNotEqual: return "not_equal";
    case Compare::kCount: break;
  }
  return "";
}

const char* name(lanes::Logic function) {
  switch (function) {
    case lanes::Logic::kAnd: return "and";
    case lanes::Logic::kOr: return "or";
    case lanes::Logic::kNot: return "not";
    case lanes::Logic::kCount: break;
  }
  return "";
}

const char* name(lanes::Integer function) {
  switch (function) {
    case lanes::Integer::kAdd: return "add";
    case lanes::Integer::kSubtract: return "subtract";
    case lanes::Integer::kMultiply: return "multiply";
    case lanes::Integer::kCount: break;
  }
  return "";
}

const char* name(lanes::RowFunction function) {
  using lanes::RowFunction;
  switch (function) {
    case RowFunction::kSoftmax: return "softmax";
    case RowFunction::kSoftmaxGradient: return "softmax_gradient";
    case RowFunction::kLogSumExp: return "log_sum_exp";
    case RowFunction::kLayerNorm: return "layer_norm";
    case RowFunction::kLayerNormGradient: return "layer_norm_gradient";
    case RowFunction::kRmsNorm: return "rms_norm";
    case RowFunction::kRmsNormGradient: return "rms_norm_gradient";
    case RowFunction::kCumulativeSum: return "cumulative_sum";
    case RowFunction::kCumulativeSumBack: return "cumulative_sum_back";
    case RowFunction::kCumulativeProduct: return "cumulative_product";
    case RowFunction::kRank: return "rank";
    case RowFunction::kCount: break;
  }
  return "";
}

const char* name(lanes::Draw kind) {
  using lanes::Draw;
  switch (kind) {
    case Draw::kUniform: return "uniform";
    case Draw::kNormal: return "normal";
    case Draw::kSign: return "sign";
    case Draw::kInteger: return "integers";
    case Draw::kCategorical: return "categorical";
    case Draw::kAlias: return "categorical";
    case Draw::kGamma: return "gamma";
    case Draw::kCount: break;
  }
  return "";
}

bool moves_nothing(Op op) {
  return op == Op::kReshape || op == Op::kTranspose || op == Op::kSlice || op == Op::kBroadcast;
}

bool is_source(Op op) { return op == Op::kConstant || op == Op::kInput; }

double bytes_of(const Node& node, bool is_double) {
  return static_cast<double>(elements(node.shape) * scalar_bytes(node.dtype, is_double));
}

// Operands read and the result written: those of prompts for each, others once for the strands that one thread takes at
// once. Of a table only the gathered rows.
double bytes_moved(const Program& program, const Node& node, bool is_double, double prompts, double passes) {
  const auto moved = [&](const Node& value) {
    return bytes_of(value, is_double) * (value.rate == Rate::kPrompt ? prompts : passes);
  };
  double bytes = moved(node);
  for (size_t i = 0; i < node.in.size(); ++i)
    bytes += moved(node.op == Op::kGather && i == 0 ? node : program[node.in[i]]);
  return bytes;
}

// What is computed for each prompt counts the batch's times.
Account account(const Program& program, std::span<const int> outputs,
                const std::vector<std::string>& output_names, std::int64_t batch, std::int64_t passes,
                bool is_double, const std::function<bool(int)>& is_free, const std::string& prompt_layout) {
  std::multimap<int, std::string> names;
  for (size_t i = 0; i < outputs.size(); ++i) names.emplace(outputs[i], output_names[i]);
  for (const auto& [name, id] : program.names) names.emplace(id, name);
  Account result;
  result.batch = batch;
  const std::vector<bool> live = live_nodes(program, outputs);
  for (int id = 0; id < static_cast<int>(live.size()); ++id) {
    if (!live[static_cast<size_t>(id)]) continue;
    const Node& node = program[id];
    Cost cost;
    cost.id = id;
    cost.operation = operation(node);
    cost.in = node.in;
    cost.shape = node.shape;
    cost.rate = node.rate;
    const auto [begin, end] = names.equal_range(id);
    for (auto entry = begin; entry != end; ++entry) cost.names.push_back(entry->second);
    if (!node.name.empty() && std::ranges::find(cost.names, node.name) == cost.names.end())
      cost.names.push_back(node.name);
    if (!prompt_layout.empty()) cost.layout = node.rate == Rate::kPrompt ? prompt_layout : "plain";

    const Rate paid = sums_prompts(node.op) ? Rate::kPrompt : node.rate;
    const bool for_prompts = paid == Rate::kPrompt;
    const double prompts = for_prompts ? static_cast<double>(batch) : 1;
    cost.flops = flops(program, id) * prompts;
    if (!is_free(id) && !is_source(node.op))
      cost.bytes = bytes_moved(program, node, is_double, prompts, for_prompts ? static_cast<double>(passes) : 1);
    result.flops[static_cast<size_t>(paid)] += cost.flops;
    result.bytes[static_cast<size_t>(paid)] += cost.bytes;
    result.values.push_back(std::move(cost));
  }
  return result;
}

}  // namespace

double Account::step_flops() const {
  return flops[static_cast<size_t>(Rate::kStep)] + flops[static_cast<size_t>(Rate::kPrompt)];
}

double Account::step_bytes() const {
  return bytes[static_cast<size_t>(Rate::kStep)] + bytes[static_cast<size_t>(Rate::kPrompt)];
}

const char* name(Part part) {
  switch (part) {
    case Part::kData: return "data";
    case Part::kForward: return "forward";
    case Part::kBackward: return "backward";
  }
  return "";
}

std::vector<Part> parts(const Plan& plan) {
  const std::vector<bool> forward = live_nodes(plan.program, std::span(plan.outputs).first(1));
  std::vector<bool> of_weights(forward.size());
  std::vector<Part> result(forward.size(), Part::kData);
  for (size_t id = 0; id < forward.size(); ++id) {
    const Node& node = plan.program.nodes[id];
    of_weights[id] = (node.op == Op::kInput &&
                      std::ranges::find(plan.options.parameters, node.name) != plan.options.parameters.end()) ||
                     std::ranges::any_of(node.in, [&](int in) { return of_weights[static_cast<size_t>(in)]; });
    if (of_weights[id]) result[id] = forward[id] ? Part::kForward : Part::kBackward;
  }
  return result;
}

std::string operation(const Node& node) {
  const auto with = [&](const char* function) {
    return fmt::format("{} {}", name(node.op), function);
  };
  switch (node.op) {
    case Op::kUnary: return with(name(static_cast<lanes::Unary>(node.code)));
    case Op::kBinary: return with(name(static_cast<lanes::Binary>(node.code)));
    case Op::kCompare: return with(name(static_cast<lanes::Compare>(node.code)));
    case Op::kLogic: return with(name(static_cast<lanes::Logic>(node.code)));
    case Op::kIntegerBinary: return with(name(static_cast<lanes::Integer>(node.code)));
    case Op::kRow: {
      const std::string row = with(name(static_cast<lanes::RowFunction>(node.code)));
      return node.ints[0] != 0 ? row + ", causal" : row;
    }
    case Op::kProduct: return is_fused(node) ? "product, addend" : name(node.op);
    case Op::kConstant:
      return node.data.size() == 1 ? fmt::format("constant {:.6g}", node.data[0]) : "constant";
    case Op::kDraw: return with(name(static_cast<lanes::Draw>(node.code)));
    default: return name(node.op);
  }
}

Account explain(const Program& program, std::span<const int> outputs,
                const std::vector<std::string>& output_names, std::int64_t batch, bool is_double) {
  const auto is_free = [&](int id) { return moves_nothing(program[id].op); };
  return account(program, outputs, output_names, batch, 1, is_double, is_free, "");
}

Account explain(const Plan& plan, const std::vector<std::string>& output_names) {
  const auto is_free = [&](int id) { return is_view(plan, id); };
  return account(plan.program, plan.outputs, output_names, plan.options.batch, plan.passes(),
                 plan.options.is_double, is_free, name(plan.layout));
}

}  // namespace iclab::program
