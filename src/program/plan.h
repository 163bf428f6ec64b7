// A plan: a program with batch size, memory and order bound. Shared by all runs of a sweep point.
//
// Values below prompt rate each have a place of their own; prompt-rate values share an arena by liveness, or a
// small block if they are a stretch's own. The batch is cut into strands of G groups of prompts, G chosen from the
// program and the batch alone: so few that a strand's arena stays in the L2 cache, but enough for the weights they
// share.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "program/kept.h"
#include "program/places.h"

namespace iclab::program {

/// How the prompts of a batch lie in memory, chosen from the program and the batch alone.
enum class Layout {
  kLanes,     // a group is 16 prompts in lockstep, one a lane: best for narrow values
  kOrdinary,  // a group is one prompt, row-major, vectors along features: wide values, small batches
};
const char* name(Layout layout);

/// A run of consecutive per-prompt operations that is executed for a few prompt groups at a time, so that its large
/// intermediate values stay in cache. Values that only one stretch uses take memory for these few groups only.
struct Stretch {
  size_t operations = 0;  // of order[kPrompt]
  int groups = 0;         // 0: all that are taken at once
};

/// What a stretch is divided for, in bytes: values of a prompt that are large, and what it may touch at a time.
struct StretchBytes {
  std::int64_t large = 4 * 1024, touched = 256 * 1024;
};

/// Values that change together are computed together.
enum class Phase { kStudy, kReplica, kStep, kPrompt, kAfter, kCount };  // kAfter: step rate, from prompts

struct PlanOptions {
  std::int64_t batch = 1;  // prompts a step
  bool is_double = false;
  std::vector<std::string> parameters;  // inputs at step rate laid out as one block, in this order
  std::optional<Layout> layout = {};    // instead of the planner's choice (tests, measurements)
  StretchBytes stretch = {};            // (tests, measurements)
};

struct Plan {
  Program program;
  std::vector<int> outputs;
  PlanOptions options;
  Layout layout = Layout::kLanes;

  std::vector<Place> places;                // by node
  std::vector<std::int64_t> buffer_bytes;   // by node: offset of its own buffer, or -1;
                                            // plain: into the plain block; prompt rate: into the arena
                                            // for one group, to be scaled by those taken at once
  std::array<std::vector<int>, static_cast<int>(Phase::kCount)> order;  // nodes that compute
  std::vector<std::int64_t> output_offset;  // of each output's copy, in elements of the output block
  std::vector<std::int64_t> parameter_offset;  // elements of the parameter block
  std::int64_t parameter_elements = 0;
  std::int64_t output_elements = 0;         // plain outputs only, in one block, in order
  std::int64_t output_bytes = 0;            // where that block begins in the plain block
  std::int64_t plain_bytes = 0;
  std::int64_t arena_bytes_per_group = 0;
  std::vector<std::int64_t> local_bytes;    // by node: offset into the block of stretches' own values, or -1
  std::int64_t local_block_bytes = 0;       // it holds the groups that pass through a stretch at a time
  int groups_per_strand = 1;
  int strands_together = 1;                 // that a thread alone takes at once; bits don't depend on it
  std::vector<Stretch> stretches;           // all of order[kPrompt]
  Kept kept;                                // of prompts that are run again

  /// Prompts of a group.
  std::int64_t group_size() const { return layout == Layout::kLanes ? lanes::kLanes : 1; }
  std::int64_t groups() const { return (options.batch + group_size() - 1) / group_size(); }
  std::int64_t strands() const { return (groups() + groups_per_strand - 1) / groups_per_strand; }
  /// How often a thread alone visits what prompts share.
  std::int64_t passes() const { return (strands() + strands_together - 1) / strands_together; }
  bool has_prompts() const { return !order[static_cast<int>(Phase::kPrompt)].empty(); }
};

/// Plans the outputs of a (rewritten) program. Throws Error "[plan] ..." for an output that is not real,
/// a parameter that is no input at step rate, a prompt-rate value computed from a sum over prompts.
std::shared_ptr<const Plan> make_plan(const Program& program, std::span<const int> outputs,
                                      const PlanOptions& options);

/// True if the node's result is another view of its operand's memory.
bool is_view(const Plan& plan, int id);

/// Bytes a scalar of the type takes.
std::int64_t scalar_bytes(DType dtype, bool is_double);

/// The arena budget of one strand: half of a 1 MiB L2 cache, measured best on W2 and W3 shapes.
inline constexpr std::int64_t kStrandBytes = 512 * 1024;

}  // namespace iclab::program
