// Rendering of chat templates, and of prompts that end inside of a message.
#include "common/evaluation/chat_template.h"

#include <fmt/format.h>

#include <string_view>

#include "common/base/utf8.h"

namespace koeval::evaluation {
namespace {

// Marks the end of the message that goes on. The blank tells whether the template trims texts.
constexpr std::string_view kTag = "CONTINUE_FINAL_MESSAGE_TAG ";

// `rendered` up to the tag behind `last`, the text that goes on.
Result<std::string> CutAtTag(std::string rendered, const std::string& last) {
  const std::string_view bare_tag = kTag.substr(0, kTag.size() - 1);
  const size_t at = rendered.rfind(bare_tag);
  if (at == std::string::npos || rendered.find(PythonStrip(last)) == std::string::npos) {
    return InvalidArgument(
        "the template leaves out the last message, so no answer can be continued; do without "
        "gen_prefix, or without the chat template");
  }
  const bool keeps_blanks = std::string_view(rendered).substr(at, kTag.size()) == kTag;
  rendered.resize(at);
  if (!keeps_blanks) rendered.resize(PythonRstrip(rendered).size());
  return rendered;
}

}  // namespace

ChatTemplate::ChatTemplate(const ChatTemplateSource& source, Template parsed)
    : name_(source.name),
      writes_content_(source.text.find("content") != std::string::npos),
      special_tokens_(Json::object()),
      template_(std::move(parsed)) {
  for (const auto& [name, token] : source.special_tokens) special_tokens_[name] = token;
}

Result<ChatTemplate> ChatTemplate::Make(const ChatTemplateSource& source) {
  auto parsed = Template::Parse(source.text, TemplateDialect::kChat);
  if (!parsed.ok()) {
    return parsed.status().WithContext(fmt::format("chat template \"{}\"", source.name));
  }
  return ChatTemplate(source, *std::move(parsed));
}

Result<std::string> ChatTemplate::Render(const Json& variables, PromptEnd end,
                                         RenderContext& context) const {
  auto text = RenderOnce(variables, end, context);
  if (text.ok()) return text;
  return text.status().WithContext(fmt::format("chat template \"{}\"", name_));
}

Result<std::string> ChatTemplate::RenderOnce(const Json& variables, PromptEnd end,
                                             RenderContext& context) const {
  Json row = {{"tools", nullptr}, {"documents", nullptr}};
  for (const auto& [name, token] : special_tokens_.items()) row[name] = token;
  for (const auto& [name, value] : variables.items()) row[name] = value;
  row["add_generation_prompt"] = end == PromptEnd::kAnswer;
  if (end != PromptEnd::kContinue) return template_.Render(row, context);
  Json& messages = row["messages"];
  const bool has_text = messages.is_array() && !messages.empty() && messages.back().is_object() &&
                        messages.back()["content"].is_string();
  if (!has_text || !writes_content_) {
    return InvalidArgument("there is no last message with a text that could be continued");
  }
  Json& content = messages.back()["content"];
  const std::string last = content.get<std::string>();
  content = last + std::string(kTag);
  ASSIGN_OR_RETURN(std::string rendered, template_.Render(row, context));
  return CutAtTag(std::move(rendered), last);
}

}  // namespace koeval::evaluation
