#include "theory/conditioning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/theory/matrices.h"
#include "theory/linear_risk.h"
#include "theory/merged_flow.h"
#include "theory/mixture_risk.h"

namespace iclab::theory {
namespace {

const std::vector<Mixture> kQuick{
    {8, 2, 1, 0}, {8, 2, 2, 1}, {8, 2, 2, 0}, {8, 2, 3, 0}, {8, 2, 4, 0}};

TEST(MergedDescentSteps, AreThoseOfTheQuickSetting) {
  const std::vector<std::int64_t> steps{37, 34, 16, 7, 1};
  const std::vector<double> kappa{33.5, 33.5, 17.25, 11.8333333333333333, 1};
  for (size_t i = 0; i < kQuick.size(); ++i) {
    EXPECT_EQ(merged_descent_steps(kQuick[i], 64, 0, 0.01), steps[i]);
    EXPECT_NEAR(mixture_constants(kQuick[i], 64, 0).kappa_M, kappa[i], 1e-13 * kappa[i]);
  }
}

TEST(MergedDescentSteps, AreNearTheMedianOverRandomStarts) {
  for (const Mixture& mixture : kQuick) {
    const Matrix C = second_moment(Matrix::Identity(8, 8), mixture);
    const double m_max = mixture.s > 0 ? mixture_constants(mixture, 64, 0).m_shared
                                       : mixture_constants(mixture, 64, 0).m_private;
    const double level = least_risk(C, 64, 0) + 0.01 * 2;
    std::vector<double> steps;
    for (int i = 0; i < 200; ++i) steps.push_back(i);
    std::vector<double> first;
    for (unsigned seed = 0; seed < 20; ++seed) {
      const Matrix Gamma0 = random_matrix(8, 8, 100 + seed) / std::sqrt(8.0);
      const std::vector<double> J = merged_descent_risks(Gamma0, C, 64, 0, 1 / (2 * m_max), steps);
      first.push_back(static_cast<double>(
          std::ranges::find_if(J, [&](double x) { return x < level; }) - J.begin()));
    }
    std::ranges::sort(first);
    const double median = (first[9] + first[10]) / 2;
    const auto closed = static_cast<double>(merged_descent_steps(mixture, 64, 0, 0.01));
    EXPECT_LE(std::abs(median - closed), 0.2 * closed + 1)
        << text(mixture) << " " << median;  // task-diversity.md, section 6 (C10)
  }
}

TEST(MergedDescentSteps, AreOneWhereTheNullPartIsWithinTheTolerance) {
  EXPECT_EQ(merged_descent_steps({8, 2, 1, 0}, 1e9, 0, 0.01), 1);
  EXPECT_EQ(merged_descent_steps({8, 2, 1, 0}, 64, 0, 1e3), 1);
  EXPECT_EQ(merged_descent_steps({8, 2, 4, 0}, 64, 0, 1e-9), 1);  // R = d
}

}  // namespace
}  // namespace iclab::theory
