#include "theory/stiff_flow.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace iclab::theory {
namespace {

// dx/ds = -rate (x - cos s) - sin s, s itself as the second entry, the integral of x as the third:
// x = cos s from x = 1 on, whatever the rate.
StiffFlow follower(double rate) {
  StiffFlow flow{[rate](const StiffState& x, StiffState& dx) {
                   dx(0) = -rate * (x(0) - std::cos(x(1))) - std::sin(x(1));
                   dx(1) = 1;
                   dx(2) = x(0);
                 },
                 [rate](const StiffState& x, StiffJacobian& J) {
                   J.clear();
                   J(0, 0) = -rate;
                   J(0, 1) = -rate * std::sin(x(1)) - std::cos(x(1));
                   J(2, 0) = 1;
                 },
                 StiffState(3)};
  flow.start(0) = 1;
  flow.start(1) = 0;
  flow.start(2) = 0;
  return flow;
}

TEST(StiffFlow, FollowsAnySlowSolution) {
  for (const double rate : {0., 10., 100., 1e6, 1e12}) {
    StiffIntegration integration(follower(rate));
    int steps = 0;
    while (integration.state()(1) < 3) {
      integration.advance();
      ASSERT_LT(++steps, 20'000) << rate;
    }
    const StiffState at =
        integration.crossing([](const StiffState& x) { return x(1); }, 3);
    // 1e-11 a step of the implicit method, whose steps are about 1/500.
    EXPECT_NEAR(at(1), 3, 1e-13);
    EXPECT_NEAR(at(0), std::cos(3), 1e-10) << rate;
    EXPECT_NEAR(at(2), std::sin(3), 1e-10) << rate;
  }
}

TEST(StiffFlow, APlainIntegralIsHeldToItsError) {
  // Where nothing but the last entry depends on the others an embedded pair sees no error.
  StiffFlow flow = follower(0);
  flow.velocity = [](const StiffState& x, StiffState& dx) {
    dx(0) = 0;
    dx(1) = 1;
    dx(2) = std::exp(-x(1) * x(1) / 2);
  };
  StiffIntegration integration(flow);
  while (integration.state()(1) < 9) integration.advance();
  EXPECT_NEAR(integration.state()(2), std::sqrt(std::acos(-1.) / 2), 1e-11);
}

TEST(StiffFlow, GivesUpWithAnError) {
  StiffFlow flow = follower(0);
  flow.velocity = [](const StiffState& x, StiffState& dx) {  // blows up at s = 1
    dx(0) = x(0) * x(0);
    dx(1) = dx(2) = 0;
  };
  StiffIntegration integration(flow);
  EXPECT_THROW(
      for (;;) integration.advance(), Error);
}

}  // namespace
}  // namespace iclab::theory
