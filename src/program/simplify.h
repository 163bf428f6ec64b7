// Algebra that needs to look at one operation and its operands only: folded as a program is written.
#pragma once

#include "program/builder.h"

namespace iclab::program {

/// The id of an existing or newly made value equal to what `node` would compute but cheaper, or -1.
int simplify_node(Builder& builder, const Node& node);

/// True if the value is a constant with every number equal to `number`.
bool is_constant(const Program& program, int id, double number);

}  // namespace iclab::program
