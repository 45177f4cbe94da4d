// What a submission says about prompts as conversations, and what becomes of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/evaluation/types.h"
#include "scheduler/core/records.h"

namespace koeval::service {

struct ChatSpec {
  std::optional<std::string> chat_template;  // the name, "" for the default; nothing: plain text
  bool fewshot_as_multiturn = false;
  std::string system_instruction;
};

// The text that core::RequestSpec::chat holds: the same for the same wishes, "" for none.
std::string ChatText(const ChatSpec& spec);
// Back from that text. DATA_LOSS when it cannot be read.
Result<ChatSpec> ParseChatText(std::string_view text);

// INVALID_ARGUMENT, naming the field and the remedy, for wishes that do not go together or with the
// profile, and for texts over their bounds.
Status CheckChat(const core::RequestSpec& spec);

// The options that runners and scoring build prompts with: the template that the checks found is in
// `facts_json`, and its clock stands at the submission. FAILED_PRECONDITION when the facts have no
// template.
Result<evaluation::ChatOptions> ResolveChat(const core::RequestSpec& spec,
                                            std::string_view facts_json, WallTime submitted_at);

// `facts_json` with the template's text replaced by its SHA-256, for answers that list requests.
std::string FactsForList(const core::RequestRow& row);

}  // namespace koeval::service
