#include "analysis/sigmoid_fit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace iclab::analysis {
namespace {

const std::vector<double> kLogK{1.5, 1.8, 2.0, 2.1, 2.2, 2.28, 2.4, 2.7};

std::vector<double> values_of(const Sigmoid& sigmoid) {
  std::vector<double> y;
  for (const double x : kLogK) y.push_back(sigmoid(x));
  return y;
}

TEST(SigmoidFit, FindsTheSigmoidThatThePointsLieOn) {
  const SigmoidBounds bounds{.b = {1, 5}};
  for (const Sigmoid truth : {Sigmoid{12, 2.2, 0.5, 0.48}, Sigmoid{3, 2.3, 0.1, 1.4},
                              Sigmoid{25, 2.05, 0.52, 0.45}}) {
    const Sigmoid fit = sigmoid_fit(kLogK, values_of(truth), bounds);
    // The residuals end at rounding; parameters follow through the fit's condition, below 1e4.
    EXPECT_LT(fit.squares, 1e-24);
    EXPECT_NEAR(fit.a, truth.a, 1e-8 * truth.a);
    EXPECT_NEAR(fit.b, truth.b, 1e-8);
    EXPECT_NEAR(fit.c, truth.c, 1e-8);
    EXPECT_NEAR(fit.d, truth.d, 1e-8);
    EXPECT_NEAR(fit.midpoint(), std::pow(10, truth.b), 1e-5);
  }
}

TEST(SigmoidFit, IsTheLeastOfItsNeighbours) {
  // Accuracies as quick runs of claim C1 have them: no sigmoid passes through all of them.
  const std::vector<double> accuracy{0.5, 0.48, 0.52, 0.5, 0.54, 0.68, 0.975, 0.99};
  const SigmoidBounds bounds{.b = {1, 5}};
  const Sigmoid fit = sigmoid_fit(kLogK, accuracy, bounds);
  const auto squares = [&](const Sigmoid& s) {
    double sum = 0;
    for (size_t i = 0; i < kLogK.size(); ++i) sum += std::pow(s(kLogK[i]) - accuracy[i], 2);
    return sum;
  };
  EXPECT_NEAR(squares(fit), fit.squares, 1e-15);
  EXPECT_LT(fit.squares, 0.01);
  EXPECT_GT(fit.b, 2.2);
  EXPECT_LT(fit.b, 2.4);
  for (const double part : {0.99, 1.01}) {
    EXPECT_GT(squares({fit.a * part, fit.b, fit.c, fit.d}), fit.squares);
    EXPECT_GT(squares({fit.a, fit.b * part, fit.c, fit.d}), fit.squares);
    EXPECT_GT(squares({fit.a, fit.b, fit.c * part, fit.d}), fit.squares);
    EXPECT_GT(squares({fit.a, fit.b, fit.c, fit.d * part}), fit.squares);
  }
}

TEST(SigmoidFit, StaysWithinItsBounds) {
  // The bounds of the authors hold b above 2 although the transition is at 1.8.
  const Sigmoid below = sigmoid_fit(kLogK, values_of({12, 1.8, 0.5, 0.5}));
  EXPECT_GE(below.b, 2);
  EXPECT_LE(below.b, 5);
  EXPECT_GE(below.c, 0);
  EXPECT_LE(below.c, 1);
  // A jump: as steep as allowed or steep enough, between the two points beside it.
  const Sigmoid jump =
      sigmoid_fit(kLogK, std::vector<double>{0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 1}, {.b = {1, 5}});
  EXPECT_LE(jump.a, 100);
  EXPECT_GT(jump.b, 2.2);
  EXPECT_LT(jump.b, 2.28);
}

TEST(SigmoidFit, LeavesOutWhatIsNoNumber) {
  const Sigmoid truth{12, 2.2, 0.5, 0.48};
  std::vector<double> y = values_of(truth);
  y[1] = std::nan("");
  EXPECT_NEAR(sigmoid_fit(kLogK, y, {.b = {1, 5}}).b, truth.b, 1e-8);
  const Sigmoid none = sigmoid_fit(std::vector<double>{1, 2, 3}, std::vector<double>{0, 1, 1});
  EXPECT_TRUE(std::isnan(none.b));
}

}  // namespace
}  // namespace iclab::analysis
