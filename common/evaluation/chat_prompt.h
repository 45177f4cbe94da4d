// The messages that a prompt is made of, as text or as a conversation.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/chat_template.h"
#include "common/evaluation/types.h"

namespace koeval::evaluation {

// One part of a prompt. In plain text `delimiter` follows `content`; in a conversation it counts
// only between parts that become one message.
struct Message {
  enum class Role { kSystem, kUser, kAssistant };
  Role role = Role::kUser;
  std::string content;
  std::string delimiter;
};

// `a` and `b` with `delimiter` between them, unless one of them is empty or there is white space at
// the join.
std::string Delimited(std::string_view a, std::string_view b, std::string_view delimiter);

// A question and what follows it.
struct Turn {
  std::string question;
  std::optional<std::string> answer;  // of a shot
  std::string gen_prefix;             // what answers start with
  std::string target_delimiter;
  std::string fewshot_delimiter;
};
// Adds a turn's question and, when there is an answer or a gen_prefix, the assistant's message.
void AppendTurn(const Turn& turn, std::vector<Message>& messages);

// Writes the prompts of one task. Used by one thread.
//
// Source: lm-evaluation-harness 0.4.13, api/task.py ConfigurableTask.fewshot_context and
// build_qa_turn, api/utils.py, models/huggingface.py HFLM.apply_chat_template.
class PromptWriter {
 public:
  // INVALID_ARGUMENT when the chat template cannot be parsed.
  static Result<PromptWriter> Make(const ChatOptions& options);

  bool chat() const { return template_.has_value(); }

  // The prompt of `messages`, at least one. With a chat template its last message is the user's, or
  // the assistant's, which then goes on. A template that refuses the conversation is asked again
  // without the system message, as the harness does; `system_dropped` counts that.
  // FAILED_PRECONDITION when the template refuses it then too, INVALID_ARGUMENT for other failures
  // of the template, and for a task whose prompts take over kChatStepsMax steps.
  Result<std::string> Write(std::vector<Message> messages);

  int64_t system_dropped() const { return system_dropped_; }

 private:
  explicit PromptWriter(const ChatOptions& options)
      : multiturn_(options.fewshot_as_multiturn), context_{options.now_seconds, 0} {}

  bool multiturn_;
  std::optional<ChatTemplate> template_;
  RenderContext context_;
  int64_t system_dropped_ = 0;
};

// Steps of a chat template over all prompts of one task.
inline constexpr int64_t kChatStepsMax = 1'000'000'000;

}  // namespace koeval::evaluation
