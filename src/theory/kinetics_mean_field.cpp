#include "theory/kinetics_mean_field.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "theory/label_sum.h"
#include "theory/special.h"
#include "theory/stiff_flow.h"

namespace iclab::theory {
namespace {

// a and 1 - a, both exact to rounding for every beta.
struct Attention {
  Attention(double others, double n, double beta)
      : copies(logistic(beta + std::log(n / others))),
        rest(logistic(-beta - std::log(n / others))) {}
  double copies, rest;
};

// Minus the gradient and its derivatives.
struct Slopes {
  double w = 0, beta = 0;
  double ww = 0, wb = 0, bb = 0;
};

// Adds +S and -S together: what is left of their labels is a difference of two residuals, taken
// without cancellation, so that the smallest attention still counts.
Slopes slopes(const LabelSum& sum, double n, double w, double beta, double phi,
              bool with_derivatives) {
  const Attention attention(sum.m(), n, beta);
  const double a = attention.copies, b = attention.rest;
  double signal = 0, noise = 0, pull = 0;    // sum s; sum s S/m; sum s (1 - S/m)
  double q_MM = 0, q_Mr = 0, q_rr = 0;       // sum q M^2, q M (1 - S/m), q (1 - S/m)^2
  for (const LabelSum::Pair& pair : sum.pairs()) {
    const double r = pair.ratio;
    const double M_plus = a + b * r, M_minus = a - b * r;
    const double x_plus = phi + w * M_plus, x_minus = phi + w * M_minus;
    const double s_plus = logistic(-x_plus), s_minus = logistic(-x_minus);
    const double gap = 2 * w * b * r;  // x_plus - x_minus
    const double difference =
        std::fabs(gap) > 1 ? s_plus - s_minus
        : gap > 0          ? std::expm1(-gap) * logistic(x_plus) * s_minus
                           : -std::expm1(gap) * s_plus * logistic(x_minus);
    signal += pair.weight * (s_plus + s_minus);
    noise += pair.weight * r * difference;
    pull += pair.weight * (s_plus * (1 - r) + s_minus * (1 + r));
    if (!with_derivatives) continue;
    const double q_plus = pair.weight * s_plus * logistic(x_plus),
                 q_minus = pair.weight * s_minus * logistic(x_minus);
    q_MM += q_plus * M_plus * M_plus + q_minus * M_minus * M_minus;
    q_Mr += q_plus * M_plus * (1 - r) + q_minus * M_minus * (1 + r);
    q_rr += q_plus * (1 - r) * (1 - r) + q_minus * (1 + r) * (1 + r);
  }
  if (sum.zero() > 0) {
    const double x = phi + w * a, s = logistic(-x), q = s * logistic(x);
    signal += sum.zero() * s;
    pull += sum.zero() * s;
    q_MM += sum.zero() * q * a * a;
    q_Mr += sum.zero() * q * a;
    q_rr += sum.zero() * q;
  }

  // dM/dbeta = a b (1 - S/m).
  const double ab = a * b;
  return {.w = a * signal + b * noise,
          .beta = w * ab * pull,
          .ww = -q_MM,
          .wb = ab * (pull - w * q_Mr),
          .bb = w * ab * ((b - a) * pull - w * ab * q_rr)};
}

// Where attention is weak, w relaxes to a multiple of e^beta at a rate of order 1/N while beta
// moves at a rate of order e^(2 beta)/N. With z = e^-beta / (2n), the friction of differential-kinetics.md, section
// 3.4, y = w (1 + z) is of order one, and so is the speed in d sigma = dt / (1 + 4 N z (1 + z)).
class Flow {
 public:
  Flow(std::int64_t N, std::int64_t n, double beta0, double w0)
      : sum_(N - n),
        N_(static_cast<double>(N)),
        n_(static_cast<double>(n)),
        beta0_(beta0),
        scale_(pace(friction(beta0)) / (1 + std::fabs(w0))),
        start_(3) {
    start_(0) = w0 * (1 + friction(beta0));
    start_(1) = 0;
    start_(2) = 0;
  }

  StiffFlow flow() const {
    return {[this](const StiffState& x, StiffState& dx) { velocity(x, dx); },
            [this](const StiffState& x, StiffJacobian& J) { jacobian(x, J); }, start_};
  }

  // The state is (y, beta - beta0, t / scale).
  double w(const StiffState& x) const { return x(0) / (1 + friction(beta(x))); }
  double beta(const StiffState& x) const { return beta0_ + x(1); }
  double time(const StiffState& x) const { return scale_ * x(2); }

 private:
  double friction(double beta) const { return std::exp(-beta) / (2 * n_); }
  double pace(double z) const { return 1 + 4 * N_ * z * (1 + z); }

  void velocity(const StiffState& x, StiffState& dx) const {
    const double z = friction(beta(x)), w = x(0) / (1 + z), g = pace(z);
    const Slopes f = slopes(sum_, n_, w, beta(x), 0, false);
    dx(0) = g * ((1 + z) * f.w - z * w * f.beta);
    dx(1) = g * f.beta;
    dx(2) = g / scale_;
  }

  void jacobian(const StiffState& x, StiffJacobian& J) const {
    const double z = friction(beta(x)), w = x(0) / (1 + z), g = pace(z);
    const Slopes f = slopes(sum_, n_, w, beta(x), 0, true);
    const double g_beta = -4 * N_ * z * (1 + 2 * z), w_beta = w * z / (1 + z);
    const double speed = (1 + z) * f.w - z * w * f.beta;
    J.clear();
    J(0, 0) = g * (f.ww - z * (f.beta + w * f.wb) / (1 + z));
    J(0, 1) = g_beta * speed +
              g * (-z * f.w + (1 + z) * (f.ww * w_beta + f.wb) +
                   z * ((w - w_beta) * f.beta - w * (f.wb * w_beta + f.bb)));
    J(1, 0) = g * f.wb / (1 + z);
    J(1, 1) = g_beta * f.beta + g * (f.wb * w_beta + f.bb);
    J(2, 1) = g_beta / scale_;
  }

  LabelSum sum_;
  double N_, n_, beta0_, scale_;
  StiffState start_;
};

// Below it e^beta is nothing beside 1 (1e-26), while every e-fold of e^-beta costs steps.
constexpr double kLeastBeta = -60;

// From a beta0 below kLeastBeta w relaxes as from there and beta stands still while w does so (for
// eta t below 1e50); then w = 2 n e^beta, d beta / dt = n^2 e^(2 beta) / (N - n), to relative order
// e^beta0.
MeanField weakest(std::int64_t N, std::int64_t n, double beta0, double w0,
                  std::span<const double> times) {
  MeanField result = meanfield_Kinf(N, n, kLeastBeta, w0, times);
  for (double& beta : result.beta) beta += beta0 - kLeastBeta;
  const auto others = static_cast<double>(N - n), copies = static_cast<double>(n);
  result.t_acc = std::exp(std::log(others / (2 * copies * copies)) - 2 * beta0);
  return result;
}

}  // namespace

double icl_accuracy_ideal(std::int64_t N, double beta, std::int64_t n) {
  constexpr double kRoundings = 4 * std::numeric_limits<double>::epsilon();
  const LabelSum sum(N - n);
  const double copies = static_cast<double>(n) * std::exp(beta);
  double accuracy = sum.zero();
  for (const LabelSum::Pair& pair : sum.pairs()) {
    const bool tie = std::fabs(copies - pair.S) <= kRoundings * pair.S;
    accuracy += pair.weight * (tie ? 1.5 : copies > pair.S ? 2 : 1);
  }
  return std::min(accuracy, 1.0);
}

double icl_loss_ideal(std::int64_t N, double beta, double w, std::int64_t n) {
  const LabelSum sum(N - n);
  const Attention attention(sum.m(), static_cast<double>(n), beta);
  double loss = sum.zero() * softplus(-w * attention.copies);
  for (const LabelSum::Pair& pair : sum.pairs()) {
    const double rest = attention.rest * pair.ratio;
    loss += pair.weight * softplus(-w * (attention.copies + rest)) +
            pair.weight * softplus(-w * (attention.copies - rest));
  }
  return loss;
}

Descent meanfield_rhs(std::int64_t N, double w, double beta, std::int64_t n, double phi) {
  const Slopes f = slopes(LabelSum(N - n), static_cast<double>(n), w, beta, phi, false);
  return {f.w, f.beta};
}

double beta_threshold(double N, double n) {
  constexpr double kNormalAt95 = 1.6448536269514722;
  return std::log(kNormalAt95 * std::sqrt(N - n) / n);
}

MeanField meanfield_Kinf(std::int64_t N, std::int64_t n, double beta0, double w0,
                         std::span<const double> times) {
  if (beta0 < kLeastBeta) return weakest(N, n, beta0, w0, times);
  MeanField result;
  const double level = beta_threshold(static_cast<double>(N), static_cast<double>(n));
  result.beta_threshold = level;
  const Flow model(N, n, beta0, w0);
  const StiffFlow flow = model.flow();
  StiffIntegration integration(flow);
  const auto beta = [&](const StiffState& x) { return model.beta(x); };
  const auto time = [&](const StiffState& x) { return model.time(x); };
  const auto keep = [&](const StiffState& x) {
    result.w.push_back(model.w(x));
    result.beta.push_back(model.beta(x));
  };

  bool acquired = beta0 >= level;
  size_t next = 0;
  for (; next < times.size() && times[next] == 0; ++next) {
    result.w.push_back(w0);
    result.beta.push_back(beta0);
  }
  while (!acquired || next < times.size()) {
    integration.advance();
    if (!acquired && model.beta(integration.state()) >= level) {
      result.t_acc = model.time(integration.crossing(beta, level));
      acquired = true;
    }
    for (; next < times.size() && times[next] <= model.time(integration.state()); ++next)
      keep(integration.crossing(time, times[next]));
  }
  return result;
}

}  // namespace iclab::theory
