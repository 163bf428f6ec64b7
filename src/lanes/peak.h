// The processor's peak, measured: what fractions of it are taken of.
#pragma once

#include "lanes/kernels.h"

namespace iclab::lanes {

/// Floating-point operations a second of independent fma on the registers of one core, single precision:
/// the best of many short bursts, so that a neighbour's noise does not lower it. Takes 50 ms.
double measure_peak(InstructionSet set);

}  // namespace iclab::lanes
