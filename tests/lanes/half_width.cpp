#include "tests/lanes/half_width.h"

namespace iclab::lanes {

// Of the library iclab_lanes_half_width: each fills its members of the table.
template <class T>
void add_half_width_elementwise(Kernels<T>& table);
template <class T>
void add_half_width_sum(Kernels<T>& table);
template <class T>
void add_half_width_gather(Kernels<T>& table);
template <class T>
void add_half_width_update(Kernels<T>& table);
template <class T>
void add_half_width_product(Kernels<T>& table);
template <class T>
void add_half_width_draw(Kernels<T>& table);
template <class T>
void add_half_width_draw_gamma(Kernels<T>& table);
template <class T>
void add_half_width_row(Kernels<T>& table);
template <class T>
void add_half_width_order(Kernels<T>& table);

namespace {

template <class T>
Kernels<T> half_width() {
  Kernels<T> table{};
  add_half_width_elementwise(table);
  add_half_width_sum(table);
  add_half_width_gather(table);
  add_half_width_update(table);
  add_half_width_product(table);
  add_half_width_draw(table);
  add_half_width_draw_gamma(table);
  add_half_width_row(table);
  add_half_width_order(table);
  return table;
}

}  // namespace

template <class T>
const Kernels<T>& kernels(Target target) {
  if (target == Target::kAvx2) return kernels<T>(InstructionSet::kAvx2);
  if (target == Target::kAvx512) return kernels<T>(InstructionSet::kAvx512);
  static const Kernels<T> table = half_width<T>();
  return table;
}
template const Kernels<float>& kernels(Target);
template const Kernels<double>& kernels(Target);

}  // namespace iclab::lanes
