// Chat options of submissions.
#include "scheduler/service/chat_spec.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/json.h"
#include "common/base/sha256.h"
#include "common/base/utf8.h"
#include "common/evaluation/chat_options.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

constexpr const char* kWhere = "chat";

// The object "facts" of what the checks found, or nullptr.
const Json* FactsOf(const Json& report) {
  const Json* facts = JsonFind(report, "facts");
  return facts != nullptr && facts->is_object() ? facts : nullptr;
}

}  // namespace

std::string ChatText(const ChatSpec& spec) {
  if (!spec.chat_template && !spec.fewshot_as_multiturn && spec.system_instruction.empty()) {
    return "";
  }
  return CompactJson({{"chat_template", spec.chat_template ? Json(*spec.chat_template) : Json()},
                      {"fewshot_as_multiturn", spec.fewshot_as_multiturn},
                      {"system_instruction", spec.system_instruction}});
}

Result<ChatSpec> ParseChatText(std::string_view text) {
  ChatSpec out;
  if (text.empty()) return out;
  const auto json = ParseJson(text);
  if (!json.ok()) return DataLoss("chat: " + json.status().message());
  if (JsonFind(*json, "chat_template") != nullptr) {
    ASSIGN_OR_RETURN(out.chat_template, JsonString(*json, "chat_template", kWhere));
  }
  ASSIGN_OR_RETURN(out.fewshot_as_multiturn, JsonBool(*json, "fewshot_as_multiturn", kWhere));
  ASSIGN_OR_RETURN(out.system_instruction, JsonString(*json, "system_instruction", kWhere));
  return out;
}

Status CheckChat(const core::RequestSpec& spec) {
  if (spec.chat.size() > kChatBytesMax || !IsValidUtf8(spec.chat)) {
    return InvalidArgument(
        fmt::format("system_instruction: must be UTF-8 of at most {} bytes", kChatBytesMax));
  }
  ASSIGN_OR_RETURN(const ChatSpec chat, ParseChatText(spec.chat));
  const std::string name = chat.chat_template.value_or("");
  const bool control = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (name.size() > kWordBytesMax || control) {
    return InvalidArgument(
        fmt::format("chat_template: must be a name of at most {} bytes", kWordBytesMax));
  }
  if (chat.fewshot_as_multiturn && !chat.chat_template) {
    return InvalidArgument(
        "fewshot_as_multiturn: needs a chat template; ask for one, or leave this out");
  }
  if (!spec.chat.empty() &&
      spec.profile != evaluation::ProfileName(evaluation::Profile::kLmEval04)) {
    return InvalidArgument(
        fmt::format("profile: {} knows no chat template or system instruction; submit with "
                    "lm-eval-0.4",
                    spec.profile));
  }
  return OkStatus();
}

Result<evaluation::ChatOptions> ResolveChat(const core::RequestSpec& spec,
                                            std::string_view facts_json, WallTime submitted_at) {
  evaluation::ChatOptions out;
  if (spec.chat.empty()) return out;
  ASSIGN_OR_RETURN(const ChatSpec chat, ParseChatText(spec.chat));
  out.fewshot_as_multiturn = chat.fewshot_as_multiturn;
  out.system_instruction = chat.system_instruction;
  out.now_seconds = submitted_at.micros / 1'000'000;
  if (!chat.chat_template) return out;
  const auto report = ParseJson(facts_json.empty() ? "{}" : facts_json);
  const Json* facts = report.ok() ? FactsOf(*report) : nullptr;
  const Json* source = facts == nullptr ? nullptr : JsonFind(*facts, "chat_template");
  if (source == nullptr) {
    return FailedPrecondition("the checks found no chat template; retry the request");
  }
  ASSIGN_OR_RETURN(out.chat_template, evaluation::ChatTemplateFromJson(*source));
  return out;
}

std::string FactsForList(const core::RequestRow& row) {
  if (row.spec.chat.empty() || row.facts_json.empty()) return row.facts_json;
  auto report = ParseJson(row.facts_json);
  if (!report.ok() || FactsOf(*report) == nullptr) return row.facts_json;
  const Json* source = JsonFind(*FactsOf(*report), "chat_template");
  if (source == nullptr) return row.facts_json;
  const auto text = JsonString(*source, "text", "facts");
  const auto name = JsonString(*source, "name", "facts");
  (*report)["facts"]["chat_template"] = {{"name", name.ok() ? *name : ""},
                                         {"sha256", text.ok() ? Sha256Hex(*text) : ""}};
  return CompactJson(*report);
}

}  // namespace koeval::service
