// Updates, accumulation and the check for finite numbers against scalar twins.
#include "tests/lanes/values.h"

namespace iclab::lanes {
namespace {

constexpr std::int64_t kSizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 1009, 20011};

template <class T>
struct State {
  explicit State(std::int64_t n) {
    std::mt19937 random(17);
    std::normal_distribution<T> normal;
    for (auto* data : {&theta, &gradient, &m, &v}) {
      data->resize(static_cast<size_t>(n) + 1);  // the last must not change
      for (T& x : *data) x = normal(random);
    }
    for (T& x : v) x = std::fabs(x);
    args.n = n;
    args.lr = 0.37, args.scale = 0.9, args.decay = 0.01, args.mu = 0.8;
    args.b1 = 0.9, args.b2 = 0.999, args.correction1 = 1.7, args.correction2 = 3.1;
    args.epsilon = 1e-8;
    args.theta = theta.data(), args.gradient = gradient.data();
    args.m = m.data(), args.v = v.data();
  }

  void twin(Update update) {
    const T lr(args.lr), scale(args.scale), decay(args.decay), mu(args.mu), b1(args.b1),
        b2(args.b2), rest1(1 - args.b1), rest2(1 - args.b2), c1(args.correction1),
        c2(args.correction2), epsilon(args.epsilon);
    for (size_t i = 0; i < static_cast<size_t>(args.n); ++i) {
      const T g = gradient[i] * scale + decay * theta[i];
      if (update == Update::kSgd) theta[i] -= lr * g;
      if (update == Update::kMomentum) {
        m[i] = mu * m[i] + g;
        theta[i] -= lr * m[i];
      }
      if (update == Update::kAdam || update == Update::kAdamW) {
        const T h = update == Update::kAdam ? g : gradient[i] * scale;
        if (update == Update::kAdamW) theta[i] -= lr * decay * theta[i];
        m[i] = b1 * m[i] + rest1 * h;
        v[i] = b2 * v[i] + rest2 * h * h;
        theta[i] -= lr * (m[i] * c1) / (std::sqrt(v[i] * c2) + epsilon);
      }
    }
  }

  void expect_same(const State& other) const {
    EXPECT_EQ(first_difference(theta, other.theta), -1) << "theta, n " << args.n;
    EXPECT_EQ(first_difference(m, other.m), -1) << "m, n " << args.n;
    EXPECT_EQ(first_difference(v, other.v), -1) << "v, n " << args.n;
  }

  std::vector<T> theta, gradient, m, v;
  UpdateArgs args;
};

constexpr Update kUpdates[] = {Update::kSgd, Update::kMomentum, Update::kAdam,
                                Update::kAdamW};

template <class T>
class UpdateTest : public testing::Test {};
TYPED_TEST_SUITE(UpdateTest, Scalars);

TYPED_TEST(UpdateTest, HasTheTwinsBits) {
  for (const Target target : targets())
    for (const Update update : kUpdates)
      for (const std::int64_t n : kSizes) {
        State<TypeParam> expected(n), found(n);
        expected.twin(update);
        EXPECT_TRUE(kernels<TypeParam>(target).update[static_cast<size_t>(update)](found.args));
        found.expect_same(expected);
      }
}

TYPED_TEST(UpdateTest, KeepsWhatThetaWas) {
  for (const Target target : targets())
    for (const Update update : kUpdates)
      for (const std::int64_t n : kSizes) {
        State<TypeParam> expected(n), found(n);
        std::vector<TypeParam> before(static_cast<size_t>(n) + 1, TypeParam(7)), want = found.theta;
        want.back() = 7;
        found.args.before = before.data();
        expected.twin(update);
        EXPECT_TRUE(kernels<TypeParam>(target).update[static_cast<size_t>(update)](found.args));
        found.expect_same(expected);
        EXPECT_EQ(first_difference(before, want), -1) << "n " << n;
      }
}

TYPED_TEST(UpdateTest, FindsEveryGradientAndThetaThatIsNotFinite) {
  using T = TypeParam;
  for (const Target target : targets())
    for (const Update update : kUpdates)
      for (const T bad : {T(NAN), T(INFINITY), -T(INFINITY)})
        for (const bool of_gradient : {true, false})
          for (const size_t at : {0, 16, 36}) {
            State<T> state(37);
            std::vector<T> before(37);
            state.args.before = before.data();
            (of_gradient ? state.gradient : state.theta)[at] = bad;
            const std::vector<T> was(state.theta.begin(), state.theta.begin() + 37);
            EXPECT_FALSE(kernels<T>(target).update[static_cast<size_t>(update)](state.args));
            EXPECT_EQ(first_difference(before, was), -1);
          }
}

TYPED_TEST(UpdateTest, FindsAThetaThatOverflows) {
  using T = TypeParam;
  for (const Target target : targets())
    for (const size_t at : {0, 16, 36}) {
      State<T> state(37);
      state.theta[at] = std::numeric_limits<T>::max();
      state.gradient[at] = -std::numeric_limits<T>::max();
      EXPECT_FALSE(kernels<T>(target).update[static_cast<size_t>(Update::kSgd)](state.args));
    }
}

TYPED_TEST(UpdateTest, AllFiniteFindsEveryPlace) {
  using T = TypeParam;
  for (const Target target : targets())
    for (const std::int64_t n : {1, 7, 8, 9, 33}) {
      std::vector<T> x(static_cast<size_t>(n), std::numeric_limits<T>::max());
      EXPECT_TRUE(kernels<T>(target).all_finite(x.data(), n));
      EXPECT_TRUE(kernels<T>(target).all_finite(x.data(), 0));
      for (T& place : x)
        for (const T bad : {T(NAN), T(INFINITY), -T(INFINITY)}) {
          const T kept = std::exchange(place, bad);
          EXPECT_FALSE(kernels<T>(target).all_finite(x.data(), n));
          place = kept;
        }
    }
}

TYPED_TEST(UpdateTest, AccumulateAdds) {
  for (const Target target : targets())
    for (const std::int64_t n : kSizes) {
      State<TypeParam> state(n);
      std::vector<TypeParam> expected = state.theta;
      for (size_t i = 0; i < static_cast<size_t>(n); ++i) expected[i] += state.gradient[i];
      kernels<TypeParam>(target).accumulate(state.theta.data(), state.gradient.data(), n);
      EXPECT_EQ(first_difference(state.theta, expected), -1) << "n " << n;
    }
}

}  // namespace
}  // namespace iclab::lanes
