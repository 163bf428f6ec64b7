// Autonomous flows dx/dt = f(x): first times and values along the way.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace iclab::theory {

using State = std::vector<double>;

struct Flow {
  std::function<void(const State& x, State& dx)> velocity;
  State start;
};

using Measure = std::function<double(const State& x)>;

/// The first t >= 0 with measure(x(t)) <= level, for each level; NaN where neither 2 million steps
/// nor a fixed point got there; Error where the flow leaves a double's range. Runge-Kutta-Fehlberg 7(8) with rtol 1e-11 and atol 1e-14 (1e-11 of
/// the smallest start, if that is less); the crossing is located within its step by TOMS 748 to
/// rounding.
std::vector<double> first_times(const Flow& flow, const Measure& measure,
                                std::span<const double> levels);

/// measure(x(t)) at each time, in the order given; times >= 0.
std::vector<double> values_at(const Flow& flow, const Measure& measure,
                              std::span<const double> times);

}  // namespace iclab::theory
