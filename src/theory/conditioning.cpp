#include "theory/conditioning.h"

#include <algorithm>
#include <cmath>

#include "theory/mixture_risk.h"

namespace iclab::theory {

std::int64_t merged_descent_steps(const Mixture& mixture, double n, double sigma2, double tol) {
  if (mixture.R() == mixture.d) return 1;
  const MixtureConstants constants = mixture_constants(mixture, n, sigma2);
  const double start = static_cast<double>(mixture.d - mixture.R()) * constants.rho;
  const double folds = std::log(start / static_cast<double>(mixture.r)) - std::log(tol);
  const double steps = folds / (-2 * std::log1p(-1 / constants.kappa_M));
  return static_cast<std::int64_t>(std::clamp(std::ceil(steps), 1.0, 9e18));
}

}  // namespace iclab::theory
