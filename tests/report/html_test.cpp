#include "report/html.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace iclab::report {
namespace {

TEST(Escape, LeavesNoMarkup) {
  EXPECT_EQ(escape("<a href=\"x\" b='y'>&amp;"),
            "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
  EXPECT_EQ(escape("θ ≤ 3°"), "θ ≤ 3°");
  EXPECT_EQ(escape("a\xff"
                   "b"),
            "a\xef\xbf\xbd"
            "b");
}

TEST(Number, IsWrittenAsAReaderWritesIt) {
  EXPECT_EQ(number(0.13512), "0.1351");
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(-2.5), "−2.5");
  EXPECT_EQ(number(160), "160");
  EXPECT_EQ(number(1482000), "1\u202f482\u202f000");
  EXPECT_EQ(number(-1482000), "−1\u202f482\u202f000");
  EXPECT_EQ(number(3.1e-12), "3.1\u00a0×\u00a010<sup>−12</sup>");
  EXPECT_EQ(number(-6.25e20), "−6.25\u00a0×\u00a010<sup>20</sup>");
  EXPECT_EQ(number(std::numeric_limits<double>::infinity()), "never");
  EXPECT_EQ(number(-std::numeric_limits<double>::infinity()), "−∞");
  EXPECT_EQ(number(std::nan("")), "–");
}

TEST(Interval, HasBothEndsOrNone) {
  EXPECT_EQ(interval(0.5, 0.75), "[0.5,\u00a00.75]");
  EXPECT_EQ(interval(5, std::numeric_limits<double>::infinity()), "[5,\u00a0never]");
  EXPECT_EQ(interval(std::nan(""), 1), "–");
}

TEST(ScriptJson, CannotEndItsElement) {
  const Json value = {{"text", "</script><!-- \xff"}};
  const std::string text = script_json(value);
  EXPECT_EQ(text.find('<'), std::string::npos);
  EXPECT_EQ(Json::parse(text)["text"], "</script><!-- \xef\xbf\xbd");
}

TEST(ScriptText, CannotEndItsElement) {
  EXPECT_EQ(script_text("a='</script>'; b='<!--'; c = 1 < 2;"),
            "a='<\\/script>'; b='<\\!--'; c = 1 < 2;");
}

TEST(Fill, ReplacesEveryPlaceAndLooksAtNoValue) {
  const std::vector<std::pair<std::string, std::string>> values = {{"a", "{{b}}"}, {"b", "2"}};
  EXPECT_EQ(fill("x {{a}} y {{b}}{{a}} z", values), "x {{b}} y 2{{b}} z");
  EXPECT_EQ(fill("none", values), "none");
}

}  // namespace
}  // namespace iclab::report
