#include "program/executor.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <new>
#include <optional>
#include <type_traits>

#include "base/error.h"
#include "base/text.h"
#include "program/binder.h"
#include "program/team.h"

namespace iclab::program {
namespace {

using lanes::Dims;
using lanes::Operand;

// Zeroed memory in pages of its own, returned to the system as a whole: on the heap, results that short runs keep for
// the store would fragment the freed blocks and hold several times their own size.
class Block {
 public:
  explicit Block(std::int64_t bytes) : bytes_(bytes) {
    constexpr int kAccess = PROT_READ | PROT_WRITE, kFresh = MAP_PRIVATE | MAP_ANONYMOUS;
    constexpr size_t kHuge = 4 << 20;  // two pages of the large kind
    void* const pages = mmap(nullptr, mapped(), kAccess, kFresh, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    if (mapped() >= kHuge) madvise(pages, mapped(), MADV_HUGEPAGE);  // rows of tables are read in any order
    data_ = static_cast<std::byte*>(pages);
  }
  ~Block() { munmap(data_, mapped()); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  std::byte* at(std::int64_t offset) { return data_ + offset; }
  std::int64_t bytes() const { return bytes_; }

 private:
  size_t mapped() const { return static_cast<size_t>(std::max<std::int64_t>(bytes_, 64)); }

  std::int64_t bytes_;
  std::byte* data_;
};

// Adds to each call's node the time since the call before it.
class Laps {
 public:
  explicit Laps(std::vector<double>& seconds) : seconds_(seconds) {}
  void operator()(const Call& call) {
    const Clock::time_point now = Clock::now();
    seconds_[static_cast<size_t>(call.node)] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::vector<double>& seconds_;
  Clock::time_point last_ = Clock::now();
};

// More threads than strands would wait.
int useful_threads(const Plan& plan, int threads) {
  return static_cast<int>(std::clamp<std::int64_t>(threads, 1, plan.has_prompts() ? plan.strands() : 1));
}

// A thread alone takes several strands at once where their weights are worth it.
std::int64_t groups_at_once(const Plan& plan, int threads) {
  return std::int64_t{plan.groups_per_strand} * (threads == 1 ? plan.strands_together : 1);
}

// Of a group's prompts.
std::int64_t kept_bytes(const Plan& plan, int id) {
  return elements(plan.program[id].shape) * 4 * plan.group_size();
}

}  // namespace

std::int64_t executor_bytes(const Plan& plan, int threads) {
  const int team = useful_threads(plan, threads);
  const std::int64_t worker =
      plan.arena_bytes_per_group * groups_at_once(plan, team) + plan.local_block_bytes + part_bytes(plan);
  std::int64_t total = plan.plain_bytes + team * worker;
  for (const int id : plan.kept.values) total += plan.groups() * kept_bytes(plan, id);
  for (const int id : plan.outputs)
    if (plan.program[id].rate == Rate::kPrompt)
      total += plan.options.batch * elements(plan.program[id].shape) * scalar_bytes(DType::kReal, plan.options.is_double);
  return total;
}

Keys make_keys(std::uint64_t study_seed, std::uint64_t seed_index, const std::string& salt) {
  using random::Purpose;
  Keys keys;
  for (const Purpose purpose :
       {Purpose::kTask, Purpose::kModel, Purpose::kPrompts, Purpose::kEvaluation})
    keys[static_cast<size_t>(purpose)] = random::make_key(study_seed, seed_index, purpose, salt);
  return keys;
}

template <class T>
struct Executor<T>::Impl {
  // What one thread needs for the strands that it takes at once: an arena, and calls on it.
  struct Worker {
    Block arena, local, parts;
    Calls calls;
    std::vector<Stretch> stretches;  // of calls
    std::vector<Operand> prompt_outputs;
    std::vector<std::byte*> kept;  // where the plan's kept values lie in the arena
    std::vector<double> seconds;  // by node, of profiled steps

    Worker(const Plan& plan, std::int64_t groups)
        : arena(plan.arena_bytes_per_group * groups), local(plan.local_block_bytes), parts(part_bytes(plan)) {}
  };
  struct PromptOutput {
    size_t output;
    Dims dims;
    std::vector<T> values;  // (batch, elements)
  };

  std::shared_ptr<const Plan> plan;
  const lanes::Kernels<T>& kernels;
  Block plain;
  std::array<Calls, static_cast<int>(Phase::kCount)> phases;  // but the prompts'
  Calls output_copies;
  std::vector<int> copied_outputs;  // in the order of the copies
  std::deque<Worker> workers;
  Team team;
  std::vector<PromptOutput> prompt_outputs;
  std::vector<const T*> prompt_inputs;  // in the order of Calls::prompt_inputs
  std::vector<std::vector<std::byte>> kept;       // of the whole batch
  std::optional<std::int64_t> first_kept_prompt;  // of that batch
  Keys keys{};
  bool profiled = false;

  Impl(std::shared_ptr<const Plan> the_plan, lanes::InstructionSet set, int threads)
      : plan(std::move(the_plan)), kernels(lanes::kernels<T>(set)), plain(plan->plain_bytes),
        team(useful_threads(*plan, threads)) {
    if (plan->options.is_double != (sizeof(T) == 8))
      throw Error("[executor] the plan is for another precision");
    for (size_t phase = 0; phase < phases.size(); ++phase) {
      if (phase == static_cast<size_t>(Phase::kPrompt)) continue;
      Binder<T> binder(*plan, kernels, {plain.at(0)}, phases[phase]);
      for (const int id : plan->order[phase]) binder.bind(id);
    }
    for (int i = 0; i < team.size(); ++i) add_worker();
    prompt_inputs.assign(workers.front().calls.prompt_inputs.size(), nullptr);
    bind_outputs();
    for (const int id : plan->kept.values) kept.emplace_back(static_cast<size_t>(plan->groups() * kept_bytes(*plan, id)));
    const lanes::FlushDenormals flush;
    for (Call& call : calls(Phase::kStudy)) invoke(call);
  }

  bool is_alone() const { return team.size() == 1; }
  std::int64_t groups_at_once() const { return program::groups_at_once(*plan, team.size()); }

  const Node& node(int id) const { return plan->program[id]; }
  bool of_prompts(int id) const { return node(id).rate == Rate::kPrompt; }
  std::vector<Call>& calls(Phase phase) { return phases[static_cast<size_t>(phase)].list; }

  // ---- binding ----

  void add_worker() {
    Worker& worker = workers.emplace_back(*plan, groups_at_once());
    const Memory memory{plain.at(0), worker.arena.at(0), worker.local.at(0), worker.parts.at(0), groups_at_once()};
    Binder<T> binder(*plan, kernels, memory, worker.calls);
    auto next = plan->order[static_cast<size_t>(Phase::kPrompt)].begin();
    for (Stretch stretch : plan->stretches) {
      const size_t before = worker.calls.list.size();
      for (size_t i = 0; i < stretch.operations; ++i) binder.bind(*next++);
      stretch.operations = worker.calls.list.size() - before;
      worker.stretches.push_back(stretch);
    }
    for (const int id : plan->outputs)
      if (of_prompts(id)) worker.prompt_outputs.push_back(binder.operand(id));
    for (const int id : plan->kept.values) worker.kept.push_back(binder.buffer(id));
  }

  void bind_outputs() {
    Binder<T> binder(*plan, kernels, {plain.at(0)}, output_copies);
    for (size_t i = 0; i < plan->outputs.size(); ++i) {
      const int id = plan->outputs[i];
      const Dims dims = padded_dims(node(id).shape);
      if (of_prompts(id)) {
        const std::int64_t count = plan->options.batch * elements(node(id).shape);
        prompt_outputs.push_back({i, dims, std::vector<T>(static_cast<size_t>(count))});
        continue;
      }
      Operand out;
      out.data = output_block() + plan->output_offset[i];
      const Shape row_major = row_major_strides(node(id).shape);
      std::copy(row_major.begin(), row_major.end(),
                out.strides.end() - static_cast<std::ptrdiff_t>(row_major.size()));
      const Operand in = binder.operand(id);
      if (in.data == out.data) continue;  // computed there
      binder.bind_copy(out, in, dims, DType::kReal);
      copied_outputs.push_back(id);
    }
  }

  T* output_block() { return reinterpret_cast<T*>(plain.at(plan->output_bytes)); }

  // ---- running ----

  // Where a step's prompts begin in their streams.
  struct Step {
    std::uint32_t step = 0;
    std::int64_t first_prompt = 0;
  };

  static void invoke(Call& call) {
    std::visit([](auto& kernel) { kernel.kernel(kernel.args); }, call.kernel);
  }

  // compute(lap): lap(call) takes the time of each call if the step is profiled, and is nothing else.
  template <class Compute>
  void with_laps(Worker& worker, Compute compute) {
    if (profiled)
      compute(Laps(worker.seconds));
    else
      compute([](const Call&) {});
  }

  void invoke_all(Phase phase) {
    with_laps(workers.front(), [&](auto lap) {
      for (Call& call : calls(phase)) {
        invoke(call);
        lap(call);
      }
    });
  }

  void set_draw(DrawCall& draw, std::uint32_t step, std::int64_t first, std::int64_t last) {
    draw.args.key = keys[static_cast<size_t>(draw.purpose)];
    draw.args.step = draw.fixed_step ? 0 : step;
    draw.args.first_prompt = static_cast<std::uint32_t>(first);
    draw.args.last_prompt = static_cast<std::uint32_t>(last);
  }

  void begin_run(const Keys& new_keys) {
    keys = new_keys;
    first_kept_prompt.reset();
    const lanes::FlushDenormals flush;
    for (Call& call : calls(Phase::kReplica)) {
      if (auto* draw = std::get_if<DrawCall>(&call.kernel)) set_draw(*draw, 0, 0, 0);
      invoke(call);
    }
    copy_outputs(Rate::kReplica);
  }

  void run_step(Step step) {
    const lanes::FlushDenormals flush;
    for (std::int32_t* value : phases[static_cast<size_t>(Phase::kStep)].steps)
      *value = static_cast<std::int32_t>(step.step);
    invoke_all(Phase::kStep);
    if (plan->has_prompts()) run_prompts(step);
    first_kept_prompt = step.first_prompt;
    invoke_all(Phase::kAfter);
    copy_outputs(Rate::kStep);
  }

  // Outputs that changed at this rate or a lower one.
  void copy_outputs(Rate rate) {
    for (size_t i = 0; i < copied_outputs.size(); ++i)
      if (node(copied_outputs[i]).rate <= rate) invoke(output_copies.list[i]);
  }

  // As many strands at a time as there are threads, or as a thread alone takes at once. Sums over prompts are
  // sums of strands in their order.
  void run_prompts(Step step) {
    for (size_t i = 0; i < prompt_inputs.size(); ++i)
      if (!prompt_inputs[i])
        throw Error(fmt::format("[executor] input '{}' was not set",
                                workers.front().calls.prompt_inputs[i].name));
    const std::int64_t groups = groups_at_once();
    for (std::int64_t first = 0; first < plan->groups(); first += groups * team.size()) {
      const auto groups_of = [&](int member) {
        return std::clamp<std::int64_t>(plan->groups() - first - member * groups, 0, groups);
      };
      auto strand = [&](int member) {
        const lanes::FlushDenormals flush;
        if (groups_of(member) > 0)
          run_strands(workers[static_cast<size_t>(member)], step, first + member * groups,
                      groups_of(member));
      };
      team.run(strand);
      if (is_alone()) continue;
      auto addition = [&](int member) {
        const lanes::FlushDenormals flush;
        for (int other = first == 0; other < team.size(); ++other)
          if (groups_of(other) > 0) add_parts(workers[static_cast<size_t>(other)], member);
      };
      team.run(addition);
    }
  }

  // A strand's sums are added to the totals; each member takes some of them.
  void add_parts(Worker& worker, int member) {
    with_laps(workers[static_cast<size_t>(member)], [&](auto lap) {
      int turn = 0;
      for (const Call& call : worker.calls.list) {
        if (!call.total || turn++ % team.size() != member) continue;
        kernels.accumulate(reinterpret_cast<T*>(call.total), reinterpret_cast<T*>(call.part),
                           call.count);
        lap(call);
      }
    });
  }

  void run_strands(Worker& worker, Step step, std::int64_t first_group, std::int64_t all_groups) {
    const std::int64_t first = first_group * plan->group_size();
    const bool knows = first_kept_prompt == step.first_prompt;
    write_prompts(worker.calls, step, first, all_groups);
    if (knows) copy_kept(worker, first_group, all_groups, true);
    with_laps(worker, [&](auto lap) {
      auto begin = worker.calls.list.begin();
      for (const Stretch& stretch : worker.stretches) {
        const auto end = begin + static_cast<std::ptrdiff_t>(stretch.operations);
        const std::int64_t groups = stretch.groups > 0 ? stretch.groups : all_groups;
        for (std::int64_t group = 0; group < all_groups; group += groups)
          for (auto call = begin; call != end; ++call) {
            if (knows && call->is_known) continue;
            if (call->total)
              sum_strands(*call, step, first_group, all_groups);
            else
              compute(*call, step, first_group, group, std::min(groups, all_groups - group));
            lap(*call);
          }
        begin = end;
      }
    });
    if (!knows) copy_kept(worker, first_group, all_groups, false);
    read_prompts(worker, first, all_groups);
  }

  // A sum over the prompts of each strand. A thread alone adds it to the total at once.
  void sum_strands(Call& call, Step step, std::int64_t first_group, std::int64_t all_groups) {
    if (is_alone() && multiply_strands(call, step, first_group, all_groups)) return;
    const std::int64_t groups = plan->groups_per_strand;
    for (std::int64_t group = 0; group < all_groups; group += groups) {
      const bool begins = first_group + group == 0;
      point_result(call, begins ? call.total : call.part);
      compute(call, step, first_group, group, std::min(groups, all_groups - group));
      if (is_alone() && !begins)
        kernels.accumulate(reinterpret_cast<T*>(call.total), reinterpret_cast<T*>(call.part), call.count);
    }
  }

  // The same by one product without parts in memory; false if the kernel cannot.
  bool multiply_strands(Call& call, Step step, std::int64_t first_group, std::int64_t all_groups) {
    auto* product = std::get_if<ProductCall>(&call.kernel);
    if (!product || product->args.addend.data) return false;
    lanes::ProductArgs& args = product->args;
    args.groups = all_groups;
    args.groups_per_chain = std::min<std::int64_t>(plan->groups_per_strand, all_groups);
    const bool can = kernels.sums_chains(args);
    if (can) {
      point_result(call, call.total);
      if (first_group > 0) args.addend = args.c;
      compute(call, step, first_group, 0, all_groups);
    }
    args.addend = {};
    args.groups_per_chain = 0;
    return can;
  }

  // Groups [group, group + groups) of those that pass at once.
  void compute(Call& call, Step step, std::int64_t first_group, std::int64_t group, std::int64_t groups) {
    std::visit(
        [&](auto& kernel) {
          if constexpr (std::is_same_v<std::decay_t<decltype(kernel)>, DrawCall>)
            set_draw(kernel, step.step, step.first_prompt + (first_group + group) * plan->group_size(),
                     step.first_prompt + plan->options.batch - 1);
          kernel.args.groups = groups;
          if (group == 0) return kernel.kernel(kernel.args);
          auto args = kernel.args;
          const auto all = operands(args);
          for (size_t i = 0; i < all.size(); ++i)
            if (all[i] && call.group_bytes[i] != 0)
              all[i]->data = static_cast<std::byte*>(all[i]->data) + group * call.group_bytes[i];
          kernel.kernel(args);
        },
        call.kernel);
  }

  static void point_result(Call& call, std::byte* data) {
    if (auto* product = std::get_if<ProductCall>(&call.kernel)) product->args.c.data = data;
    if (auto* sum = std::get_if<SumCall>(&call.kernel)) sum->args.out.data = data;
    if (auto* scatter = std::get_if<GatherCall>(&call.kernel)) scatter->args.table.data = data;
  }

  // Between the arena and what is kept of the whole batch.
  void copy_kept(const Worker& worker, std::int64_t first_group, std::int64_t groups, bool to_arena) {
    for (size_t i = 0; i < kept.size(); ++i) {
      const std::int64_t bytes = kept_bytes(*plan, plan->kept.values[i]);
      std::byte *const here = worker.kept[i], *const stored = kept[i].data() + first_group * bytes;
      std::copy_n(to_arena ? stored : here, groups * bytes, to_arena ? here : stored);
    }
  }

  // Idle lanes repeat the last prompt, with weight 0.
  std::int64_t prompt_of(std::int64_t first, std::int64_t lane) const {
    return std::min(first + lane, plan->options.batch - 1);
  }

  void write_prompts(const Calls& to, Step step, std::int64_t first, std::int64_t all_groups) {
    const std::int64_t size = plan->group_size(), prompts = all_groups * size;
    const T weight = static_cast<T>(1.0 / static_cast<double>(plan->options.batch));
    for (const PromptBuffer& b : to.prompt_weights)
      for (std::int64_t p = 0; p < prompts; ++p)
        reinterpret_cast<T*>(b.data)[p] = first + p < plan->options.batch ? weight : T(0);
    for (const PromptBuffer& b : to.prompt_indices)
      for (std::int64_t p = 0; p < prompts; ++p)
        reinterpret_cast<std::int32_t*>(b.data)[p] =
            static_cast<std::int32_t>(step.first_prompt + prompt_of(first, p));
    for (size_t i = 0; i < prompt_inputs.size(); ++i) {
      const PromptBuffer& b = to.prompt_inputs[i].buffer;
      T* out = reinterpret_cast<T*>(b.data);
      for (std::int64_t p = 0; p < prompts; ++p)
        for (std::int64_t e = 0; e < b.elements; ++e)
          out[(p / size * b.elements + e) * size + p % size] =
              prompt_inputs[i][prompt_of(first, p) * b.elements + e];
    }
  }

  void read_prompts(const Worker& worker, std::int64_t first, std::int64_t all_groups) {
    const std::int64_t size = plan->group_size();
    for (size_t o = 0; o < prompt_outputs.size(); ++o) {
      const auto [d0, d1, d2, d3] = prompt_outputs[o].dims;
      const Operand& view = worker.prompt_outputs[o];
      const Dims& s = view.strides;
      for (std::int64_t p = 0; p < all_groups * size; ++p) {
        if (first + p >= plan->options.batch) break;
        const T* in = static_cast<const T*>(view.data) + p / size * view.group_stride * size + p % size;
        T* out = prompt_outputs[o].values.data() + (first + p) * d0 * d1 * d2 * d3;
        for (std::int64_t i0 = 0; i0 < d0; ++i0)
          for (std::int64_t i1 = 0; i1 < d1; ++i1)
            for (std::int64_t i2 = 0; i2 < d2; ++i2)
              for (std::int64_t i3 = 0; i3 < d3; ++i3)
                *out++ = in[(i0 * s[0] + i1 * s[1] + i2 * s[2] + i3 * s[3]) * size];
      }
    }
  }

  // ---- inputs by name ----

  std::byte* plain_buffer(int id) { return plain.at(plan->buffer_bytes[static_cast<size_t>(id)]); }

  int plain_input(const std::string& input_name, DType dtype) const {
    std::vector<std::string> names;
    for (size_t id = 0; id < plan->program.nodes.size(); ++id) {
      const Node& n = plan->program.nodes[id];
      if (n.op != Op::kInput || n.rate == Rate::kPrompt || n.dtype != dtype) continue;
      if (plan->buffer_bytes[id] < 0) continue;
      if (n.name == input_name) return static_cast<int>(id);
      names.push_back(n.name);
    }
    throw Error(fmt::format("[executor] no {} input '{}'; there are {}{}", name(dtype), input_name,
                            join(names), did_you_mean(input_name, names)));
  }
};

template <class T>
Executor<T>::Executor(std::shared_ptr<const Plan> plan, lanes::InstructionSet set, int threads)
    : impl_(std::make_unique<Impl>(std::move(plan), set, threads)) {}

template <class T>
Executor<T>::~Executor() = default;

template <class T>
const Plan& Executor<T>::plan() const {
  return *impl_->plan;
}

template <class T>
std::span<T> Executor<T>::parameters() {
  return {reinterpret_cast<T*>(impl_->plain.at(0)),
          static_cast<size_t>(impl_->plan->parameter_elements)};
}

template <class T>
std::span<const T> Executor<T>::parameters() const {
  return const_cast<Executor*>(this)->parameters();
}

template <class T>
std::span<T> Executor<T>::input(const std::string& name) {
  const int id = impl_->plain_input(name, DType::kReal);
  return {reinterpret_cast<T*>(impl_->plain_buffer(id)),
          static_cast<size_t>(elements(impl_->node(id).shape))};
}

template <class T>
std::span<std::int32_t> Executor<T>::integer_input(const std::string& name) {
  const int id = impl_->plain_input(name, DType::kInteger);
  return {reinterpret_cast<std::int32_t*>(impl_->plain_buffer(id)),
          static_cast<size_t>(elements(impl_->node(id).shape))};
}

template <class T>
void Executor<T>::set_prompt_input(const std::string& name, std::span<const T> values) {
  const auto& inputs = impl_->workers.front().calls.prompt_inputs;
  std::vector<std::string> names;
  for (size_t i = 0; i < inputs.size(); ++i) {
    names.push_back(inputs[i].name);
    if (inputs[i].name != name) continue;
    const std::int64_t expected = impl_->plan->options.batch * inputs[i].buffer.elements;
    if (static_cast<std::int64_t>(values.size()) != expected)
      throw Error(fmt::format("[executor] input '{}': expected {} numbers, received {}", name,
                              expected, values.size()));
    impl_->prompt_inputs[i] = values.data();
    return;
  }
  throw Error(fmt::format("[executor] no prompt input '{}'; there are {}{}", name, join(names),
                          did_you_mean(name, names)));
}

template <class T>
void Executor<T>::begin(const Keys& keys) {
  impl_->begin_run(keys);
}

template <class T>
void Executor<T>::run(std::uint32_t step, std::int64_t first_prompt) {
  impl_->run_step({step, first_prompt});
}

template <class T>
void Executor<T>::profile(bool on) {
  impl_->profiled = on;
  for (typename Impl::Worker& worker : impl_->workers)
    worker.seconds.resize(impl_->plan->program.nodes.size());
}

template <class T>
std::vector<double> Executor<T>::seconds() const {
  std::vector<double> sum(impl_->plan->program.nodes.size());
  for (const typename Impl::Worker& worker : impl_->workers)
    for (size_t id = 0; id < worker.seconds.size(); ++id) sum[id] += worker.seconds[id];
  return sum;
}

template <class T>
std::span<const T> Executor<T>::output(size_t i) const {
  const Plan& plan = *impl_->plan;
  for (const typename Impl::PromptOutput& output : impl_->prompt_outputs)
    if (output.output == i) return output.values;
  return {impl_->output_block() + plan.output_offset[i],
          static_cast<size_t>(elements(plan.program[plan.outputs[i]].shape))};
}

template <class T>
std::span<const T> Executor<T>::outputs_from(size_t from) const {
  const Plan& plan = *impl_->plan;
  const std::int64_t begin =
      from < plan.output_offset.size() ? plan.output_offset[from] : plan.output_elements;
  return {impl_->output_block() + begin, static_cast<size_t>(plan.output_elements - begin)};
}

template <class T>
int Executor<T>::threads() const {
  return impl_->team.size();
}

template <class T>
std::int64_t Executor<T>::bytes() const {
  std::int64_t total = impl_->plain.bytes();
  for (const typename Impl::Worker& worker : impl_->workers)
    total += worker.arena.bytes() + worker.local.bytes() + worker.parts.bytes();
  for (const std::vector<std::byte>& values : impl_->kept) total += static_cast<std::int64_t>(values.size());
  for (const typename Impl::PromptOutput& output : impl_->prompt_outputs)
    total += static_cast<std::int64_t>(output.values.size() * sizeof(T));
  return total;
}

template class Executor<float>;
template class Executor<double>;

}  // namespace iclab::program
