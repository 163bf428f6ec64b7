// Rewriting: finds the cheap form of a program before it is planned.
#pragma once

#include <memory>
#include <vector>

#include "program/builder.h"

namespace iclab::program {

struct Rewritten {
  std::unique_ptr<Builder> builder;
  std::vector<int> outputs;  // same order as given
};

/// The values that `outputs` need, and no others, in cheaper form:
///  - what nobody uses is removed, equal values are computed once;
///  - dead rows: a slice is pushed through the operations before it, so that only the rows somebody
///    reads are computed (the query's row of the last layer);
///  - what is linear over prompts is summed at once: sum_p c x_p = c sum_p x_p for c below prompt rate,
///    sum_p a_p b_p becomes one product over prompts;
///  - chains of products are bracketed as costs least in a step of `batch` prompts (program/reassociate.h);
///  - scales and biases of a matrix's rows or columns leave the products it is in (program/diagonal.h), and a
///    softmax forgets what is added to a whole row;
///  - what is computed of a table's rows alone is computed in the table (program/hoist.h).
/// Names whose values survive are kept; random streams never shift. The order of the new program depends on
/// the outputs, what they compute and the batch alone.
Rewritten rewrite(const Program& program, std::span<const int> outputs, std::int64_t batch = 64);

/// Number of nodes `outputs` depend on.
std::int64_t count_live(const Program& program, std::span<const int> outputs);

}  // namespace iclab::program
