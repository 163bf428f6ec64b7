// A table of kernels is put together from the files of this folder, one table per scalar type and
// target. Private to lanes/ and its tests.
#pragma once

#include "lanes/kernels.h"

namespace iclab::lanes {

/// What a table is compiled for. kAvx2Half is AVX2 with vectors of half the width: it runs in tests
/// only, to show on every machine that the bits don't depend on the length of a vector.
enum class Target { kAvx2, kAvx512, kAvx2Half };

/// Each fills its members of the table (elementwise.cpp, sum.cpp, ...), for float and double.
template <class T>
void add_elementwise(Kernels<T>& table, Target target);
template <class T>
void add_sum(Kernels<T>& table, Target target);
template <class T>
void add_gather(Kernels<T>& table, Target target);
template <class T>
void add_update(Kernels<T>& table, Target target);
template <class T>
void add_product(Kernels<T>& table, Target target);
template <class T>
void add_row(Kernels<T>& table, Target target);
template <class T>
void add_draw(Kernels<T>& table, Target target);
template <class T>
void add_draw_gamma(Kernels<T>& table, Target target);

/// The whole table. Throws iclab::Error if this processor can't run the target.
template <class T>
const Kernels<T>& kernels(Target target);

}  // namespace iclab::lanes
