// What is computed row by row of a table's rows is computed in the table.
#pragma once

#include <span>

#include "program/rewrite.h"

namespace iclab::program {

/// The same values, in which f(rows of T that a prompt gathers) became the gathered rows of f(T), T below prompt
/// rate. f is made of functions of elements and of rows, of joins along later axes of rows of one index, of views that keep
/// rows, and of values of T's rate or a lower one that are the same for all rows. Rows that are joined with others
/// are taken part by part. It happens where it costs less in a step of `batch` prompts: the table's rows, computed at
/// the table's rate, against each prompt's; a gathered or joined element counts as one operation.
Rewritten hoist(const Program& program, std::span<const int> outputs, std::int64_t batch);

}  // namespace iclab::program
