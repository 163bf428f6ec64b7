#include "theory/speed.h"

#include <cmath>

namespace iclab::theory {

double speed_ratio(Convention convention, const SpeedArguments& arguments) {
  const auto r = static_cast<double>(arguments.r), K = static_cast<double>(arguments.K),
             s = static_cast<double>(arguments.s), nu = static_cast<double>(arguments.nu);
  const double c = arguments.c;
  const auto ratio = [r](double power) { return std::sqrt(r / power); };  // power = ||C||_F^2
  switch (convention) {
    case Convention::kMeanLoss:
      return ratio(s + (r - s) / K);
    case Convention::kSummedLoss:
      return ratio(s + (r - s) / K) / K;
    case Convention::kMatchedRate:
      return 1;
    case Convention::kNested:
      return ratio(r + nu / 4);
    case Convention::kOverlapping:
      return ratio(s + (r - s + nu) / 4);
    case Convention::kEasyClass:
      return 2 / std::hypot(1, c * c);
  }
  return 1;
}

}  // namespace iclab::theory
