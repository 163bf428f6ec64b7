// The builder: mathematics for ONE prompt of ONE replica, written with overloaded operators.
//
//   Value w = matmul(bases, a);                      // (d)
//   Value y = matmul(x, w) + sigma * b.normal(Stream::kPrompt, {n});
//
// Values are handles; the builder owns the program. Every operation checks shapes and types and throws
// Error "[operation] ..., expected ..., received ...". Equal values are computed once (hash-consing)
// and trivial algebra (x*1, x+0, transpose of transpose, constants) is folded as it is written.
#pragma once

#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "program/program.h"

namespace iclab::program {

class Builder;

/// A handle to a value of a builder's program.
class Value {
 public:
  Value() = default;
  Value(Builder* builder, int id) : builder_(builder), id_(id) {}

  int id() const { return id_; }
  Builder& builder() const { return *builder_; }
  bool valid() const { return builder_ != nullptr; }
  const Node& node() const;
  const Shape& shape() const { return node().shape; }
  Rate rate() const { return node().rate; }
  DType dtype() const { return node().dtype; }

 private:
  Builder* builder_ = nullptr;
  int id_ = -1;
};

/// Which random stream a draw belongs to, hence its rate: task and model draws are made once a run.
enum class Stream { kTask, kModel, kPrompt };

class Builder {
 public:
  /// `prompts` is the purpose of Stream::kPrompt draws: training prompts or evaluation prompts.
  explicit Builder(random::Purpose prompts = random::Purpose::kPrompts) : prompts_(prompts) {}
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  // ---- sources ----
  Value constant(double number);                              // ()
  Value constant(const Shape& shape, std::vector<double> numbers);  // row-major, or one number to fill
  Value integer_constant(const Shape& shape, std::vector<std::int64_t> numbers);
  Value identity(std::int64_t n);                             // (n, n)
  /// A value given from outside, at the rate said (not study). Throws Error if another input has the name.
  Value input(const std::string& name, const Shape& shape, Rate rate, DType dtype = DType::kReal);
  Value step();          // (), integer
  Value prompt_index();  // (), integer
  Value prompt_weight();  // (), 1/B for the batch's prompts, 0 for idle lanes

  // ---- draws ----
  Value uniform(Stream stream, const Shape& shape);  // (0, 1)
  Value normal(Stream stream, const Shape& shape);   // N(0, 1)
  Value sign(Stream stream, const Shape& shape);     // -1 or 1
  Value integers(Stream stream, const Shape& shape, std::int64_t bound);  // uniform on [0, bound)
  /// An index with these probabilities (up to a factor); beyond 32 categories by an alias table.
  Value categorical(Stream stream, const Shape& shape, std::span<const double> probabilities);
  /// Gamma(shape, scale 1); `gamma_shapes` are one number, or one an element, each above 0.
  Value gamma(Stream stream, const Shape& shape, std::vector<double> gamma_shapes);
  /// From now on prompt draws use step 0 in their counter: the same batch at every step.
  void fix_prompts() { fixed_prompts_ = true; }

  // ---- names and interventions ----
  /// Makes the value known by name; costs nothing until asked for. If the name was given to
  /// `intervene`, the value returned is an input of that name instead.
  Value name(Value value, const std::string& name);
  void intervene(const std::string& name) { interventions_.insert(name); }
  Value named(const std::string& name);  // throws Error with the nearest name

  const Program& program() const { return program_; }

  /// Adds a node (rate inferred, simplified, shared with an equal one). For the program floor.
  Value emit(Node node);

 private:
  Value draw(lanes::Draw kind, Stream stream, const Shape& shape, Node node);

  Program program_;
  std::unordered_multimap<std::size_t, int> by_hash_;
  random::Purpose prompts_;
  bool fixed_prompts_ = false;
  std::map<random::Purpose, std::uint32_t> next_draw_;
  std::map<std::string, int> inputs_;
  std::set<std::string> interventions_;
};

// ---- element by element, broadcasting; reals, and + - * of two integers (wrapping) ----
Value operator-(Value a);
Value operator+(Value a, Value b);
Value operator-(Value a, Value b);
Value operator*(Value a, Value b);
Value operator/(Value a, Value b);
Value operator+(Value a, double b);
Value operator-(Value a, double b);
Value operator*(Value a, double b);
Value operator/(Value a, double b);
Value operator+(double a, Value b);
Value operator-(double a, Value b);
Value operator*(double a, Value b);
Value operator/(double a, Value b);
Value minimum(Value a, Value b);
Value maximum(Value a, Value b);
Value pow(Value a, Value b);  // a > 0
Value unary(lanes::Unary function, Value a);
Value abs(Value a);
Value square(Value a);
Value sqrt(Value a);
Value exp(Value a);
Value expm1(Value a);
Value log(Value a);
Value log1p(Value a);
Value tanh(Value a);
Value erf(Value a);
Value sin_turns(Value a);  // sin(2 pi a)
Value cos_turns(Value a);
Value relu(Value a);
Value sigmoid(Value a);
Value softplus(Value a);   // log(1 + e^a)
Value gelu(Value a);       // a Phi(a)
Value gelu_tanh(Value a);  // its approximation by tanh
Value gate(Value a, Value b);  // a where b > 0, else 0; b is constant under differentiation
Value operator<(Value a, Value b);  // reals or integers -> boolean
Value operator<=(Value a, Value b);
Value equal(Value a, Value b);
Value not_equal(Value a, Value b);
Value logical_and(Value a, Value b);
Value logical_or(Value a, Value b);
Value logical_not(Value a);
Value to_real(Value a);                               // integer or boolean -> real
Value to_integer(Value boolean);                      // 0 or 1
Value select(Value condition, Value yes, Value no);   // reals, or integers

// ---- views; negative axes count from the end ----
Value reshape(Value a, const Shape& shape);
Value transpose(Value a);  // the last two axes
Value permute(Value a, const std::vector<int>& order);
/// `length` elements along the axis from `begin` on, `step` apart.
Value slice(Value a, int axis, std::int64_t begin, std::int64_t length, std::int64_t step = 1);
Value index(Value a, int axis, std::int64_t i);  // slice of length 1, axis dropped
Value broadcast_to(Value a, const Shape& shape);

// ---- structure ----
Value concat(const std::vector<Value>& parts, int axis);
/// Zeros of length `length` along the axis with the elements of `a` from `begin` on, `step` apart.
Value pad(Value a, int axis, std::int64_t begin, std::int64_t length, std::int64_t step = 1);
/// (..., m, k) x (..., k, n) -> (..., m, n); a vector (k) stands for a row on the left, for a column on
/// the right, and its axis is dropped from the result.
Value matmul(Value a, Value b);
Value dot(Value a, Value b);  // (k), (k) -> ()
Value sum(Value a);           // all axes
Value sum(Value a, const std::vector<int>& axes, bool keep = false);
Value mean(Value a);
/// Rows of a table (rows, ...) by index (...): index.shape + table.shape[1:]; rank of index at most 1.
Value gather(Value table, Value index);
/// Adds source (index.shape + (...)) into `rows` zero rows, in the order of the index.
Value scatter_add(Value source, Value index, std::int64_t rows);

// ---- along the last axis ----
Value softmax(Value a);
/// Row i of the last but one axis sees the columns 0 .. i + offset; the others are 0.
Value causal_softmax(Value a, std::int64_t offset = 0);
Value log_sum_exp(Value a);  // the last axis is dropped
Value layer_norm(Value a, double epsilon = 1e-5);  // (a - mean) / sqrt(variance + epsilon)
Value rms_norm(Value a, double epsilon = 1e-5);    // a / sqrt(mean a^2 + epsilon)
Value cumulative_sum(Value a);
Value cumulative_product(Value a);  // differentiable where no element is 0
/// Position in ascending order (of equals the lower index first), integer; constant under
/// differentiation.
Value rank(Value a);

// ---- from prompts to steps ----
/// Mean over the prompts of the batch; a value that no prompt changes is its own mean.
Value prompt_mean(Value a);
/// Sum over the prompts of the batch; a value that no prompt changes counts once for each of them.
Value prompt_sum(Value a);

}  // namespace iclab::program
