#include "lanes/kernels.h"

#include <fmt/format.h>
#include <hwy/targets.h>
#include <xmmintrin.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "lanes/tables.h"

namespace iclab::lanes {
namespace {

bool is_available(InstructionSet set) {
  const InstructionSets sets = available_instruction_sets();
  return set == InstructionSet::kAvx512 ? sets.avx512 : sets.avx2;
}

template <class T>
Kernels<T> make_table(InstructionSet set) {
  if (!is_available(set))
    throw Error("[lanes] this processor can't run the kernels that were asked for");
  Kernels<T> table{};
  add_elementwise(table, set);
  add_sum(table, set);
  add_gather(table, set);
  add_update(table, set);
  add_product(table, set);
  add_draw(table, set);
  add_draw_gamma(table, set);
  add_row(table, set);
  add_order(table, set);
  return table;
}

template <class T>
const Kernels<T>& table_of(InstructionSet set) {
  if (set == InstructionSet::kAvx512) {
    static const Kernels<T> table = make_table<T>(InstructionSet::kAvx512);
    return table;
  }
  static const Kernels<T> table = make_table<T>(InstructionSet::kAvx2);
  return table;
}

// One plain scalar as an operand.
Operand scalar(double& x) {
  Operand operand;
  operand.data = &x;
  return operand;
}

}  // namespace

InstructionSets available_instruction_sets() {
  const std::int64_t supported = hwy::SupportedTargets() & HWY_TARGETS;
  InstructionSets sets;
  sets.avx2 = (supported & HWY_AVX2) != 0;  // Highway's AVX2 includes FMA and BMI2
  sets.avx512 = sets.avx2 && (supported & HWY_AVX3) != 0;
  return sets;
}

const char* name(InstructionSet set) { return set == InstructionSet::kAvx512 ? "avx512" : "avx2"; }

InstructionSet chosen_instruction_set() {
  const InstructionSets sets = available_instruction_sets();
  if (!sets.avx2) throw Error("[lanes] this processor lacks AVX2 or FMA, which ICLab needs");

  const char* wish = std::getenv("ICLAB_SIMD");
  if (!wish || !*wish) return sets.avx512 ? InstructionSet::kAvx512 : InstructionSet::kAvx2;

  std::vector<std::string> names;
  for (const InstructionSet set : {InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    if (!is_available(set)) continue;
    if (std::string(wish) == name(set)) return set;
    names.push_back(name(set));
  }
  throw Error(fmt::format("[lanes] ICLAB_SIMD is '{}'; this processor has {}{}", wish, join(names),
                          did_you_mean(wish, names)));
}

template <>
const Kernels<float>& kernels(InstructionSet set) {
  return table_of<float>(set);
}
template <>
const Kernels<double>& kernels(InstructionSet set) {
  return table_of<double>(set);
}

FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) {
  constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  _mm_setcsr(saved_ | kFlushToZero | kDenormalsAreZero);
}
FlushDenormals::~FlushDenormals() { _mm_setcsr(saved_); }

double host_unary(Unary f, double x) {
  ElementwiseArgs args;
  args.out = args.in[0] = scalar(x);
  kernels<double>(InstructionSet::kAvx2).unary[static_cast<size_t>(f)](args);
  return x;
}

double host_binary(Binary f, double x, double y) {
  ElementwiseArgs args;
  args.out = args.in[0] = scalar(x);
  args.in[1] = scalar(y);
  kernels<double>(InstructionSet::kAvx2).binary[static_cast<size_t>(f)](args);
  return x;
}

}  // namespace iclab::lanes
