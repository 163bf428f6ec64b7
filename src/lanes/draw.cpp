// Random draws: words of ARS4x32-7 (draw_words.h) turned into elements, 16 lanes at a time.
//
// A plain draw is one stream: there the 16 lanes are 16 blocks that follow one another.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/draw.cpp"
#include "hwy/foreach_target.h"
//
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "lanes/draw_types.h"
#include "lanes/draw_words.h"
#include "lanes/functions.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// ---- numbers from words; N lanes of D, from lane `lane` on ----

template <class D>
using Words = hn::Rebind<std::uint32_t, D>;

template <class D>
HWY_INLINE hn::Vec<Words<D>> load_words(D, const WordBlock& block, int word, int lane) {
  return hn::Load(Words<D>(), block.words[word] + lane);
}

// Words `word` and `word`+1 as one number of 64 bits, the first its lower half. For doubles.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> load_pair(D d, const WordBlock& block, int word,
                                                      int lane) {
  const hn::RebindToUnsigned<D> wide;
  const auto low = hn::PromoteTo(wide, load_words(d, block, word, lane));
  const auto high = hn::PromoteTo(wide, load_words(d, block, word + 1, lane));
  return hn::Or(low, hn::ShiftLeft<32>(high));
}

// (j + 1/2) 2^-b from the b = 23 or 52 upper bits j of x: in (0,1), symmetric about 1/2, exact.
template <class D, class V>
HWY_INLINE hn::Vec<D> open_uniform(D d, V x) {
  const hn::RebindToUnsigned<D> du;
  if constexpr (sizeof(Scalar<D>) == 4) {
    const auto one_to_two = hn::Or(hn::ShiftRight<9>(x), hn::Set(du, 0x3F800000));
    return hn::Sub(hn::BitCast(d, one_to_two), hn::Set(d, 1 - 0x1p-24f));
  } else {
    const auto one_to_two = hn::Or(hn::ShiftRight<12>(x), hn::Set(du, 0x3FF0000000000000));
    return hn::Sub(hn::BitCast(d, one_to_two), hn::Set(d, 1 - 0x1p-53));
  }
}

// ---- Box and Muller: r = sqrt(-2 log u); (r cos, r sin) of a uniform angle ----

// -2 log u for 2^-32 <= u <= 1, to 2 ulp: u = m 2^e with sqrt(1/2) <= m < sqrt(2), and -2 log m =
// f P(f), f = m - 1; P is minimax, relative error 2.6e-8.
template <class D>
HWY_INLINE hn::Vec<D> minus_two_log(D d, hn::Vec<D> u) {
  const hn::RebindToSigned<D> di;
  const auto root_half = hn::Set(di, 0x3F3504F3);
  const auto above = hn::Sub(hn::BitCast(di, u), root_half);
  const auto e = hn::ConvertTo(d, hn::ShiftRight<23>(above));
  const auto m = hn::Add(hn::And(above, hn::Set(di, 0x7FFFFF)), root_half);
  const auto f = hn::Sub(hn::BitCast(d, m), hn::Set(d, 1));
  const auto p = polynomial(d, f, -1.9999999483946564f, 0.99999975960528558f, -0.66668370990050617f,
                            0.50004145616997041f, -0.39913673746381728f, 0.33124840698367527f,
                            -0.29904521672515032f, 0.28733346488081349f, -0.17444357933432575f);
  return hn::MulAdd(f, p, hn::Mul(e, hn::Set(d, -1.3862943611198906f)));
}

// sin(2 pi x) for |x| <= 1/4, to 2 ulp: minimax, relative error 5.3e-9.
template <class D>
HWY_INLINE hn::Vec<D> quick_sine(D d, hn::Vec<D> x) {
  return hn::Mul(x, polynomial(d, hn::Mul(x, x), 6.2831852737917784f, -41.341677478520033f,
                               81.602231252478345f, -76.574992423866084f, 39.710919937344956f));
}

// The angle is an x in [-1/4, 1/4] turns, plus half a turn if the lowest bit of its word says so.
template <class D>
HWY_INLINE void normal_pair(D d, const WordBlock& block, int pair, int lane, hn::Vec<D>& cosine,
                            hn::Vec<D>& sine) {
  hn::Vec<D> r, x, half_turn;
  if constexpr (sizeof(Scalar<D>) == 4) {
    const hn::RebindToSigned<D> di;
    const auto first = load_words(d, block, 2 * pair, lane);
    const auto second = load_words(d, block, 2 * pair + 1, lane);
    // 31 bits: a far tail, up to 6.66, that 23 bits would cut at 5.8.
    const auto whole = hn::ConvertTo(d, hn::BitCast(di, hn::ShiftRight<1>(first)));
    r = minus_two_log(d, hn::MulAdd(whole, hn::Set(d, 0x1p-31f), hn::Set(d, 0x1p-32f)));
    x = hn::Mul(hn::ConvertTo(d, hn::BitCast(di, second)), hn::Set(d, 0x1p-33f));
    half_turn = hn::BitCast(d, hn::ShiftLeft<31>(second));
    cosine = quick_sine(d, hn::Sub(hn::Set(d, 0.25f), hn::Abs(x)));
    sine = quick_sine(d, x);
  } else {
    const auto second = load_pair(d, block, 2, lane);
    const auto u = open_uniform(d, load_pair(d, block, 0, lane));
    r = hn::Mul(hn::Log(d, u), hn::Set(d, -2.0));
    x = hn::Mul(hn::Sub(open_uniform(d, second), hn::Set(d, 0.5)), hn::Set(d, 0.5));
    half_turn = hn::BitCast(d, hn::ShiftLeft<63>(second));
    cosine = sine_of_quarter(d, hn::Sub(hn::Set(d, 0.25), hn::Abs(x)));
    sine = sine_of_quarter(d, x);
  }
  r = hn::Xor(hn::Sqrt(r), half_turn);
  cosine = hn::Mul(cosine, r);
  sine = hn::Mul(sine, r);
}

// ---- the kinds of draws: elements of a block to out + 16 e + lane ----

template <class D>
struct UniformDraw {
  using Out = Scalar<D>;
  static constexpr int kPerBlock = sizeof(Out) == 4 ? 4 : 2;
  explicit UniformDraw(const DrawArgs&) {}

  HWY_INLINE void write(Out* out, const WordBlock& block, int lane) const {
    const D d;
#pragma GCC unroll 4
    for (int e = 0; e < kPerBlock; ++e) {
      if constexpr (sizeof(Out) == 4)
        hn::StoreU(open_uniform(d, load_words(d, block, e, lane)), d, out + e * kLanes);
      else
        hn::StoreU(open_uniform(d, load_pair(d, block, 2 * e, lane)), d, out + e * kLanes);
    }
  }
};

template <class D>
struct NormalDraw {
  using Out = Scalar<D>;
  static constexpr int kPerBlock = sizeof(Out) == 4 ? 4 : 2;
  explicit NormalDraw(const DrawArgs&) {}

  HWY_INLINE void write(Out* out, const WordBlock& block, int lane) const {
    const D d;
#pragma GCC unroll 2
    for (int pair = 0; pair < kPerBlock / 2; ++pair) {
      hn::Vec<D> cosine, sine;
      normal_pair(d, block, pair, lane, cosine, sine);
      hn::StoreU(cosine, d, out + 2 * pair * kLanes);
      hn::StoreU(sine, d, out + (2 * pair + 1) * kLanes);
    }
  }
};

// +1 or -1 by the upper bit of a word.
template <class D>
struct SignDraw {
  using Out = Scalar<D>;
  static constexpr int kPerBlock = 4;
  explicit SignDraw(const DrawArgs&) {}

  HWY_INLINE void write(Out* out, const WordBlock& block, int lane) const {
    const D d;
    const hn::RebindToUnsigned<D> du;
    for (int e = 0; e < kPerBlock; ++e) {
      const auto word = load_words(d, block, e, lane);
      hn::Vec<decltype(du)> bits;
      if constexpr (sizeof(Out) == 4)
        bits = word;
      else
        bits = hn::ShiftLeft<32>(hn::PromoteTo(du, word));
      hn::StoreU(hn::CopySignToAbs(hn::Set(d, 1), hn::BitCast(d, bits)), d, out + e * kLanes);
    }
  }
};

// floor(x bound / 2^64) for x of 64 random bits.
template <class D>
struct IntegerDraw {
  using Out = std::int32_t;
  static constexpr int kPerBlock = 2;
  explicit IntegerDraw(const DrawArgs& args) : bound_(static_cast<std::uint32_t>(args.bound)) {}

  HWY_INLINE void write(Out* out, const WordBlock& block, int lane) const {
    const D d;
    const Words<D> du;
    const hn::RepartitionToWide<Words<D>> wide;
    for (int e = 0; e < kPerBlock; ++e) {
      const auto low = load_words(d, block, 2 * e, lane);
      const auto high = load_words(d, block, 2 * e + 1, lane);
      const auto even = product(low, high);
      const auto odd = product(odd_words(low), odd_words(high));
      const auto upper = hn::Set(wide, 0xFFFFFFFF00000000);
      const auto both = hn::Or(hn::ShiftRight<32>(even), hn::And(odd, upper));
      const hn::RebindToSigned<Words<D>> di;
      hn::StoreU(hn::BitCast(di, hn::BitCast(du, both)), di, out + e * kLanes);
    }
  }

 private:
  using V = hn::Vec<Words<D>>;
  using Wide = hn::Vec<hn::RepartitionToWide<Words<D>>>;

  static HWY_INLINE V odd_words(V x) {
    const hn::RepartitionToWide<Words<D>> wide;
    return hn::BitCast(Words<D>(), hn::ShiftRight<32>(hn::BitCast(wide, x)));
  }
  // (high 2^32 + low) bound / 2^32 of even words; fits 64 bits as bound < 2^31.
  HWY_INLINE Wide product(V low, V high) const {
    const auto bound = hn::Set(Words<D>(), bound_);
    return hn::Add(hn::MulEven(high, bound), hn::ShiftRight<32>(hn::MulEven(low, bound)));
  }

  std::uint32_t bound_;
};

// The number of thresholds at most u = (w + 1/2) 2^-32.
template <class D>
struct CategoricalDraw {
  using Out = std::int32_t;
  static constexpr int kPerBlock = 4;
  explicit CategoricalDraw(const DrawArgs& args)
      : thresholds_(args.thresholds),
        thresholds_end_(args.thresholds + args.categories - 1),
        few_(args.categories <= kFew) {
    if (!few_) return;
    // threshold <= u just if limit <= w; a limit of 2^32 is never reached.
    for (const double* t = thresholds_; t < thresholds_end_; ++t) {
      const double scaled = *t * 0x1p32, whole = std::floor(scaled);
      const double limit = std::max(0.0, whole + (scaled - whole > 0.5));
      if (limit < 0x1p32) limits_[limit_count_++] = static_cast<std::uint32_t>(limit);
    }
  }

  HWY_INLINE void write(Out* out, const WordBlock& block, int lane) const {
    if (few_)
      count(out, block, lane);
    else
      search(out, block, lane);
  }

 private:
  static constexpr int kFew = 32;  // up to here, counting beats searching

  HWY_INLINE void count(Out* out, const WordBlock& block, int lane) const {
    const D d;
    const Words<D> du;
    const hn::RebindToSigned<Words<D>> di;
    for (int e = 0; e < kPerBlock; ++e) {
      const auto word = load_words(d, block, e, lane);
      auto index = hn::Set(di, limit_count_);
      for (int i = 0; i < limit_count_; ++i) {
        const auto missed = hn::Gt(hn::Set(du, limits_[i]), word);
        index = hn::Add(index, hn::BitCast(di, hn::VecFromMask(du, missed)));
      }
      hn::StoreU(index, di, out + e * kLanes);
    }
  }

  HWY_INLINE void search(Out* out, const WordBlock& block, int lane) const {
    for (int e = 0; e < kPerBlock; ++e)
      for (int i = 0; i < static_cast<int>(hn::MaxLanes(D())); ++i) {
        const double u = (block.words[e][lane + i] + 0.5) * 0x1p-32;
        const double* found = std::upper_bound(thresholds_, thresholds_end_, u);
        out[e * kLanes + i] = static_cast<Out>(found - thresholds_);
      }
  }

  const double* thresholds_;
  const double* thresholds_end_;
  bool few_;
  int limit_count_ = 0;
  std::uint32_t limits_[kFew];
};

// ---- all elements ----

constexpr int kBatch = 8;  // blocks of words made at once: 2 KiB

// The fastest source of words that this processor has; their bits are the same. Vectors of half the
// length keep to 128 bits, so that tests compare both.
template <class D>
auto source_of_words() {
  static const bool use_vaes = has_vaes();
  const bool is_half = hn::MaxLanes(D()) < hn::MaxLanes(hn::ScalableTag<Scalar<D>>());
  return use_vaes && !is_half ? &fill_words_vaes : &fill_words;
}

template <class D, class Kind>
HWY_INLINE void write_block(const Kind& kind, typename Kind::Out* out, const WordBlock& block) {
  for (int lane = 0; lane < kLanes; lane += static_cast<int>(hn::MaxLanes(D())))
    kind.write(out + lane, block, lane);
}

template <class D, class Kind>
void draw_lanes(const DrawArgs& args) {
  using Out = typename Kind::Out;
  constexpr int kPerBlock = Kind::kPerBlock;
  const Kind kind(args);
  const RoundKeys keys(args.key);
  const auto fill = source_of_words<D>();
  const std::int64_t blocks = (args.count + kPerBlock - 1) / kPerBlock;
  WordBlock words[kBatch];

  for (std::int64_t group = 0; group < args.groups; ++group) {
    Out* out = static_cast<Out*>(args.out.data) + group * args.out.group_stride * kLanes;
    for (std::int64_t first = 0; first < blocks; first += kBatch) {
      Counters counters;
      for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
        const std::uint32_t prompt =
            args.first_prompt + static_cast<std::uint32_t>(group) * kLanes + lane;
        counters.set(lane, args.step, std::min(prompt, args.last_prompt),
                     args.draw + static_cast<std::uint32_t>(first));
      }
      const int count = static_cast<int>(std::min<std::int64_t>(kBatch, blocks - first));
      fill(words, count, keys, counters, 1);
      for (int i = 0; i < count; ++i) {
        const std::int64_t begin = (first + i) * kPerBlock;
        if (begin + kPerBlock <= args.count) {
          write_block<D>(kind, out + begin * kLanes, words[i]);
        } else {
          HWY_ALIGN Out last[kPerBlock * kLanes];
          write_block<D>(kind, last, words[i]);
          std::copy_n(last, (args.count - begin) * kLanes, out + begin * kLanes);
        }
      }
    }
  }
}

template <class D, class Kind>
void draw_plain(const DrawArgs& args) {
  using Out = typename Kind::Out;
  constexpr int kPerBlock = Kind::kPerBlock;
  const Kind kind(args);
  const RoundKeys keys(args.key);
  const auto fill = source_of_words<D>();
  Out* out = static_cast<Out*>(args.out.data);
  WordBlock words[kBatch];

  constexpr std::int64_t kElements = kPerBlock * kLanes;
  const std::int64_t blocks = (args.count + kElements - 1) / kElements;  // of 16 blocks
  for (std::int64_t first = 0; first < blocks; first += kBatch) {
    Counters counters;
    for (std::uint32_t lane = 0; lane < kLanes; ++lane)
      counters.set(lane, args.step, args.first_prompt,
                   args.draw + static_cast<std::uint32_t>(first) * kLanes + lane);
    const int count = static_cast<int>(std::min<std::int64_t>(kBatch, blocks - first));
    fill(words, count, keys, counters, kLanes);
    for (int i = 0; i < count; ++i) {
      HWY_ALIGN Out part[kElements];
      write_block<D>(kind, part, words[i]);
      const std::int64_t begin = (first + i) * kElements;
      const std::int64_t end = std::min(begin + kElements, args.count);
      for (std::int64_t e = begin; e < end; ++e)
        out[e] = part[(e - begin) % kPerBlock * kLanes + (e - begin) / kPerBlock];
    }
  }
}

template <class D, class Kind>
void draw(const DrawArgs& args) {
  if (args.out.lanes)
    draw_lanes<D, Kind>(args);
  else
    draw_plain<D, Kind>(args);
}

template <class D>
void fill_draw(Kernels<Scalar<D>>& table) {
  const auto set = [&](Draw kind, void (*kernel)(const DrawArgs&)) {
    table.draw[static_cast<size_t>(kind)] = kernel;
  };
  set(Draw::kUniform, &draw<D, UniformDraw<D>>);
  set(Draw::kNormal, &draw<D, NormalDraw<D>>);
  set(Draw::kSign, &draw<D, SignDraw<D>>);
  set(Draw::kInteger, &draw<D, IntegerDraw<D>>);
  set(Draw::kCategorical, &draw<D, CategoricalDraw<D>>);
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(draw);
}  // namespace iclab::lanes
#endif
