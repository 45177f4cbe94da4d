// The chat template of a model: turns of a conversation into one prompt.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/template.h"
#include "common/evaluation/types.h"

namespace koeval::evaluation {

// How a prompt ends.
enum class PromptEnd {
  kAsItIs,
  kAnswer,    // with what opens the assistant's turn (add_generation_prompt)
  kContinue,  // inside of the last message, which goes on (continue_final_message)
};

// A parsed chat template; immutable.
//
// Source: transformers 5.24, utils/chat_template_utils.py render_jinja_template.
class ChatTemplate {
 public:
  // INVALID_ARGUMENT, with the template's name, line and column, for what Template::Parse refuses.
  static Result<ChatTemplate> Make(const ChatTemplateSource& source);

  // The text for `variables`, an object with at least "messages", a list of {"role", "content"}.
  // `tools` and `documents` are null unless given. FAILED_PRECONDITION where the template itself
  // refuses the conversation; INVALID_ARGUMENT for other failures of Template::Render, and when the
  // message that should go on is not in the text. Each names template, line and column.
  Result<std::string> Render(const Json& variables, PromptEnd end, RenderContext& context) const;

 private:
  ChatTemplate(const ChatTemplateSource& source, Template parsed);

  Result<std::string> RenderOnce(const Json& variables, PromptEnd end,
                                 RenderContext& context) const;

  std::string name_;
  bool writes_content_;  // the template's text has the word "content"
  Json special_tokens_;
  Template template_;
};

}  // namespace koeval::evaluation
