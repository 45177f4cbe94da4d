// JSON of chat options.
#include "common/evaluation/chat_options.h"

namespace koeval::evaluation {
namespace {

constexpr const char* kWhere = "chat";
constexpr const char* kTemplateWhere = "chat_template";

}  // namespace

bool IsPlain(const ChatOptions& options) {
  return !options.chat_template && options.system_instruction.empty() &&
         !options.fewshot_as_multiturn;
}

Json ChatTemplateToJson(const ChatTemplateSource& source) {
  Json tokens = Json::object();
  for (const auto& [attribute, text] : source.special_tokens) tokens[attribute] = text;
  return {{"name", source.name}, {"text", source.text}, {"special_tokens", std::move(tokens)}};
}

Result<ChatTemplateSource> ChatTemplateFromJson(const Json& json) {
  ChatTemplateSource out;
  ASSIGN_OR_RETURN(out.name, JsonString(json, "name", kTemplateWhere));
  ASSIGN_OR_RETURN(out.text, JsonString(json, "text", kTemplateWhere));
  const Json* tokens = JsonFind(json, "special_tokens");
  if (tokens == nullptr || !tokens->is_object()) {
    return InvalidArgument("chat_template: field \"special_tokens\" must be an object");
  }
  for (const auto& [attribute, text] : tokens->items()) {
    if (!text.is_string()) {
      return InvalidArgument("chat_template: field \"special_tokens\" must hold texts");
    }
    out.special_tokens.emplace_back(attribute, text.get<std::string>());
  }
  return out;
}

Json ChatOptionsToJson(const ChatOptions& options) {
  if (IsPlain(options)) return nullptr;
  Json chat_template;
  if (options.chat_template) chat_template = ChatTemplateToJson(*options.chat_template);
  return {{"chat_template", std::move(chat_template)},
          {"fewshot_as_multiturn", options.fewshot_as_multiturn},
          {"system_instruction", options.system_instruction},
          {"now_seconds", options.now_seconds}};
}

Result<ChatOptions> ChatOptionsFromJson(const Json& json) {
  ChatOptions out;
  if (json.is_null()) return out;
  if (const Json* source = JsonFind(json, "chat_template"); source != nullptr) {
    ASSIGN_OR_RETURN(out.chat_template, ChatTemplateFromJson(*source));
  }
  ASSIGN_OR_RETURN(out.fewshot_as_multiturn, JsonBool(json, "fewshot_as_multiturn", kWhere));
  ASSIGN_OR_RETURN(out.system_instruction, JsonString(json, "system_instruction", kWhere));
  ASSIGN_OR_RETURN(out.now_seconds, JsonInt(json, "now_seconds", kWhere));
  return out;
}

}  // namespace koeval::evaluation
