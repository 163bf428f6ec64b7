#include "theory/speed.h"

#include <gtest/gtest.h>

#include <cmath>

#include "theory/spectrum.h"

namespace iclab::theory {
namespace {

// ||C||_F of classes that are consecutive columns: {first column, count, scale}.
struct Block {
  std::int64_t first, count;
  double scale = 1;
};
double Lambda(const std::vector<std::vector<Block>>& classes) {
  std::vector<ColumnClass> columns;
  for (const auto& blocks : classes) {
    ColumnClass& one = columns.emplace_back();
    for (const Block& block : blocks) {
      for (std::int64_t j = 0; j < block.count; ++j) one.columns.push_back(block.first + j);
      one.scale = block.scale;
    }
  }
  return class_spectra(columns, 32, 16, 0).mixture.Lambda();
}

TEST(SpeedRatio, IsTheRatioOfTheNormsOfC) {
  for (std::int64_t r = 1; r <= 4; ++r) {
    const double single = Lambda({{{0, r}}});
    for (std::int64_t s = 0; s <= r; ++s) {
      for (std::int64_t K = 2; K <= 4; ++K) {
        std::vector<std::vector<Block>> mixture;
        for (std::int64_t k = 0; k < K; ++k) mixture.push_back({{0, s}, {s + k * (r - s), r - s}});
        const SpeedArguments arguments{.r = r, .K = K, .s = s};
        const double ratio = single / Lambda(mixture);
        EXPECT_DOUBLE_EQ(speed_ratio(Convention::kMeanLoss, arguments), ratio);
        EXPECT_DOUBLE_EQ(speed_ratio(Convention::kSummedLoss, arguments),
                         ratio / static_cast<double>(K));
        EXPECT_EQ(speed_ratio(Convention::kMatchedRate, arguments), 1);
      }
      for (std::int64_t nu = 1; nu <= 6; ++nu)
        EXPECT_DOUBLE_EQ(speed_ratio(Convention::kOverlapping, {.r = r, .s = s, .nu = nu}),
                         single / Lambda({{{0, r}}, {{0, s}, {r, nu}}}));
    }
    for (std::int64_t nu = 0; nu <= 6; ++nu)
      EXPECT_DOUBLE_EQ(speed_ratio(Convention::kNested, {.r = r, .nu = nu}),
                       single / Lambda({{{0, r}}, {{0, r + nu}}}));
    for (const double c : {0.5, 1.0, 2.0})
      EXPECT_DOUBLE_EQ(speed_ratio(Convention::kEasyClass, {.r = r, .c = c}),
                       single / Lambda({{{0, r}}, {{r, r, c}}}));
  }
}

TEST(SpeedRatio, Verdicts) {
  EXPECT_DOUBLE_EQ(speed_ratio(Convention::kMeanLoss, {.r = 2, .K = 4}), 2);      // sqrt K, longer
  EXPECT_DOUBLE_EQ(speed_ratio(Convention::kSummedLoss, {.r = 2, .K = 4}), 0.5);  // 1/sqrt K
  // E' is shorter iff nu > 3 (r-s), F iff c > 3^(1/4).
  EXPECT_DOUBLE_EQ(speed_ratio(Convention::kOverlapping, {.r = 3, .s = 1, .nu = 6}), 1);
  EXPECT_DOUBLE_EQ(speed_ratio(Convention::kEasyClass, {.r = 3, .c = std::sqrt(std::sqrt(3.0))}),
                   1);
}

}  // namespace
}  // namespace iclab::theory
