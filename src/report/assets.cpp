#include "report/assets.h"

// The assembler copies a file's bytes between two symbols.
#define ICLAB_EMBED(name, path)                                                  \
  asm(".pushsection .rodata\n"                                                   \
      ".balign 16\n"                                                             \
      ".global iclab_" #name                                                     \
      "_begin\n"                                                                 \
      "iclab_" #name                                                             \
      "_begin:\n"                                                                \
      ".incbin \"" path                                                          \
      "\"\n"                                                                     \
      ".global iclab_" #name                                                     \
      "_end\n"                                                                   \
      "iclab_" #name                                                             \
      "_end:\n"                                                                  \
      ".byte 0\n"                                                                \
      ".popsection\n");                                                          \
  extern "C" const char iclab_##name##_begin[], iclab_##name##_end[];            \
  namespace iclab::report {                                                      \
  std::string_view name() { return {iclab_##name##_begin, iclab_##name##_end}; } \
  }

ICLAB_EMBED(page_html, ICLAB_ASSETS "/page.html")
ICLAB_EMBED(index_html, ICLAB_ASSETS "/index.html")
ICLAB_EMBED(head_html, ICLAB_ASSETS "/head.html")
ICLAB_EMBED(letters_html, ICLAB_ASSETS "/letters.html")
ICLAB_EMBED(page_css, ICLAB_ASSETS "/page.css")
ICLAB_EMBED(page_js, ICLAB_ASSETS "/page.js")
ICLAB_EMBED(vega_js, ICLAB_NODE_MODULES "/vega/build/vega.min.js")
ICLAB_EMBED(vega_lite_js, ICLAB_NODE_MODULES "/vega-lite/build/vega-lite.min.js")
ICLAB_EMBED(vega_embed_js, ICLAB_NODE_MODULES "/vega-embed/build/vega-embed.min.js")
