#include "theory/population_training.h"

#include <algorithm>
#include <cmath>

namespace iclab::theory {
namespace {

// Adam (Kingma and Ba 2015, algorithm 1) or plain descent on a short vector of parameters.
class Descent {
 public:
  Descent(const PopulationTraining& training, size_t size)
      : training_(training), mean_(size), square_(size) {}

  void update(std::vector<double>& theta, const std::vector<double>& gradient) {
    ++step_;
    for (size_t i = 0; i < theta.size(); ++i)
      theta[i] -= training_.lr * direction(i, training_.scale * gradient[i]);
  }

 private:
  static constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

  double direction(size_t i, double gradient) {
    if (training_.optimizer == Optimizer::kGradientDescent) return gradient;
    mean_[i] = kBeta1 * mean_[i] + (1 - kBeta1) * gradient;
    square_[i] = kBeta2 * square_[i] + (1 - kBeta2) * gradient * gradient;
    const double mean = mean_[i] / (1 - std::pow(kBeta1, step_));
    const double square = square_[i] / (1 - std::pow(kBeta2, step_));
    return mean / (std::sqrt(square) + kEpsilon);
  }

  PopulationTraining training_;
  std::vector<double> mean_, square_;
  double step_ = 0;
};

}  // namespace

std::vector<double> population_risks(const Spectrum& spectrum, const PopulationTraining& training,
                                     std::int64_t steps) {
  return population_risks(spectrum, spectrum, training, steps);
}

std::vector<double> population_risks(const Spectrum& spectrum, const Spectrum& observed,
                                     const PopulationTraining& training, std::int64_t steps) {
  const size_t groups = spectrum.groups();
  const std::vector<double> m = spectrum.m();
  // theta = (w_1 .. w_groups, v): entries of one group start and stay equal.
  std::vector<double> theta(groups, training.alpha / std::sqrt(spectrum.d()));
  theta.push_back(training.alpha);
  std::vector<double> gradient(groups + 1), gamma(groups), risks;
  Descent descent(training, groups + 1);

  risks.reserve(static_cast<size_t>(steps) + 1);
  for (std::int64_t step = 0;; ++step) {
    const double v = theta.back();
    gradient.back() = 0;
    for (size_t i = 0; i < groups; ++i) {
      gamma[i] = v * theta[i];
      const double residual = gamma[i] * m[i] - spectrum.lambda[i];
      gradient[i] = 2 * v * residual;
      gradient.back() += 2 * spectrum.multiplicity[i] * theta[i] * residual;
    }
    risks.push_back(observed.trace() + observed.excess(gamma));
    if (step == steps) return risks;
    descent.update(theta, gradient);
  }
}

std::int64_t first_step(std::span<const double> risks, double level) {
  const auto found = std::ranges::find_if(risks, [&](double risk) { return risk <= level; });
  return found == risks.end() ? -1 : found - risks.begin();
}

}  // namespace iclab::theory
