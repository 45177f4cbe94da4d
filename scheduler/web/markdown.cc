// Markdown by cmark, in its safe mode.
#include "scheduler/web/markdown.h"

#include <cmark.h>

#include <cstdlib>
#include <memory>

namespace koeval::web {

Markup RenderMarkdown(std::string_view text) {
  constexpr int kOptions = CMARK_OPT_VALIDATE_UTF8 | CMARK_OPT_SAFE;
  const std::unique_ptr<char, void (*)(void*)> html(
      cmark_markdown_to_html(text.data(), text.size(), kOptions), std::free);
  return {html ? html.get() : ""};
}

}  // namespace koeval::web
