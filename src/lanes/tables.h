// A table of kernels is put together from the files of this folder, one table per scalar type and
// instruction set. Private to lanes/.
#pragma once

#include "lanes/kernels.h"

namespace iclab::lanes {

/// Each fills its members of the table (elementwise.cpp, sum.cpp, ...), for float and double.
template <class T>
void add_elementwise(Kernels<T>& table, InstructionSet set);
template <class T>
void add_sum(Kernels<T>& table, InstructionSet set);
template <class T>
void add_gather(Kernels<T>& table, InstructionSet set);
template <class T>
void add_update(Kernels<T>& table, InstructionSet set);
template <class T>
void add_product(Kernels<T>& table, InstructionSet set);
template <class T>
void add_row(Kernels<T>& table, InstructionSet set);
template <class T>
void add_order(Kernels<T>& table, InstructionSet set);
template <class T>
void add_draw(Kernels<T>& table, InstructionSet set);
template <class T>
void add_draw_gamma(Kernels<T>& table, InstructionSet set);

}  // namespace iclab::lanes
