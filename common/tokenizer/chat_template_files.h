// The chat templates of a model repository, and the special tokens that they may write.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/tokenizer/tokenizer.h"

namespace koeval::tokenizer {

inline constexpr size_t kChatTemplateBytesMax = 256 * 1024;  // of one template
inline constexpr size_t kChatTemplatesMax = 32;              // of one repository

struct ChatTemplates {
  std::vector<std::pair<std::string, std::string>> templates;  // (name, text), by name
  // (attribute, text), such as ("bos_token", "<s>"); a pad_token when the files name none, as
  // lm-evaluation-harness chooses it.
  std::vector<std::pair<std::string, std::string>> special_tokens;
};

// Reads chat_template.jinja and additional_chat_templates/*.jinja or, where there are none of
// them, "chat_template" of tokenizer_config.json, a text or a list of {"name", "template"}. A
// single one is called "default". No template is no error. INVALID_ARGUMENT names the file that is
// damaged or over a bound; errors of the tokenizer's files as of LoadTokenizer.
//
// Source: transformers 5.24, PreTrainedTokenizerBase.from_pretrained and special_tokens_map;
// lm-evaluation-harness 0.4.13, configure_pad_token.
Result<ChatTemplates> ReadChatTemplates(const std::string& model_dir, const LoadOptions& options);

// The template called `name`; "" asks for "default". NOT_FOUND, which lists the names and says what
// to do, when there is none.
Result<std::string> ChooseChatTemplate(const ChatTemplates& templates, const std::string& name);

}  // namespace koeval::tokenizer
