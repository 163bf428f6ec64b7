#include "random/stream.h"

#include <gtest/gtest.h>

#include <set>

namespace iclab::random {
namespace {

using lanes::Draw;

constexpr Purpose kPurposes[] = {Purpose::kTask, Purpose::kModel, Purpose::kPrompts,
                                 Purpose::kEvaluation};

// By another SHA-256 (hashlib of Python). A changed key shifts every stream of every study.
TEST(MakeKey, HasTheGoldenWords) {
  EXPECT_EQ(make_key(0, 0, Purpose::kTask), (Key{0x4d818d25912c0338, 0x96fdf6b9d8aa4475}));
  EXPECT_EQ(make_key(42, 7, Purpose::kPrompts), (Key{0xb5add4778e24e6d4, 0x4b47a8d0a9cb43ef}));
  EXPECT_EQ(make_key(42, 7, Purpose::kPrompts, "a3f0"),
            (Key{0x405a893bf3392dc8, 0xfbfc8066dcdc15b2}));
}

TEST(MakeKey, TellsEveryIngredientApart) {
  std::set<Key> keys;
  for (const std::uint64_t seed : {0, 1, 256})
    for (const std::uint64_t index : {0, 1, 256})
      for (const Purpose purpose : kPurposes)
        for (const char* salt : {"", "a", "b"}) keys.insert(make_key(seed, index, purpose, salt));
  EXPECT_EQ(keys.size(), 3u * 3 * 4 * 3);
}

TEST(MakeKey, NamesOfPurposesDontRunIntoTheSalt) {
  EXPECT_STREQ(name(Purpose::kTask), "task");
  EXPECT_STREQ(name(Purpose::kEvaluation), "evaluation");
  EXPECT_NE(make_key(1, 2, Purpose::kTask, std::string("\0x", 2)),
            make_key(1, 2, Purpose::kTask, "x"));
}

TEST(BlocksFor, CoversTheElementsInBothPrecisions) {
  for (const Draw draw :
       {Draw::kUniform, Draw::kNormal, Draw::kSign, Draw::kInteger, Draw::kCategorical})
    for (std::int64_t count = 0; count < 20; ++count)
      for (const bool is_double : {false, true})
        EXPECT_GE(blocks_for(draw, count) * elements_per_block(draw, is_double), count);
}

// What is drawn in integers is the same in float and in double, for the words are.
TEST(ElementsPerBlock, DependsOnPrecisionForRealsOnly) {
  for (const Draw draw : {Draw::kSign, Draw::kInteger, Draw::kCategorical})
    EXPECT_EQ(elements_per_block(draw, false), elements_per_block(draw, true));
  for (const Draw draw : {Draw::kUniform, Draw::kNormal}) {
    EXPECT_EQ(elements_per_block(draw, false), 4);
    EXPECT_EQ(elements_per_block(draw, true), 2);
  }
}

}  // namespace
}  // namespace iclab::random
