// The micro-kernel of all products: a tile of c in registers, k in order. Compiled once per target,
// in iclab::lanes::HWY_NAMESPACE.
//
// Letters: R rows and C columns of a tile. The rows of a are vectors (a slice of 16 lanes, or
// neighbouring plain scalars); the columns of b are vectors too, or scalars to broadcast. Strides
// here are in scalars.
#if defined(ICLAB_LANES_PRODUCT_TILE_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ICLAB_LANES_PRODUCT_TILE_H_
#undef ICLAB_LANES_PRODUCT_TILE_H_
#else
#define ICLAB_LANES_PRODUCT_TILE_H_
#endif

#include <cstddef>

#include "lanes/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

enum class Load { kVector, kBroadcast };

/// One operand of a tile: element (i, k) at data + i*across + k*along.
template <class T>
struct Panel {
  const T* data;
  std::ptrdiff_t across, along;
};

template <Load kLoad, class D>
HWY_INLINE hn::Vec<D> load_operand(D d, const Scalar<D>* p) {
  if constexpr (kLoad == Load::kVector)
    return hn::LoadU(d, p);
  else
    return hn::Set(d, *p);
}

// Without it g++ 12 reads memory again in every fma that uses x: 3x3 tiles at 0.55 of the peak.
template <class V>
HWY_INLINE void keep_in_register(V& x) {
  asm("" : "+v"(x.raw));
}

// The first `count` scalars of x, or all.
template <class D>
HWY_INLINE void store_first(D d, hn::Vec<D> x, Scalar<D>* out, int count) {
  constexpr int kAll = static_cast<int>(hn::MaxLanes(D()));
  if (count >= kAll) return hn::StoreU(x, d, out);
  if constexpr (kAll > 1) {
    const hn::Half<D> half;  // masked stores are slow on some processors
    if (count < kAll / 2) return store_first(half, hn::LowerHalf(half, x), out, count);
    hn::StoreU(hn::LowerHalf(half, x), half, out);
    store_first(half, hn::UpperHalf(half, x), out + kAll / 2, count - kAll / 2);
  }
}

// The same read; 0 beyond.
template <class D>
HWY_INLINE hn::Vec<D> load_first(D d, const Scalar<D>* in, int count) {
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, in);
}

/// The accumulators c(i,j) of a tile. Where `last` is given, of the last row's vectors only so many
/// scalars are in memory.
template <class D, int R, int C>
struct Tile {
  hn::Vec<D> c[R][C];

  HWY_INLINE void fill(D d, const Scalar<D>& x) {
    // Read anew for each tile, or the compiler keeps x in one of the registers that the tile needs.
    const Scalar<D>* fresh = &x;
    asm volatile("" : "+r"(fresh) : "m"(x));
    const auto value = hn::Set(d, *fresh);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 16
      for (int j = 0; j < C; ++j) c[i][j] = value;
  }

  /// From out, as `store` left it.
  HWY_INLINE void load(D d, const Scalar<D>* out, std::ptrdiff_t row, std::ptrdiff_t column) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 16
      for (int j = 0; j < C; ++j) c[i][j] = hn::LoadU(d, out + i * row + j * column);
  }

  HWY_INLINE void load(D d, const Scalar<D>* out, std::ptrdiff_t row, std::ptrdiff_t column,
                       int last) {
#pragma GCC unroll 16
    for (int j = 0; j < C; ++j) {
#pragma GCC unroll 16
      for (int i = 0; i + 1 < R; ++i) c[i][j] = hn::LoadU(d, out + i * row + j * column);
      c[R - 1][j] = load_first(d, out + (R - 1) * row + j * column, last);
    }
  }

  /// c(i,j) + x(i,j), x(i,j) at x + i*row + j*column.
  template <Load kLoad>
  HWY_INLINE void add(D d, const Scalar<D>* x, std::ptrdiff_t row, std::ptrdiff_t column) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 16
      for (int j = 0; j < C; ++j)
        c[i][j] = hn::Add(c[i][j], load_operand<kLoad>(d, x + i * row + j * column));
  }
  HWY_INLINE void add(D d, const Scalar<D>* x, std::ptrdiff_t row, std::ptrdiff_t column, int last) {
#pragma GCC unroll 16
    for (int j = 0; j < C; ++j) {
#pragma GCC unroll 16
      for (int i = 0; i + 1 < R; ++i)
        c[i][j] = hn::Add(c[i][j], hn::LoadU(d, x + i * row + j * column));
      c[R - 1][j] = hn::Add(c[R - 1][j], load_first(d, x + (R - 1) * row + j * column, last));
    }
  }

  /// c(i,j) = fma(a(i,k), b(k,j), c(i,j)) for k = 0, 1, ...
  /// The shorter side stays in registers, so a tile takes R*C + min(R,C) + 1 of them.
  template <Load kLoadB>
  HWY_INLINE void accumulate(D d, Panel<Scalar<D>> a, Panel<Scalar<D>> b, std::int64_t count) {
    for (std::int64_t k = 0; k < count; ++k) {
      if constexpr (R <= C)
        outer_product<Load::kVector, kLoadB, R, C>(
            d, a, b, [this](int i, int j) HWY_ATTR -> hn::Vec<D>& { return c[i][j]; });
      else
        outer_product<kLoadB, Load::kVector, C, R>(
            d, b, a, [this](int j, int i) HWY_ATTR -> hn::Vec<D>& { return c[i][j]; });
      a.data += a.along;
      b.data += b.along;
    }
  }

  /// out(i,j) at out + i*row + j*column.
  HWY_INLINE void store(D d, Scalar<D>* out, std::ptrdiff_t row, std::ptrdiff_t column) const {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 16
      for (int j = 0; j < C; ++j) hn::StoreU(c[i][j], d, out + i * row + j * column);
  }
  HWY_INLINE void store(D d, Scalar<D>* out, std::ptrdiff_t row, std::ptrdiff_t column,
                        int last) const {
#pragma GCC unroll 16
    for (int j = 0; j < C; ++j) {
#pragma GCC unroll 16
      for (int i = 0; i + 1 < R; ++i) hn::StoreU(c[i][j], d, out + i * row + j * column);
      store_first(d, c[R - 1][j], out + (R - 1) * row + j * column, last);
    }
  }

 private:
  // P elements of `held` are loaded first, then Q of `streamed` one after the other.
  template <Load kLoadHeld, Load kLoadStreamed, int P, int Q, class At>
  static HWY_INLINE void outer_product(D d, Panel<Scalar<D>> held, Panel<Scalar<D>> streamed,
                                       At at) {
    hn::Vec<D> x[P];
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
      x[p] = load_operand<kLoadHeld>(d, held.data + p * held.across);
      keep_in_register(x[p]);
    }
#pragma GCC unroll 16
    for (int q = 0; q < Q; ++q) {
      auto y = load_operand<kLoadStreamed>(d, streamed.data + q * streamed.across);
      keep_in_register(y);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) at(p, q) = hn::MulAdd(x[p], y, at(p, q));
    }
  }
};

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target
