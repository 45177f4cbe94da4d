// The options about chat templates that `koeval eval` and `koeval submit` share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/status.h"
#include "common/evaluation/types.h"

namespace koeval::cli {

struct ChatFlags {
  std::string template_name;  // "" for the model's default one
  std::string system_instruction;
  const CLI::Option* apply = nullptr;  // of the command; lives as long as the application
  const CLI::Option* multiturn = nullptr;
  bool fewshot_as_multiturn = true;

  // The template's name when one is asked for.
  std::optional<std::string> chat_template() const;
  // What was said about shots as turns; nothing when it was left to the default.
  std::optional<bool> turns() const;
};

// Adds --apply-chat-template [NAME], --[no-]fewshot-as-multiturn and --system-instruction.
void AddChatFlags(CLI::App& command, ChatFlags& flags);

// The options for the model in `model_dir`, read from its files. NOT_FOUND, with the remedy, when
// it has no such template; INVALID_ARGUMENT for flags that do not go together and for damaged
// files.
Result<evaluation::ChatOptions> MakeChatOptions(const ChatFlags& flags,
                                                const std::string& model_dir, int64_t now_seconds);

}  // namespace koeval::cli
