// Settings of the hub.
#include "common/hub/hub_settings.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "common/base/private_file.h"
#include "common/base/random.h"
#include "common/base/utf8.h"

namespace koeval::hub {
namespace {

constexpr size_t kTokenBytesMax = 4096;
constexpr double kSizeMax = 9e18;

bool IsTrue(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text == "1" || text == "ON" || text == "YES" || text == "TRUE";
}

bool Exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

// A token is one line without blanks; what is none never reaches a header.
Result<std::string> ReadToken(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadPrivateFile(path, kTokenBytesMax));
  const std::string token(PythonStrip(text));
  for (char c : token) {
    if (c <= ' ' || c > '~') {
      return InvalidArgument(path + " holds something else than one hub token");
    }
  }
  if (token.empty()) return InvalidArgument(path + " holds no hub token");
  return token;
}

}  // namespace

std::string ProcessEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

HubSettings SettingsFromEnvironment(const Environment& environment) {
  const auto first = [&](const char* name, const std::string& otherwise) {
    const std::string value = environment(name);
    return value.empty() ? otherwise : value;
  };
  HubSettings settings;
  settings.endpoint = first("HF_ENDPOINT", kDefaultEndpoint);
  const std::string caches = first("XDG_CACHE_HOME", environment("HOME") + "/.cache");
  const std::string home = first("HF_HOME", caches + "/huggingface");
  settings.cache_dir = first("HF_HUB_CACHE", home + "/hub");
  settings.token_file = first("HF_TOKEN_PATH", Exists(home + "/token") ? home + "/token" : "");
  settings.offline = IsTrue(environment("HF_HUB_OFFLINE"));
  return settings;
}

Result<int64_t> ParseSize(const std::string& text) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
  static constexpr std::array<Unit, 10> kUnits = {{{"", 1},
                                                   {"B", 1},
                                                   {"KiB", 1024.0},
                                                   {"MiB", 1048576.0},
                                                   {"GiB", 1073741824.0},
                                                   {"TiB", 1099511627776.0},
                                                   {"KB", 1e3},
                                                   {"MB", 1e6},
                                                   {"GB", 1e9},
                                                   {"TB", 1e12}}};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const Unit& known : kUnits) {
    const double bytes = number * known.bytes;
    if (error != std::errc() || unit != known.name || !(bytes >= 0 && bytes < kSizeMax)) continue;
    return static_cast<int64_t>(bytes);
  }
  return InvalidArgument(
      fmt::format("\"{}\" is no size; write 0, or a number with a unit such as 500GiB", text));
}

HubSettings ReadHubSettings(ConfigMap& map, const HubSettings& defaults) {
  HubSettings settings = defaults;
  settings.endpoint = map.String("endpoint", defaults.endpoint);
  settings.token_file = map.String("token_file", defaults.token_file);
  settings.cache_dir = map.String("cache_dir", defaults.cache_dir);
  settings.offline = map.Bool("offline", defaults.offline);
  settings.downloads = static_cast<int>(map.Int("downloads", defaults.downloads, 1, kDownloadsMax));
  const auto size = ParseSize(map.String("cache_size", "0"));
  if (size.ok()) {
    settings.cache_bytes_max = *size;
  } else {
    map.Fail("cache_size", size.status().message());
  }
  return settings;
}

Result<std::shared_ptr<HubClient>> MakeHubClient(const HubSettings& settings) {
  HubOptions options;
  options.endpoint = settings.endpoint;
  options.http.seed = RandomSeed();
  if (!settings.token_file.empty()) {
    ASSIGN_OR_RETURN(options.token, ReadToken(settings.token_file));
  }
  return HubClient::Make(options);
}

Result<std::unique_ptr<HubCache>> OpenHubCache(const HubSettings& settings) {
  std::shared_ptr<HubClient> client;
  if (!settings.offline) {
    ASSIGN_OR_RETURN(client, MakeHubClient(settings));
  }
  return HubCache::Open({.dir = settings.cache_dir,
                         .bytes_max = settings.cache_bytes_max,
                         .offline = settings.offline,
                         .downloads = settings.downloads},
                        client);
}

}  // namespace koeval::hub
