// Gamma draws by rejection: Marsaglia and Tsang, "A simple method for generating gamma variables",
// ACM TOMS 26 (2000). Try t of element e takes the blocks of draw + e with attempts 2t (a normal) and
// 2t + 1 (a uniform to accept by, a uniform for shapes below 1): what a lane gets depends on its own
// counter alone, however long its neighbours try.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lanes/draw_gamma.cpp"
#include "hwy/foreach_target.h"
//
#include <algorithm>
#include <cstdint>

#include "lanes/draw_numbers.h"

HWY_BEFORE_NAMESPACE();
namespace iclab::lanes::HWY_NAMESPACE {

// 16 draws, one a lane: their counters, shapes and results.
template <class D>
struct GammaBlock {
  using T = Scalar<D>;
  static constexpr int kStep = static_cast<int>(hn::MaxLanes(D()));

  Counters counters;
  alignas(64) T shapes[kLanes];
  alignas(64) T out[kLanes];

  void draw(const RoundKeys& keys) {
    const auto fill = source_of_words<D>();
    unsigned waiting = (1u << kLanes) - 1;
    for (std::uint32_t attempt = 0; waiting; attempt += 2) {
      WordBlock normals, uniforms;
      set_attempt(attempt);
      fill(&normals, 1, keys, counters, 1);
      set_attempt(attempt + 1);
      fill(&uniforms, 1, keys, counters, 1);
      for (int lane = 0; lane < kLanes; lane += kStep) try_lanes(normals, uniforms, lane, waiting);
    }
  }

 private:
  void set_attempt(std::uint32_t attempt) {
    for (auto& words : counters.words) words[3] = attempt;
  }

  static HWY_INLINE hn::Vec<D> uniform(const WordBlock& block, int pair, int lane) {
    const D d;
    if constexpr (sizeof(T) == 4)
      return open_uniform(d, load_words(d, block, 2 * pair, lane));
    else
      return open_uniform(d, load_pair(d, block, 2 * pair, lane));
  }

  // Lanes of one vector that still wait take what this try gives, if it is accepted.
  HWY_INLINE void try_lanes(const WordBlock& normals, const WordBlock& uniforms, int lane,
                            unsigned& waiting) {
    const D d;
    const auto one = hn::Set(d, 1), zero = hn::Zero(d);
    const auto shape = hn::Load(d, shapes + lane);
    const auto boosted = hn::Lt(shape, one);
    const auto a = hn::Add(shape, hn::IfThenElseZero(boosted, one));
    const auto third = hn::Div(one, hn::Set(d, 3));
    const auto scale = hn::Sub(a, third);  // d of the paper
    hn::Vec<D> x, unused;
    normal_pair(d, normals, 0, lane, x, unused);
    const auto root = hn::Sqrt(hn::Mul(hn::Set(d, 9), scale));
    const auto cube_root = hn::Add(one, hn::Div(x, root));
    const auto v = hn::Mul(hn::Mul(cube_root, cube_root), cube_root);

    // log u < x^2/2 + d - d v + d log v
    const auto level = hn::Add(hn::Sub(one, v), log(d, hn::IfThenElse(hn::Gt(v, zero), v, one)));
    const auto bound = hn::Add(hn::Mul(hn::Mul(x, x), hn::Set(d, 0.5)), hn::Mul(scale, level));
    const auto accepted = hn::And(hn::Gt(v, zero), hn::Lt(log(d, uniform(uniforms, 0, lane)), bound));

    const auto log_power = hn::Div(log(d, uniform(uniforms, 1, lane)), shape);  // U^(1/a)
    const auto power = hn::IfThenElse(boosted, exp(d, log_power), one);
    HWY_ALIGN T y[kStep], is_accepted[kStep];
    hn::Store(hn::Mul(hn::Mul(scale, v), power), d, y);
    hn::Store(hn::IfThenElseZero(accepted, one), d, is_accepted);
    for (int i = 0; i < kStep; ++i) {
      const unsigned bit = 1u << (lane + i);
      if (!(waiting & bit) || is_accepted[i] == 0) continue;
      out[lane + i] = y[i];
      waiting &= ~bit;
    }
  }
};

// All elements of all prompts, 16 at a time: in lanes 16 prompts of an element, else 16 neighbours.
template <class D>
void draw_gamma(const DrawArgs& args) {
  using T = Scalar<D>;
  const RoundKeys keys(args.key);
  const std::int64_t per_group = args.out.lanes ? args.count * kLanes : args.count;
  T* out = static_cast<T*>(args.out.data);
  const std::int64_t all = args.groups * per_group;
  for (std::int64_t first = 0; first < all; first += kLanes) {
    GammaBlock<D> block;
    const std::int64_t here = std::min<std::int64_t>(kLanes, all - first);
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const std::int64_t at = std::min(first + lane, all - 1);
      const std::int64_t group = at / per_group, within = at % per_group;
      const std::int64_t element = args.out.lanes ? within / kLanes : within;
      const std::int64_t prompt = args.out.lanes ? group * kLanes + within % kLanes : group;
      block.counters.set(static_cast<std::uint32_t>(lane), args.step,
                         std::min(args.first_prompt + static_cast<std::uint32_t>(prompt),
                                  args.last_prompt),
                         args.draw + static_cast<std::uint32_t>(element));
      block.shapes[lane] = static_cast<T>(args.gamma_shapes[element]);
    }
    block.draw(keys);
    for (std::int64_t lane = 0; lane < here; ++lane) {
      const std::int64_t group = (first + lane) / per_group, within = (first + lane) % per_group;
      const std::int64_t scalars = args.out.lanes ? kLanes : 1;
      out[group * args.out.group_stride * scalars + within] = block.out[lane];
    }
  }
}

template <class D>
void fill_draw_gamma(Kernels<Scalar<D>>& table) {
  table.draw[static_cast<size_t>(Draw::kGamma)] = &draw_gamma<D>;
}

}  // namespace iclab::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace iclab::lanes {
ICLAB_LANES_TABLE(draw_gamma);
}  // namespace iclab::lanes
#endif
