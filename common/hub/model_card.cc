// Model cards, by yaml-cpp.
#include "common/hub/model_card.h"

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

namespace koeval::hub {
namespace {

constexpr size_t kHeadBytesMax = 64 << 10;
constexpr size_t kValuesMax = 1000;
constexpr std::string_view kFence = "---";

// The text between the first line "---" and the next; empty when there is none.
std::string_view HeadOf(std::string_view readme) {
  if (readme.starts_with("\xef\xbb\xbf")) readme.remove_prefix(3);
  if (!readme.starts_with(kFence)) return {};
  const size_t first = readme.find('\n');
  if (first == std::string_view::npos) return {};
  const size_t last = readme.find("\n---", first);
  return last == std::string_view::npos ? std::string_view()
                                        : readme.substr(first + 1, last - first);
}

// A scalar, or the first of a list of scalars.
std::string Text(const YAML::Node& node) {
  if (node.IsScalar()) return node.Scalar();
  if (node.IsSequence() && node.size() > 0 && node[0].IsScalar()) return node[0].Scalar();
  return "";
}

std::vector<std::string> Texts(const YAML::Node& node) {
  std::vector<std::string> out;
  if (node.IsScalar()) out.push_back(node.Scalar());
  if (!node.IsSequence()) return out;
  for (size_t i = 0; i < node.size() && i < kValuesMax; ++i) {
    if (node[i].IsScalar()) out.push_back(node[i].Scalar());
  }
  return out;
}

}  // namespace

Status ReadModelCard(std::string_view readme, RepositoryInfo& info) {
  const std::string_view head = HeadOf(readme);
  if (head.empty()) return OkStatus();
  if (head.size() > kHeadBytesMax) {
    return InvalidArgument(fmt::format("the head of README.md has {} bytes, at most {} are read",
                                       head.size(), kHeadBytesMax));
  }
  try {
    const YAML::Node card = YAML::Load(std::string(head));
    if (!card.IsMap()) return InvalidArgument("the head of README.md is no YAML mapping");
    if (const auto node = card["license"]) info.license = Text(node);
    if (const auto node = card["license_name"]) info.license_name = Text(node);
    if (const auto node = card["license_link"]) info.license_link = Text(node);
    if (const auto node = card["base_model"]) info.base_models = Texts(node);
    if (const auto node = card["tags"]) info.tags = Texts(node);
  } catch (const YAML::Exception& error) {
    return InvalidArgument(fmt::format("the head of README.md is no YAML: {}", error.what()));
  }
  return OkStatus();
}

}  // namespace koeval::hub
