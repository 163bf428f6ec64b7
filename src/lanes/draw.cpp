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

#include "lanes/draw_numbers.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// ---- the kinds of draws: elements e of a block to out + e*step, for the lanes from `lane` on ----

template <class D>
struct UniformDraw {
  using Out = Scalar<D>;
  static constexpr int kPerBlock = sizeof(Out) == 4 ? 4 : 2;
  explicit UniformDraw(const DrawArgs&) {}

  HWY_INLINE void write(Out* out, const WordBlock& block, int lane, std::ptrdiff_t step) const {
    const D d;
#pragma GCC unroll 4
    for (int e = 0; e < kPerBlock; ++e) {
      if constexpr (sizeof(Out) == 4)
        hn::StoreU(open_uniform(d, load_words(d, block, e, lane)), d, out + e * step);
      else
        hn::StoreU(open_uniform(d, load_pair(d, block, 2 * e, lane)), d, out + e * step);
    }
  }
};

template <class D>
struct NormalDraw {
  using Out = Scalar<D>;
  static constexpr int kPerBlock = sizeof(Out) == 4 ? 4 : 2;
  explicit NormalDraw(const DrawArgs&) {}

  HWY_INLINE void write(Out* out, const WordBlock& block, int lane, std::ptrdiff_t step) const {
    const D d;
#pragma GCC unroll 2
    for (int pair = 0; pair < kPerBlock / 2; ++pair) {
      hn::Vec<D> cosine, sine;
      normal_pair(d, block, pair, lane, cosine, sine);
      hn::StoreU(cosine, d, out + 2 * pair * step);
      hn::StoreU(sine, d, out + (2 * pair + 1) * step);
    }
  }
};

// +1 or -1 by the upper bit of a word.
template <class D>
struct SignDraw {
  using Out = Scalar<D>;
  static constexpr int kPerBlock = 4;
  explicit SignDraw(const DrawArgs&) {}

  HWY_INLINE void write(Out* out, const WordBlock& block, int lane, std::ptrdiff_t step) const {
    const D d;
    const hn::RebindToUnsigned<D> du;
    for (int e = 0; e < kPerBlock; ++e) {
      const auto word = load_words(d, block, e, lane);
      hn::Vec<decltype(du)> bits;
      if constexpr (sizeof(Out) == 4)
        bits = word;
      else
        bits = hn::ShiftLeft<32>(hn::PromoteTo(du, word));
      hn::StoreU(hn::CopySignToAbs(hn::Set(d, 1), hn::BitCast(d, bits)), d, out + e * step);
    }
  }
};

// floor(x bound / 2^64) for x of 64 random bits.
template <class D>
struct IntegerDraw {
  using Out = std::int32_t;
  static constexpr int kPerBlock = 2;
  explicit IntegerDraw(const DrawArgs& args) : bound_(static_cast<std::uint32_t>(args.bound)) {}

  HWY_INLINE void write(Out* out, const WordBlock& block, int lane, std::ptrdiff_t step) const {
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
      hn::StoreU(hn::BitCast(di, hn::BitCast(du, both)), di, out + e * step);
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

  HWY_INLINE void write(Out* out, const WordBlock& block, int lane, std::ptrdiff_t step) const {
    if (few_)
      count(out, block, lane, step);
    else
      search(out, block, lane, step);
  }

 private:
  static constexpr int kFew = 32;  // up to here, counting beats searching

  HWY_INLINE void count(Out* out, const WordBlock& block, int lane, std::ptrdiff_t step) const {
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
      hn::StoreU(index, di, out + e * step);
    }
  }

  HWY_INLINE void search(Out* out, const WordBlock& block, int lane, std::ptrdiff_t step) const {
    for (int e = 0; e < kPerBlock; ++e)
      for (int i = 0; i < static_cast<int>(hn::MaxLanes(D())); ++i) {
        const double u = (block.words[e][lane + i] + 0.5) * 0x1p-32;
        const double* found = std::upper_bound(thresholds_, thresholds_end_, u);
        out[e * step + i] = static_cast<Out>(found - thresholds_);
      }
  }

  const double* thresholds_;
  const double* thresholds_end_;
  bool few_;
  int limit_count_ = 0;
  std::uint32_t limits_[kFew];
};

// A cell by one word, kept or left for its other category by the next.
template <class D>
struct AliasDraw {
  using Out = std::int32_t;
  static constexpr int kPerBlock = 2;
  explicit AliasDraw(const DrawArgs& args)
      : cells_(static_cast<std::uint64_t>(args.categories)),
        keep_(args.alias_keep),
        other_(args.alias_other) {}

  HWY_INLINE void write(Out* out, const WordBlock& block, int lane, std::ptrdiff_t step) const {
    for (int e = 0; e < kPerBlock; ++e)
      for (int i = 0; i < static_cast<int>(hn::MaxLanes(D())); ++i) {
        const std::uint64_t cell = block.words[2 * e][lane + i] * cells_ >> 32;
        const double u = (block.words[2 * e + 1][lane + i] + 0.5) * 0x1p-32;
        out[e * step + i] = u < keep_[cell] ? static_cast<Out>(cell) : other_[cell];
      }
  }

 private:
  std::uint64_t cells_;
  const double* keep_;
  const std::int32_t* other_;
};

// ---- all elements ----

constexpr int kBatch = 16;  // blocks of words made at once: 4 KiB

template <class D, class Kind>
HWY_INLINE void write_block(const Kind& kind, typename Kind::Out* out, const WordBlock& block,
                            std::ptrdiff_t step = kLanes) {
  for (int lane = 0; lane < kLanes; lane += static_cast<int>(hn::MaxLanes(D())))
    kind.write(out + lane, block, lane, step);
}

// Where elements of lanes go, one after the other.
class Cursor {
 public:
  explicit Cursor(const DrawArgs& args) : dims_(args.dims), strides_(args.out.strides) {
    // Contiguous: one long row.
    std::int64_t step = 1;
    for (size_t axis = kMaxRank; axis-- > 0; step *= dims_[axis])
      if (dims_[axis] > 1 && strides_[axis] != step) return;
    dims_ = {1, 1, 1, args.count};
    strides_ = {0, 0, 0, 1};
  }

  // Elements left in the row, and from the start of the group to the next of them.
  std::int64_t left() const { return dims_[kMaxRank - 1] - index_[kMaxRank - 1]; }
  std::int64_t at() const { return at_; }
  std::int64_t step() const { return strides_[kMaxRank - 1]; }

  // Goes on by no more elements than are left.
  void advance(std::int64_t elements) {
    at_ += elements * step();
    index_[kMaxRank - 1] += elements;
    for (size_t axis = kMaxRank; axis-- > 0 && index_[axis] == dims_[axis];) {
      at_ -= strides_[axis] * dims_[axis];
      index_[axis] = 0;
      if (axis == 0) break;
      at_ += strides_[axis - 1];
      ++index_[axis - 1];
    }
  }

 private:
  Dims dims_, strides_, index_{};
  std::int64_t at_ = 0;
};

// The words of blocks [first, first + count) of a group.
template <class D>
HWY_INLINE void fill_group(WordBlock* words, const DrawArgs& args, const RoundKeys& keys, std::int64_t group,
                           std::int64_t first, int count) {
  Counters counters;
  for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
    const std::uint32_t prompt = args.first_prompt + static_cast<std::uint32_t>(group) * kLanes + lane;
    counters.set(lane, args.step, std::min(prompt, args.last_prompt),
                 args.draw + static_cast<std::uint32_t>(first));
  }
  source_of_words<D>()(words, count, keys, counters, 1);
}

template <class D, class Kind>
void draw_lanes(const DrawArgs& args) {
  using Out = typename Kind::Out;
  constexpr std::int64_t kPerBlock = Kind::kPerBlock;
  const Kind kind(args);
  const RoundKeys keys(args.key);
  const std::int64_t blocks = (args.count + kPerBlock - 1) / kPerBlock;
  WordBlock words[kBatch];

  for (std::int64_t group = 0; group < args.groups; ++group) {
    Out* out = static_cast<Out*>(args.out.data) + group * args.out.group_stride * kLanes;
    Cursor cursor(args);
    for (std::int64_t first = 0; first < blocks; first += kBatch) {
      const int count = static_cast<int>(std::min<std::int64_t>(kBatch, blocks - first));
      fill_group<D>(words, args, keys, group, first, count);
      for (int i = 0; i < count; ++i) {
        if (cursor.left() >= kPerBlock) {
          write_block<D>(kind, out + cursor.at() * kLanes, words[i], cursor.step() * kLanes);
          cursor.advance(kPerBlock);
          continue;
        }
        HWY_ALIGN Out block[kPerBlock * kLanes];
        write_block<D>(kind, block, words[i]);
        const std::int64_t elements = std::min(kPerBlock, args.count - (first + i) * kPerBlock);
        for (std::int64_t e = 0; e < elements; ++e, cursor.advance(1))
          std::copy_n(block + e * kLanes, kLanes, out + cursor.at() * kLanes);
      }
    }
  }
}

// 16 blocks, one after the other: out[kPerBlock*lane + e] = part[16 e + lane].
template <class D, int kPerBlock, class Out>
HWY_INLINE void interleave(const Out* part, Out* out) {
  const hn::Rebind<Out, D> d;
  for (int lane = 0; lane < kLanes; lane += static_cast<int>(hn::MaxLanes(d))) {
    const auto of = [&](int e) HWY_ATTR { return hn::LoadU(d, part + e * kLanes + lane); };
    if constexpr (kPerBlock == 4)
      hn::StoreInterleaved4(of(0), of(1), of(2), of(3), d, out + 4 * lane);
    else
      hn::StoreInterleaved2(of(0), of(1), d, out + 2 * lane);
  }
}

// One prompt's elements, from 16 blocks at a time.
template <class D, class Kind>
void draw_stream(const DrawArgs& args, const Kind& kind, const RoundKeys& keys,
                 std::uint32_t prompt, typename Kind::Out* out) {
  using Out = typename Kind::Out;
  constexpr int kPerBlock = Kind::kPerBlock;
  const auto fill = source_of_words<D>();
  WordBlock words[kBatch];

  constexpr std::int64_t kElements = kPerBlock * kLanes;
  const std::int64_t blocks = (args.count + kElements - 1) / kElements;  // of 16 blocks
  for (std::int64_t first = 0; first < blocks; first += kBatch) {
    Counters counters;
    for (std::uint32_t lane = 0; lane < kLanes; ++lane)
      counters.set(lane, args.step, prompt,
                   args.draw + static_cast<std::uint32_t>(first) * kLanes + lane);
    const int count = static_cast<int>(std::min<std::int64_t>(kBatch, blocks - first));
    fill(words, count, keys, counters, kLanes);
    for (int i = 0; i < count; ++i) {
      HWY_ALIGN Out part[kElements];
      write_block<D>(kind, part, words[i]);
      const std::int64_t begin = (first + i) * kElements;
      if (begin + kElements <= args.count) {
        interleave<D, kPerBlock>(part, out + begin);
        continue;
      }
      for (std::int64_t e = begin; e < args.count; ++e)
        out[e] = part[(e - begin) % kPerBlock * kLanes + (e - begin) / kPerBlock];
    }
  }
}

// Few elements of many prompts: 16 blocks at a time, of several prompts.
template <class D, class Kind>
void draw_streams(const DrawArgs& args, const Kind& kind, const RoundKeys& keys) {
  using Out = typename Kind::Out;
  constexpr int kPerBlock = Kind::kPerBlock;
  const auto fill = source_of_words<D>();
  const std::int64_t blocks = (args.count + kPerBlock - 1) / kPerBlock, all = args.groups * blocks;
  for (std::int64_t first = 0; first < all; first += kLanes) {
    const std::int64_t lanes = std::min<std::int64_t>(kLanes, all - first);
    Counters counters;
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const std::int64_t at = std::min(first + lane, all - 1);
      const auto prompt = args.first_prompt + static_cast<std::uint32_t>(at / blocks);
      counters.set(static_cast<std::uint32_t>(lane), args.step, std::min(prompt, args.last_prompt),
                   args.draw + static_cast<std::uint32_t>(at % blocks));
    }
    WordBlock words;
    fill(&words, 1, keys, counters, 1);
    HWY_ALIGN Out part[kPerBlock * kLanes];
    write_block<D>(kind, part, words);
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const std::int64_t group = (first + lane) / blocks, begin = (first + lane) % blocks * kPerBlock;
      const std::int64_t count = std::min<std::int64_t>(kPerBlock, args.count - begin);
      Out* out = static_cast<Out*>(args.out.data) + group * args.out.group_stride + begin;
      for (std::int64_t e = 0; e < count; ++e) out[e] = part[e * kLanes + lane];
    }
  }
}

template <class D, class Kind>
void draw_plain(const DrawArgs& args) {
  using Out = typename Kind::Out;
  const Kind kind(args);
  const RoundKeys keys(args.key);
  const bool few = args.count < kLanes * Kind::kPerBlock;
  if (args.groups > 1 && few) return draw_streams<D>(args, kind, keys);
  for (std::int64_t group = 0; group < args.groups; ++group) {
    const auto prompt = args.first_prompt + static_cast<std::uint32_t>(group);
    draw_stream<D>(args, kind, keys, std::min(prompt, args.last_prompt),
                   static_cast<Out*>(args.out.data) + group * args.out.group_stride);
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
  set(Draw::kAlias, &draw<D, AliasDraw<D>>);
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(draw);
}  // namespace iclab::lanes
#endif
