// ConfigMap over yaml-cpp.
#include "common/base/config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <charconv>
#include <set>

#include "common/base/file.h"
#include "common/base/utf8.h"

namespace koeval {
namespace {

constexpr size_t kConfigBytesMax = 4 << 20;

constexpr int kConfigDepthMax = 32;
constexpr int kConfigNodesMax = 100'000;

// Looks at every node once per way to it, since aliases make many ways, or endless ones.
class StructureCheck {
 public:
  // A duplicate key of a mapping at any depth, or too much structure; nothing when all is well.
  std::optional<std::string> Check(const YAML::Node& node, int depth) {
    if (depth > kConfigDepthMax) return fmt::format("nested deeper than {}", kConfigDepthMax);
    if (++nodes_ > kConfigNodesMax) return fmt::format("over {} values", kConfigNodesMax);
    if (node.IsSequence()) {
      for (const auto& item : node) {
        if (auto found = Check(item, depth + 1)) return found;
      }
    }
    if (!node.IsMap()) return std::nullopt;
    std::set<std::string> seen;
    for (const auto& member : node) {
      const std::string key = member.first.IsScalar() ? member.first.Scalar() : "?";
      if (!seen.insert(key).second) {
        return fmt::format("line {}: key \"{}\" is given twice", member.first.Mark().line + 1, key);
      }
      if (auto found = Check(member.second, depth + 1)) return found;
    }
    return std::nullopt;
  }

 private:
  int nodes_ = 0;
};

std::optional<int64_t> ParseInt(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> ParseDurationMs(std::string_view text) {
  struct Unit {
    std::string_view suffix;
    int64_t ms;
  };
  // Longer suffixes first: "ms" also ends in "s".
  static constexpr std::array<Unit, 5> kUnits = {
      {{"min", 60'000}, {"ms", 1}, {"s", 1000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    const auto count = ParseInt(text.substr(0, text.size() - unit.suffix.size()));
    if (!count || *count < 0 || *count > INT64_MAX / unit.ms) return std::nullopt;
    return *count * unit.ms;
  }
  return std::nullopt;
}

}  // namespace

struct ConfigMap::Impl {
  YAML::Node node;
  std::string file;
  std::string path;  // "tls." for the keys of a nested mapping
  std::set<std::string> asked;
  Status error;

  std::string Place(std::string_view key) const {
    const YAML::Node value = Find(key);
    const int line = value ? value.Mark().line : node.Mark().line;
    return fmt::format("{}:{}: {}{}", file, line + 1, path, key);
  }
  YAML::Node Find(std::string_view key) const {
    const YAML::Node& map = node;  // const: look-up does not create the key
    if (!map.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
    return map[std::string(key)];
  }
  // The scalar at `key`, or nothing when it is absent or no scalar (which is remembered as an
  // error).
  std::optional<std::string> Scalar(std::string_view key, std::string_view wanted) {
    asked.insert(std::string(key));
    const YAML::Node value = Find(key);
    if (!value) return std::nullopt;
    if (!value.IsScalar()) {
      Fail(key, fmt::format("must be {}", wanted));
      return std::nullopt;
    }
    return value.Scalar();
  }
  void Fail(std::string_view key, std::string_view message) {
    if (error.ok()) error = InvalidArgument(fmt::format("{} {}", Place(key), message));
  }
};

ConfigMap::ConfigMap(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ConfigMap::ConfigMap(ConfigMap&&) noexcept = default;
ConfigMap& ConfigMap::operator=(ConfigMap&&) noexcept = default;
ConfigMap::~ConfigMap() = default;

Result<ConfigMap> ConfigMap::Load(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kConfigBytesMax));
  return Parse(text, path);
}

Result<ConfigMap> ConfigMap::Parse(const std::string& text, const std::string& name) {
  auto impl = std::make_unique<Impl>();
  impl->file = name;
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) return InvalidArgument(name + ": holds more than one document");
    if (!documents.empty()) impl->node = documents.front();
  } catch (const YAML::Exception& e) {
    // The message may quote one byte of a longer character.
    const std::string problem = ToUtf8(ToUtf32(e.msg));
    return InvalidArgument(
        fmt::format("{}:{}: not valid YAML: {}", name, e.mark.line + 1, problem));
  }
  if (impl->node.IsNull()) impl->node = YAML::Node(YAML::NodeType::Map);
  if (!impl->node.IsMap()) {
    return InvalidArgument(name + ": the top level must be a mapping of keys to values");
  }
  if (const auto wrong = StructureCheck().Check(impl->node, 0)) {
    return InvalidArgument(fmt::format("{}: {}", name, *wrong));
  }
  return ConfigMap(std::move(impl));
}

std::string ConfigMap::String(std::string_view key, std::string fallback) {
  return impl_->Scalar(key, "a string").value_or(std::move(fallback));
}

bool ConfigMap::Bool(std::string_view key, bool fallback) {
  const auto text = impl_->Scalar(key, "true or false");
  if (!text) return fallback;
  if (*text == "true") return true;
  if (*text == "false") return false;
  impl_->Fail(key, fmt::format("must be true or false, found \"{}\"", *text));
  return fallback;
}

int64_t ConfigMap::Int(std::string_view key, int64_t fallback, int64_t least, int64_t most) {
  const auto text = impl_->Scalar(key, "a whole number");
  if (!text) return fallback;
  const auto value = ParseInt(*text);
  if (!value || *value < least || *value > most) {
    impl_->Fail(
        key, fmt::format("must be a whole number from {} to {}, found \"{}\"", least, most, *text));
    return fallback;
  }
  return *value;
}

int64_t ConfigMap::DurationMs(std::string_view key, int64_t fallback_ms, int64_t least_ms,
                              int64_t most_ms) {
  const auto text = impl_->Scalar(key, "a duration such as 10s");
  if (!text) return fallback_ms;
  const auto value = ParseDurationMs(*text);
  if (!value || *value < least_ms || *value > most_ms) {
    impl_->Fail(key,
                fmt::format("must be a duration from {}ms to {}ms (units ms, s, min, h, d), found "
                            "\"{}\"",
                            least_ms, most_ms, *text));
    return fallback_ms;
  }
  return *value;
}

std::vector<std::string> ConfigMap::Strings(std::string_view key) {
  impl_->asked.insert(std::string(key));
  std::vector<std::string> out;
  const YAML::Node value = impl_->Find(key);
  if (!value) return out;
  if (!value.IsSequence()) {
    impl_->Fail(key, "must be a list of strings");
    return out;
  }
  for (const auto& item : value) {
    if (!item.IsScalar()) {
      impl_->Fail(key, "must be a list of strings");
      return {};
    }
    out.push_back(item.Scalar());
  }
  return out;
}

ConfigMap ConfigMap::Map(std::string_view key) {
  impl_->asked.insert(std::string(key));
  auto nested = std::make_unique<Impl>();
  nested->file = impl_->file;
  nested->path = fmt::format("{}{}.", impl_->path, key);
  nested->node = YAML::Node(YAML::NodeType::Map);
  const YAML::Node value = impl_->Find(key);
  if (value && !value.IsNull()) {
    if (value.IsMap()) {
      nested->node = value;
    } else {
      impl_->Fail(key, "must be a mapping");
    }
  }
  return ConfigMap(std::move(nested));
}

std::vector<ConfigMap> ConfigMap::Maps(std::string_view key) {
  impl_->asked.insert(std::string(key));
  std::vector<ConfigMap> out;
  const YAML::Node value = impl_->Find(key);
  if (!value || value.IsNull()) return out;
  if (!value.IsSequence()) {
    impl_->Fail(key, "must be a list of mappings");
    return out;
  }
  for (const auto& item : value) {
    if (!item.IsMap()) {
      impl_->Fail(key, "must be a list of mappings");
      return {};
    }
    auto nested = std::make_unique<Impl>();
    nested->file = impl_->file;
    nested->path = fmt::format("{}{}[{}].", impl_->path, key, out.size());
    nested->node = static_cast<const YAML::Node&>(item);
    out.push_back(ConfigMap(std::move(nested)));
  }
  return out;
}

bool ConfigMap::Has(std::string_view key) const {
  return static_cast<bool>(impl_->Find(key));
}

void ConfigMap::Fail(std::string_view key, std::string message) {
  impl_->Fail(key, message);
}

Status ConfigMap::Finish() {
  if (!impl_->error.ok()) return impl_->error;
  for (const auto& member : impl_->node) {
    const std::string key = member.first.IsScalar() ? member.first.Scalar() : "?";
    if (!impl_->asked.contains(key)) {
      return InvalidArgument(fmt::format("{}:{}: unknown key \"{}{}\"; known keys are {}",
                                         impl_->file, member.first.Mark().line + 1, impl_->path,
                                         key, fmt::join(impl_->asked, ", ")));
    }
  }
  return OkStatus();
}

}  // namespace koeval
