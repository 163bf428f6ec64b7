// Which conventions make diversity shorten the plateau: T over T of the single class of rank r, to
// leading order in ln(1/alpha) (task-diversity.md, section 5.7).
#pragma once

#include <cstdint>

namespace iclab::theory {

/// What is held fixed while what grows.
enum class Convention {
  kMeanLoss,     // A: K components of equal power, mean loss, fixed learning rate
  kSummedLoss,   // B: the same with the losses of the K classes summed
  kMatchedRate,  // C: learning rate c / Lambda
  kNested,       // E: nu more columns of unit variance in class 1, which contains class 0 (K = 2)
  kOverlapping,  // E': class 1 shares s columns with class 0 and has nu of its own
  kEasyClass     // F: a disjoint easy class of rank r and scale c joins the hard class of scale 1
};

struct SpeedArguments {
  std::int64_t r = 1, K = 1, s = 0, nu = 0;
  double c = 1;
};

/// T / T_single = Lambda_single / (rate factor * Lambda); above 1 is slower. F is the early phase.
double speed_ratio(Convention convention, const SpeedArguments& arguments);

}  // namespace iclab::theory
