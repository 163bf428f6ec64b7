#include "program/reassociate.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace iclab::program {
namespace {

using lanes::Binary;
using lanes::Unary;

constexpr size_t kMaxFactors = 32;  // of a chain: the search is cubic

// A value as (batch..., rows, cols) without leading ones; a vector is a column, a scalar (1, 1).
struct Form {
  Shape batch;
  std::int64_t rows = 1, cols = 1;
};

Form form_of(const Shape& shape) {
  const size_t rank = shape.size();
  if (rank == 0) return {};
  if (rank == 1) return {{}, shape[0], 1};
  Form form{{}, shape[rank - 2], shape[rank - 1]};
  auto begin = shape.begin();
  while (begin != shape.end() - 2 && *begin == 1) ++begin;
  form.batch.assign(begin, shape.end() - 2);
  return form;
}

struct Factor {
  int id = -1;
  bool transposed = false;
  Form form;  // as it stands in the chain
  Rate rate = Rate::kStudy;
};

struct Scalar {
  int id = -1;
  enum { kTimes, kDivided, kNegated } how = kTimes;
};

// scalars * factors[0] factors[1] ..., summed over prompts or not.
struct Chain {
  std::vector<Factor> factors;
  std::vector<Scalar> scalars;
  bool sum = false;
};

void transpose_chain(Chain& chain) {
  std::reverse(chain.factors.begin(), chain.factors.end());
  for (Factor& factor : chain.factors) {
    factor.transposed = !factor.transposed;
    std::swap(factor.form.rows, factor.form.cols);
  }
}

// The cheapest bracketing of a chain: matrix-chain multiplication by dynamic programming, with two
// values an interval: its product, and the sum over prompts of its product.
class Bracketing {
 public:
  Bracketing(const Chain& chain, std::int64_t batch)
      : chain_(chain), batch_(batch), n_(chain.factors.size()), cells_(n_ * n_) {
    for (size_t length = 1; length <= n_; ++length)
      for (size_t i = 0; i + length <= n_; ++i) fill(i, i + length - 1);
  }

  struct Cell {
    Shape batch;
    Rate rate = Rate::kStudy;
    double cost = 0;
    size_t split = 0;  // the left part's last factor; of equal costs the shortest left part
    double sum_cost = std::numeric_limits<double>::infinity();
    size_t sum_split = 0;
  };

  size_t size() const { return n_; }
  const Cell& at(size_t i, size_t j) const { return cells_[i * n_ + j]; }
  double cost() const { return chain_.sum ? at(0, n_ - 1).sum_cost : at(0, n_ - 1).cost; }
  double elements_of(size_t i, size_t j) const {
    return static_cast<double>(elements(at(i, j).batch) * chain_.factors[i].form.rows *
                               chain_.factors[j].form.cols);
  }
  double rate_weight(Rate rate) const { return step_weight(rate, batch_); }

 private:
  void fill(size_t i, size_t j) {
    Cell& cell = cells_[i * n_ + j];
    const Factor& last = chain_.factors[j];
    if (i == j) {
      cell.batch = last.form.batch;
      cell.rate = last.rate;
      if (cell.rate == Rate::kPrompt) cell.sum_cost = elements_of(i, j) * rate_weight(cell.rate);
      return;
    }
    cell.batch = broadcast("reassociate", at(i, j - 1).batch, last.form.batch);
    cell.rate = std::max(at(i, j - 1).rate, last.rate);
    cell.cost = std::numeric_limits<double>::infinity();
    for (size_t k = i; k < j; ++k) {
      const Cell& left = at(i, k);
      const Cell& right = at(k + 1, j);
      const double flops = 2.0 * elements_of(i, j) * static_cast<double>(chain_.factors[k].form.cols);
      const double cost = left.cost + right.cost + flops * rate_weight(cell.rate);
      if (cost < cell.cost) {
        cell.cost = cost;
        cell.split = k;
      }
      if (cell.rate != Rate::kPrompt) continue;
      // The sum over prompts: of both, or of one and then times what no prompt changes.
      double sum_cost = cost;
      if (left.rate != Rate::kPrompt) sum_cost = left.cost + right.sum_cost + flops;
      if (right.rate != Rate::kPrompt) sum_cost = left.sum_cost + right.cost + flops;
      if (sum_cost < cell.sum_cost) {
        cell.sum_cost = sum_cost;
        cell.sum_split = k;
      }
    }
  }

  const Chain& chain_;
  std::int64_t batch_;
  size_t n_;
  std::vector<Cell> cells_;
};

class Reassociation {
 public:
  Reassociation(const Program& from, std::span<const int> outputs, std::int64_t batch, Builder& to)
      : from_(from), to_(to), batch_(batch), map_(from.nodes.size(), -1),
        live_(live_nodes(from, outputs)), after_(from.nodes.size(), false),
        inside_(from.nodes.size(), false), needed_(from.nodes.size(), false),
        users_(from.nodes.size()) {
    for (const int id : outputs) needed_[at(id)] = true;
    find_users();
    choose();
  }

  std::vector<int> run(std::span<const int> outputs) {
    for (const int id : outputs) emit_with_operands(id);
    for (const auto& [name, id] : from_.names)
      if (map_[at(id)] >= 0) to_.name({&to_, map_[at(id)]}, name);
    std::vector<int> mapped;
    for (const int id : outputs) mapped.push_back(map_[at(id)]);
    return mapped;
  }

 private:
  static size_t at(int id) { return static_cast<size_t>(id); }

  // ---- what a chain runs through ----

  // A view in which a chain stays a chain, perhaps transposed.
  bool is_view(int id) const {
    const Node& node = from_[id];
    if (node.op == Op::kTranspose) {
      const size_t rank = node.ints.size();
      if (rank < 2 || node.ints[rank - 1] != static_cast<std::int64_t>(rank - 2)) return false;
      return std::is_sorted(node.ints.begin(), node.ints.end() - 2) &&
             (rank == 2 || node.ints[rank - 3] == static_cast<std::int64_t>(rank - 3));
    }
    if (node.op != Op::kReshape) return false;
    const Form to = form_of(node.shape), from = form_of(from_[node.in[0]].shape);
    if (to.batch != from.batch) return false;
    if (to.rows == from.rows && to.cols == from.cols) return true;
    return to.batch.empty() && to.rows == from.cols && to.cols == from.rows &&
           (to.rows == 1 || to.cols == 1);
  }

  int base_of(int id) const {
    while (is_view(id)) id = from_[id].in[0];
    return id;
  }

  bool is_product(int id) const {
    const Op op = from_[id].op;
    return op == Op::kProduct || op == Op::kPromptProduct || op == Op::kPromptSum;
  }

  // Which operand of a number times (or below, or the negative of) a matrix is the matrix; -1: neither.
  int matrix_operand(int id) const {
    const Node& node = from_[id];
    if (node.op == Op::kUnary && static_cast<Unary>(node.code) == Unary::kNegate) return 0;
    if (node.op != Op::kBinary) return -1;
    const auto function = static_cast<Binary>(node.code);
    if (function != Binary::kMultiply && function != Binary::kDivide) return -1;
    const bool one = elements(node.shape) == 1;
    for (const int matrix : {1, 0}) {
      if (matrix == 1 && function == Binary::kDivide) continue;
      const int x = node.in[static_cast<size_t>(matrix)], c = node.in[static_cast<size_t>(1 - matrix)];
      if (elements(from_[c].shape) != 1 || from_[x].shape != node.shape) continue;
      if (!one || is_product(base_of(x))) return matrix;
    }
    return -1;
  }

  bool is_link(int id) const { return is_product(id) || matrix_operand(id) >= 0; }

  // True if some product lies inside the link.
  bool holds_product(int id) const {
    for (int matrix; !is_product(id); id = base_of(from_[id].in[static_cast<size_t>(matrix)]))
      if (matrix = matrix_operand(id); matrix < 0) return false;
    return true;
  }

  // ---- users ----

  // Who reads a value, seen through views; `needed_`: somebody who is no chain.
  void find_users() {
    for (size_t id = 0; id < live_.size(); ++id) {
      const Node& node = from_.nodes[id];
      after_[id] = sums_prompts(node.op);
      for (const int in : node.in) after_[id] = after_[id] || after_[at(in)];
    }
    for (int id = static_cast<int>(live_.size()); id-- > 0;) {
      if (!live_[at(id)]) continue;
      const Node& node = from_[id];
      if (is_view(id)) {
        std::vector<int>& readers = users_[at(node.in[0])];
        readers.insert(readers.end(), users_[at(id)].begin(), users_[at(id)].end());
        if (needed_[at(id)]) needed_[at(node.in[0])] = true;
        continue;
      }
      const int matrix = matrix_operand(id);
      for (size_t i = 0; i < node.in.size(); ++i) {
        const bool links = is_product(id) || static_cast<int>(i) == matrix;
        if (links) users_[at(node.in[i])].push_back(id);
        else needed_[at(node.in[i])] = true;
      }
    }
  }

  // Which links are multiplied out in the chains of their users: those with one user; of the others
  // those where it costs less.
  void choose() {
    for (size_t id = 0; id < live_.size(); ++id)
      inside_[id] = live_[id] && !needed_[id] && users_[id].size() == 1 && is_link(static_cast<int>(id));
    cut_long_chains();
    for (int id = static_cast<int>(live_.size()); id-- > 0;) {
      const bool open = live_[at(id)] && !inside_[at(id)] && !users_[at(id)].empty();
      if (!open || !is_link(id) || !holds_product(id)) continue;
      std::set<int> roots;
      find_roots(id, roots);
      const double kept = cost_of(roots) + (needed_[at(id)] ? 0 : cost_of({id}));
      inside_[at(id)] = true;
      constexpr double kWorth = 0.999;  // roundings of the costs are no reason
      if (!(cost_of(roots) < kWorth * kept)) inside_[at(id)] = false;
    }
  }

  // A value whose chain would be too long becomes a factor.
  void cut_long_chains() {
    std::vector<size_t> length(live_.size(), 1);
    for (size_t id = 0; id < live_.size(); ++id) {
      if (!live_[id] || !is_link(static_cast<int>(id))) continue;
      size_t total = 0;
      for (const int in : from_.nodes[id].in) {
        const size_t base = at(base_of(in));
        if (inside_[base] && total + length[base] >= kMaxFactors) inside_[base] = false;
        total += inside_[base] ? length[base] : 1;
      }
      length[id] = total;
    }
  }

  // The chains in which a value is a factor.
  void find_roots(int id, std::set<int>& roots) const {
    for (const int user : users_[at(id)]) {
      if (!inside_[at(user)] || needed_[at(user)]) roots.insert(user);
      if (inside_[at(user)]) find_roots(user, roots);
    }
  }

  double cost_of(const std::set<int>& roots) const {
    double total = 0;
    for (const int root : roots) total += Bracketing(chain_of(root), batch_).cost();
    return total;
  }

  // ---- chains ----

  Chain leaf(int id) const {
    return {{{id, false, form_of(from_[id].shape), from_[id].rate}}, {}, false};
  }

  Chain operand_chain(int id) const {
    const int base = base_of(id);
    if (!is_link(base) || !inside_[at(base)]) return leaf(id);
    if (id == base) return chain_of(id);
    Chain chain = operand_chain(from_[id].in[0]);
    const Form form = form_of(from_[id].shape);
    const bool turned = from_[id].op == Op::kTranspose ||
                        chain.factors.front().form.rows != form.rows ||
                        chain.factors.back().form.cols != form.cols;
    if (turned) transpose_chain(chain);
    return chain;
  }

  // Something computed from a sum over prompts can't go inside one.
  bool comes_after(const Chain& chain) const {
    return chain.sum ||
           std::any_of(chain.factors.begin(), chain.factors.end(),
                       [&](const Factor& factor) { return after_[at(factor.id)]; }) ||
           std::any_of(chain.scalars.begin(), chain.scalars.end(), [&](const Scalar& scalar) {
             return scalar.id >= 0 && after_[at(scalar.id)];
           });
  }

  Chain joined(int left, int right) const {
    Chain a = operand_chain(left), b = operand_chain(right);
    const bool clash = (a.sum && comes_after(b)) || (b.sum && comes_after(a));
    if (clash && a.sum) a = leaf(left);
    if (clash && b.sum) b = leaf(right);
    if (a.factors.size() + b.factors.size() > kMaxFactors)
      (a.factors.size() > b.factors.size() ? a : b) =
          leaf(a.factors.size() > b.factors.size() ? left : right);
    a.factors.insert(a.factors.end(), b.factors.begin(), b.factors.end());
    a.scalars.insert(a.scalars.end(), b.scalars.begin(), b.scalars.end());
    a.sum = a.sum || b.sum;
    return a;
  }

  // The chain whose value is the link `id`, in its form.
  Chain chain_of(int id) const {
    const Node& node = from_[id];
    if (node.op == Op::kProduct) return joined(node.in[0], node.in[1]);
    if (node.op == Op::kPromptProduct || node.op == Op::kPromptSum) {
      Chain chain = node.op == Op::kPromptSum ? operand_chain(node.in[0])
                                              : joined(node.in[0], node.in[1]);
      const bool of_prompts =
          std::any_of(chain.factors.begin(), chain.factors.end(),
                      [](const Factor& factor) { return factor.rate == Rate::kPrompt; });
      if (comes_after(chain) || !of_prompts) return leaf(id);
      chain.sum = true;
      return chain;
    }
    const auto matrix = static_cast<size_t>(matrix_operand(id));
    Scalar scalar;
    if (node.op == Op::kUnary) scalar.how = Scalar::kNegated;
    else scalar.id = node.in[1 - matrix];
    if (node.op == Op::kBinary && static_cast<Binary>(node.code) == Binary::kDivide)
      scalar.how = Scalar::kDivided;
    Chain chain = operand_chain(node.in[matrix]);
    if (chain.sum && scalar.id >= 0 && after_[at(scalar.id)]) chain = leaf(node.in[matrix]);
    chain.scalars.push_back(scalar);
    return chain;
  }

  // ---- emission ----

  // The chain a value is computed by, or null.
  const Chain* chain_to_emit(int id) {
    if (!is_link(id)) return nullptr;
    const auto [entry, is_new] = chains_.try_emplace(id);
    if (is_new) entry->second = chain_of(id);
    return entry->second.factors.size() > 1 ? &entry->second : nullptr;
  }

  std::vector<int> operands_of(int id) {
    const Chain* chain = chain_to_emit(id);
    if (!chain) return from_[id].in;
    std::vector<int> operands;
    for (const Factor& factor : chain->factors) operands.push_back(factor.id);
    for (const Scalar& scalar : chain->scalars)
      if (scalar.id >= 0) operands.push_back(scalar.id);
    return operands;
  }

  void emit_with_operands(int output) {
    std::vector<int> waiting{output};
    while (!waiting.empty()) {
      const int id = waiting.back();
      const size_t before = waiting.size();
      if (map_[at(id)] < 0) {
        const std::vector<int> in = operands_of(id);
        for (size_t i = in.size(); i-- > 0;)
          if (map_[at(in[i])] < 0) waiting.push_back(in[i]);
      }
      if (waiting.size() > before) continue;
      waiting.pop_back();
      if (map_[at(id)] < 0) map_[at(id)] = emit(id);
    }
  }

  Value mapped(int id) const { return {&to_, map_[at(id)]}; }

  int emit(int id) {
    if (const Chain* chain = chain_to_emit(id))
      return reshape(emit_chain(*chain), from_[id].shape).id();
    Node copy = from_[id];
    for (int& in : copy.in) in = map_[at(in)];
    return to_.emit(std::move(copy)).id();
  }

  // An interval of a chain, as its product or as its sum over prompts.
  struct Part {
    size_t i = 0, j = 0;
    bool sum = false;
    bool operator==(const Part&) const = default;
  };

  Value emit_chain(const Chain& chain) {
    const Bracketing bracketing(chain, batch_);
    const Part whole{0, chain.factors.size() - 1, chain.sum};
    const Value scalar = emit_scalar(chain);
    Part scaled = whole;
    if (scalar.valid()) {
      double least = std::numeric_limits<double>::infinity();
      find_scaled(bracketing, whole, scalar.rate(), least, scaled);
    }
    return emit_part(chain, bracketing, whole, scaled, scalar);
  }

  Value emit_scalar(const Chain& chain) {
    Value product;
    for (const Rate rate : {Rate::kStudy, Rate::kReplica, Rate::kStep, Rate::kPrompt})
      for (const Scalar& scalar : chain.scalars) {
        if ((scalar.id >= 0 ? from_[scalar.id].rate : Rate::kStudy) != rate) continue;
        Value x = scalar.id >= 0 ? reshape(mapped(scalar.id), {}) : to_.constant(-1.0);
        if (scalar.how == Scalar::kDivided) x = 1.0 / x;
        product = product.valid() ? product * x : x;
      }
    return product;
  }

  // The part with the fewest elements that changes as often as the scalar; of equals the last computed.
  void find_scaled(const Bracketing& bracketing, Part part, Rate rate, double& least, Part& best) {
    const auto& cell = bracketing.at(part.i, part.j);
    const Rate own = part.sum ? Rate::kStep : cell.rate;
    const double cost = bracketing.elements_of(part.i, part.j) * bracketing.rate_weight(own);
    if (own >= rate && cost < least) {
      least = cost;
      best = part;
    }
    if (part.i == part.j) {
      if (part.sum) find_scaled(bracketing, {part.i, part.j, false}, rate, least, best);
      return;
    }
    const auto [left, right] = halves(bracketing, part);
    find_scaled(bracketing, left, rate, least, best);
    find_scaled(bracketing, right, rate, least, best);
  }

  static std::pair<Part, Part> halves(const Bracketing& bracketing, Part part) {
    const auto& cell = bracketing.at(part.i, part.j);
    const size_t k = part.sum ? cell.sum_split : cell.split;
    Part left{part.i, k, false}, right{k + 1, part.j, false};
    if (part.sum && bracketing.at(left.i, left.j).rate != Rate::kPrompt) right.sum = true;
    if (part.sum && bracketing.at(right.i, right.j).rate != Rate::kPrompt) left.sum = true;
    return {left, right};
  }

  Value emit_part(const Chain& chain, const Bracketing& bracketing, Part part, Part scaled,
                  Value scalar) {
    const auto times = [&](Value x) { return part == scaled && scalar.valid() ? scalar * x : x; };
    if (part.i == part.j) {
      if (!part.sum) return times(emit_factor(chain.factors[part.i]));
      const Value x = emit_part(chain, bracketing, {part.i, part.j, false}, scaled, scalar);
      return times(to_.emit({.op = Op::kPromptSum, .shape = x.shape(), .in = {x.id()}}));
    }
    const auto [left, right] = halves(bracketing, part);
    const Value a = emit_part(chain, bracketing, left, scaled, scalar);
    const Value b = emit_part(chain, bracketing, right, scaled, scalar);
    if (!part.sum || left.sum || right.sum) return times(matmul(a, b));
    Shape shape = bracketing.at(part.i, part.j).batch;
    shape.push_back(chain.factors[part.i].form.rows);
    shape.push_back(chain.factors[part.j].form.cols);
    return times(to_.emit({.op = Op::kPromptProduct, .shape = shape, .in = {a.id(), b.id()}}));
  }

  Value emit_factor(const Factor& factor) {
    Shape shape = factor.form.batch;
    shape.push_back(factor.transposed ? factor.form.cols : factor.form.rows);
    shape.push_back(factor.transposed ? factor.form.rows : factor.form.cols);
    const Value x = reshape(mapped(factor.id), shape);
    return factor.transposed ? transpose(x) : x;
  }

  const Program& from_;
  Builder& to_;
  std::int64_t batch_;
  std::vector<int> map_;
  std::vector<bool> live_;
  std::vector<bool> after_;   // computed from a sum over prompts
  std::vector<bool> inside_;  // multiplied out in the chains of its users
  std::vector<bool> needed_;  // read by something that is no chain, or an output
  std::vector<std::vector<int>> users_;  // the links that read a value
  std::map<int, Chain> chains_;
};

}  // namespace

Rewritten reassociate(const Program& program, std::span<const int> outputs, std::int64_t batch) {
  Rewritten result{std::make_unique<Builder>(), {}};
  result.outputs = Reassociation(program, outputs, batch, *result.builder).run(outputs);
  return result;
}

}  // namespace iclab::program
