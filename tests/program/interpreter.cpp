#include "tests/program/interpreter.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace iclab::program::testing {
namespace {

using Index = std::vector<std::int64_t>;

// All indices of a shape in row-major order, one by one; false at the end.
bool next(Index& index, const Shape& shape) {
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (++index[axis] < shape[axis]) return true;
    index[axis] = 0;
  }
  return false;
}

// The element of `shape` that meets `index` under broadcasting (aligned at the right).
size_t flat(const Index& index, const Shape& shape) {
  std::int64_t at = 0;
  const size_t lead = index.size() - shape.size();
  for (size_t axis = 0; axis < shape.size(); ++axis)
    at = at * shape[axis] + (shape[axis] == 1 ? 0 : index[lead + axis]);
  return static_cast<size_t>(at);
}

double normal_cdf(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }
double normal_density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }

double unary(lanes::Unary f, double x) {
  using lanes::Unary;
  const double c = std::sqrt(2 / std::numbers::pi), inner = std::tanh(c * (x + 0.044715 * x * x * x));
  switch (f) {
    case Unary::kCopy: return x;
    case Unary::kNegate: return -x;
    case Unary::kAbs: return std::fabs(x);
    case Unary::kSquare: return x * x;
    case Unary::kSqrt: return std::sqrt(x);
    case Unary::kReciprocal: return 1 / x;
    case Unary::kExp: return std::exp(x);
    case Unary::kExpm1: return std::expm1(x);
    case Unary::kLog: return std::log(x);
    case Unary::kLog1p: return std::log1p(x);
    case Unary::kTanh: return std::tanh(x);
    case Unary::kErf: return std::erf(x);
    case Unary::kSinTurns: return std::sin(2 * std::numbers::pi * x);
    case Unary::kCosTurns: return std::cos(2 * std::numbers::pi * x);
    case Unary::kRelu: return std::max(x, 0.0);
    case Unary::kSigmoid: return 1 / (1 + std::exp(-x));
    case Unary::kSoftplus: return std::log1p(std::exp(x));
    case Unary::kGelu: return x * normal_cdf(x);
    case Unary::kGeluTanh: return x / 2 * (1 + inner);
    case Unary::kGeluSlope: return normal_cdf(x) + x * normal_density(x);
    case Unary::kGeluTanhSlope:
      return (1 + inner) / 2 + x / 2 * (1 - inner * inner) * c * (1 + 3 * 0.044715 * x * x);
    case Unary::kCount: break;
  }
  throw std::logic_error("unary");
}

double binary(lanes::Binary f, double a, double b) {
  using lanes::Binary;
  switch (f) {
    case Binary::kAdd: return a + b;
    case Binary::kSubtract: return a - b;
    case Binary::kMultiply: return a * b;
    case Binary::kDivide: return a / b;
    case Binary::kMinimum: return std::min(a, b);
    case Binary::kMaximum: return std::max(a, b);
    case Binary::kPower: return std::pow(a, b);
    case Binary::kGate: return b > 0 ? a : 0;
    case Binary::kCount: break;
  }
  throw std::logic_error("binary");
}

double compare(lanes::Compare f, double a, double b) {
  switch (f) {
    case lanes::Compare::kLess: return a < b;
    case lanes::Compare::kLessEqual: return a <= b;
    case lanes::Compare::kEqual: return a == b;
    case lanes::Compare::kNotEqual: return a != b;
    case lanes::Compare::kCount: break;
  }
  throw std::logic_error("compare");
}

double logic(lanes::Logic f, double a, double b) {
  switch (f) {
    case lanes::Logic::kAnd: return a != 0 && b != 0;
    case lanes::Logic::kOr: return a != 0 || b != 0;
    case lanes::Logic::kNot: return a == 0;
    case lanes::Logic::kCount: break;
  }
  throw std::logic_error("logic");
}

double integer(lanes::Integer f, double a, double b) {
  switch (f) {
    case lanes::Integer::kAdd: return a + b;
    case lanes::Integer::kSubtract: return a - b;
    case lanes::Integer::kMultiply: return a * b;
    case lanes::Integer::kCount: break;
  }
  throw std::logic_error("integer");
}

// The function of one row x (and y) of which the first `seen` elements count.
Numbers row_of(const Node& node, std::span<const double> x, std::span<const double> y, size_t seen) {
  using lanes::RowFunction;
  const size_t n = x.size();
  Numbers out(node.dtype == DType::kReal ? static_cast<size_t>(node.shape.back()) : n, 0.0);
  const auto function = static_cast<RowFunction>(node.code);
  double mean = 0, variance = 0, square = 0, mean_y = 0;
  for (size_t i = 0; i < n; ++i) mean += x[i] / static_cast<double>(n);
  for (size_t i = 0; i < n; ++i) {
    variance += (x[i] - mean) * (x[i] - mean) / static_cast<double>(n);
    square += x[i] * x[i] / static_cast<double>(n);
    if (!y.empty()) mean_y += y[i] / static_cast<double>(n);
  }
  const bool rms = function == RowFunction::kRmsNorm || function == RowFunction::kRmsNormGradient;
  const double size = std::sqrt((rms ? square : variance) + node.data[0]);
  const auto normed = [&](size_t i) { return (rms ? x[i] : x[i] - mean) / size; };
  double total = 0, product = 1, mean_gy = 0;
  switch (function) {
    case RowFunction::kSoftmax:
    case RowFunction::kLogSumExp:
      for (size_t i = 0; i < seen; ++i) total += std::exp(x[i]);
      if (function == RowFunction::kLogSumExp) return {std::log(total)};
      for (size_t i = 0; i < seen; ++i) out[i] = std::exp(x[i]) / total;
      return out;
    case RowFunction::kSoftmaxGradient:
      for (size_t i = 0; i < seen; ++i) total += x[i] * y[i];
      for (size_t i = 0; i < seen; ++i) out[i] = x[i] * (y[i] - total);
      return out;
    case RowFunction::kLayerNorm:
    case RowFunction::kRmsNorm:
      for (size_t i = 0; i < n; ++i) out[i] = normed(i);
      return out;
    case RowFunction::kLayerNormGradient:
    case RowFunction::kRmsNormGradient:
      for (size_t i = 0; i < n; ++i) mean_gy += y[i] * normed(i) / static_cast<double>(n);
      for (size_t i = 0; i < n; ++i)
        out[i] = (y[i] - (rms ? 0 : mean_y) - normed(i) * mean_gy) / size;
      return out;
    case RowFunction::kCumulativeSum:
      for (size_t i = 0; i < n; ++i) out[i] = total += x[i];
      return out;
    case RowFunction::kCumulativeSumBack:
      for (size_t i = n; i-- > 0;) out[i] = total += x[i];
      return out;
    case RowFunction::kCumulativeProduct:
      for (size_t i = 0; i < n; ++i) out[i] = product *= x[i];
      return out;
    case RowFunction::kRank:
      for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < n; ++j) out[i] += x[j] < x[i] || (x[j] == x[i] && j < i);
      return out;
    case RowFunction::kCount: break;
  }
  throw std::logic_error("row");
}

double hashed_draw(const Node& node, std::int64_t prompt, size_t element) {
  std::uint64_t h = (node.draw + 1) * 0x9E3779B97F4A7C15u ^ static_cast<std::uint64_t>(prompt + 7) << 40 ^
                    (element + 3) * 0xBF58476D1CE4E5B9u ^ static_cast<std::uint64_t>(node.purpose) << 20;
  h = (h ^ h >> 31) * 0x94D049BB133111EBu;
  h ^= h >> 29;
  if (node.dtype == DType::kInteger) return static_cast<double>(h % static_cast<std::uint64_t>(node.ints[0]));
  return static_cast<double>(h >> 11) * 0x1p-53 + 0.25;
}

class Evaluation {
 public:
  Evaluation(const Interpreter& run, const Program& program)
      : run_(run), program_(program), values_(program.nodes.size()) {}

  std::vector<Numbers> operator()(std::span<const int> outputs) {
    for (size_t id = 0; id < program_.nodes.size(); ++id) {
      const Node& node = program_.nodes[id];
      const bool lanes = node.rate == Rate::kPrompt;
      const auto count = static_cast<size_t>(elements(node.shape));
      values_[id].assign(count * static_cast<size_t>(lanes ? run_.batch : 1), 0.0);
      if (sums_prompts(node.op)) {
        for (std::int64_t prompt = 0; prompt < run_.batch; ++prompt) compute(node, prompt, values_[id].data());
        continue;
      }
      for (std::int64_t prompt = 0; prompt < (lanes ? run_.batch : 1); ++prompt)
        compute(node, prompt, values_[id].data() + static_cast<size_t>(prompt) * count);
    }
    std::vector<Numbers> results;
    for (const int id : outputs) results.push_back(values_[static_cast<size_t>(id)]);
    return results;
  }

 private:
  const double* operand(int id, std::int64_t prompt) const {
    const Node& node = program_[id];
    const double* begin = values_[static_cast<size_t>(id)].data();
    return node.rate == Rate::kPrompt ? begin + prompt * elements(node.shape) : begin;
  }

  void compute(const Node& node, std::int64_t prompt, double* out) const;
  void product(const Node& node, std::int64_t prompt, double* out) const;
  void row(const Node& node, std::int64_t prompt, double* out) const;

  const Interpreter& run_;
  const Program& program_;
  std::vector<Numbers> values_;
};

// c(..., i, j) += sum_k a(..., i, k) b(..., k, j)
void Evaluation::product(const Node& node, std::int64_t prompt, double* out) const {
  const Shape& sa = program_[node.in[0]].shape;
  const Shape& sb = program_[node.in[1]].shape;
  Index index(node.shape.size(), 0);
  size_t at = 0;
  do {
    for (std::int64_t k = 0; k < sa.back(); ++k) {
      Index ia = index, ib = index;
      ia.back() = k;
      ib[ib.size() - 2] = k;
      out[at] += operand(node.in[0], prompt)[flat(ia, sa)] * operand(node.in[1], prompt)[flat(ib, sb)];
    }
    if (is_fused(node))
      out[at] += operand(node.in[2], prompt)[flat(index, program_[node.in[2]].shape)];
    ++at;
  } while (next(index, node.shape));
}

void Evaluation::row(const Node& node, std::int64_t prompt, double* out) const {
  const Shape& shape = program_[node.in[0]].shape;
  const auto n = static_cast<size_t>(shape.back());
  const size_t rows = static_cast<size_t>(elements(shape)) / n;
  const std::int64_t height = shape.size() > 1 ? shape[shape.size() - 2] : 1;
  for (size_t r = 0; r < rows; ++r) {
    const std::span x(operand(node.in[0], prompt) + r * n, n);
    const std::span y = node.in.size() > 1 ? std::span(operand(node.in[1], prompt) + r * n, n)
                                           : std::span<const double>();
    const auto sees = node.ints[0] * (static_cast<std::int64_t>(r) % height) + node.ints[1] + 1;
    const size_t seen = node.ints[0] == 0 ? n : std::min(n, static_cast<size_t>(sees));
    const Numbers result = row_of(node, x, y, seen);
    std::ranges::copy(result, out + r * result.size());
  }
}

void Evaluation::compute(const Node& node, std::int64_t prompt, double* out) const {
  const auto in = [&](size_t i) { return operand(node.in[i], prompt); };
  const auto shape = [&](size_t i) -> const Shape& { return program_[node.in[i]].shape; };
  const auto size = static_cast<size_t>(elements(node.shape));
  if (node.op == Op::kProduct || node.op == Op::kPromptProduct) return product(node, prompt, out);
  if (node.op == Op::kRow) return row(node, prompt, out);

  if (node.op == Op::kConcat) {
    std::int64_t begin = 0;
    for (size_t i = 0; i < node.in.size(); ++i) {
      Index index(node.shape.size(), 0);
      size_t at = 0;
      do {
        Index to = index;
        to[static_cast<size_t>(node.ints[0])] += begin;
        out[flat(to, node.shape)] = in(i)[at++];
      } while (next(index, shape(i)));
      begin += shape(i)[static_cast<size_t>(node.ints[0])];
    }
    return;
  }
  if (node.op == Op::kPad || node.op == Op::kSum || node.op == Op::kScatterAdd ||
      node.op == Op::kPromptScatterAdd) {
    // These walk their operand.
    Index index(shape(0).size(), 0);
    size_t at = 0;
    do {
      Index to = index;
      if (node.op == Op::kPad) {
        std::int64_t& place = to[static_cast<size_t>(node.ints[0])];
        place = node.ints[1] + node.ints[2] * place;
      }
      if (node.op == Op::kScatterAdd || node.op == Op::kPromptScatterAdd)
        to[0] = static_cast<std::int64_t>(in(1)[index[0]]);
      if (node.op == Op::kSum) {
        to.clear();
        for (size_t axis = 0; axis < index.size(); ++axis)
          if (std::ranges::find(node.ints, static_cast<std::int64_t>(axis)) == node.ints.end())
            to.push_back(index[axis]);
      }
      out[flat(to, node.shape)] += in(0)[at++];
    } while (next(index, shape(0)));
    return;
  }

  Index index(node.shape.size(), 0);
  for (size_t at = 0; at < size; ++at, next(index, node.shape)) {
    const auto x = [&](size_t i) { return in(i)[flat(index, shape(i))]; };
    switch (node.op) {
      case Op::kConstant: out[at] = node.data[node.data.size() == 1 ? 0 : at]; break;
      case Op::kInput:
        out[at] = run_.inputs.at(node.name)[at + (node.rate == Rate::kPrompt ? static_cast<size_t>(prompt) * size : 0)];
        break;
      case Op::kStep: out[at] = static_cast<double>(run_.step); break;
      case Op::kPromptIndex: out[at] = static_cast<double>(prompt); break;
      case Op::kPromptWeight: out[at] = 1.0 / static_cast<double>(run_.batch); break;
      case Op::kDraw: out[at] = hashed_draw(node, node.rate == Rate::kPrompt ? prompt : 0, at); break;
      case Op::kUnary: out[at] = unary(static_cast<lanes::Unary>(node.code), x(0)); break;
      case Op::kBinary: out[at] = binary(static_cast<lanes::Binary>(node.code), x(0), x(1)); break;
      case Op::kCompare: out[at] = compare(static_cast<lanes::Compare>(node.code), x(0), x(1)); break;
      case Op::kLogic:
        out[at] = logic(static_cast<lanes::Logic>(node.code), x(0), node.in.size() > 1 ? x(1) : 0);
        break;
      case Op::kIntegerBinary:
        out[at] = integer(static_cast<lanes::Integer>(node.code), x(0), x(1));
        break;
      case Op::kToReal:
      case Op::kBroadcast: out[at] = x(0); break;
      case Op::kSelect: out[at] = x(0) != 0 ? x(1) : x(2); break;
      case Op::kReshape: out[at] = in(0)[at]; break;
      case Op::kPromptSum: out[at] += in(0)[at]; break;
      case Op::kTranspose: {
        Index from(index.size());
        for (size_t axis = 0; axis < index.size(); ++axis)
          from[static_cast<size_t>(node.ints[axis])] = index[axis];
        out[at] = in(0)[flat(from, shape(0))];
        break;
      }
      case Op::kSlice: {
        Index from = index;
        std::int64_t& place = from[static_cast<size_t>(node.ints[0])];
        place = node.ints[1] + node.ints[2] * place;
        std::int64_t position = 0;  // not flat(): an operand's axis of length 1 is not stretched here
        for (size_t axis = 0; axis < from.size(); ++axis) position = position * shape(0)[axis] + from[axis];
        out[at] = in(0)[position];
        break;
      }
      case Op::kGather: {
        const auto row = static_cast<std::int64_t>(in(1)[index[0]]);
        out[at] = in(0)[row * node.shape[1] + index[1]];
        break;
      }
      default: throw std::logic_error("interpreter: unknown operation");
    }
  }
}

}  // namespace

std::vector<Numbers> Interpreter::evaluate(const Program& program, std::span<const int> outputs) const {
  return Evaluation(*this, program)(outputs);
}

Interpreter with_inputs(const Program& program, std::int64_t batch, double size) {
  Interpreter run{.batch = batch, .inputs = {}, .step = 3};
  std::uint64_t state = 12345;
  for (const Node& node : program.nodes) {
    if (node.op != Op::kInput) continue;
    const std::int64_t count = elements(node.shape) * (node.rate == Rate::kPrompt ? batch : 1);
    Numbers numbers(static_cast<size_t>(count));
    for (double& x : numbers) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      x = size * (static_cast<double>(state >> 11) * 0x1p-52 - 1);
    }
    run.inputs[node.name] = numbers;
  }
  return run;
}

}  // namespace iclab::program::testing
