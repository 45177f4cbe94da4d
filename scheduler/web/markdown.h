// Markdown of the operator as safe markup.
#pragma once

#include <string_view>

#include "scheduler/web/html.h"

namespace koeval::web {

// CommonMark 0.30; raw HTML in it and links of schemes that run code are left out.
Markup RenderMarkdown(std::string_view text);

}  // namespace koeval::web
