// Chat templates of a repository, from whichever of its files has them.
#include "common/tokenizer/chat_template_files.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "common/base/file.h"
#include "common/base/utf8.h"
#include "common/tokenizer/special_tokens.h"

namespace koeval::tokenizer {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefault = "default";
constexpr const char* kFile = "chat_template.jinja";
constexpr const char* kFolder = "additional_chat_templates";
constexpr const char* kConfigFile = "tokenizer_config.json";

using Templates = std::vector<std::pair<std::string, std::string>>;

Status Append(std::string name, std::string text, const std::string& where, Templates& out) {
  if (text.size() > kChatTemplateBytesMax || !IsValidUtf8(text)) {
    return InvalidArgument(fmt::format("{}: must be a text of UTF-8 with at most {} bytes", where,
                                       kChatTemplateBytesMax));
  }
  if (out.size() >= kChatTemplatesMax) {
    return InvalidArgument(
        fmt::format("{}: more than {} chat templates", where, kChatTemplatesMax));
  }
  const auto found =
      std::find_if(out.begin(), out.end(), [&](const auto& known) { return known.first == name; });
  if (found == out.end()) {
    out.emplace_back(std::move(name), std::move(text));
  } else {
    found->second = std::move(text);
  }
  return OkStatus();
}

// Python's text mode: every kind of line end is "\n".
std::string WithNewlines(const std::string& bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != '\r') {
      out += bytes[i];
    } else {
      out += '\n';
      if (i + 1 < bytes.size() && bytes[i + 1] == '\n') ++i;
    }
  }
  return out;
}

// Adds the file when it is there.
Status ReadOne(const fs::path& path, const std::string& name, Templates& out) {
  const auto bytes = ReadFile(path.string(), kChatTemplateBytesMax);
  if (bytes.status().code() == Code::kNotFound) return OkStatus();
  if (!bytes.ok()) return bytes.status();
  return Append(name, WithNewlines(*bytes), path.filename().string(), out);
}

Status ReadFolder(const fs::path& folder, Templates& out) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".jinja") files.push_back(at->path());
    if (files.size() > kChatTemplatesMax) break;  // Append says so
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) RETURN_IF_ERROR(ReadOne(file, file.stem().string(), out));
  return OkStatus();
}

Status ReadConfig(const Json& config, Templates& out) {
  const std::string where = fmt::format("{}: field \"chat_template\"", kConfigFile);
  const Json* field = JsonFind(config, "chat_template");
  if (field == nullptr) return OkStatus();
  if (field->is_string()) return Append(kDefault, field->get<std::string>(), where, out);
  if (field->is_object()) {
    for (const auto& [name, text] : field->items()) {
      if (!text.is_string()) return InvalidArgument(where + ": must hold texts");
      RETURN_IF_ERROR(Append(name, text.get<std::string>(), where, out));
    }
    return OkStatus();
  }
  if (!field->is_array()) return InvalidArgument(where + ": must be a text or a list");
  for (const Json& item : *field) {
    ASSIGN_OR_RETURN(std::string name, JsonString(item, "name", where));
    ASSIGN_OR_RETURN(std::string text, JsonString(item, "template", where));
    RETURN_IF_ERROR(Append(std::move(name), std::move(text), where, out));
  }
  return OkStatus();
}

std::vector<std::pair<std::string, std::string>> TokenTexts(const SpecialTokens& special) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [attribute, token] : special.named) out.emplace_back(attribute, token.content);
  if (special.Content("pad_token")) return out;
  std::optional<std::string> pad = special.Content("unk_token");
  if (!pad) pad = special.Content("eos_token");
  out.emplace_back("pad_token", pad.value_or("<|pad|>"));
  return out;
}

}  // namespace

Result<ChatTemplates> ReadChatTemplates(const std::string& model_dir, const LoadOptions& options) {
  ASSIGN_OR_RETURN(const RepositoryTokens tokens, ReadRepositoryTokens(model_dir, options));
  ChatTemplates out;
  RETURN_IF_ERROR(ReadOne(fs::path(model_dir) / kFile, kDefault, out.templates));
  RETURN_IF_ERROR(ReadFolder(fs::path(model_dir) / kFolder, out.templates));
  if (out.templates.empty()) RETURN_IF_ERROR(ReadConfig(tokens.config, out.templates));
  std::sort(out.templates.begin(), out.templates.end());
  out.special_tokens = TokenTexts(tokens.special);
  return out;
}

Result<std::string> ChooseChatTemplate(const ChatTemplates& templates, const std::string& name) {
  const std::string wanted = name.empty() ? kDefault : name;
  std::string known;
  for (const auto& [other, text] : templates.templates) {
    if (other == wanted) return text;
    known += (known.empty() ? "" : ", ") + other;
  }
  if (known.empty()) {
    return NotFound(
        "the model has no chat template; evaluate it without one, or add chat_template.jinja to "
        "its repository");
  }
  return NotFound(fmt::format("the model has no chat template \"{}\"; it has {}", wanted, known));
}

}  // namespace koeval::tokenizer
