#include "theory/mixture_risk.h"

#include <algorithm>
#include <cmath>

namespace iclab::theory {
namespace {

// Numbers of the training and of the test law; 1 - gamma without cancellation at large n.
struct Parts {
  double d, r, s, nu, K, R;
  double gamma_s, gamma_p, miss_s, miss_p;  // miss = 1 - gamma
  double rho_test, n_test;

  Parts(const Mixture& mixture, double n, double sigma2, const TestSetting& test)
      : d(static_cast<double>(mixture.d)),
        r(static_cast<double>(mixture.r)),
        s(static_cast<double>(mixture.s)),
        nu(static_cast<double>(mixture.nu())),
        K(static_cast<double>(mixture.K)),
        R(static_cast<double>(mixture.R())),
        rho_test((r + test.sigma2) / test.n),
        n_test(test.n) {
    const double rho = (r + sigma2) / n, a = 1 + 1 / n;
    gamma_s = 1 / (a + rho);
    gamma_p = 1 / (a + K * rho);
    miss_s = (1 / n + rho) * gamma_s;
    miss_p = (1 / n + K * rho) * gamma_p;
  }

  // rho' tr(Gamma*^2)
  double noise() const { return rho_test * (s * gamma_s * gamma_s + K * nu * gamma_p * gamma_p); }

  // 1 - 2 gamma + a' gamma^2
  double bracket_s() const { return miss_s * miss_s + gamma_s * gamma_s / n_test; }
  double bracket_p() const { return miss_p * miss_p + gamma_p * gamma_p / n_test; }
};

}  // namespace

MixtureConstants mixture_constants(const Mixture& mixture, double n, double sigma2) {
  const auto K = static_cast<double>(mixture.K), r = static_cast<double>(mixture.r),
             s = static_cast<double>(mixture.s);
  const double a = 1 + 1 / n;
  MixtureConstants c;
  c.rho = (r + sigma2) / n;
  c.m_shared = a + c.rho;
  c.m_private = a / K + c.rho;
  c.m_null = c.rho;
  c.gamma_shared = 1 / c.m_shared;
  c.gamma_private = 1 / (a + K * c.rho);

  const double power = s + (r - s) / K;
  const double largest = mixture.s > 0 ? 1 : 1 / K;
  c.Lambda = std::sqrt(power);
  c.stable_rank = power / (largest * largest);
  c.lr_max_factored = 1 / (2 * c.Lambda);

  const double m_max = mixture.s > 0 ? c.m_shared : c.m_private;
  const double m_min = mixture.R() < mixture.d ? c.m_null
                       : mixture.nu() > 0      ? c.m_private
                                               : c.m_shared;
  c.kappa_M = m_max / m_min;
  return c;
}

double least_risk(const Mixture& mixture, double n, double sigma2) {
  const Parts p(mixture, n, sigma2, {n, sigma2});
  return p.s * p.miss_s + p.nu * p.miss_p;
}

double span_risk(const Mixture& mixture, double n, double sigma2, const TestSetting& test) {
  const Parts p(mixture, n, sigma2, test);
  return p.s * p.bracket_s() + p.nu * p.bracket_p() + p.noise();
}

std::optional<double> outside_risk(const Mixture& mixture, double n, double sigma2,
                                   const TestSetting& test, double theta) {
  if (mixture.nu() > mixture.d - mixture.R()) return {};
  const Parts p(mixture, n, sigma2, test);
  // 1 - (1 - bracket) cos^2 = sin^2 + bracket cos^2
  const double sine = std::sin(theta), cosine = std::cos(theta);
  return p.s * p.bracket_s() + p.nu * (sine * sine + p.bracket_p() * cosine * cosine) + p.noise();
}

double isotropic_risk(const Mixture& mixture, double n, double sigma2, const TestSetting& test) {
  const Parts p(mixture, n, sigma2, test);
  // s + K nu of the d directions cost their bracket, the others 1; each carries r/d.
  return p.r / p.d * (p.d - p.R + p.s * p.bracket_s() + p.K * p.nu * p.bracket_p()) + p.noise();
}

std::optional<double> complement_risk(const Mixture& mixture, double n, double sigma2,
                                      const TestSetting& test) {
  if (mixture.R() >= mixture.d) return {};
  const Parts p(mixture, n, sigma2, test);
  return p.r + p.noise();
}

}  // namespace iclab::theory
