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

bool is_available(Target target) {
  const InstructionSets sets = available_instruction_sets();
  return target == Target::kAvx512 ? sets.avx512 : sets.avx2;
}

template <class T>
Kernels<T> make_table(Target target) {
  if (!is_available(target))
    throw Error("[lanes] this processor can't run the kernels that were asked for");
  Kernels<T> table{};
  add_elementwise(table, target);
  add_sum(table, target);
  add_gather(table, target);
  add_update(table, target);
  add_product(table, target);
  add_draw(table, target);
  add_draw_gamma(table, target);
  add_row(table, target);
  return table;
}

Target target_of(InstructionSet set) {
  return set == InstructionSet::kAvx512 ? Target::kAvx512 : Target::kAvx2;
}

// One plain scalar as an operand.
Operand scalar(double& x) {
  Operand operand;
  operand.data = &x;
  return operand;
}

}  // namespace

InstructionSets available_instruction_sets() {
  const std::int64_t supported = hwy::SupportedTargets();
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
    if (!is_available(target_of(set))) continue;
    if (std::string(wish) == name(set)) return set;
    names.push_back(name(set));
  }
  throw Error(fmt::format("[lanes] ICLAB_SIMD is '{}'; this processor has {}{}", wish, join(names),
                          did_you_mean(wish, names)));
}

template <class T>
const Kernels<T>& kernels(Target target) {
  switch (target) {
    case Target::kAvx2: {
      static const Kernels<T> table = make_table<T>(Target::kAvx2);
      return table;
    }
    case Target::kAvx512: {
      static const Kernels<T> table = make_table<T>(Target::kAvx512);
      return table;
    }
    case Target::kAvx2Half:
      break;
  }
  static const Kernels<T> table = make_table<T>(Target::kAvx2Half);
  return table;
}
template const Kernels<float>& kernels(Target);
template const Kernels<double>& kernels(Target);

template <>
const Kernels<float>& kernels(InstructionSet set) {
  return kernels<float>(target_of(set));
}
template <>
const Kernels<double>& kernels(InstructionSet set) {
  return kernels<double>(target_of(set));
}

FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) {
  constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  _mm_setcsr(saved_ | kFlushToZero | kDenormalsAreZero);
}
FlushDenormals::~FlushDenormals() { _mm_setcsr(saved_); }

double host_unary(Unary f, double x) {
  ElementwiseArgs args;
  args.out = args.in[0] = scalar(x);
  kernels<double>(Target::kAvx2).unary[static_cast<size_t>(f)](args);
  return x;
}

double host_binary(Binary f, double x, double y) {
  ElementwiseArgs args;
  args.out = args.in[0] = scalar(x);
  args.in[1] = scalar(y);
  kernels<double>(Target::kAvx2).binary[static_cast<size_t>(f)](args);
  return x;
}

}  // namespace iclab::lanes
