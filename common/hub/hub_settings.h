// Which hub, whose token, which cache: from configuration, or from the environment that the hub's
// own tools obey.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/config.h"
#include "common/base/status.h"
#include "common/hub/cache.h"
#include "common/hub/hub_client.h"

namespace koeval::hub {

struct HubSettings {
  std::string endpoint = kDefaultEndpoint;
  std::string token_file;       // "" for none
  std::string cache_dir;        // models--ORG--NAME lie in it
  int64_t cache_bytes_max = 0;  // 0: as much as the disk holds
  bool offline = false;
  int downloads = kDownloadsDefault;  // files of a model at a time
};

// The value of a variable, "" when it is not set.
using Environment = std::function<std::string(const char* name)>;
// That of this process.
std::string ProcessEnvironment(const char* name);

// HF_ENDPOINT; HF_HUB_CACHE, else $HF_HOME/hub, else huggingface/hub below XDG_CACHE_HOME or
// ~/.cache; HF_TOKEN_PATH, else $HF_HOME/token where there is one; HF_HUB_OFFLINE (1, on, yes,
// true).
HubSettings SettingsFromEnvironment(const Environment& environment);

// The keys endpoint, token_file, cache_dir, cache_size ("500GiB", 0: no bound), downloads and
// offline of a configuration's mapping, over `defaults`. Errors stick to `map`; the caller finishes
// it.
HubSettings ReadHubSettings(ConfigMap& map, const HubSettings& defaults);
// Bytes of "1500", "64KiB", "20 GiB", "1.5TiB", "500GB". INVALID_ARGUMENT.
Result<int64_t> ParseSize(const std::string& text);

// INVALID_ARGUMENT for the endpoint; for the token's file what ReadPrivateFile says.
Result<std::shared_ptr<HubClient>> MakeHubClient(const HubSettings& settings);
// Also what HubCache::Open says.
Result<std::unique_ptr<HubCache>> OpenHubCache(const HubSettings& settings);

}  // namespace koeval::hub
