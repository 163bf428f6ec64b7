#include "program/kept.h"

namespace iclab::program {
namespace {

constexpr std::int64_t kMostOfPrompt = 4 * 1024, kMostOfBatch = 16 * 1024 * 1024;

std::int64_t integer_bytes(const Node& node) { return elements(node.shape) * 4; }

// By node: of each prompt, the same whenever the prompts are.
std::vector<bool> find_fixed(const Program& program, const std::vector<bool>& is_live) {
  std::vector<bool> fixed(program.nodes.size(), false);
  for (int id = 0; id < static_cast<int>(program.nodes.size()); ++id) {
    const Node& node = program[id];
    if (!is_live[static_cast<size_t>(id)] || node.rate != Rate::kPrompt || node.op == Op::kInput) continue;
    bool is_fixed = node.op != Op::kDraw || node.fixed_step;
    for (const int in : node.in) {
      const Rate rate = program[in].rate;
      is_fixed &= rate == Rate::kPrompt ? fixed[static_cast<size_t>(in)]
                                        : rate <= Rate::kReplica && program[in].op != Op::kInput;
    }
    fixed[static_cast<size_t>(id)] = is_fixed;
  }
  return fixed;
}

}  // namespace

Kept find_kept(const Program& program, const std::vector<bool>& is_live, const std::vector<Place>& places,
               std::span<const int> outputs, std::int64_t batch) {
  const size_t count = program.nodes.size();
  const std::vector<bool> fixed = find_fixed(program, is_live);
  std::vector<bool> is_read(count, false);  // by what is computed at every step
  for (const int id : outputs) is_read[static_cast<size_t>(id)] = true;
  Kept kept{{}, std::vector<bool>(count, false)};
  std::int64_t bytes = 0;
  // Readers first: what only stored integers are computed of is needed but once.
  for (size_t id = count; id-- > 0;) {
    const Node& node = program[static_cast<int>(id)];
    if (!is_live[id] || (fixed[id] && !is_read[id])) {
      kept.is_known[id] = fixed[id];
      continue;
    }
    const bool has_buffer = !places[id].is_view && places[id].base == static_cast<int>(id);
    const bool is_computed = node.dtype == DType::kInteger && node.op != Op::kPromptIndex;
    if (fixed[id] && is_computed && has_buffer && integer_bytes(node) <= kMostOfPrompt) {
      kept.values.push_back(static_cast<int>(id));
      kept.is_known[id] = true;
      bytes += integer_bytes(node) * batch;
      continue;
    }
    for (const int in : node.in) is_read[static_cast<size_t>(in)] = true;
  }
  return bytes <= kMostOfBatch ? kept : Kept{{}, std::vector<bool>(count, false)};
}

}  // namespace iclab::program
