// Fuzz target: chat templates, which come with a model's repository, rendered over a fixed
// conversation with each ending. The input is the template.
#include <string>

#include "common/base/check.h"
#include "common/base/utf8.h"
#include "common/evaluation/chat_template.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/fuzz_util.h"

namespace koeval::fuzz {
namespace {

using evaluation::ChatTemplate;
using evaluation::PromptEnd;

const Json& Conversation() {
  static const Json conversation = {{"messages",
                                     {{{"role", "system"}, {"content", "Sei kurz."}},
                                      {{"role", "user"}, {"content", " 하늘은 왜\n파란가? "}},
                                      {{"role", "assistant"}, {"content", "Weil"}}}}};
  return conversation;
}

}  // namespace

void FuzzChatTemplate(std::string_view input) {
  const auto made = ChatTemplate::Make(
      {.name = "default", .text = std::string(input), .special_tokens = {{"bos_token", "<s>"}}});
  CheckClearStatus(made.status());
  if (!made.ok()) return;
  for (const PromptEnd end : {PromptEnd::kAsItIs, PromptEnd::kAnswer, PromptEnd::kContinue}) {
    evaluation::RenderContext context;
    const auto text = made->Render(Conversation(), end, context);
    CheckClearStatus(text.status());
    KOEVAL_CHECK(!text.ok() || IsValidUtf8(*text), "a prompt is UTF-8");
  }
}

}  // namespace koeval::fuzz
