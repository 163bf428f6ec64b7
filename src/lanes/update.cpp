// Kernels over n contiguous plain scalars: updates of parameters, accumulation, the check for
// finite numbers.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/update.cpp"
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "hwy/foreach_target.h"
#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// `count` scalars (at most a vector) at p; zeros after them.
template <class D>
HWY_INLINE hn::Vec<D> load_part(D d, const Scalar<D>* p, std::int64_t count) {
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  if (count >= kStep) return hn::LoadU(d, p);
  HWY_ALIGN Scalar<D> buffer[kStep] = {};
  std::copy_n(p, count, buffer);
  return hn::Load(d, buffer);
}

template <class D>
HWY_INLINE void store_part(D d, hn::Vec<D> x, Scalar<D>* p, std::int64_t count) {
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  if (count >= kStep) return hn::StoreU(x, d, p);
  HWY_ALIGN Scalar<D> buffer[kStep];
  hn::Store(x, d, buffer);
  std::copy_n(buffer, count, p);
}

template <class D>
void accumulate(Scalar<D>* total, const Scalar<D>* part, std::int64_t n) {
  const D d;
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  for (std::int64_t i = 0; i < n; i += kStep)
    store_part(d, hn::Add(load_part(d, total + i, n - i), load_part(d, part + i, n - i)), total + i,
               n - i);
}

template <class D>
bool all_finite(const Scalar<D>* x, std::int64_t n) {
  // 0 * x is 0 or NaN, and NaN stays in a sum. One sum alone would wait for its own fma.
  const D d;
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  constexpr int kSums = 8;
  const auto zero = hn::Zero(d);
  hn::Vec<D> sums[kSums];
  for (auto& sum : sums) sum = zero;
  std::int64_t i = 0;
  for (; i + kSums * kStep <= n; i += kSums * kStep)
#pragma GCC unroll 8
    for (int s = 0; s < kSums; ++s) sums[s] = hn::MulAdd(zero, hn::LoadU(d, x + i + s * kStep), sums[s]);
  for (; i < n; i += kStep) sums[0] = hn::MulAdd(zero, load_part(d, x + i, n - i), sums[0]);
  for (int s = 1; s < kSums; ++s) sums[0] = hn::Add(sums[0], sums[s]);
  return hn::AllTrue(d, hn::Eq(sums[0], zero));
}

// The factors of an update, as vectors, and the formulae of kernels.h.
template <class D>
struct Factors {
  using V = hn::Vec<D>;
  V lr, scale, decay, mu, b1, rest1, b2, rest2, correction1, correction2, epsilon;

  explicit Factors(const UpdateArgs& a)
      : lr(set(a.lr)),
        scale(set(a.scale)),
        decay(set(a.decay)),
        mu(set(a.mu)),
        b1(set(a.b1)),
        rest1(set(1 - a.b1)),
        b2(set(a.b2)),
        rest2(set(1 - a.b2)),
        correction1(set(a.correction1)),
        correction2(set(a.correction2)),
        epsilon(set(a.epsilon)) {}

  HWY_INLINE V sgd(V theta, V g) const { return hn::Sub(theta, hn::Mul(lr, full(theta, g))); }
  HWY_INLINE V momentum(V theta, V g, V& m) const {
    m = hn::Add(hn::Mul(mu, m), full(theta, g));
    return hn::Sub(theta, hn::Mul(lr, m));
  }
  HWY_INLINE V adam(V theta, V g, V& m, V& v) const {
    return moved(theta, full(theta, g), m, v);
  }
  HWY_INLINE V adamw(V theta, V g, V& m, V& v) const {
    const V shrunk = hn::Sub(theta, hn::Mul(hn::Mul(lr, decay), theta));
    return moved(shrunk, hn::Mul(g, scale), m, v);
  }

 private:
  // theta moved along the moments of h.
  HWY_INLINE V moved(V theta, V h, V& m, V& v) const {
    m = hn::Add(hn::Mul(b1, m), hn::Mul(rest1, h));
    v = hn::Add(hn::Mul(b2, v), hn::Mul(hn::Mul(rest2, h), h));
    const V step = hn::Mul(lr, hn::Mul(m, correction1));
    return hn::Sub(theta, hn::Div(step, hn::Add(hn::Sqrt(hn::Mul(v, correction2)), epsilon)));
  }

  static HWY_INLINE V set(double x) { return hn::Set(D(), static_cast<Scalar<D>>(x)); }
  // g*scale + decay*theta
  HWY_INLINE V full(V theta, V g) const {
    return hn::Add(hn::Mul(g, scale), hn::Mul(decay, theta));
  }
};

// One pass: theta is read once, and what is not finite found on the way (0 * x is 0 or NaN).
template <class D, Update kUpdate, bool kSaves>
bool update(const UpdateArgs& args) {
  using T = Scalar<D>;
  const D d;
  constexpr std::int64_t kStep = static_cast<std::int64_t>(hn::MaxLanes(D()));
  const Factors<D> factors(args);
  const T* gradient = static_cast<const T*>(args.gradient);
  T *theta = static_cast<T*>(args.theta), *m = static_cast<T*>(args.m), *v = static_cast<T*>(args.v),
    *before = static_cast<T*>(args.before);
  const auto zero = hn::Zero(d);
  auto of_gradients = zero, of_thetas = zero;
  // kWhole: a vector of scalars, not a part of one.
  const auto update_vector = [&]<bool kWhole>(std::int64_t i, std::bool_constant<kWhole>) HWY_ATTR {
    const std::int64_t count = kWhole ? kStep : args.n - i;
    const auto g = load_part(d, gradient + i, count);
    auto t = load_part(d, theta + i, count);
    if constexpr (kSaves) store_part(d, t, before + i, count);
    if constexpr (kUpdate == Update::kSgd) {
      t = factors.sgd(t, g);
    } else {
      auto new_m = load_part(d, m + i, count);
      if constexpr (kUpdate == Update::kMomentum) {
        t = factors.momentum(t, g, new_m);
      } else {
        auto new_v = load_part(d, v + i, count);
        if constexpr (kUpdate == Update::kAdam)
          t = factors.adam(t, g, new_m, new_v);
        else
          t = factors.adamw(t, g, new_m, new_v);
        store_part(d, new_v, v + i, count);
      }
      store_part(d, new_m, m + i, count);
    }
    store_part(d, t, theta + i, count);
    of_gradients = hn::MulAdd(zero, g, of_gradients);
    // What lies beyond the last theta may have become anything.
    of_thetas = hn::MulAdd(zero, kWhole ? t : load_part(d, theta + i, count), of_thetas);
  };
  std::int64_t i = 0;
  for (; i + kStep <= args.n; i += kStep) update_vector(i, std::true_type());
  if (i < args.n) update_vector(i, std::false_type());
  return hn::AllTrue(d, hn::Eq(hn::Add(of_gradients, of_thetas), zero));
}

template <class D, Update kUpdate>
bool update(const UpdateArgs& args) {
  return args.before ? update<D, kUpdate, true>(args) : update<D, kUpdate, false>(args);
}

template <class D>
void fill_update(Kernels<Scalar<D>>& table) {
  table.accumulate = &accumulate<D>;
  table.all_finite = &all_finite<D>;
  table.update[static_cast<size_t>(Update::kSgd)] = &update<D, Update::kSgd>;
  table.update[static_cast<size_t>(Update::kMomentum)] = &update<D, Update::kMomentum>;
  table.update[static_cast<size_t>(Update::kAdam)] = &update<D, Update::kAdam>;
  table.update[static_cast<size_t>(Update::kAdamW)] = &update<D, Update::kAdamW>;
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(update);
}  // namespace iclab::lanes
#endif
