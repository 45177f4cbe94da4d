// Look-up of the compiled-in files.
#include "scheduler/web/assets.h"

#include <algorithm>
#include <span>

#include "common/base/check.h"

namespace koeval::web {

// Made by embed.cmake.
std::span<const Asset> AllAssets();

namespace {

constexpr std::string_view kFolder = "/assets/";

}  // namespace

const Asset& FindAsset(std::string_view name) {
  const auto all = AllAssets();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [name](const Asset& asset) { return asset.name == name; });
  KOEVAL_CHECK(found != all.end(), "an asset that is not compiled in");
  return *found;
}

std::string AssetUrl(std::string_view name) {
  const Asset& asset = FindAsset(name);
  const size_t dot = name.rfind('.');
  std::string url(kFolder);
  url += name.substr(0, dot);
  url += '.';
  url += asset.digest;
  url += name.substr(dot);
  return url;
}

const Asset* AssetOfUrl(std::string_view path) {
  if (!path.starts_with(kFolder)) return nullptr;
  for (const Asset& asset : AllAssets()) {
    if (path == AssetUrl(asset.name)) return &asset;
  }
  return nullptr;
}

}  // namespace koeval::web
