#include "theory/label_sum.h"

#include <ranges>

#include "theory/special.h"

namespace iclab::theory {
namespace {

constexpr double kNegligible = 1e-60;

}  // namespace

LabelSum::LabelSum(std::int64_t m) : m_(static_cast<double>(m)) {
  const bool even = m % 2 == 0;
  // P(S + 2) / P(S) = (m - S) / (m + S + 2).
  double S = even ? 2 : 1, weight = even ? m_ / (m_ + 2) : 1;
  for (; S <= m_ && weight > kNegligible; S += 2) {
    pairs_.push_back({S, S / m_, weight});
    weight *= (m_ - S) / (m_ + S + 2);
  }

  CompensatedSum one_side;
  for (const Pair& pair : pairs_ | std::views::reverse) one_side.add(pair.weight);
  const double total = (even ? 1 : 0) + 2 * one_side.value();
  zero_ = even ? 1 / total : 0;
  for (Pair& pair : pairs_) pair.weight /= total;
}

}  // namespace iclab::theory
