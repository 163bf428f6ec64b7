// Autonomous flows dx/ds = f(x) that are stiff along part of their way.
#pragma once

#include <boost/numeric/ublas/matrix.hpp>
#include <boost/numeric/ublas/vector.hpp>
#include <functional>

namespace iclab::theory {

using StiffState = boost::numeric::ublas::vector<double>;
using StiffJacobian = boost::numeric::ublas::matrix<double>;

struct StiffFlow {
  std::function<void(const StiffState& x, StiffState& dx)> velocity;
  std::function<void(const StiffState& x, StiffJacobian& J)> jacobian;  // J(i, j) = d f_i / d x_j
  StiffState start;  // of order one: errors are held to 1e-13 + 1e-12 |x| a step
};

/// Steps of controlled size: Bulirsch and Stoer's extrapolation where -J(0, 0), the rate at which the first
/// entry relaxes, is moderate, Rosenbrock's implicit method of order 4 where it is not.
class StiffIntegration {
 public:
  explicit StiffIntegration(const StiffFlow& flow);

  /// One step. Throws Error after 200 000 of them.
  void advance();

  const StiffState& begin() const { return begin_; }  // of the last step
  const StiffState& state() const { return state_; }  // at its end

  /// The state where measure(x), below `level` at the beginning of the last step and not at its
  /// end, takes the value `level`.
  StiffState crossing(const std::function<double(const StiffState&)>& measure, double level) const;

 private:
  bool is_stiff(const StiffState& x) const;
  StiffState after(double length) const;  // from the beginning of the last step
  bool step_explicitly();
  bool step_implicitly();

  StiffFlow flow_;
  StiffState state_, begin_;
  double length_ = 0;  // of the next step to be tried
  double last_ = 0;    // of the last step
  bool implicit_ = false;
  long tries_ = 0;  // of steps, refused ones included
};

}  // namespace iclab::theory
