// Whole powers on the host, with a run's own bits.
#pragma once

#include <cstdint>

namespace iclab::train {

/// base^exponent, exponent at least 0, by squaring: log(exponent) products in a fixed order.
constexpr double whole_power(double base, std::int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

}  // namespace iclab::train
