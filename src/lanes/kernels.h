// The kernels: everything a program executes. One table of functions per scalar type and instruction
// set; all tables give the same bits.
//
// Letters: G groups of 16 prompts in a strand, T the scalar type (float or double). The lane is the
// last, unwritten dimension: a "lanes" value has 16 scalars an element (one a prompt), a "plain" value
// has one scalar an element, broadcast where it meets lanes. Real values are T; int32 and bool values
// are std::int32_t (bool: 0 or 1), in the same layouts.
//
// In the ordinary layout no operand has lanes: a group is one prompt, and a plain value that differs
// between prompts has a group stride. Every kernel takes groups > 1 of plain operands; draws of group g
// belong to prompt first_prompt + g.
//
// Orders are part of the interface, because bits are:
//  - product: c(i,j) = a(i,0)*b(0,j), then fma(a(i,k), b(k,j), c) for k = 1, 2, ... in order;
//  - sum over axes: the first element, then + the others, in row-major order of the reduced indices;
//  - along a row (RowArgs): lanes in order of the row; plain rows, filled up with zeros to a multiple
//    of 16, in 16 parts, part p the elements p, p + 16, p + 32, ... in order, then folded by halves;
//  - over prompts: lane by lane over groups in order, then lanes folded by halves
//    (l + (l+8), then +4, +2, +1); in the ordinary layout over prompts in order; products as they say.
#pragma once

#include <array>
#include <cstdint>

namespace iclab::lanes {

inline constexpr int kLanes = 16;
inline constexpr int kMaxRank = 4;
using Dims = std::array<std::int64_t, kMaxRank>;  // outer to inner, padded with 1 in front

/// How a kernel finds the elements of a value. Element (i0,i1,i2,i3) of group g lies
/// (i . strides) elements and g*group_stride elements from `data`; an element is 16 scalars
/// if `lanes`, one if plain. Stride 0 broadcasts; group stride 0: the same for all groups.
struct Operand {
  void* data = nullptr;
  Dims strides{};
  std::int64_t group_stride = 0;
  bool lanes = false;
};

/// out(i) = f(in[0](i), in[1](i), in[2](i)). If out is plain, so are all inputs.
/// out may be the very same view as an input; otherwise they don't overlap.
struct ElementwiseArgs {
  std::int64_t groups = 1;
  Dims dims{1, 1, 1, 1};
  Operand out;
  std::array<Operand, 3> in;
};

/// Real -> real. kSinTurns(x) = sin(2 pi x). Special values as in functions.h.
enum class Unary { kCopy, kNegate, kAbs, kSquare, kSqrt, kReciprocal, kExp, kExpm1, kLog, kLog1p,
                   kTanh, kErf, kSinTurns, kCosTurns, kRelu, kSigmoid, kSoftplus, kGelu, kGeluTanh,
                   kGeluSlope, kGeluTanhSlope, kCount };
// kRelu(x) = max(x, 0); kSoftplus(x) = log(1 + e^x) = max(x, 0) + log1p(e^-|x|); kGelu(x) = x Phi(x);
// kGeluTanh(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); slopes are their derivatives.
/// (Real, real) -> real. Minimum and maximum give NaN if either operand is NaN. kGate(a, b): a where
/// b > 0, else 0.
enum class Binary { kAdd, kSubtract, kMultiply, kDivide, kMinimum, kMaximum, kPower, kGate, kCount };
/// (Real, real) or (int32, int32) -> bool. Comparisons with NaN are false, kNotEqual true.
enum class Compare { kLess, kLessEqual, kEqual, kNotEqual, kCount };
/// On bool (kAnd, kOr: two operands; kNot: one).
enum class Logic { kAnd, kOr, kNot, kCount };
/// (int32, int32) -> int32, wrapping.
enum class Integer { kAdd, kSubtract, kMultiply, kCount };

/// c(i,j) = sum_k a(i,k) b(k,j), batched over two outer dimensions; then addend(i,j) is added, if it has
/// data: the bits of a product and an addition. Over prompts only sums of chains have one.
/// Strides of the operands: {batch 0, batch 1, row, column}. If c is plain, so are the others.
/// The sum over no k is 0. c overlaps none of the others, but the addend of chains.
struct ProductArgs {
  std::int64_t groups = 1;
  std::int64_t groups_per_chain = 0;  // see Kernels::sums_chains; 0: one chain
  std::int64_t batch0 = 1, batch1 = 1, m = 0, n = 0, k = 0;
  Operand c, a, b, addend;
};

/// Functions of a row: dims[3] elements along the last axis, for all the rows of dims[0..2].
enum class RowFunction {
  kSoftmax,            // e^(x - max) / sum
  kSoftmaxGradient,    // in p, g: p (g - sum p g)
  kLogSumExp,          // max + log sum e^(x - max): one element a row (out.strides[3] is not read)
  kLayerNorm,          // (x - mean) / sqrt(mean (x - mean)^2 + epsilon)
  kLayerNormGradient,  // in x, g, with y = layer norm of x: (g - mean g - y mean(g y)) / sqrt(...)
  kRmsNorm,            // x / sqrt(mean x^2 + epsilon)
  kRmsNormGradient,    // in x, g: (g - y mean(g y)) / sqrt(...)
  kCumulativeSum,      // sum of the elements up to and with this one
  kCumulativeSumBack,  // sum of the elements from this one on
  kCumulativeProduct,
  kRank,               // out int32: how many are smaller, or equal and before
  kCount
};

/// out(row) = f(in[0](row), in[1](row)). Causal (softmax and its gradient): row i of dims[2] sees the
/// elements 0 .. causal * i + offset, at least one; the others of p are 0. A NaN in a row of reals makes the
/// row NaN where it is seen. out may be the same view as an input.
struct RowArgs {
  std::int64_t groups = 1;
  Dims dims{1, 1, 1, 1};
  Operand out;
  std::array<Operand, 2> in;
  std::int64_t causal = 0;  // 0: every row sees all
  std::int64_t offset = 0;
  double epsilon = 0;
};

/// out(j) = sum over the reduced axes of in(i); dims are those of `in`, the strides of `out` are 0
/// on reduced axes.
struct SumArgs {
  std::int64_t groups = 1;
  Dims dims{1, 1, 1, 1};
  std::array<bool, kMaxRank> reduced{};
  Operand out, in;
};

/// out(i, j...) = table(index(i), j...): rows of a table by int32 index.
/// `outer` counts indices (their operand has strides[3] only), `inner` elements a row
/// (strides of out and table: {0, 0, row, element}). An index outside [0, rows) is clamped.
/// out lanes: index and table may each be lanes or plain. out plain: both plain.
struct GatherArgs {
  std::int64_t groups = 1;
  std::int64_t outer = 0, inner = 0, rows = 0;
  Operand out, table, index;
};

/// Where random words come from: block(counter) with counter = (step, prompt, draw, attempt).
/// Lane l of group g has prompt min(first_prompt + 16 g + l, last_prompt). Elements are consecutive:
/// element e comes from block draw + e / per_block, with per_block the elements a block of four
/// 32-bit words gives (see random/stream.h). If out is plain, group g has prompt min(first_prompt + g,
/// last_prompt).
/// Elements are counted in the order of `dims`. A plain out is contiguous: element e at e (strides are not
/// read), group g at g*group_stride; so is one of lanes where `dims` is 0.
/// Gamma: element e uses block draw + e and attempts 0 and 1, 2 and 3, ... until one is accepted (Marsaglia
/// and Tsang, 2000); below shape 1, Gamma(a) = Gamma(a + 1) U^(1/a).
struct DrawArgs {
  std::int64_t groups = 1;
  std::int64_t count = 0;  // elements
  Dims dims{};
  std::array<std::uint64_t, 2> key{};
  std::uint32_t step = 0, draw = 0, first_prompt = 0, last_prompt = 0;
  Operand out;
  std::int32_t bound = 0;               // integers: uniform on [0, bound)
  const double* thresholds = nullptr;   // categorical: cumulative probabilities p0, p0+p1, ... (without the last)
  std::int32_t categories = 0;          // categorical, alias: number of categories
  const double* alias_keep = nullptr;   // alias: the probability that a cell keeps its own category,
  const std::int32_t* alias_other = nullptr;  // and the other category of the cell (Vose, 1991)
  const double* gamma_shapes = nullptr;  // gamma: one an element
};
enum class Draw { kUniform, kNormal, kSign, kInteger, kCategorical, kAlias, kGamma, kCount };

/// theta <- update(theta, gradient), over n contiguous scalars. All factors come from the host.
///  sgd:      theta -= lr * (g*scale + decay*theta)
///  momentum: m = mu*m + (g*scale + decay*theta); theta -= lr * m
///  adam:     g' = g*scale + decay*theta; m = b1*m + (1-b1)*g'; v = b2*v + (1-b2)*g'*g';
///            theta -= lr * (m*correction1) / (sqrt(v*correction2) + epsilon)
///  adamw:    adam without decay in g', after theta -= lr * decay * theta (Loshchilov and Hutter, 2019)
/// `before`, if given, becomes theta as it was. Returns false if any gradient or updated theta is not finite.
struct UpdateArgs {
  std::int64_t n = 0;
  void* theta = nullptr;
  void* before = nullptr;
  const void* gradient = nullptr;
  void* m = nullptr;
  void* v = nullptr;
  double lr = 0, scale = 1, decay = 0, mu = 0, b1 = 0, b2 = 0, correction1 = 1, correction2 = 1,
         epsilon = 0;
};
enum class Update { kSgd, kMomentum, kAdam, kAdamW, kCount };

/// The kernels for scalar type T (float or double), bound to one instruction set.
template <class T>
struct Kernels {
  using Elementwise = void (*)(const ElementwiseArgs&);
  std::array<Elementwise, static_cast<int>(Unary::kCount)> unary;
  std::array<Elementwise, static_cast<int>(Binary::kCount)> binary;
  std::array<Elementwise, static_cast<int>(Compare::kCount)> compare;          // reals
  std::array<Elementwise, static_cast<int>(Compare::kCount)> compare_integer;  // int32
  std::array<Elementwise, static_cast<int>(Logic::kCount)> logic;
  std::array<Elementwise, static_cast<int>(Integer::kCount)> integer;
  Elementwise copy_integer;  // int32 -> int32 (also bool)
  Elementwise to_real;       // int32 or bool -> real
  Elementwise select;        // in[0] bool ? in[1] : in[2], reals

  void (*product)(const ProductArgs&);
  /// c(i,j) = sum over prompts (groups and lanes) and k of a(i,k) b(k,j): c plain, a and b lanes or
  /// plain. Both alike: one fma chain from zero over groups, k and (if they have them) lanes, in that
  /// order: the outermost first. Only one in lanes: such a chain over groups and k for every lane, then
  /// lanes folded by halves.
  void (*product_over_prompts)(const ProductArgs&);
  /// True if product_over_prompts heeds groups_per_chain: the sums of chains are added in their order, to the
  /// addend if there is one, which must be c itself.
  bool (*sums_chains)(const ProductArgs&);

  void (*sum)(const SumArgs&);
  /// out plain (no axis reduced): the sum over groups, and lanes if `in` has them.
  void (*sum_over_prompts)(const SumArgs&);

  void (*gather)(const GatherArgs&);          // reals
  void (*gather_integer)(const GatherArgs&);  // int32
  /// table(index(i), j...) += out(i, j...) in order of i; the roles of the operands are gather's,
  /// `out` is read and `table` (of the same lanes-ness as out) is written; it is not cleared first.
  void (*scatter_add)(const GatherArgs&);
  /// The same into a plain table, cleared first, from all prompts: group by group, in order of i, lane
  /// by lane.
  void (*scatter_add_over_prompts)(const GatherArgs&);

  std::array<void (*)(const RowArgs&), static_cast<int>(RowFunction::kCount)> row;

  std::array<void (*)(const DrawArgs&), static_cast<int>(Draw::kCount)> draw;  // integer draws write int32

  /// total(i) += part(i) over n contiguous scalars.
  void (*accumulate)(T* total, const T* part, std::int64_t n);
  std::array<bool (*)(const UpdateArgs&), static_cast<int>(Update::kCount)> update;
  /// True if all n contiguous scalars are finite.
  bool (*all_finite)(const T* x, std::int64_t n);
};

enum class InstructionSet { kAvx2, kAvx512 };

/// The instruction sets this processor has and this build knows, best last. Empty: refuse to run.
/// ("avx512" needs AVX-512 F, BW, CD, DQ, VL.)
struct InstructionSets {
  bool avx2 = false, avx512 = false;
};
InstructionSets available_instruction_sets();

/// The set used unless one is named: the best available, or the one in the environment variable
/// ICLAB_SIMD ("avx2" or "avx512"). Throws iclab::Error if the processor has less than AVX2 and FMA,
/// or ICLAB_SIMD names an unknown or unavailable set.
InstructionSet chosen_instruction_set();
const char* name(InstructionSet set);

template <class T>
const Kernels<T>& kernels(InstructionSet set);
template <>
const Kernels<float>& kernels<float>(InstructionSet set);
template <>
const Kernels<double>& kernels<double>(InstructionSet set);

/// Flush-to-zero and denormals-are-zero for the lifetime of the object, on this thread.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned saved_;
};

/// Host-side scalars that enter a run (schedules, bias corrections, log-spaced points) use the kernels'
/// own functions, so that they don't depend on libm: f(x) in double.
double host_unary(Unary f, double x);
double host_binary(Binary f, double x, double y);

}  // namespace iclab::lanes
