#include "theory/kinetics_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "theory/special.h"
#include "theory/stiff_flow.h"

namespace iclab::theory {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kRootHalfPi = std::sqrt(std::numbers::pi / 2);

// log of sqrt(pi/2) erfcx(w / sqrt 2), the time that a particle at u = 1 with velocity -w needs to
// fall into the well.
double log_fall(double w) { return std::log(kRootHalfPi) + log_erfcx(w / std::numbers::sqrt2); }

double log_half_erfc(double w) {  // log P(Z > w)
  const double x = w / std::numbers::sqrt2;
  return log_erfcx(x) - x * x - std::numbers::ln2;
}

// ---- the particle u'' = -1/u - force - friction u' of differential-kinetics.md, section 3.4 ----

struct Particle {
  double log_u0, w0;       // w = -u'
  double friction, force;  // c2/n >= 0 and mu/n
};

// T for a friction that dominates from the start: u' = -(1/u + force) / friction. The inertia that
// this leaves out is of relative order 1/z0, z = friction u.
double overdamped_arrival(const Particle& particle) {
  constexpr double kFar = 40;  // log r from which log(1 + r) is log r to rounding
  const double u0 = std::exp(particle.log_u0);
  const double log_r = particle.force > 0 ? particle.log_u0 + std::log(particle.force) : -kInfinity;
  if (log_r > kFar)
    return std::exp(particle.log_u0 + std::log(particle.friction) - std::log(particle.force)) *
           (1 - log_r * std::exp(-log_r));
  const double r = particle.force == 0 ? 0 : particle.force * u0;
  if (r <= -1 || std::isinf(u0)) return kInfinity;
  // integral of x / (1 + r x) over [0, 1]
  const double integral = std::fabs(r) < 1e-3
                              ? 0.5 - r * (1. / 3 - r * (1. / 4 - r * (1. / 5 - r / 6)))
                              : (1 - std::log1p(r) / r) / r;
  return particle.friction * u0 * u0 * integral;
}

// With ds = dT / u both arrival and the way there are regular: dw/ds = 1 + force u - z w, d log u/ds
// = -w. Where friction dominates, w relaxes to 1/z while log u moves at that rate: y = w (1 + z) and
// d sigma = ds / (1 + z) are of order one on both sides. The state is (y, log u/u0, T/scale).
// log u0 may lie where u0 is 0 in a double: a particle sent outwards comes to where it is not.
class Fall {
 public:
  explicit Fall(const Particle& particle)
      : particle_(particle) {
    constexpr double kLeastScale = 1e-100;
    const double u0 = std::exp(particle.log_u0), z0 = particle.friction * u0;
    y0_ = particle.w0 * (1 + z0);
    scale_ = std::max(kLeastScale, u0 * (1 + z0) / (1 + std::fabs(particle.w0) +
                                                    std::sqrt(std::fabs(particle.force) * u0)));
  }

  double arrival() const {
    StiffFlow flow{[this](const StiffState& x, StiffState& dx) { velocity(x, dx); },
                   [this](const StiffState& x, StiffJacobian& J) { jacobian(x, J); },
                   StiffState(3)};
    flow.start(0) = y0_;
    flow.start(1) = 0;
    flow.start(2) = 0;
    if (is_trapped(flow.start)) return kInfinity;
    if (is_free(flow.start)) return rest(flow.start);

    StiffIntegration integration(flow);
    for (;;) {
      integration.advance();
      const StiffState& x = integration.state();
      if (is_trapped(x)) return kInfinity;
      if (is_free(x)) return scale_ * x(2) + rest(x);
    }
  }

 private:
  struct Place {
    double u, z, w;
  };

  Place place(const StiffState& x) const {
    const double u = std::exp(particle_.log_u0 + x(1)), z = particle_.friction * u;
    return {u, z, x(0) / (1 + z)};
  }

  // Moves outwards and is driven outwards: nothing turns it again.
  bool is_trapped(const StiffState& x) const {
    const auto [u, z, w] = place(x);
    return w <= 0 && 1 + particle_.force * u - z * w <= 0;
  }

  // Moves inwards, so close to the well that nothing else acts.
  bool is_free(const StiffState& x) const {
    constexpr double kNothing = 1e-14;
    const auto [u, z, w] = place(x);
    return w >= 0 && z * (1 + w) + std::fabs(particle_.force) * u < kNothing;
  }

  double rest(const StiffState& x) const {
    const auto [u, z, w] = place(x);
    return u * std::exp(log_fall(w));
  }

  void velocity(const StiffState& x, StiffState& dx) const {
    const auto [u, z, w] = place(x);
    const double y = x(0);
    dx(0) = (1 + z) * ((1 + z) * (1 + particle_.force * u) - z * y) - z * y * w;
    dx(1) = -y;
    dx(2) = u * (1 + z) / scale_;
  }

  void jacobian(const StiffState& x, StiffJacobian& J) const {
    const auto [u, z, w] = place(x);
    const double y = x(0), pull = particle_.force * u;
    J.clear();
    J(0, 0) = -z * (1 + z) - 2 * z * w;
    J(0, 1) = (1 + z) * (2 * z * (1 + pull) + (1 + z) * pull) - z * (1 + 2 * z) * y - z * w * w;
    J(1, 0) = -1;
    J(2, 1) = u * (1 + 2 * z) / scale_;
  }

  Particle particle_;
  double y0_ = 0, scale_ = 1;
};

double arrival(const Particle& particle) {
  constexpr double kDominates = 1e18;  // z0 from which inertia is below rounding
  const double u0 = std::exp(particle.log_u0), z0 = particle.friction * u0;
  if (particle.friction == 0 && std::isinf(std::fabs(particle.force) * u0)) {
    // So far out nothing but the force acts: u0 = force T^2 / 2.
    if (particle.force < 0) return kInfinity;
    return std::exp((particle.log_u0 + std::numbers::ln2 - std::log(particle.force)) / 2);
  }
  if (z0 > kDominates * (1 + std::fabs(particle.w0))) return overdamped_arrival(particle);
  return Fall(particle).arrival();
}

}  // namespace

double log_tau_star(double N, double beta0, double w0, double n) {
  return std::log(N / n) - beta0 + log_fall(w0);
}

double tau_star(double N, double beta0, double w0, double n) {
  return std::exp(log_tau_star(N, beta0, w0, n));
}

WeightAndBeta frictionless_path(double x, double w0, double beta0) {
  const double log_left = std::log1p(-x);  // log of the part of tau* that is left
  if (w0 >= 0) {
    // d = w - w0 solves w0 d + d^2/2 = log(erfcx(w / sqrt 2) / erfcx(w0 / sqrt 2)) - log_left:
    // beta without cancellation. The ratio only falls, so that d without it is too large, and
    // Newton's steps (log erfc is concave) fall from there to the root.
    const double scaled0 = erfcx(w0 / std::numbers::sqrt2);
    double d = -2 * log_left / (w0 + std::hypot(w0, std::sqrt(-2 * log_left)));
    if (log_left == 0) d = 0;
    for (int i = 0; i < 60 && d > 0; ++i) {
      const double scaled = erfcx((w0 + d) / std::numbers::sqrt2);
      const double excess = w0 * d + d * d / 2 + log_left - std::log(scaled / scaled0);
      const double step = excess * scaled * kRootHalfPi;
      d -= step;
      if (std::fabs(step) <= 2 * std::numeric_limits<double>::epsilon() * d) break;
    }
    return {w0 + d, beta0 + w0 * d + d * d / 2};
  }
  if (x == 0) return {w0, beta0};

  // P(Z > w) = (1 - x) P(Z > w0), from whichever tail is small.
  const double log_upper = log_left + std::log1p(-std::exp(log_half_erfc(-w0)));
  double w;
  if (log_upper <= -std::numbers::ln2) {
    w = normal_upper_quantile(log_upper);
  } else {
    const double a = std::log(x), b = log_left + log_half_erfc(-w0);
    const double log_lower = std::fmax(a, b) + std::log1p(std::exp(-std::fabs(a - b)));
    w = -normal_upper_quantile(std::fmin(log_lower, -std::numbers::ln2));
  }
  return {w, beta0 + (w - w0) * ((w + w0) / 2)};
}

double G_friction(double kappa, double w0) {
  if (kappa == 0) return std::exp(log_fall(w0));
  return arrival({.log_u0 = 0, .w0 = w0, .friction = kappa, .force = 0});
}

double tau_star_general(double N, double beta0, double w0, double n, double c2, double mu) {
  if (c2 == 0 && mu == 0) return tau_star(N, beta0, w0, n);
  return N / n * arrival({.log_u0 = -beta0, .w0 = w0, .friction = c2 / n, .force = mu / n});
}

double t_icl_Kinf(double N, double eta, double beta0, double w0, double n, double c2) {
  return 2 * (tau_star_general(N, beta0, w0, n, c2, 0) / eta);
}

double t_icl_quantile(double q, double N, double eta, double sigma_beta, double n) {
  const double z = q < 0.5 ? -normal_upper_quantile(std::log(q))
                           : normal_upper_quantile(std::log1p(-q));
  return std::exp(std::log(2 * kRootHalfPi * (N / n)) - std::log(eta) + sigma_beta * z);
}

}  // namespace iclab::theory
