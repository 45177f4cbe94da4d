// Chat options as JSON: the form in which they travel.
#pragma once

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/types.h"

namespace koeval::evaluation {

// Whether prompts are what they are without any chat options.
bool IsPlain(const ChatOptions& options);

// {"name", "text", "special_tokens": {attribute: text}} and back. INVALID_ARGUMENT names the field.
Json ChatTemplateToJson(const ChatTemplateSource& source);
Result<ChatTemplateSource> ChatTemplateFromJson(const Json& json);

// {"chat_template": object or null, "fewshot_as_multiturn", "system_instruction", "now_seconds"};
// null for plain prompts. INVALID_ARGUMENT names the field.
Json ChatOptionsToJson(const ChatOptions& options);
Result<ChatOptions> ChatOptionsFromJson(const Json& json);

}  // namespace koeval::evaluation
