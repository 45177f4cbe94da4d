// README.md: header and text.
#include "common/hub/model_card.h"

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>

#include "common/base/utf8.h"

namespace koeval::hub {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kFence = "---";

struct Parts {
  std::string header;  // "" when there is none
  std::string_view text;
};

// One line without its end; moves `at` past the end.
std::string_view NextLine(std::string_view text, size_t& at) {
  const size_t end = std::min(text.find('\n', at), text.size());
  std::string_view line = text.substr(at, end - at);
  at = std::min(end + 1, text.size());
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Parts Split(std::string_view readme) {
  if (readme.starts_with(kByteOrderMark)) readme.remove_prefix(kByteOrderMark.size());
  size_t at = 0;
  while (at < readme.size() && std::isspace(static_cast<unsigned char>(readme[at]))) ++at;
  if (NextLine(readme, at) != kFence) return {"", readme};
  Parts out;
  while (at < readme.size()) {
    const std::string_view line = NextLine(readme, at);
    if (line == kFence) {
      out.text = readme.substr(at);
      return out;
    }
    out.header.append(line).push_back('\n');
  }
  return {"", readme};  // a header that never ends is text
}

std::string Word(const YAML::Node& node) {
  if (!node.IsScalar()) return "";
  return std::string(Utf8Prefix(PythonStrip(node.Scalar()), kCardWordBytesMax));
}

// A word, or the first of a list of words.
std::string FirstWord(const YAML::Node& node) {
  return node.IsSequence() && node.size() > 0 ? Word(node[0]) : Word(node);
}

// A word, or a list of words.
std::vector<std::string> Words(const YAML::Node& node) {
  std::vector<std::string> out;
  const size_t count = node.IsSequence() ? std::min(node.size(), kCardListMax) : 1;
  for (size_t i = 0; i < count; ++i) {
    std::string word = node.IsSequence() ? Word(node[i]) : Word(node);
    if (!word.empty()) out.push_back(std::move(word));
  }
  return out;
}

void ReadHeader(const YAML::Node& header, ModelCard& card) {
  if (const auto node = header["license"]) card.license = FirstWord(node);
  if (const auto node = header["license_name"]) card.license_name = FirstWord(node);
  if (const auto node = header["license_link"]) card.license_link = FirstWord(node);
  if (const auto node = header["base_model_relation"]) card.base_model_relation = FirstWord(node);
  if (const auto node = header["base_model"]) card.base_models = Words(node);
  if (const auto node = header["language"]) card.languages = Words(node);
  if (const auto node = header["tags"]) card.tags = Words(node);
}

// "" or why the header cannot be read.
std::string TryHeader(const std::string& text, ModelCard& card) {
  if (text.size() > kCardHeaderBytesMax) {
    return fmt::format("the header of README.md has {} bytes, at most {} are read", text.size(),
                       kCardHeaderBytesMax);
  }
  try {
    const YAML::Node header = YAML::Load(text);
    if (!header.IsMap()) return "the header of README.md is no YAML mapping of keys to values";
    ReadHeader(header, card);
    return "";
  } catch (const YAML::Exception& error) {
    // The fence is line 1. The message may quote one byte of a longer character.
    return fmt::format("README.md, line {}: not valid YAML: {}", error.mark.line + 2,
                       ToUtf8(ToUtf32(error.msg)));
  }
}

}  // namespace

ModelCard ParseModelCard(std::string_view readme) {
  const std::string clean = IsValidUtf8(readme) ? std::string(readme) : ToUtf8(ToUtf32(readme));
  const Parts parts = Split(clean);
  ModelCard card;
  card.text_characters = CountCodePoints(PythonStrip(parts.text));
  if (PythonStrip(parts.header).empty()) return card;
  ModelCard read = card;
  card.problem = TryHeader(parts.header, read);
  return card.problem.empty() ? read : card;
}

std::string LicenseKey(const ModelCard& card) {
  const bool named = card.license.empty() || card.license == "other";
  std::string key = named && !card.license_name.empty() ? card.license_name : card.license;
  std::transform(key.begin(), key.end(), key.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return key;
}

std::string CardHeader(std::string_view readme) {
  return Split(readme).header;
}

}  // namespace koeval::hub
