// Values in memory of their own, laid out in every way a kernel may meet, for the tests of kernels.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "lanes/kernels.h"
#include "tests/lanes/half_width.h"

namespace iclab::lanes {

/// How the elements lie: without gaps, row-major or with the axes in reverse; with gaps at every
/// axis; or shared (stride 0) along the inmost axis, the third, or all.
enum class Layout { kRows, kReversed, kGaps, kSharedInner, kSharedRows, kSharedAll, kCount };

/// Whose numbers a value holds: 16 prompts' a group, in lanes; one prompt's a group; or the same for all.
enum class Place { kInLanes, kPrompts, kShared };

template <class E>
class Value {
 public:
  Value(std::int64_t groups, const Dims& dims, bool lanes, Layout layout)
      : Value(groups, dims, lanes ? Place::kInLanes : Place::kShared, layout) {}

  Value(std::int64_t groups, const Dims& dims, Place place, Layout layout)
      : groups_(place == Place::kShared ? 1 : groups), dims_(dims) {
    const std::int64_t gap = layout == Layout::kGaps ? 2 : 0;
    std::int64_t stride = 1 + gap;
    for (int a = 0; a < kMaxRank; ++a) {
      const auto axis = static_cast<size_t>(layout == Layout::kReversed ? a : kMaxRank - 1 - a);
      operand.strides[axis] = shares(layout, axis) ? 0 : stride;
      if (!shares(layout, axis)) stride *= dims[axis] + gap;
    }
    operand.lanes = place == Place::kInLanes;
    operand.group_stride = place == Place::kShared ? 0 : stride;
    data.resize(static_cast<size_t>(groups_ * (operand.lanes ? kLanes : 1) * stride));
    operand.data = data.data();
  }

  /// Scalar of element (i0, i1, i2, i3); plain values have the same one for all lanes, shared ones
  /// for all groups too.
  E& at(std::int64_t group, const Dims& i, int lane) {
    std::int64_t element = group * operand.group_stride;
    for (size_t axis = 0; axis < kMaxRank; ++axis) element += i[axis] * operand.strides[axis];
    return data[static_cast<size_t>(operand.lanes ? element * kLanes + lane : element)];
  }

  /// Calls f(group, i, lane) for every scalar, in row-major order.
  template <class F>
  void each(F f) const {
    for (std::int64_t g = 0; g < groups_; ++g)
      each_element(dims_, [&](const Dims& i) {
        for (int lane = 0; lane < (operand.lanes ? kLanes : 1); ++lane) f(g, i, lane);
      });
  }

  template <class F>
  static void each_element(const Dims& dims, F f) {
    Dims i{};
    for (i[0] = 0; i[0] < dims[0]; ++i[0])
      for (i[1] = 0; i[1] < dims[1]; ++i[1])
        for (i[2] = 0; i[2] < dims[2]; ++i[2])
          for (i[3] = 0; i[3] < dims[3]; ++i[3]) f(i);
  }

  Operand operand;
  std::vector<E> data;

 private:
  static bool shares(Layout layout, size_t axis) {
    return layout == Layout::kSharedAll || (layout == Layout::kSharedInner && axis == 3) ||
           (layout == Layout::kSharedRows && axis == 2);
  }

  std::int64_t groups_;
  Dims dims_;
};

// Numbers from a pool made once, from a random place on: making them would take most of the tests'
// time.
template <class T, class Make>
void fill_from_pool(std::mt19937& random, std::vector<T>& data, Make make) {
  static const std::vector<T> pool = [&] {
    std::mt19937 own_random(1);
    std::vector<T> numbers(10007);
    for (T& x : numbers) x = make(own_random);
    return numbers;
  }();
  size_t at = random() % pool.size();
  for (T& x : data) {
    x = pool[at];
    if (++at == pool.size()) at = 0;
  }
}

/// Normal numbers: their sums depend on the order.
template <class T>
void fill_normal(std::mt19937& random, std::vector<T>& data) {
  fill_from_pool(random, data,
                 [normal = std::normal_distribution<T>()](auto& r) mutable { return normal(r); });
}

/// Numbers of all sizes, whole ones, zeros of both signs, infinities and NaN among them.
template <class T>
void fill(std::mt19937& random, std::vector<T>& data) {
  using Limits = std::numeric_limits<T>;
  fill_from_pool(random, data, [normal = std::normal_distribution<T>()](auto& r) mutable {
    switch (r() % 32) {
      case 0:
        return T(0);
      case 1:
        return -T(0);
      case 2:
        return Limits::infinity();
      case 3:
        return -Limits::infinity();
      case 4:
        return Limits::quiet_NaN();
      case 5:
        return T(static_cast<int>(r() % 9) - 4);
      case 6:
        return std::ldexp(normal(r), static_cast<int>(r() % 200) - 100);
      default:
        return 3 * normal(r);
    }
  });
}
/// Small numbers, so that operands are often equal, and some whose sums and products wrap.
template <>
inline void fill(std::mt19937& random, std::vector<std::int32_t>& data) {
  fill_from_pool(random, data,
                 [](auto& r) { return static_cast<std::int32_t>(r() % 4 ? r() % 5 - 2 : r()); });
}

/// The same bits, any NaN being as good as another.
template <class E>
bool same(E a, E b) {
  if (std::isnan(static_cast<double>(a)) && std::isnan(static_cast<double>(b))) return true;
  return std::memcmp(&a, &b, sizeof(E)) == 0;
}

/// The index of the first difference, or -1.
template <class E>
std::int64_t first_difference(const std::vector<E>& a, const std::vector<E>& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i])) return static_cast<std::int64_t>(i);
  return -1;
}

using Scalars = testing::Types<float, double>;

}  // namespace iclab::lanes
