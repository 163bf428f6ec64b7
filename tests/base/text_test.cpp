#include "base/text.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace iclab {
namespace {

using Names = std::vector<std::string>;

TEST(NearestName, FindsSlipsOfThePen) {
  const Names names{"components", "context", "noise", "rank"};
  EXPECT_EQ(nearest_name("componets", names), "components");  // a letter lost
  EXPECT_EQ(nearest_name("contextt", names), "context");      // a letter too many
  EXPECT_EQ(nearest_name("nosie", names), "noise");           // two swapped
  EXPECT_EQ(nearest_name("bank", names), "rank");             // one changed
  EXPECT_EQ(nearest_name("temperature", names), "");
  EXPECT_EQ(nearest_name("noise", Names{}), "");
}

TEST(NearestName, PrefersTheSameNameInOtherCapitals) {
  const Names names{"d", "r", "K", "n", "sigma2"};
  EXPECT_EQ(nearest_name("N", names), "n");
  EXPECT_EQ(nearest_name("k", names), "K");
  EXPECT_EQ(nearest_name("Sigma2", names), "sigma2");
}

TEST(NearestName, OfOneLetterEveryOtherIsAsNear) { EXPECT_EQ(nearest_name("q", Names{"d", "r", "lr"}), ""); }

TEST(NearestName, MessageEndsWithAQuestion) {
  EXPECT_EQ(did_you_mean("rnak", Names{"rank"}), "; did you mean 'rank'?");
  EXPECT_EQ(did_you_mean("temperature", Names{"rank"}), "");
}

TEST(Split, TrimsPartsAndKeepsEmptyOnes) {
  EXPECT_EQ(split("", ','), Names{});
  EXPECT_EQ(split("a", ','), Names{"a"});
  EXPECT_EQ(split(" a , b ", ','), (Names{"a", "b"}));
  EXPECT_EQ(split("a,,b", ','), (Names{"a", "", "b"}));
  EXPECT_EQ(split("a,", ','), (Names{"a", ""}));
  EXPECT_EQ(split(",", ','), (Names{"", ""}));
}

TEST(HumanSeconds, ChoosesTheUnit) {
  EXPECT_EQ(human_seconds(0.85), "850 ms");
  EXPECT_EQ(human_seconds(12.34), "12.3 s");
  EXPECT_EQ(human_seconds(59.99), "1 min 00 s");
  EXPECT_EQ(human_seconds(245), "4 min 05 s");
  EXPECT_EQ(human_seconds(3599.7), "1 h 00 min");
  EXPECT_EQ(human_seconds(12000), "3 h 20 min");
  EXPECT_EQ(human_seconds(std::numeric_limits<double>::infinity()), "unknown");
  EXPECT_EQ(human_seconds(-1), "unknown");
}

TEST(Utf8, AcceptsWellFormedTextOnly) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("plain"));
  EXPECT_TRUE(is_utf8("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"));  // é € and an emoji
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe2\x82", "\xe0\x80\xaf", "\xed\xa0\x80",
                          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff", "a\xc3("})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

TEST(Printable, ShowsControlCharactersAndBytesThatAreNoText) {
  using namespace std::string_literals;
  EXPECT_EQ(printable("a\0b\tc\x7f"s), "a\\x00b\\x09c\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");  // U+009B moves some terminals' cursors
  EXPECT_EQ(printable("caf\xe9/\xe2\x82"), "caf\\xe9/\\xe2\\x82");
  EXPECT_EQ(printable("é € 損失\nnext"), "é € 損失\nnext");
  EXPECT_EQ(printable_line("a\nb"), "a\\x0ab");
  EXPECT_EQ(printable(printable("a\0\xff"s)), printable("a\0\xff"s));
}

}  // namespace
}  // namespace iclab
