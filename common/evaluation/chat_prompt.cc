// Prompts out of messages.
#include "common/evaluation/chat_prompt.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/utf8.h"

namespace koeval::evaluation {
namespace {

bool EndsInSpace(std::string_view text) {
  return PythonRstrip(text).size() < text.size();
}
bool StartsWithSpace(std::string_view text) {
  return PythonLstrip(text).size() < text.size();
}

const char* RoleName(Message::Role role) {
  switch (role) {
    case Message::Role::kSystem:
      return "system";
    case Message::Role::kUser:
      return "user";
    case Message::Role::kAssistant:
      break;
  }
  return "assistant";
}

std::string PlainText(const std::vector<Message>& messages) {
  std::string out;
  for (const Message& message : messages) out += message.content + message.delimiter;
  return out;
}

// System and last assistant message stay; all between them becomes one user message.
std::vector<Message> SingleTurn(std::vector<Message> messages) {
  std::vector<Message> out;
  if (messages.front().role == Message::Role::kSystem) {
    out.push_back(std::move(messages.front()));
    messages.erase(messages.begin());
  }
  std::vector<Message> tail;
  if (!messages.empty() && messages.back().role == Message::Role::kAssistant) {
    tail.push_back(std::move(messages.back()));
    messages.pop_back();
  }
  if (!messages.empty()) messages.back().delimiter.clear();
  out.push_back({Message::Role::kUser, PlainText(messages), ""});
  for (Message& message : tail) out.push_back(std::move(message));
  return out;
}

Json Conversation(const std::vector<Message>& messages, bool with_system) {
  Json list = Json::array();
  for (const Message& message : messages) {
    if (!with_system && message.role == Message::Role::kSystem) continue;
    list.push_back({{"role", RoleName(message.role)}, {"content", message.content}});
  }
  return {{"messages", std::move(list)}};
}

}  // namespace

std::string Delimited(std::string_view a, std::string_view b, std::string_view delimiter) {
  std::string out(a);
  if (!a.empty() && !b.empty() && !EndsInSpace(a) && !StartsWithSpace(b)) out += delimiter;
  return out += b;
}

void AppendTurn(const Turn& turn, std::vector<Message>& messages) {
  const bool joins =
      !turn.question.empty() && !EndsInSpace(turn.question) && !StartsWithSpace(turn.gen_prefix);
  const bool delimited = turn.gen_prefix.empty() ? turn.answer.has_value() : joins;
  messages.push_back({Message::Role::kUser, turn.question, delimited ? turn.target_delimiter : ""});
  if (turn.answer) {
    messages.push_back({Message::Role::kAssistant, Delimited(turn.gen_prefix, *turn.answer, " "),
                        turn.fewshot_delimiter});
  } else if (!turn.gen_prefix.empty()) {
    messages.push_back({Message::Role::kAssistant, turn.gen_prefix, ""});
  }
}

Result<PromptWriter> PromptWriter::Make(const ChatOptions& options) {
  PromptWriter writer(options);
  if (options.chat_template) {
    ASSIGN_OR_RETURN(writer.template_, ChatTemplate::Make(*options.chat_template));
  }
  return writer;
}

Result<std::string> PromptWriter::Write(std::vector<Message> messages) {
  if (!template_) return PlainText(messages);
  if (!multiturn_) messages = SingleTurn(std::move(messages));
  const bool goes_on = messages.back().role == Message::Role::kAssistant;
  const PromptEnd end = goes_on ? PromptEnd::kContinue : PromptEnd::kAnswer;
  const bool has_system = messages.front().role == Message::Role::kSystem;
  auto text = template_->Render(Conversation(messages, true), end, context_);
  if (text.status().code() == Code::kFailedPrecondition && has_system) {
    ++system_dropped_;
    text = template_->Render(Conversation(messages, false), end, context_);
  }
  if (context_.steps > kChatStepsMax) {
    return InvalidArgument(fmt::format(
        "the chat template takes over {} steps for the prompts of one task", kChatStepsMax));
  }
  return text;
}

}  // namespace koeval::evaluation
