#include "program/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace iclab::program {
namespace {

constexpr std::int64_t kAlign = 64;
// Bytes of arena a byte of weights, of a strand and of those that a thread alone takes at once: measured on W1, garg
// and the full model of differential kinetics.
constexpr double kWeightPasses = 2.5, kWeightPassesAlone = 5;
constexpr std::int64_t kTogetherBytes = 16 * 1024 * 1024;  // beyond, no cache holds what they would share

std::int64_t aligned(std::int64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

class Planner {
 public:
  Planner(const Program& program, std::span<const int> outputs, const PlanOptions& options)
      : plan_(std::make_shared<Plan>()) {
    plan_->program = program;
    plan_->outputs.assign(outputs.begin(), outputs.end());
    plan_->options = options;
  }

  std::shared_ptr<const Plan> run() {
    check();
    find_live();
    plan_->places = place_values(plan_->program);
    order_phases();
    choose_layout();
    place_in_readers(plan_->program, live_, plan_->layout == Layout::kLanes, plan_->places);
    plan_->kept = find_kept(plan_->program, live_, plan_->places, plan_->outputs, plan_->options.batch);
    move_gathers_to_readers();
    find_stretches();
    lay_out_plain();
    lay_out_arena();
    choose_strand();
    divide_stretches();
    lay_out_stretches();
    // Again, without the values that moved to the local block. Strand sizes were chosen before, so bits do not change.
    lay_out_arena();
    return plan_;
  }

 private:
  const Node& node(int id) const { return plan_->program[id]; }
  int count() const { return static_cast<int>(plan_->program.nodes.size()); }

  void check() {
    if (plan_->options.batch < 1)
      throw Error(fmt::format("[plan] expected a batch of at least 1, received {}",
                              plan_->options.batch));
    for (const int id : plan_->outputs)
      if (node(id).dtype != DType::kReal)
        throw Error(fmt::format("[plan] expected real outputs, received {}; use to_real",
                                name(node(id).dtype)));
  }

  void find_live() {
    live_.assign(static_cast<size_t>(count()), false);
    for (const int id : plan_->outputs) live_[static_cast<size_t>(id)] = true;
    for (int id = count(); id-- > 0;)
      if (live_[static_cast<size_t>(id)])
        for (const int in : node(id).in) live_[static_cast<size_t>(in)] = true;
    // Parameters are inputs of the run even where nothing reads them.
    for (const std::string& parameter : plan_->options.parameters)
      live_[static_cast<size_t>(input_named(parameter))] = true;
  }

  int input_named(const std::string& parameter) const {
    std::vector<std::string> names;
    for (int id = 0; id < count(); ++id) {
      if (node(id).op != Op::kInput || node(id).rate != Rate::kStep) continue;
      if (node(id).name == parameter) return id;
      names.push_back(node(id).name);
    }
    throw Error(fmt::format("[plan] expected a step-rate input '{}'; there are {}{}", parameter,
                            join(names), did_you_mean(parameter, names)));
  }

  void order_phases() {
    std::vector<bool> from_prompts(static_cast<size_t>(count()), false);
    for (int id = 0; id < count(); ++id) {
      if (!live_[static_cast<size_t>(id)]) continue;
      const Node& n = node(id);
      const bool sums = sums_prompts(n.op);
      bool after = sums;
      for (const int in : n.in) after = after || from_prompts[static_cast<size_t>(in)];
      from_prompts[static_cast<size_t>(id)] = after;
      if (after && n.rate == Rate::kPrompt)
        throw Error("[plan] a value of each prompt depends on a sum over prompts; a step visits its "
                    "prompts once");
      if (sums && after_sum(n, from_prompts))
        throw Error("[plan] a sum over prompts depends on another; a step visits its prompts once");
      if (is_view(*plan_, id)) continue;
      Phase phase = Phase::kPrompt;
      if (n.rate == Rate::kStudy) phase = Phase::kStudy;
      if (n.rate == Rate::kReplica) phase = Phase::kReplica;
      if (n.rate == Rate::kStep) phase = sums ? Phase::kPrompt : after ? Phase::kAfter : Phase::kStep;
      plan_->order[static_cast<size_t>(phase)].push_back(id);
    }
  }

  static bool after_sum(const Node& n, const std::vector<bool>& from_prompts) {
    return std::any_of(n.in.begin(), n.in.end(),
                       [&](int in) { return from_prompts[static_cast<size_t>(in)]; });
  }

  // ---- stretches ----

  std::vector<int>& prompt_order() { return plan_->order[static_cast<size_t>(Phase::kPrompt)]; }
  int base_of(int id) const { return plan_->places[static_cast<size_t>(id)].base; }

  bool is_large(int id) const { return node(id).rate == Rate::kPrompt && bytes(id) >= plan_->options.stretch.large; }

  // Delay gathers and concats of large values until just before their first reader, so that both fall into one stretch.
  void move_gathers_to_readers() {
    if (plan_->layout == Layout::kLanes) return;
    std::vector<int>& order = prompt_order();
    const auto reads = [&](int reader, int id) {
      return std::ranges::any_of(node(reader).in, [&](int in) { return base_of(in) == base_of(id); });
    };
    for (size_t i = order.size(); i-- > 0;) {
      const int id = order[i];
      if ((node(id).op != Op::kGather && node(id).op != Op::kConcat) || !is_large(base_of(id))) continue;
      size_t to = i;
      while (to + 1 < order.size() && !reads(order[to + 1], id) && base_of(order[to + 1]) != base_of(id)) ++to;
      std::rotate(order.begin() + static_cast<std::ptrdiff_t>(i), order.begin() + static_cast<std::ptrdiff_t>(i + 1),
                  order.begin() + static_cast<std::ptrdiff_t>(to + 1));
    }
  }

  // Sums over prompts end a stretch, and products of a matrix that all prompts share: their rows are joined.
  bool goes_group_by_group(int id) const {
    const Node& n = node(id);
    if (sums_prompts(n.op)) return false;
    if (n.op != Op::kProduct) return true;
    return std::ranges::all_of(std::span(n.in).first(2), [&](int in) { return node(in).rate == Rate::kPrompt; });
  }

  // Large values that operation `i` reads or writes.
  std::vector<int> large_values(size_t i) const {
    const int id = plan_->order[static_cast<size_t>(Phase::kPrompt)][i];
    std::vector<int> values{base_of(id)};
    for (const int in : node(id).in) values.push_back(base_of(in));
    std::erase_if(values, [&](int value) { return !is_large(value); });
    return values;
  }

  // From the first operation to the last that share a large value, with nothing but their like between.
  void find_stretches() {
    const size_t count = prompt_order().size();
    if (plan_->layout == Layout::kLanes) {
      if (count > 0) plan_->stretches.push_back({count, 0});
      return;
    }
    size_t plain = 0;  // operations since the last stretch
    const auto add = [&](size_t operations, bool divides) {
      if (plain > 0 && divides) plan_->stretches.push_back({std::exchange(plain, 0), 0});
      if (divides) plan_->stretches.push_back({operations, 1});
      else plain += operations;
    };
    for (size_t begin = 0; begin < count;) {
      size_t run = begin;  // of what goes group by group
      while (run < count && goes_group_by_group(prompt_order()[run])) ++run;
      const size_t length = operations_that_share(begin, run);
      add(std::max<size_t>(length, 1), length > 1);
      begin += std::max<size_t>(length, 1);
    }
    if (plain > 0) plan_->stretches.push_back({plain, 0});
  }

  // How many operations from `begin` on, before `end`, hang together by large values; 1 or 0: none.
  size_t operations_that_share(size_t begin, size_t end) const {
    if (begin == end || large_values(begin).empty()) return 0;
    std::set<int> seen;
    size_t last = begin;
    for (size_t i = begin; i < end; ++i)
      for (const int value : large_values(i))
        if (!seen.insert(value).second) last = i;
    return last - begin + 1;
  }

  // So few groups at a time that what a divided stretch touches stays in the cache.
  void divide_stretches() {
    size_t first = 0;
    for (Stretch& stretch : plan_->stretches) {
      std::set<int> touched;
      for (size_t i = first; i < first + stretch.operations; ++i)
        for (const int value : large_values(i)) touched.insert(value);
      first += stretch.operations;
      if (stretch.groups == 0) continue;
      std::int64_t all = 0;
      for (const int value : touched) all += bytes(value) * plan_->group_size();
      const std::int64_t at_once = std::int64_t{plan_->groups_per_strand} * plan_->strands_together;
      stretch.groups = static_cast<int>(std::clamp<std::int64_t>(plan_->options.stretch.touched / all, 1, at_once));
    }
  }

  // ---- values of stretches alone ----

  // Large values that one divided stretch alone writes and reads, with its number.
  std::map<int, size_t> values_of_stretches() const {
    std::map<int, size_t> found;
    std::set<int> others;
    size_t next = 0;
    for (size_t s = 0; s < plan_->stretches.size(); ++s)
      for (size_t i = 0; i < plan_->stretches[s].operations; ++i, ++next)
        for (const int value : large_values(next))
          if (plan_->stretches[s].groups == 0 || found.emplace(value, s).first->second != s) others.insert(value);
    for (const int id : plan_->outputs) others.insert(base_of(id));
    std::erase_if(found, [&](const auto& entry) {
      return others.contains(entry.first) || is_written_first(entry.first);
    });
    return found;
  }

  // They take memory for the groups that pass at a time; stretches follow one another in the same block.
  void lay_out_stretches() {
    Plan& plan = *plan_;
    plan.local_bytes.assign(static_cast<size_t>(count()), -1);
    std::vector<std::int64_t> taken(plan.stretches.size(), 0);
    for (const auto& [value, s] : values_of_stretches()) {
      plan.buffer_bytes[static_cast<size_t>(value)] = -1;
      plan.local_bytes[static_cast<size_t>(value)] = taken[s];
      taken[s] += aligned(bytes(value) * plan.stretches[s].groups * plan.group_size());
      plan.local_block_bytes = std::max(plan.local_block_bytes, taken[s]);
    }
  }

  std::int64_t bytes(int id) const {
    return elements(node(id).shape) * scalar_bytes(node(id).dtype, plan_->options.is_double);
  }

  // Parameters first, then the outputs' block, each contiguous; then every other plain value.
  void lay_out_plain() {
    Plan& plan = *plan_;
    const std::int64_t real = scalar_bytes(DType::kReal, plan.options.is_double);
    plan.buffer_bytes.assign(static_cast<size_t>(count()), -1);
    for (const std::string& parameter : plan.options.parameters) {
      const int id = input_named(parameter);
      plan.buffer_bytes[static_cast<size_t>(id)] = plan.parameter_elements * real;
      plan.parameter_offset.push_back(plan.parameter_elements);
      plan.parameter_elements += elements(node(id).shape);
    }
    // So that what follows a loss, the first gradient, begins on a line.
    plan.output_bytes = aligned(plan.parameter_elements * real) + kAlign - real;
    for (const int id : plan.outputs) {
      plan.output_offset.push_back(plan.output_elements);
      if (node(id).rate == Rate::kPrompt) continue;
      // What is computed for this output alone is computed in its place.
      std::int64_t& buffer = plan.buffer_bytes[static_cast<size_t>(id)];
      if (!is_view(plan, id) && node(id).op != Op::kInput && buffer < 0)
        buffer = plan.output_bytes + plan.output_elements * real;
      plan.output_elements += elements(node(id).shape);
    }
    std::int64_t at = aligned(plan.output_bytes + plan.output_elements * real);
    for (int id = 0; id < count(); ++id) {
      if (!live_[static_cast<size_t>(id)] || is_view(plan, id) || node(id).rate == Rate::kPrompt ||
          plan.buffer_bytes[static_cast<size_t>(id)] >= 0)
        continue;
      plan.buffer_bytes[static_cast<size_t>(id)] = at;
      at += aligned(bytes(id));
    }
    plan.plain_bytes = at;
  }

  bool is_local(int base) const {
    return !plan_->local_bytes.empty() && plan_->local_bytes[static_cast<size_t>(base)] >= 0;
  }

  bool is_written_first(int id) const {
    const Op op = node(id).op;
    return op == Op::kInput || op == Op::kPromptIndex || op == Op::kPromptWeight ||
           std::ranges::find(plan_->kept.values, id) != plan_->kept.values.end();
  }

  // Prompt-rate buffers: the largest first, each at the lowest place where nothing alive at the same
  // time lies.
  void lay_out_arena() {
    Plan& plan = *plan_;
    plan.arena_bytes_per_group = 0;
    struct Interval {
      int id, begin, end;
      std::int64_t bytes, offset;
    };
    const std::vector<int>& order = plan.order[static_cast<size_t>(Phase::kPrompt)];
    // Operations of a divided stretch are at work at the same time.
    std::vector<int> position(static_cast<size_t>(count()), -1);
    size_t next = 0;
    int end = 0;
    for (const Stretch& stretch : plan.stretches)
      for (size_t i = 0; i < stretch.operations; ++i) {
        position[static_cast<size_t>(order[next++])] = end;
        if (stretch.groups == 0 || i + 1 == stretch.operations) ++end;
      }

    std::vector<int> last(static_cast<size_t>(count()), -1);
    std::vector<int> first = position;  // of those that write into a buffer
    for (const int id : order) {
      int& begin = first[static_cast<size_t>(base_of(id))];
      begin = std::min(begin, position[static_cast<size_t>(id)]);
    }
    for (const int id : order)
      for (const int in : node(id).in)
        last[static_cast<size_t>(base_of(in))] = position[static_cast<size_t>(id)];
    for (const int id : plan.outputs) last[static_cast<size_t>(base_of(id))] = end;
    for (const int id : plan.kept.values) last[static_cast<size_t>(id)] = end;

    std::vector<Interval> waiting, placed;
    for (const int id : order) {
      if (node(id).rate != Rate::kPrompt || base_of(id) != id || is_local(id)) continue;
      // What the executor writes before a strand begins is alive from the start.
      const int at = position[static_cast<size_t>(id)];
      const int born = is_written_first(id) ? 0 : first[static_cast<size_t>(id)];
      waiting.push_back({id, born, std::max(last[static_cast<size_t>(id)], at),
                         group_bytes(bytes(id)), 0});
    }
    std::stable_sort(waiting.begin(), waiting.end(),
                     [](const Interval& a, const Interval& b) { return a.bytes > b.bytes; });
    for (Interval& interval : waiting) {
      std::vector<std::pair<std::int64_t, std::int64_t>> taken;
      for (const Interval& other : placed)
        if (other.begin <= interval.end && interval.begin <= other.end)
          taken.emplace_back(other.offset, other.offset + other.bytes);
      std::sort(taken.begin(), taken.end());
      for (const auto& [from, to] : taken) {
        if (interval.offset + interval.bytes <= from) break;
        interval.offset = std::max(interval.offset, to);
      }
      placed.push_back(interval);
      plan.buffer_bytes[static_cast<size_t>(interval.id)] = interval.offset;
      plan.arena_bytes_per_group =
          std::max(plan.arena_bytes_per_group, interval.offset + interval.bytes);
    }
  }

  // A strand reads all weights that its prompts share and writes all their gradients, in the ordinary layout
  // with few rows to each: so many prompts that this is less than what they write themselves.
  void choose_strand() {
    Plan& plan = *plan_;
    const std::int64_t arena = std::max<std::int64_t>(plan.arena_bytes_per_group, 1);
    const auto weights = static_cast<double>(
        plan.parameter_elements * scalar_bytes(DType::kReal, plan.options.is_double));
    const std::int64_t prompts = plan.layout == Layout::kLanes
                                     ? lanes::kLanes
                                     : static_cast<std::int64_t>(kWeightPasses * weights / static_cast<double>(arena));
    const std::int64_t least = std::clamp<std::int64_t>(prompts / plan.group_size(), 1, plan.groups());
    const std::int64_t fits = kStrandBytes / arena;
    const std::int64_t most = std::clamp(fits, least, plan.groups());
    const std::int64_t strands = (plan.groups() + most - 1) / most;
    plan.groups_per_strand = static_cast<int>((plan.groups() + strands - 1) / strands);
    if (plan.layout == Layout::kLanes) return;
    const auto strand = static_cast<double>(arena * plan.groups_per_strand);
    const double together = std::min<double>(kWeightPassesAlone * weights, kTogetherBytes) / strand;
    plan.strands_together =
        static_cast<int>(std::clamp<double>(std::round(together), 1, static_cast<double>(strands)));
  }

  // Buffers start on a cache line: in lanes each group of 16 does, else only the buffer of all groups.
  std::int64_t group_bytes(std::int64_t prompt_bytes) const {
    return aligned(prompt_bytes * plan_->group_size());
  }

  // Ordinary pays where products are wide, all the more where lanes would idle: measured on W1 to W4 at many
  // widths and batches (bench/layout_bench.cpp, docs/performance.md).
  void choose_layout() {
    constexpr double kWide = 256;
    const double busy = std::min(
        1.0, static_cast<double>(plan_->options.batch) / static_cast<double>(lanes::kLanes));
    const Layout chosen = mean_width() >= kWide * busy * busy * busy ? Layout::kOrdinary : Layout::kLanes;
    plan_->layout = plan_->options.layout.value_or(chosen);
  }

  // The geometric mean of the sides of the matrices that prompts are multiplied by, or whose gradients they
  // sum, weighted by flops.
  double mean_width() const {
    double weight = 0, sum = 0;
    for (const int id : plan_->order[static_cast<size_t>(Phase::kPrompt)]) {
      const Node& n = node(id);
      if (n.op != Op::kProduct && n.op != Op::kPromptProduct) continue;
      const std::int64_t inner = node(n.in[0]).shape.back();
      const std::int64_t rows = n.shape[n.shape.size() - 2];
      const std::int64_t side = n.op == Op::kProduct ? inner : rows;
      const auto work = static_cast<double>(elements(n.shape) * inner);
      sum += work * std::sqrt(static_cast<double>(side * n.shape.back()));
      weight += work;
    }
    return weight > 0 ? sum / weight : 0;
  }

  std::shared_ptr<Plan> plan_;
  std::vector<bool> live_;
};

}  // namespace

const char* name(Layout layout) { return layout == Layout::kLanes ? "lanes" : "ordinary"; }

std::int64_t scalar_bytes(DType dtype, bool is_double) {
  return dtype == DType::kReal && is_double ? 8 : 4;
}

bool is_view(const Plan& plan, int id) { return plan.places[static_cast<size_t>(id)].is_view; }

std::shared_ptr<const Plan> make_plan(const Program& program, std::span<const int> outputs,
                                      const PlanOptions& options) {
  return Planner(program, outputs, options).run();
}

}  // namespace iclab::program
