// What a step costs, value by value: of a program as it is written, and of a plan.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "program/plan.h"

namespace iclab::program {

/// One value. `flops` and `bytes` are of a step, all its prompts together; of a value that changes once a
/// run or never, of that once.
struct Cost {
  int id = 0;
  std::string operation;        // "product", "row softmax": the function too
  std::vector<int> in;
  std::vector<std::string> names;
  Shape shape;
  Rate rate = Rate::kStudy;
  std::string layout;           // "lanes" or "ordinary" for values of prompts, else "plain"; "" unplanned
  double flops = 0;             // as program::flops counts
  double bytes = 0;             // its operands read and itself written, what prompts share once for the strands
                                // that a thread takes at once (before planning: once); none for a view
};

struct Account {
  std::int64_t batch = 1;
  std::vector<Cost> values;          // in the order of their computation
  std::array<double, 4> flops{};     // by Rate; a sum over prompts counts as prompt
  std::array<double, 4> bytes{};

  double step_flops() const;  // of step and prompt rate
  double step_bytes() const;
};

/// The account of what the outputs need, before planning; the outputs bear these names besides their own.
Account explain(const Program& program, std::span<const int> outputs,
                const std::vector<std::string>& output_names, std::int64_t batch, bool is_double);

/// The account of a plan.
Account explain(const Plan& plan, const std::vector<std::string>& output_names);

/// What a step computes a value for.
enum class Part {
  kData,      // depends on no weight: prompts, their targets, and what is computed of them alone
  kForward,   // the loss depends on it
  kBackward,  // only gradients do
};
const char* name(Part part);

/// The part of each node of a training step's plan, whose output 0 is the loss.
std::vector<Part> parts(const Plan& plan);

/// The operation with its function: "unary tanh", "draw normal", "constant 0.5".
std::string operation(const Node& node);

}  // namespace iclab::program
