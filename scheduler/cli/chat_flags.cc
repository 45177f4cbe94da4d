// Options about chat templates, and the templates of a local model.
#include "scheduler/cli/chat_flags.h"

#include "common/model/config.h"
#include "common/tokenizer/chat_template_files.h"

namespace koeval::cli {

std::optional<std::string> ChatFlags::chat_template() const {
  return apply != nullptr && apply->count() > 0 ? std::optional(template_name) : std::nullopt;
}

std::optional<bool> ChatFlags::turns() const {
  const bool given = multiturn != nullptr && multiturn->count() > 0;
  return given ? std::optional(fewshot_as_multiturn) : std::nullopt;
}

void AddChatFlags(CLI::App& command, ChatFlags& flags) {
  flags.apply = command
                    .add_option("--apply-chat-template", flags.template_name,
                                "Write prompts as conversations with the model's chat template; "
                                "NAME picks one of several")
                    ->expected(0, 1)
                    ->type_name("[NAME]");
  flags.multiturn = command.add_flag(
      "--fewshot-as-multiturn,!--no-fewshot-as-multiturn", flags.fewshot_as_multiturn,
      "Shots as turns of their own (default with a chat template), or all in one user turn");
  command.add_option("--system-instruction", flags.system_instruction,
                     "Text in front of every task's description");
}

Result<evaluation::ChatOptions> MakeChatOptions(const ChatFlags& flags,
                                                const std::string& model_dir, int64_t now_seconds) {
  evaluation::ChatOptions out;
  const auto name = flags.chat_template();
  out.system_instruction = flags.system_instruction;
  out.fewshot_as_multiturn = flags.turns().value_or(name.has_value());
  out.now_seconds = now_seconds;
  if (!name) {
    if (!out.fewshot_as_multiturn) return out;
    return InvalidArgument("--fewshot-as-multiturn needs --apply-chat-template");
  }
  // The tokenizer class may hang on the model type; a model without config.json fails later.
  const auto config = model::ReadModelConfig(model_dir);
  ASSIGN_OR_RETURN(const auto templates,
                   tokenizer::ReadChatTemplates(
                       model_dir, {.model_type = config.ok() ? config->spec.model_type : ""}));
  evaluation::ChatTemplateSource& source = out.chat_template.emplace();
  auto text = tokenizer::ChooseChatTemplate(templates, *name);
  if (!text.ok()) return text.status().WithContext(model_dir);
  source.text = *std::move(text);
  source.name = name->empty() ? "default" : *name;
  source.special_tokens = templates.special_tokens;
  return out;
}

}  // namespace koeval::cli
