// The page's parts, embedded in the program when it is built: our own (assets/) and the bundles
// that npm installed.
#pragma once

#include <string_view>

namespace iclab::report {

std::string_view page_html();     // template with {{places}}
std::string_view index_html();    // likewise
std::string_view head_html();     // likewise: how both begin
std::string_view letters_html();  // what the letters of verdicts mean
std::string_view page_css();
std::string_view page_js();
std::string_view vega_js();
std::string_view vega_lite_js();
std::string_view vega_embed_js();

}  // namespace iclab::report
